"""Verifying a set, shard by shard, and which of its images are kept.

Every answer is stored in `parts/` as soon as it is given, so that no image is asked about twice,
whatever stops the run; a part records the model and questions, and the size of the image file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cood.errors import ArtefactError, MissingModelError, StudyError, unknown
from cood.files import damage, read_table, write_table
from cood.progress import Progress
from cood.settings import Verification
from cood.settings.study_file import Study
from cood.synthesis.image_files import hashes, load_image
from cood.synthesis.manifests import HASH, KEPT
from cood.synthesis.overlap import overlap
from cood.vocabulary import fill

if TYPE_CHECKING:
    from cood.curation.verification.reading import Reading
    from cood.curation.verification.verifier import Verifier

ANSWERS = ["object_yes", "attribute_yes", "object_mass", "attribute_mass"]
ROW = ["image", "bytes", "attribute", "object"]
KEY = ["image", "bytes", "recipe"]
NO_OBJECT, NO_ATTRIBUTE = "object not seen", "attribute not seen"
UNASKED = "could not be asked"
RECIPE = ("model", "revision", "object_question", "attribute_question", "precision")
LONGEST = 200  # characters of a problem


def verify_set(study: Study, name: str, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Ask about the shards that have no answers yet; write and return the verified manifest.

    It is the manifest with the answers, a `status` that says which word was not seen, and the
    SHA-256 of each image that is kept.

    Raises
    ------
    StudyError
        If there is no such set, or it is not verified.
    """
    verifier = None
    for shard in range(study.verified(name).shards):
        if asked(study, name, shard):
            continue
        if verifier is None:  # loaded only if there is something to ask
            from cood.curation.verification.verifier import load_verifier

            verifier = load_verifier(study, study.verified(name))
        ask_verifier(study, name, shard, say, verifier)
    return judge(study, name)


def ask_verifier(
    study: Study,
    name: str,
    shard: int | str,
    say: Callable[[str], None] = print,
    verifier: Verifier | None = None,
    cores: int = 1,
) -> pd.DataFrame:
    """Ask about all images of a shard that have no answer yet; write and return the answers.

    Columns: `image`, `bytes`, `attribute`, `object`, the probability of yes for object and
    attribute (`object_yes`, `attribute_yes`), that of yes and no together (`object_mass`,
    `attribute_mass`), `clip` (cosine of image and composition, or NaN), and `problem`: why an
    image could not be asked about. Such an image is tried again the next time. As many threads as
    `cores` read images while the model answers.

    Raises
    ------
    StudyError
        If there is no such set or shard, or the set is not verified.
    CoodError
        If the verifier cannot be loaded.
    """
    settings, shard = study.verified(name), int(shard)
    rows = planned(study, name, shard)
    answers = rows.merge(_parts(study, name), on=KEY, how="left")
    left = answers["object_yes"].isna().to_numpy()
    say(f"{name}, shard {shard}: {int(left.sum()):,} of {len(rows):,} images to ask about")
    if left.any():
        if verifier is None:
            from cood.curation.verification.verifier import load_verifier

            verifier = load_verifier(study, settings)
        progress = Progress(f"{name}, shard {shard}", int(left.sum()), say)
        answers = _ask_rest(study, name, shard, answers, left, verifier, progress, cores)
    answers["clip"] = _clip_cosines(study, name, answers, say) if settings.clip else np.nan
    answers["clip_model"] = settings.clip or ""
    write_table(answers, study.paths.answers(name, shard))
    return answers


def planned(study: Study, name: str, shard: int) -> pd.DataFrame:
    """The kept images of one shard of a set: `image`, `bytes`, `attribute`, `object`, `recipe`.

    Raises
    ------
    StudyError
        If there is no such shard.
    """
    settings = study.verified(name)
    if shard not in range(settings.shards):
        raise StudyError(f"set {name!r}: {unknown('shard', str(shard), _shards(settings))}")
    table = read_table(study.paths.manifest(name))
    kept = table.loc[table["status"] == KEPT, ROW].reset_index(drop=True)
    borders = np.linspace(0, len(kept), settings.shards + 1).astype(int)
    part = kept[borders[shard] : borders[shard + 1]].reset_index(drop=True)
    return part.assign(recipe=recipe(settings))


def recipe(settings: Verification) -> str:
    """Short hash of all settings that an answer depends on."""
    chosen = json.dumps({key: getattr(settings, key) for key in RECIPE})
    return hashlib.sha256(chosen.encode()).hexdigest()[:12]


