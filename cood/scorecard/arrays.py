"""Scores of embeddings that a user has as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cood.errors import UnusableModelError, unknown
from cood.evaluation.embed.checks import check_embeddings
from cood.metrics.checks import as_array, check_codes, check_count
from cood.scorecard.card import Scorecard
from cood.scorecard.scoring import score_tensors
from cood.settings import Evaluation
from cood.vocabulary import Vocabulary

PAIRS, ATTRIBUTES, OBJECTS = "pairs", "attributes", "objects"


def score(
    images: ArrayLike,
    texts: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike,
    *,
    attributes: Sequence[str] | None = None,
    objects: Sequence[str] | None = None,
    name: str = "model",
    seed: int = 0,
) -> Scorecard:
    """Score embeddings of images and texts: accuracies, and metrics of both sides.

    Parameters
    ----------
    images
        Embeddings [n, d] of the images.
    texts
        Embeddings [A, O, d] of the texts of all pairs of attribute and object. Or a mapping with
        these as ``pairs``, and those of single words as ``attributes`` [A, d] and ``objects``
        [O, d]: then there is the accuracy of single words, binding and linear factorisation too.
    labels
        Attribute and object [n, 2] of each image: their numbers in `texts`, or their words if
        these are given.
    attributes, objects
        Words, in the order of `texts`; numbers by default.
    name
        What to call the model.
    seed
        Of resamples, shuffles and rotations.

    Returns
    -------
    Scorecard
        Tables of accuracies, metrics and answers; `print` shows it.

    Raises
    ------
    ValueError
        If an array has a wrong shape or holds a value that is not finite, a row of zeros, or
        nothing but equal rows, if there are fewer than two attributes or objects, or a label is
        none of them.

    Examples
    --------
    >>> texts = np.eye(6)[:2, None] + np.eye(6)[None, 2:5]
    >>> labels = [[a, o] for a in range(2) for o in range(3)] * 2
    >>> images = [texts[a, o] for a, o in labels]
    >>> card = score(images, texts, labels)
    >>> card.value("pair_top1")
    1.0
    """
    check_count("seed", seed, 0)
    codes = check_codes(images, "images")
    tensors = _texts(texts, codes.shape[1])
    pairs = tensors.pop(PAIRS)
    words = Vocabulary(
        _names("attribute", attributes, pairs.shape[0]), _names("object", objects, pairs.shape[1])
    )
    truth = _truth(labels, words, len(codes))
    tensors |= {"images": codes, "compositions": pairs.reshape(words.size, -1)}
    for what, embeddings in tensors.items():
        try:
            check_embeddings(name, what, embeddings)
        except UnusableModelError as error:
            raise ValueError(str(error)) from error
    card = score_tensors(
        name,
        tensors,
        truth,
        words,
        [f"image {row}" for row in range(len(codes))],
        pd.DataFrame(columns=["file", "reason"]),
        pd.DataFrame(columns=["file", "note"]),
        settings=Evaluation(),
        seed=seed,
    )
    return replace(card, notes=tuple(_alike(tensors)))


def _alike(tensors: Mapping[str, np.ndarray]) -> Iterator[str]:
    """A note for each kind of text of which some are the same."""
    for what in ("compositions", ATTRIBUTES, OBJECTS):
        if what in tensors:
            texts = tensors[what]
            _, counts = np.unique(texts, axis=0, return_counts=True)
            same = int(counts[counts > 1].sum())
            if same:
                yield (
                    f"{same} of {len(texts)} {what} have the same text as another, so that no "
                    "answer distinguishes them"
                )


def _texts(texts: ArrayLike | Mapping[str, ArrayLike], width: int) -> dict[str, np.ndarray]:
    """Checked embeddings by name: `pairs` [A, O, d] and, if given, those of single words."""
    given = dict(texts) if isinstance(texts, Mapping) else {PAIRS: texts}
    for key in given:
        if key not in (PAIRS, ATTRIBUTES, OBJECTS):
            raise ValueError(f"texts: {unknown('key', str(key), (PAIRS, ATTRIBUTES, OBJECTS))}")
    if PAIRS not in given or (ATTRIBUTES in given) != (OBJECTS in given):
        raise ValueError(
            f"texts: {PAIRS} is needed, and {ATTRIBUTES} and {OBJECTS} together or not at all; got "
            f"{', '.join(map(str, given)) or 'nothing'}"
        )
    pairs = as_array(f"texts, {PAIRS}", given[PAIRS])
    if pairs.ndim != 3 or min(pairs.shape[:2]) < 2:
        raise ValueError(
            f"texts: expected [A, O, d] with two attributes and two objects at least, got an array "
            f"of shape {pairs.shape}"
        )
    shapes = {PAIRS: pairs.shape[:2], ATTRIBUTES: pairs.shape[:1], OBJECTS: pairs.shape[1:2]}
    checked = {}
    for key, values in given.items():
        array = as_array(f"texts, {key}", values)
        if array.shape != (*shapes[key], width):
            raise ValueError(
                f"texts: {key} must be of shape {(*shapes[key], width)}, as the images have "
                f"{width} dimensions, and is of shape {array.shape}"
            )
        flat = check_codes(array.reshape(-1, width), f"texts, {key}")
        checked[key] = flat.reshape(array.shape)
    return checked


def _names(kind: str, given: Sequence[str] | None, n: int) -> tuple[str, ...]:
    if given is not None and (isinstance(given, str) or not all(isinstance(w, str) for w in given)):
        raise ValueError(f"{kind}s: expected a list of words as strings, got {given!r:.80}")
    names = tuple(f"{kind} {k}" for k in range(n)) if given is None else tuple(map(str, given))
    if len(names) != n:
        raise ValueError(f"{kind}s: {len(names)} words for {n} {kind}s in texts")
    return names


def _truth(labels: ArrayLike, words: Vocabulary, n: int) -> np.ndarray:
    """Composition id [n] of each image."""
    pairs = as_array("labels", labels)
    if pairs.shape != (n, 2):
        raise ValueError(f"labels: expected [{n}, 2], got an array of shape {pairs.shape}")
    ids = []
    for column, names in enumerate((words.attributes, words.objects)):
        number = {word: k for k, word in enumerate(names)}
        if pairs.dtype.kind not in "iu":
            pairs_of_kind = [number.get(str(value), -1) for value in pairs[:, column]]
        else:
            pairs_of_kind = [int(k) if 0 <= k < len(names) else -1 for k in pairs[:, column]]
        if -1 in pairs_of_kind:
            row = pairs_of_kind.index(-1)
            kind = ("attribute", "object")[column]
            raise ValueError(
                f"labels: {pairs[row, column]!s} in row {row} is no {kind}; there are "
                f"{len(names)}, such as {names[0]!r}"
            )
        ids.append(np.array(pairs_of_kind))
    return ids[0] * len(words.objects) + ids[1]
