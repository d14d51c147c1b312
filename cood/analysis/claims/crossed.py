"""The mean of two correlations over the same models, each of columns that share no images."""

from __future__ import annotations

import numpy as np

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.families import leave_family_out
from cood.analysis.stats.jackknife import fisher_interval
from cood.analysis.stats.permutation import orders

BLOCK = 500  # permutations at a time, so that they stay in the cache of the processor
ROUNDING = 1e-10  # relative difference that may be rounding
ALL_ON_A_LINE = 1 - 1e-12  # coefficient that is 1 but for rounding
LEAST = 4  # models: Fisher's scale has n - 3 degrees of freedom


def crossed_correlation(
    x: np.ndarray, y: np.ndarray, families: np.ndarray, *, seed: int, level: float = 0.95
) -> Estimate:
    """Mean of the correlations of the first and of the second columns.

    As in `cood.analysis.stats.correlation.correlate`: where each model is its own family, interval
    and p come from permutations of the models with a studentised statistic, in which both columns
    of `y` are permuted alike; else from the jackknife over families.

    Parameters
    ----------
    x, y
        Two columns each [2, n]; the first of `x` belongs to the first of `y`.
    families
        Of each model [n].
    seed, level
        Of the permutations; of the interval.

    Returns
    -------
    Estimate
        NaN with fewer than four models or two families, or if a column is constant.
    """
    names, members = np.unique(families.astype(str), return_inverse=True)
    n, groups = x.shape[1], len(names)
    if n < LEAST or groups < 2 or not (np.ptp(x, axis=1).all() and np.ptp(y, axis=1).all()):
        return Estimate(n=n, families=groups)
    value = _mean_correlation(x, y)
    left = np.array(
        [
            _mean_correlation(x[:, kept], y[:, kept])
            for kept in leave_family_out(members, groups) > 0
        ]
    )
    if groups == n:
        low, high, p = _permutation_test(x, y, seed, level)
    else:
        limits = np.full(groups + 1, ALL_ON_A_LINE)
        low, high, p = fisher_interval(value, left, limits, level)
    finite = left[np.isfinite(left)]
    least, most = (finite.min(), finite.max()) if len(finite) else (np.nan, np.nan)
    return Estimate(value, low, high, p, n, groups, float(least), float(most))


def _standardised(z: np.ndarray) -> np.ndarray:
    spread = z.std(axis=1, keepdims=True)
    return (z - z.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, np.nan)


def _mean_correlation(x: np.ndarray, y: np.ndarray) -> float:
    return float((_standardised(x) * _standardised(y)).mean())


def _permutation_test(
    x: np.ndarray, y: np.ndarray, seed: int, level: float
) -> tuple[float, float, float]:
    """Low, high and p; see `cood.analysis.stats.permutation`."""
    x, y = _standardised(x), _standardised(y)
    rows = orders(x.shape[1], seed)
    parts = [_fisher_z(x, y, rows[start : start + BLOCK]) for start in range(0, len(rows), BLOCK)]
    z, errors = (np.concatenate(part) for part in zip(*parts, strict=True))
    statistics = np.abs(z) / errors
    p = float((statistics >= statistics[0] * (1 - ROUNDING)).mean())
    kept = np.sort(statistics)[::-1][int((1 - level) * len(z) + ROUNDING)]
    low, high = np.tanh(z[0] + kept * errors[0] * np.array([-1, 1]))
    return float(low), float(high), p


def _fisher_z(x: np.ndarray, y: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fisher's z of the mean coefficient in each order of the models, and its standard error.

    The influences of the models on the two coefficients are averaged, each corrected for leverage
    as in `cood.analysis.stats.permutation.fisher_z`.
    """
    n = rows.shape[1]
    total, influence = np.zeros(len(rows)), np.zeros(rows.shape)
    for a, b in zip(x, y, strict=True):
        permuted = b[rows]
        products, squares = a * permuted, permuted**2
        r = products.mean(axis=1, keepdims=True)
        total += r[:, 0] / 2
        free = (1 - (1 + a**2) / n) * (1 - (1 + squares) / n)
        influence += (products - r * (a**2 + squares) / 2) / 2 / np.maximum(free, ROUNDING)
    total = np.clip(total, -ALL_ON_A_LINE, ALL_ON_A_LINE)
    error = np.sqrt((influence**2).sum(axis=1)) / n / (1 - total**2)
    return np.arctanh(total), np.maximum(error, ROUNDING)
