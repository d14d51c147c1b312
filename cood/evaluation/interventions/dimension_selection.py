"""How many dimensions each factor needs, and how many of them two factors share."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from cood.device_arrays import Array, index_of
from cood.evaluation.interventions.subset_discriminant import (
    classify,
    subset_discriminant,
)
from cood.metrics.class_moments import ClassMoments
from cood.vocabulary import Vocabulary

FACTORS = ("attribute", "object")
DISJOINT = ("images", "compositions")
BASES = ("axes", "pca", "rotated")
STEPS = 16  # numbers of dimensions that are tried, from 1 to all
FIT_SHARE, TEST_SHARE = 0.5, 0.25  # of the codes; the rest is to choose by
LEAST = 4  # images, or compositions, that three parts need


@dataclass(frozen=True)
class Task:
    """Codes of compositions in three disjoint parts.

    Attributes
    ----------
    codes
        [n, d], about the mean of those that are fitted on.
    mean
        That mean [d].
    compositions
        Composition id [n] of each code.
    labels
        Id [n] of each factor of `FACTORS`.
    fit, choose, test
        Indices: to rank dimensions and fit classifiers on, to choose their number on, to test on.
    """

    codes: np.ndarray
    mean: np.ndarray
    compositions: np.ndarray
    labels: dict[str, np.ndarray]
    fit: np.ndarray
    choose: np.ndarray
    test: np.ndarray


def prepare(
    codes: np.ndarray,
    compositions: np.ndarray,
    words: Vocabulary,
    disjoint: str,
    rng: np.random.Generator,
) -> Task:
    """Divide codes at random: a half to fit on, a quarter to choose and a quarter to test on.

    Parameters
    ----------
    codes, compositions
        Codes [n, d] and their composition ids [n].
    words
        The vocabulary.
    disjoint
        What the parts have not in common: ``images``, or whole ``compositions``.
    rng
        Source of the division.

    Raises
    ------
    ValueError
        If there are fewer than four images, or compositions, or `disjoint` is something else.
    """
    if disjoint not in DISJOINT:
        raise ValueError(f"disjoint: expected one of {', '.join(DISJOINT)}, got {disjoint!r}")
    units = compositions if disjoint == "compositions" else np.arange(len(codes))
    names, unit = np.unique(units, return_inverse=True)
    if len(names) < LEAST:
        raise ValueError(
            f"{disjoint}: at least {LEAST} are needed for three parts, got {len(names)}"
        )
    place = rng.permutation(len(names))[unit] / len(names)
    fit, test = place < FIT_SHARE, place >= 1 - TEST_SHARE
    choose = ~fit & ~test
    mean = codes[fit].mean(axis=0)
    labels = (words.attribute_of(compositions), words.object_of(compositions))
    return Task(
        codes=codes - mean,
        mean=mean,
        compositions=compositions,
        labels=dict(zip(FACTORS, labels, strict=True)),
        fit=np.flatnonzero(fit),
        choose=np.flatnonzero(choose),
        test=np.flatnonzero(test),
    )


def bases(moments: ClassMoments, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Orthogonal bases [d, d] to express codes in: their own axes, PCA, and a random rotation.

    What holds in the codes' own axes but not after a rotation is due to single dimensions.
    """
    width = len(moments.within)
    _, principal = np.linalg.eigh(moments.within + moments.between)
    q, r = np.linalg.qr(rng.normal(size=(width, width)))
    rotation = q * np.sign(np.diag(r))  # uniform over rotations: Mezzadri 2007, math-ph/0609050
    matrices = (np.eye(width), principal[:, ::-1], rotation)
    return dict(zip(BASES, matrices, strict=True))


def steps(width: int) -> np.ndarray:
    """Numbers of dimensions to try: about `STEPS` from 1 to all, each larger by the same factor."""
    return np.unique(np.geomspace(1, width, STEPS).round().astype(int))


def curve(moments: ClassMoments, order: np.ndarray, codes: Array, labels: np.ndarray) -> np.ndarray:
    """Whether the discriminant on the first k dimensions is right: [n, steps], by code and k.

    Parameters
    ----------
    moments
        Moments of the codes to fit on.
    order
        Dimensions [d], the best first.
    codes, labels
        Codes [n, d], about the mean of those fitted on, and labels [n].
    """
    places = index_of(codes, order)
    right = [
        classify(codes[:, places[:k]], *subset_discriminant(moments, order[:k])) == labels
        for k in steps(len(order))
    ]
    return np.stack(right, axis=1)


def needed(accuracies: np.ndarray, width: int, share: float) -> int:
    """Smallest of `steps` whose accuracy [steps] reaches this share of that with all dimensions."""
    return int(steps(width)[np.argmax(accuracies >= share * accuracies[-1])])


@dataclass(frozen=True)
class Overlap:
    """How much two sets of dimensions have in common: their number, and Jaccard's index.

    `chance` is the mean over random sets of the same sizes, and `low` and `high` bound the middle
    of their distribution; each holds both figures.
    """

    observed: tuple[float, float]
    chance: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]


def overlap(one: np.ndarray, other: np.ndarray, width: int, level: float) -> Overlap:
    """Compare the overlap of two sets of dimensions with that of random sets.

    The number that random sets have in common follows the hypergeometric distribution.

    Parameters
    ----------
    one, other
        Distinct dimensions [k], [l].
    width, level
        Number of all dimensions; how much of the distribution lies between `low` and `high`.
    """
    k, m = len(one), len(other)
    shared = np.arange(max(0, k + m - width), min(k, m) + 1)
    # Whole numbers without end: as floats they would overflow from about 1,000 dimensions.
    counts = [comb(k, int(x)) * comb(width - k, m - int(x)) for x in shared]
    share = np.array([count / comb(width, m) for count in counts])
    jaccard = shared / (k + m - shared)
    tail = (1 - level) / 2
    at = np.searchsorted(np.cumsum(share), [tail, 1 - tail]).clip(max=len(shared) - 1)
    common = len(np.intersect1d(one, other))
    low, high = ((float(shared[i]), float(jaccard[i])) for i in at)
    return Overlap(
        observed=(float(common), common / (k + m - common)),
        chance=(float(share @ shared), float(share @ jaccard)),
        low=low,
        high=high,
    )