def asked(study: Study, name: str, shard: int) -> bool:
    """Whether a shard has the answers that the study asks for, for all of its images."""
    path = study.paths.answers(name, shard)
    if not path.is_file() or damage(path):
        return False
    plan, table = planned(study, name, shard), read_table(path)
    return (
        table.reindex(columns=plan.columns).equals(plan)
        and bool((table["problem"] == "").all())
        and bool((table["clip_model"] == (study.verified(name).clip or "")).all())
    )


def judge(study: Study, name: str) -> pd.DataFrame:
    """Join the answers of all shards; write and return the verified manifest of a set.

    Raises
    ------
    ArtefactError
        If answers are missing, damaged, or of other images than the set has.
    """
    settings = study.verified(name)
    manifest = read_table(study.paths.manifest(name))
    tables = [read_table(study.paths.answers(name, k)) for k in range(settings.shards)]
    answers = pd.concat(tables, ignore_index=True).drop(columns=["attribute", "object"])
    whole = manifest.merge(answers, on=["image", "bytes"], how="left", validate="many_to_one")
    kept = whole["status"] == KEPT
    if not whole.loc[kept, "recipe"].eq(recipe(settings)).all():
        raise ArtefactError(
            f"the answers in {study.paths.answers(name, 0).parent} are not about the images of set "
            f"{name!r} as they are now; run `cood verify --set {name}` again"
        )
    failed = kept & (whole["problem"] != "")
    for status, wrong in (
        (NO_ATTRIBUTE, kept & (whole["attribute_yes"] < settings.attribute_threshold)),
        (NO_OBJECT, kept & (whole["object_yes"] < settings.object_threshold)),
    ):
        whole.loc[wrong, "status"] = status
    whole.loc[failed, "status"] = UNASKED + ": " + whole.loc[failed, "problem"]
    whole = whole.drop(columns=["recipe", "problem", "clip_model"])
    kept, folder = whole["status"] == KEPT, study.paths.manifest(name).parent
    # Which embeddings of an earlier verification are those of an image that is kept now.
    whole[HASH] = ""
    whole.loc[kept, HASH] = hashes(folder, whole.loc[kept, "image"].tolist())
    write_table(whole, study.paths.verified(name))
    return whole


def unasked(answers: pd.DataFrame) -> str | None:
    """First image of a table that could not be asked about: it is worth another try."""
    wrong = answers.loc[answers["problem"] != "", ["image", "problem"]]
    for image, problem in wrong.itertuples(index=False):
        return f"image {image} could not be asked about: {problem}"
    return None


def _ask_rest(
    study: Study,
    name: str,
    shard: int,
    answers: pd.DataFrame,
    left: np.ndarray,
    verifier: Verifier,
    progress: Progress,
    cores: int,
) -> pd.DataFrame:
    """Fill in the answers that are `left` [n], and store them after every batch."""
    settings, folder = study.verified(name), study.paths.manifest(name).parent
    answers = answers.assign(problem=answers["problem"].fillna(""))
    store = study.paths.answer_parts(name) / f"{shard}.parquet"
    batches = [np.array([row]) for row in range(len(answers))]
    if verifier.on_gpu:
        from cood.curation.verification.batches import batches_by_length

        files, questions = (
            [folder / image for image in answers["image"]],
            _questions(settings, answers),
        )
        batches = batches_by_length(verifier, files, questions, settings.batch_tokens)

    def read(rows: pd.DataFrame) -> tuple[pd.DataFrame, Reading | str]:
        return rows, _read(verifier, settings, folder, rows)

    # Whole batches, so that their answers are what they would have been without a stop.
    unfinished = ([answers.iloc[batch]] for batch in batches if left[batch].any())
    for ((rows, reading),) in overlap(unfinished, read, cores, ahead=cores + 1):
        todo = rows.index[left[rows.index]]
        new = _answers(verifier, settings, folder, rows, reading)
        answers.loc[todo, new.columns] = new.loc[todo]
        answered = answers.loc[answers["object_yes"].notna()]
        write_table(answered[[*KEY, *ANSWERS]], store)
        progress.add(len(todo))
    return answers


