"""Which factors codes encode at all; scores of disentanglement mean little without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cood.device_arrays import Array, concatenated, index_of, on_host
from cood.metrics.checks import Data
from cood.metrics.common import fit_quietly, needed_for
from cood.metrics.discriminant import (
    Discriminant,
    fit_discriminant,
    one_vs_rest_auc,
    standardise,
)
from cood.metrics.pairs import draw_controls, draw_pairs, mean_differences

BATCH, TRAIN, TEST = 32, 400, 200  # pairs in a point, and points per kind
BEYOND_CHANCE = 4.0  # standard errors of an AUC of 0.5
FEW, SHUFFLES = 512, 20  # rows too few for points to be independent, and what is drawn instead


@dataclass(frozen=True)
class Coverage:
    """How well pairs that agree in one factor only are distinguished from pairs without it.

    Attributes
    ----------
    areas
        AUC [m] of each factor; NaN where it never varies or there are no such pairs. 0.5 means
        that the codes do not encode the factor.
    note
        Names the factors whose AUC is not clearly above 0.5, or cannot be computed.
    """

    areas: np.ndarray
    note: str = ""


def coverage(data: Data, *, rng: np.random.Generator) -> Coverage:
    """Which factors the codes encode, beyond what correlates with the other factors.

    Pairs agree in one factor and differ in all others. A linear classifier distinguishes them from
    controls: pairs with the same values of the other factors that differ in this one too. So a
    factor that only correlates with another, as when compositions are missing, does not count as
    encoded. The classifier is scored on pairs of held-out rows: otherwise it would recognise rows
    by their noise. Points from the same few rows are alike, so with few rows the AUC must also
    exceed those of `SHUFFLES` shuffles.
    """
    halves = np.array_split(rng.permutation(len(data.codes)), 2)
    areas = np.full(len(data.sizes), np.nan)
    weak, undefined = [], []
    for k in data.varied:
        fit, score = (
            _draw(data.factors, rows, k, size * BATCH, rng)
            for rows, size in zip(halves, (TRAIN, TEST), strict=True)
        )
        if fit is None or score is None:
            undefined.append(str(k))
            continue
        points = _points(data.codes, fit)
        ids = np.repeat([0, 1], TRAIN)
        model = fit_discriminant(points, ids, 2, standardise(points, np.arange(len(points))))
        areas[k] = _area(model, data.codes, score)
        enough = 0.5 + BEYOND_CHANCE * np.sqrt((2 * TEST + 1) / (12 * TEST**2))
        rows = np.unique(score)
        if len(rows) < FEW:
            shuffled = np.arange(len(data.codes))
            for _ in range(SHUFFLES):
                shuffled[rows] = rng.permutation(rows)
                enough = max(enough, _area(model, data.codes, shuffled[score]))
        if areas[k] <= enough:
            weak.append(str(k))
    notes = []
    if weak:
        text = "; a high score is no sign of disentanglement"
        notes.append(f"the codes do not encode factor {', '.join(weak)}{text}")
    if undefined:
        text = "cannot be distinguished from the others: too few compositions"
        notes.append(f"factor {', '.join(undefined)} {text}")
    return Coverage(areas, "; ".join(notes))


def _draw(
    factors: np.ndarray, rows: np.ndarray, fixed: int, size: int, rng: np.random.Generator
) -> np.ndarray | None:
    """Pairs of `rows` that agree in a factor, and their controls [2, 2, size]; None if none."""
    if not len(rows):
        return None
    pairs = draw_pairs(factors[rows], fixed, size, True, rng)
    controls = draw_controls(factors[rows], fixed, *pairs, rng) if pairs else None
    return None if pairs is None or controls is None else rows[np.array([pairs, controls])]


def _points(codes: Array, drawn: np.ndarray) -> Array:
    """Points of the pairs, then those of the controls."""
    return concatenated([mean_differences(codes, rows[0], rows[1], BATCH) for rows in drawn])


def _area(model: Discriminant, codes: Array, drawn: np.ndarray) -> float:
    """AUC with which pairs are distinguished from controls."""
    scores = model.scores(_points(codes, drawn))
    ids = np.repeat([0, 1], len(scores) // 2)
    return float(one_vs_rest_auc(scores[:, :1] - scores[:, 1:], ids)[0])


def confusion(points: list[Array], train: int, classifier: str) -> np.ndarray:
    """Counts [kinds, kinds] of the points after the first `train` of each kind, by answer."""
    scores, ids = _scores(points, train, classifier)
    table = np.zeros((len(points), len(points)), dtype=np.int64)
    np.add.at(table, (ids, on_host(scores.argmax(axis=1))), 1)
    return table


def _scores(points: list[Array], train: int, classifier: str) -> tuple[Array, np.ndarray]:
    """Log posteriors [test points, kinds] and the kind of each point."""
    z = concatenated(points)
    ids = np.repeat(np.arange(len(points)), len(points[0]))
    fit = np.tile(np.arange(len(points[0])) < train, len(points))
    if classifier == "logistic":
        z = on_host(z)
        return _logistic(z[fit], ids[fit], z[~fit]), ids[~fit]
    model = fit_discriminant(z, ids, len(points), standardise(z, np.flatnonzero(fit)))
    return model.scores(z[index_of(z, np.flatnonzero(~fit))]), ids[~fit]


def _logistic(z: np.ndarray, ids: np.ndarray, test: np.ndarray) -> np.ndarray:
    with needed_for("classifier: 'logistic'", "scikit-learn"):
        from sklearn.linear_model import LogisticRegression

    return fit_quietly(LogisticRegression(), z, ids).predict_log_proba(test)
