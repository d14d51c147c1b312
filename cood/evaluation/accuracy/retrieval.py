"""Composed retrieval: find images of another composition by an image and a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.errors import StudyError
from cood.evaluation.common.nearest import nearest, normalise
from cood.evaluation.common.score_rows import Outcome, summarise
from cood.evaluation.common.score_table import ALL
from cood.settings.study_file import Study
from cood.splits import RETRIEVAL
from cood.vocabulary import Vocabulary

TOP = 5
COMPOSED = ("swap", "add", "pairs")
ALONE = ("text", "image")
EQUAL = 1.0  # weight of the text, against 1 of the image
WEIGHTS = (0.25, 0.5, 2.0, 4.0)  # others that are tried


@dataclass(frozen=True)
class Form:
    """How a query is composed: columns of the table of scores.

    Attributes
    ----------
    query
        One of `COMPOSED` and `ALONE`; see `compose`.
    weight
        Of the text.
    centred
        Whether images and texts are centred first; see `centred`.
    """

    query: str
    weight: float = EQUAL
    centred: bool = False

    def __str__(self) -> str:
        """For tables."""
        text = self.query if self.weight == EQUAL else f"{self.query}, text x {self.weight:g}"
        return f"{text}, centred" if self.centred else text


# Queries without a composition come first: gains are differences to the text alone.
FORMS = (
    *(Form(query) for query in (*ALONE, *COMPOSED)),
    *(Form(query, weight) for query in COMPOSED for weight in WEIGHTS),
    *(Form(query, centred=True) for query in (*ALONE, *COMPOSED)),
)


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
    tensors: dict[str, np.ndarray], queries: Queries, words: Vocabulary, form: Form
) -> np.ndarray:
    """Query vectors [q, d].

    Parameters
    ----------
    tensors
        Unit vectors `images` [n, d], `compositions` [C, d] and `attributes` [A, d].
    queries, words
        The questions and the vocabulary.
    form
        Its `query` is
        ``swap``: the image, minus the text of its attribute, plus that of the other one;
        ``add``: the image plus the text of the other attribute;
        ``pairs``: the image, minus the text of its composition, plus that of the other one, as
        in SIMAT (Couairon et al. 2022, arXiv:2112.03162);
        ``text``: the text of the other composition alone; ``image``: the image alone.
    """
    image = tensors["images"][queries.images]
    attributes, compositions = tensors["attributes"], tensors["compositions"]
    present, wanted = words.attribute_of(queries.sources), words.attribute_of(queries.targets)
    match form.query:
        case "swap":
            return image + form.weight * (attributes[wanted] - attributes[present])
        case "add":
            return image + form.weight * attributes[wanted]
        case "pairs":
            return image + form.weight * (
                compositions[queries.targets] - compositions[queries.sources]
            )
        case "text":
            return compositions[queries.targets]
        case "image":
            return image
    raise ValueError(f"query: expected one of {', '.join((*COMPOSED, *ALONE))}, got {form.query!r}")


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
    """Every retrieval score of one model on one set, as rows of a table of scores.

    `metric` is ``retrieval_top1`` or ``retrieval_top5``: a target is among the nearest images;
    ``retrieval_attribute_top1`` and ``retrieval_object_top1``: that half of the nearest is right;
    ``retrieval_gain_top1``: the gain over the text alone. `query`, `weight` and `centred` say how
    queries are composed (`FORMS`). `split` is that of the target.

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
    vectors = {False: unit, True: centred(unit)}
    chances = _chances(truth, words, queries)
    right: dict[Form, np.ndarray] = {}
    outcomes = []
    for form in FORMS:
        query = compose(vectors[form.centred], queries, words, form)
        nearest_images = search(query, vectors[form.centred]["images"], queries.images)
        results = _hits(truth[nearest_images], words, queries)
        right[form] = results["retrieval_top1"].astype(float)
        columns = vars(form)
        outcomes += [Outcome(name, hit, chances[name], columns) for name, hit in results.items()]
        if form.query in COMPOSED:
            gain = right[form] - right[Form("text", centred=form.centred)]
            outcomes.append(Outcome("retrieval_gain_top1", gain, columns=columns))
    table = summarise(outcomes, queries.targets, splits, study.evaluation, study.seed)
    return table.assign(space="image", category=ALL)


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