def _questions(settings: Verification, rows: pd.DataFrame) -> list[list[str]]:
    """The questions about the objects and about the attributes of some rows."""
    words = list(zip(rows["object"], rows["attribute"], strict=True))
    return [
        [fill(question, object=object_, attribute=attribute) for object_, attribute in words]
        for question in (settings.object_question, settings.attribute_question)
    ]


def _read(
    verifier: Verifier, settings: Verification, folder: Path, rows: pd.DataFrame
) -> Reading | str:
    """What the model reads about the images of a batch, or why it cannot."""
    from cood.curation.verification.reading import read

    try:
        images = [load_image(folder, image) for image in rows["image"]]
        return read(verifier, images, _questions(settings, rows))
    except Exception as error:  # most often an image that is gone
        return _problem(error)


def _answers(
    verifier: Verifier,
    settings: Verification,
    folder: Path,
    rows: pd.DataFrame,
    reading: Reading | str,
) -> pd.DataFrame:
    """`ANSWERS` and `problem` of the images of a batch.

    If a batch fails, each half of it is asked about by itself.
    """
    from cood.curation.verification.reading import answers_to

    problem = reading if isinstance(reading, str) else ""
    if not isinstance(reading, str):
        try:
            objects, attributes = answers_to(verifier, reading)
        except Exception as error:  # most often out of memory
            problem = _problem(error)
        else:
            values = np.stack([objects[0], attributes[0], objects[1], attributes[1]], axis=1)
            finite = np.isfinite(values).all(axis=1)
            values[~finite] = np.nan
            table = pd.DataFrame(values, columns=ANSWERS, index=rows.index)
            return table.assign(problem=np.where(finite, "", "no number"))
    if len(rows) == 1:
        return pd.DataFrame(np.nan, columns=ANSWERS, index=rows.index).assign(problem=problem)
    middle = len(rows) // 2
    halves = [rows.iloc[:middle], rows.iloc[middle:]]
    return pd.concat(
        _answers(verifier, settings, folder, half, _read(verifier, settings, folder, half))
        for half in halves
    )


def _problem(error: Exception) -> str:
    return " ".join(str(error).split())[:LONGEST] or type(error).__name__


def _clip_cosines(
    study: Study, name: str, rows: pd.DataFrame, say: Callable[[str], None]
) -> np.ndarray:
    """Cosine of each image and its composition, by the CLIP of the study's verification.

    NaN for all images if the CLIP cannot be used.
    """
    from cood.evaluation.embed.checks import check_embeddings
    from cood.evaluation.embed.images import embed_images
    from cood.evaluation.embed.loading import load_clip
    from cood.evaluation.embed.texts import embed_texts

    usable = (rows["problem"] == "").to_numpy()
    cosines = np.full(len(rows), np.nan)
    if not usable.any():
        return cosines
    model = str(study.verified(name).clip)
    folder, files = study.paths.manifest(name).parent, rows.loc[usable, "image"].tolist()
    names = rows.loc[usable, "attribute"] + " " + rows.loc[usable, "object"]
    numbers, distinct = pd.factorize(names)
    templates, precision = study.evaluation.templates, study.precision
    try:
        clip = load_clip(study, model, say)
        images = embed_images(clip, folder, files, precision=precision)
        texts = embed_texts(clip, distinct.tolist(), templates, precision=precision)
        check_embeddings(model, "images", images)
        check_embeddings(model, "texts", texts)
    except MissingModelError as error:
        say(f"{name}: no CLIP scores, as {model} cannot be loaded: {error}")
        return cosines
    images = images / np.linalg.norm(images, axis=1, keepdims=True)
    texts = texts / np.linalg.norm(texts, axis=1, keepdims=True)
    cosines[usable] = (images * texts[numbers]).sum(axis=1)
    return cosines


def _parts(study: Study, name: str) -> pd.DataFrame:
    """All answers about the images of a set that are stored, each once."""
    files = sorted(study.paths.answer_parts(name).glob("*.parquet"))
    empty = pd.DataFrame({key: pd.Series(dtype="str") for key in KEY}).astype({"bytes": "int64"})
    empty = empty.assign(**{key: pd.Series(dtype="float64") for key in ANSWERS})
    tables = [read_table(file) for file in files if not damage(file)]
    joined = pd.concat(tables, ignore_index=True) if tables else empty
    return joined.drop_duplicates(KEY, keep="last").assign(problem="")


def _shards(settings: Verification) -> list[str]:
    return [str(k) for k in range(settings.shards)]
