"""Composed retrieval: find images of another composition by an image and a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.errors import StudyError
from cood.evaluation.common.nearest import nearest, normalise
from cood.evaluation.common.score_rows import Outcome, summarise
from cood.settings.study_file import Study
from cood.splits import RETRIEVAL
from cood.vocabulary import Vocabulary

TOP = 5
COMPOSED = ("swap", "add", "pairs")
ALONE = ("text", "image")
WEIGHTS = (0.25, 0.5, 2.0, 4.0)  # of the text, scanned beside the 1 that is reported


@dataclass(frozen=True)
class Queries:
    """Questions of the form "this object, but with that attribute".

    Attributes
    ----------
    images
        Index [q] of the image that is asked with.
    sources, targets
        Composition id [q] of that image, and of the images that are right; their objects are
        the same and their attributes differ.
    """

    images: np.ndarray
    sources: np.ndarray
    targets: np.ndarray


def sample(truth: np.ndarray, words: Vocabulary, limit: int, rng: np.random.Generator) -> Queries:
    """Draw queries, at most `limit` and equally many for each target composition.

    A target is a composition with an image whose object has images with another attribute too.
    The source is drawn from those, all compositions alike, and then one of its images.
    With more targets than `limit`, some are left out.

    Parameters
    ----------
    truth
        Composition id [n] of each image.
    words, limit, rng
        The vocabulary, the limit, and the source of the draws.

    Raises
    ------
    StudyError
        If no object occurs with two attributes.
    """
    order = np.argsort(truth, kind="stable")
    present, first, count = np.unique(truth[order], return_index=True, return_counts=True)
    object_ = words.object_of(present)
    targets = np.flatnonzero(np.bincount(object_)[object_] > 1)
    if not len(targets):
        raise StudyError(
            "no object of the set occurs with two attributes, so there is nothing to retrieve; "
            "add images of other compositions"
        )
    targets = rng.permutation(targets)[:limit]
    targets = np.repeat(targets, limit // len(targets))
    sources = np.empty_like(targets)
    for i, target in enumerate(targets):
        others = np.flatnonzero(object_ == object_[target])
        sources[i] = rng.choice(others[others != target])
    images = order[first[sources] + rng.integers(count[sources])]
    return Queries(images, present[sources], present[targets])


def compose(
    tensors: dict[str, np.ndarray], queries: Queries, words: Vocabulary, form: str, weight: float
) -> np.ndarray:
    """Query vectors [q, d].

    Parameters
    ----------
    tensors
        Unit vectors `images` [n, d], `compositions` [C, d] and `attributes` [A, d].
    queries, words
        The questions and the vocabulary.
    form
        ``swap``: the image, minus the text of its attribute, plus that of the other one;
        ``add``: the image plus the text of the other attribute;
        ``pairs``: the image, minus the text of its composition, plus that of the other one, as
        in SIMAT (Couairon et al. 2022, arXiv:2112.03162);
        ``text``: the text of the other composition alone; ``image``: the image alone.
    weight
        Of the texts, against 1 for the image.
    """
    image = tensors["images"][queries.images]
    attributes, compositions = tensors["attributes"], tensors["compositions"]
    given, wanted = words.attribute_of(queries.sources), words.attribute_of(queries.targets)
    match form:
        case "swap":
            return image + weight * (attributes[wanted] - attributes[given])
        case "add":
            return image + weight * attributes[wanted]
        case "pairs":
            return image + weight * (compositions[queries.targets] - compositions[queries.sources])
        case "text":
            return compositions[queries.targets]
        case "image":
            return image
    raise ValueError(f"form: expected one of {', '.join((*COMPOSED, *ALONE))}, got {form!r}")


def search(vectors: np.ndarray, images: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Indices [q, k] of the images nearest to each query, best first, its own image left out."""
    found = nearest(vectors, images, TOP + 1)
    last = np.argsort(found == own[:, None], axis=1, kind="stable")
    return np.take_along_axis(found, last, axis=1)[:, : found.shape[1] - 1]


