"""Any CLIP on a folder of images, in one call: checkpoints by name, and models in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cood.errors import CoodError
from cood.metrics.checks import check_count
from cood.scorecard.card import Leaderboard, Scorecard, compare
from cood.scorecard.checkpoints import checkpoint_of, fingerprint
from cood.scorecard.embedding import embed_photos
from cood.scorecard.kept import Kept, default_folder
from cood.scorecard.photos import Photos, Rows, read_photos
from cood.scorecard.scoring import score_tensors
from cood.settings import Checkpoint, Evaluation
from cood.settings.base import check_templates
from cood.vocabulary import TEMPLATES

if TYPE_CHECKING:
    from cood.models.clip import Clip

Say = Callable[[str], None]
SEED = 0
SETTINGS = Evaluation()


def evaluate(
    model: Any,
    preprocess: Any,
    tokenizer: Any,
    *,
    images: str | Path | Rows,
    name: str = "model",
    templates: Sequence[str] = TEMPLATES,
    seed: int = SEED,
    cores: int = 1,
    say: Say = print,
) -> Scorecard:
    """Evaluate a CLIP that is in memory on images with an attribute and an object each.

    The model stays on its device and in its precision. Labels are all combinations of the
    attributes and objects; accuracies, metrics and intervals are those of a study.

    Parameters
    ----------
    model, preprocess, tokenizer
        Of open_clip, or of transformers; see `cood.scorecard.memory.clip_in_memory`.
    images
        A folder with folders named by an attribute and an object, such as ``red apple/1.jpg``, or
        rows of file, attribute and object. Any words.
    name
        What to call the model.
    templates
        Prompts with {} for the words, whose embeddings are averaged.
    seed
        Of resamples, shuffles and rotations.
    cores
        Threads that read images.
    say
        Called with the progress.

    Returns
    -------
    Scorecard
        Tables of accuracies, metrics and answers; `print` shows it.

    Raises
    ------
    CoodError
        If the model has no known functions, its embeddings are not finite, zero or all the same,
        no image can be used, or all show one attribute or one object.
    ValueError
        If there is no template or one does not hold {} once, or `seed` or `cores` is no whole
        number.
    """
    from cood.scorecard.memory import clip_in_memory, evaluation_mode

    if isinstance(templates, str) or not templates:
        raise ValueError(f"templates: expected a list of prompts, got {templates!r}")
    check_templates("templates", list(templates))
    check_count("seed", seed, 0)
    check_count("cores", cores)
    clip = clip_in_memory(name, model, preprocess, tokenizer)
    settings = Evaluation(templates=list(templates))
    photos = read_photos(images, cores=cores, say=say)
    with evaluation_mode(clip.model):
        embedded = embed_photos(lambda: clip, photos, settings.templates, cores=cores, say=say)
    return _card(name, embedded, photos, settings, seed)


def evaluate_checkpoints(
    checkpoints: Sequence[str],
    images: str | Path,
    *,
    architecture: str | None = None,
    cache: Path | None = None,
    cores: int = 1,
    say: Say = print,
) -> tuple[Photos, Leaderboard]:
    """Evaluate one or several checkpoints on the same images.

    Embeddings are kept in the folder `cache`, by the content of weights and images: a stopped run
    continues, and what was embedded before is not embedded again.

    Parameters
    ----------
    checkpoints, architecture
        As `cood.scorecard.checkpoints.checkpoint_of` takes them.
    images
        A folder with folders named by an attribute and an object.
    cache
        A folder of the user's cache by default.
    cores
        Threads that read images.
    say
        Called with the progress.

    Returns
    -------
    Photos and Leaderboard
        What was read, and the scorecards of all models that could be used.

    Raises
    ------
    CoodError
        If a checkpoint does not exist, is named twice, or none can be used; if no image can be
        used.
    """
    folder = cache or default_folder()
    named = {name: checkpoint_of(name, architecture) for name in checkpoints}
    if len(named) < len(checkpoints):
        raise CoodError(f"checkpoints: name each once, got {' '.join(checkpoints)}")
    kept = {name: _kept(folder, checkpoint) for name, checkpoint in named.items()}
    intact: dict[str, str] = {}
    for one in kept.values():
        intact |= one.changes() if one is not None else {}
    photos = read_photos(images, intact=intact, cores=cores, say=say)
    cards, missing = [], {}
    for name, checkpoint in named.items():
        try:
            embedded = _embed(name, checkpoint, photos, kept[name], folder, cores, say)
        except CoodError as error:
            if len(named) == 1:
                raise
            say(f"{name}: left out: {error}")
            missing[name] = str(error)
            continue
        say(f"{name}: scoring")
        cards.append(_card(name, embedded, photos, SETTINGS, SEED))
    if not cards:
        raise CoodError("no model could be used: " + "; ".join(missing.values()))
    return photos, compare(cards, SETTINGS, SEED, missing)


def _kept(folder: Path, checkpoint: Checkpoint) -> Kept | None:
    """What is kept of a model; None if its weights are yet to be downloaded."""
    own = fingerprint(checkpoint)
    return Kept(folder / own) if own else None


def _embed(
    name: str,
    checkpoint: Checkpoint,
    photos: Photos,
    kept: Kept | None,
    folder: Path,
    cores: int,
    say: Say,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    def report(text: str) -> None:
        say(f"{name}: {text}")

    load = partial(_load, checkpoint, report)
    if kept is None:
        clip = load()  # downloads the weights
        kept = _kept(folder, checkpoint)
        load = partial(_same, clip)
    return embed_photos(load, photos, SETTINGS.templates, kept=kept, cores=cores, say=report)


def _load(checkpoint: Checkpoint, say: Say) -> Clip:
    say("loading")
    from cood.models.loading import load

    return load(checkpoint.checkpoint, architecture=checkpoint.architecture, say=say)


def _same(clip: Clip) -> Clip:
    return clip


def _card(
    name: str,
    embedded: tuple[dict[str, Any], tuple[str, ...]],
    photos: Photos,
    settings: Evaluation,
    seed: int,
) -> Scorecard:
    tensors, notes = embedded
    card = score_tensors(
        name,
        tensors,
        photos.truth,
        photos.words,
        photos.kept["file"].tolist(),
        photos.dropped,
        photos.noted,
        settings=settings,
        seed=seed,
    )
    return replace(card, notes=notes)
