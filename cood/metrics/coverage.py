"""Which factors codes hold at all; scores of disentanglement mean little without it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from cood.metrics.checks import Data
from cood.metrics.discriminant import discriminant, moments, one_against_rest
from cood.metrics.pairs import draw_pairs, mean_differences

BATCH, TRAIN, TEST = 64, 600, 300  # pairs in a point, and points per kind
BEYOND_CHANCE = 4.0  # standard errors of an AUC of 0.5


@dataclass(frozen=True)
class Coverage:
    """How well pairs that agree in a factor alone are told from pairs that agree in none.

    Attributes
    ----------
    areas
        AUC [m] of each factor; NaN where it never varies or there are no such pairs. 0.5 means
        that the codes do not hold the factor.
    accuracy
        Of telling all kinds of pairs apart.
    note
        Names the factors whose AUC is not clearly above 0.5.
    """

    areas: np.ndarray
    accuracy: float = np.nan
    note: str = ""


def coverage(data: Data, *, rng: np.random.Generator) -> Coverage:
    """Which factors the codes hold, apart from what goes with the other factors.

    Pairs agree in one factor and differ in all others, so that a factor which only happens to go
    with another, as when compositions are missing, does not count as held.
    """
    points = []
    for kind in [*data.varied, None]:
        pairs = draw_pairs(data.factors, kind, (TRAIN + TEST) * BATCH, True, rng)
        if pairs is None:
            return Coverage(np.full(len(data.sizes), np.nan))
        points.append(mean_differences(data.codes, *pairs, BATCH))
    return coverage_of(data, points, TRAIN)


def coverage_of(data: Data, points: list[np.ndarray], train: int) -> Coverage:
    """`coverage`, from points [points, d] of each factor that varies, and last of no factor.

    The first `train` points of each kind are fitted, the others scored.
    """
    scores, ids = _scores(points, train, "discriminant")
    areas = np.full(len(data.sizes), np.nan)
    untold = []
    none = len(points) - 1
    for i, k in enumerate(data.varied):
        either = (ids == i) | (ids == none)
        margin = scores[either, i] - scores[either, none]
        areas[k] = one_against_rest(margin[:, None], (ids[either] != i).astype(np.int64))[0]
        n = either.sum() / 2
        if areas[k] < 0.5 + BEYOND_CHANCE * np.sqrt((2 * n + 1) / (12 * n * n)):
            untold.append(str(k))
    names = ", ".join(untold)
    note = f"the codes do not tell factor {names}; a high score is no sign of disentanglement"
    return Coverage(areas, float((scores.argmax(axis=1) == ids).mean()), note if untold else "")


def confusion(points: list[np.ndarray], train: int, classifier: str) -> np.ndarray:
    """Counts [kinds, kinds] of the points after the first `train` of each kind, by answer."""
    scores, ids = _scores(points, train, classifier)
    table = np.zeros((len(points), len(points)), dtype=np.int64)
    np.add.at(table, (ids, scores.argmax(axis=1)), 1)
    return table


def _scores(points: list[np.ndarray], train: int, classifier: str) -> tuple[np.ndarray, np.ndarray]:
    """Log posteriors [test points, kinds] and the kind of each point."""
    z = np.concatenate(points)
    ids = np.repeat(np.arange(len(points)), len(points[0]))
    fit = np.tile(np.arange(len(points[0])) < train, len(points))
    if classifier == "logistic":
        return _logistic(z[fit], ids[fit], z[~fit]), ids[~fit]
    found = discriminant(z, ids, len(points), moments(z, np.flatnonzero(fit)))
    return found.scores(z[~fit]), ids[~fit]


def _logistic(z: np.ndarray, ids: np.ndarray, test: np.ndarray) -> np.ndarray:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression().fit(z, ids).predict_log_proba(test)