def centred(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Unit vectors about the mean of their own kind, so that no modality has a place of its own.

    Images and texts of CLIP lie in cones apart (Liang et al. 2022, arXiv:2203.02053).
    """
    return {name: normalise(x - x.mean(axis=0)) for name, x in tensors.items()}


def score_retrieval(
    study: Study,
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    splits: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Every retrieval score of one model on one set: the columns `ROW`, and `space`.

    `metric` is ``retrieval_top1`` or ``retrieval_top5``: a target is among the nearest images;
    ``retrieval_attribute_top1`` and ``retrieval_object_top1``: that half of the nearest is right;
    ``retrieval_gain_top1``: what is won over the text alone. `variant` is the form of `compose`,
    followed by ``x`` and the weight, if that is not 1, or by ``centred``. `split` is that of the
    target.

    Parameters
    ----------
    study
        The study; the queries are the same for all of its models.
    tensors
        Embeddings, as `cood.evaluation.embed.embed.embed_model` writes them.
    truth
        Composition id [n] of each image.
    splits
        Composition ids of each split to report.

    Raises
    ------
    StudyError
        If no object occurs with two attributes.
    """
    words, rng = study.words, np.random.default_rng((study.seed, RETRIEVAL))
    queries = sample(truth, words, study.retrieval.samples, rng)
    unit = {name: normalise(tensors[name]) for name in ("images", "compositions", "attributes")}
    about = centred(unit)
    asked = [(form, unit, form, 1.0) for form in (*ALONE, *COMPOSED)]
    asked += [(f"{form} x{w:g}", unit, form, w) for form in COMPOSED for w in WEIGHTS]
    asked += [(f"{form} centred", about, form, 1.0) for form in (*ALONE, *COMPOSED)]
    levels = _chances(truth, words, queries)
    right: dict[str, np.ndarray] = {}
    outcomes = []
    for variant, vectors, form, weight in asked:
        query = compose(vectors, queries, words, form, weight)
        found = truth[search(query, vectors["images"], queries.images)]
        hits = _hits(found, words, queries)
        right[variant] = hits["retrieval_top1"].astype(float)
        outcomes += [Outcome(name, variant, hit, levels[name]) for name, hit in hits.items()]
        if form in COMPOSED:
            text = right["text centred" if vectors is about else "text"]
            outcomes.append(Outcome("retrieval_gain_top1", variant, right[variant] - text))
    table = summarise(outcomes, queries.targets, splits, study.evaluation, study.seed)
    return table.assign(space="image")


def _hits(found: np.ndarray, words: Vocabulary, queries: Queries) -> dict[str, np.ndarray]:
    first, targets = found[:, 0], queries.targets
    return {
        "retrieval_top1": first == targets,
        f"retrieval_top{TOP}": (found == targets[:, None]).any(axis=1),
        "retrieval_attribute_top1": words.attribute_of(first) == words.attribute_of(targets),
        "retrieval_object_top1": words.object_of(first) == words.object_of(targets),
    }


def _chances(truth: np.ndarray, words: Vocabulary, queries: Queries) -> dict[str, np.ndarray]:
    others = len(truth) - 1  # the query's own image is not in the gallery
    right = np.bincount(truth, minlength=words.size)[queries.targets]
    drawn = np.arange(min(TOP, others))
    misses = np.clip((others - right[:, None] - drawn) / (others - drawn), 0, None)
    attribute = np.bincount(words.attribute_of(truth), minlength=len(words.attributes))
    object_ = np.bincount(words.object_of(truth), minlength=len(words.objects))
    return {
        "retrieval_top1": right / others,
        f"retrieval_top{TOP}": 1 - misses.prod(axis=1),
        "retrieval_attribute_top1": attribute[words.attribute_of(queries.targets)] / others,
        "retrieval_object_top1": (object_[words.object_of(queries.targets)] - 1) / others,
    }
