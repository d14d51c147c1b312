"""Embeddings of a user's images and their words by one model; what is kept is not made again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from cood.errors import UnusableModelError
from cood.evaluation.embed.checks import check_embeddings, check_finite
from cood.progress import Progress
from cood.scorecard.kept import IMAGES, Kept, digest
from cood.scorecard.photos import Photos

if TYPE_CHECKING:
    from cood.models.clip import Clip

PART = 1024  # images that are embedded before they are kept


def embed_photos(
    load: Callable[[], Clip],
    photos: Photos,
    templates: Sequence[str],
    *,
    kept: Kept | None = None,
    cores: int = 1,
    say: Callable[[str], None] = print,
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Embeddings as `cood.evaluation.accuracy.zero_shot.answer` takes them, and notes.

    Parameters
    ----------
    load
        Gives the model; not called if all embeddings are kept.
    photos
        The images and their words.
    templates
        Prompts with {} for the words.
    kept
        Embeddings of earlier runs, to which new ones are added part by part.
    cores
        Threads that read images.
    say
        Called with the progress.

    Returns
    -------
    dict of ndarray
        `images` [n, d], un-normalised, in the order of `photos.kept`, `compositions` [C, d],
        `attributes` [A, d] and `objects` [O, d].
    tuple of str
        What a reader of the scores must know.

    Raises
    ------
    UnusableModelError
        If the model cannot embed them, or no score can be computed from what it gives.
    """
    key = digest(photos.words.attributes, photos.words.objects, list(templates))
    texts, notes = kept.texts(key) if kept else ({}, ())
    rows = kept.images() if kept else {}
    files = dict(zip(photos.kept["content"], photos.kept["file"], strict=True))
    new = [content for content in files if content not in rows]
    say(f"images to embed: {len(new)} of {len(files)}")
    if new or not texts:
        clip = load()
        say(f"model on {clip.device}")
        if not texts:
            texts, notes = _texts(clip, photos, templates, kept, key)
        rows |= _images(
            clip, photos, {content: files[content] for content in new}, kept, cores, say
        )
    images = np.stack([rows[content] for content in photos.kept["content"]])
    width = texts["compositions"].shape[1]
    if images.shape[1] != width:
        raise UnusableModelError(
            f"its embeddings of images have {images.shape[1]} dimensions and those of texts "
            f"{width}, so they cannot be compared; give a model with one space for both"
        )
    if len(files) > 1:  # the rows of one image may well be equal
        check_embeddings("that is evaluated", IMAGES, images)
    return {IMAGES: images, **texts}, notes


def _texts(
    clip: Clip, photos: Photos, templates: Sequence[str], kept: Kept | None, key: str
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    from cood.evaluation.embed.evaluation_sets import word_texts

    notes = [*clip.notes]
    texts = word_texts(clip, photos.words, templates, remark=notes.append)
    for kind, embeddings in texts.items():
        check_embeddings(clip.source, kind, embeddings)
    if kept:
        kept.add_texts(key, texts, notes)
    return texts, tuple(notes)


def _images(
    clip: Clip,
    photos: Photos,
    files: dict[str, str],
    kept: Kept | None,
    cores: int,
    say: Callable[[str], None],
) -> dict[str, np.ndarray]:
    from cood.evaluation.embed.images import embed_images

    rows: dict[str, np.ndarray] = {}
    contents = list(files)
    changes = dict(zip(photos.kept["content"], photos.kept["changes"], strict=True))
    progress = Progress("images embedded", len(contents), say)
    for start in range(0, len(contents), PART):
        part = contents[start : start + PART]
        embedded = embed_images(clip, photos.folder, [files[c] for c in part], cores, say=say)
        check_finite(clip.source, IMAGES, embedded)
        if kept:
            kept.add_images(part, [changes[c] for c in part], embedded)
        rows |= dict(zip(part, embedded, strict=True))
        progress.add(len(part))
    return rows
