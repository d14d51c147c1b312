"""Statistics of many draws of models at once, with parametric p."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from cood.analysis.claims.evidence import OUTCOMES
from cood.analysis.claims.statistics import (
    COEFFICIENTS,
    MEAN,
    MEDIAN,
    SPREAD,
    Statistic,
)
from cood.analysis.stats.estimate import Estimate

RANK = 1e-9  # of the largest singular value, below which one is rounding


@dataclass(frozen=True)
class Sample:
    """A statistic in each of d draws of models.

    Attributes
    ----------
    value, p
        [d]; NaN where a draw has too few models.
    n, nuisance
        Models, and independent nuisance columns [d].
    saturated
        Whether the measure cannot differ [d].
    coefficient, association
        As for an `Effect`.
    """

    value: np.ndarray
    p: np.ndarray
    n: np.ndarray
    nuisance: np.ndarray
    saturated: np.ndarray
    coefficient: bool
    association: bool

    @classmethod
    def constant(cls, estimate: Estimate, draws: int, outcome: str) -> Sample:
        """The same estimate in each draw; it is no coefficient of the models that are drawn."""
        full = np.ones(draws)
        return cls(
            estimate.value * full,
            estimate.p * full,
            estimate.families * full,
            estimate.nuisance * full,
            np.zeros(draws, dtype=bool),
            False,
            outcome in OUTCOMES,
        )

    def with_saturation(self, saturated: np.ndarray) -> Sample:
        """The same, with what cannot differ."""
        return replace(self, saturated=saturated)

    def at(self, draw: int) -> Estimate:
        """The estimate of one draw, without an interval."""
        n, nuisance = int(self.n[draw]), int(self.nuisance[draw])
        value, p = float(self.value[draw]), float(self.p[draw])
        return Estimate(value, p=p, n=n, families=n, nuisance=nuisance)


def statistic_of_draws(
    statistic: Statistic, numbers: pd.DataFrame, chosen: np.ndarray, outcome: str
) -> Sample:
    """A statistic for each draw of models.

    Parameters
    ----------
    statistic, numbers
        What to compute, of which columns; a row a model.
    chosen
        Rows of each draw [d, m].
    outcome
        Of the effect.
    """
    columns = numbers[statistic.columns].to_numpy(float)
    complete = np.isfinite(columns).all(axis=1)
    by_name = dict(zip(statistic.columns, np.where(complete[:, None], columns, 0).T, strict=True))
    weights = complete[chosen].astype(float)
    x, y, given = (
        [by_name[name][chosen] for name in names]
        for names in (statistic.x, statistic.y, statistic.nuisance)
    )
    n, nuisance = weights.sum(axis=1), np.zeros(len(chosen))
    if statistic.kind in COEFFICIENTS:
        found = [correlations(a, b, given, weights) for a, b in zip(x, y, strict=True)]
        value, nuisance = np.mean([r for r, _ in found], axis=0), found[0][1]
        p = _correlation_p(value, n, nuisance)
    elif statistic.kind == MEAN:
        value, p = _means(x[0], weights)
    elif statistic.kind in (MEDIAN, SPREAD):
        value, p = _accuracies(statistic.kind, x[0], x[1], weights)
    else:
        raise ValueError(f"{statistic.kind} cannot be computed from columns by model")
    value = np.where(np.isnan(p), np.nan, value)
    nothing = np.zeros(len(chosen), dtype=bool)
    coefficient = statistic.kind in COEFFICIENTS
    return Sample(value, p, n, nuisance, nothing, coefficient, outcome in OUTCOMES)


def correlations(
    x: np.ndarray, y: np.ndarray, given: list[np.ndarray], weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Partial correlations [d] and the number of independent nuisance columns [d].

    Parameters
    ----------
    x, y, given
        Columns [d, m] of the models of each draw.
    weights
        1 for models that count, 0 for others [d, m].
    """
    centred = [_centred(column, weights) for column in (x, y, *given)]
    a, b, *others = centred
    rank = np.zeros(len(x))
    if others:
        z = np.stack(others, axis=2)
        scale = np.sqrt((z**2).sum(axis=1, keepdims=True))
        u, s, _ = np.linalg.svd(z / np.where(scale > 0, scale, 1), full_matrices=False)
        kept = s > RANK * s.max(axis=1, keepdims=True)
        rank, basis = kept.sum(axis=1).astype(float), u * kept[:, None]
        a, b = (c - (basis @ (basis.transpose(0, 2, 1) @ c[:, :, None]))[:, :, 0] for c in (a, b))
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    whole = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    determined = size <= RANK * whole
    r = (a * b).sum(axis=1) / np.where(determined, 1, size)
    return np.where(determined | (whole == 0), np.nan, r), rank


def _centred(column: np.ndarray, weights: np.ndarray) -> np.ndarray:
    mean = (column * weights).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
    return (column - mean) * weights


def _correlation_p(r: np.ndarray, n: np.ndarray, nuisance: np.ndarray) -> np.ndarray:
    df = n - 2 - nuisance
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(r) * np.sqrt(np.maximum(df, 0) / (1 - r**2))
    return np.where(df >= 2, 2 * stats.t.sf(t, np.maximum(df, 1)), np.nan)


def _means(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = weights.sum(axis=1)
    mean = (x * weights).sum(axis=1) / n
    variance = (_centred(x, weights) ** 2).sum(axis=1) / (n - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(mean) / np.sqrt(variance / n)
    return mean, 2 * stats.t.sf(t, n - 1)


def _accuracies(
    kind: str, x: np.ndarray, error: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    value, spread = (np.where(weights > 0, column, np.nan) for column in (x, error))
    if kind == MEDIAN:
        middle, size, tests = np.nanmedian(value, axis=1), np.nanmedian(spread, axis=1), 1.0
    else:
        ends = np.stack([np.nanargmax(value, axis=1), np.nanargmin(value, axis=1)], axis=1)
        high, low = np.take_along_axis(value, ends, axis=1).T
        middle, size = high - low, np.hypot(*np.take_along_axis(spread, ends, axis=1).T)
        tests = weights.sum(axis=1) * (weights.sum(axis=1) - 1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        p = np.minimum(1.0, tests * 2 * stats.norm.sf(np.abs(middle) / size))
    return middle, np.where(middle == 0, 1.0, p)
