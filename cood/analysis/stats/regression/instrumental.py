"""Instrumental variables: the effect of a measured quantity that a randomised column moves.

The effect is that of x on y, where instruments z move x and affect y through x only (exclusion,
an assumption). All is for errors of equal variance.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import linalg, stats

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression.least_squares import with_constant

ROUNDING = 1e-9  # share of a variance that is 0 but for rounding
Rays = tuple[
    tuple[float, float], ...
]  # disjoint intervals in ascending order; ends may be infinite
LINE: Rays = ((-np.inf, np.inf),)


@dataclass(frozen=True)
class Instrumental:
    """The effect of x on y by two-stage least squares, and how far it can be trusted.

    Attributes
    ----------
    estimate
        For one unit of x. Its interval and p are Wald's, which are wrong for weak instruments.
    confidence_set
        Anderson and Rubin's: all effects that the data do not reject. It holds the true effect at
        its level however weak the instruments are. It may be an interval, two rays, the whole
        line, or empty (no effect fits: with several instruments, they contradict each other).
    zero_p
        Anderson and Rubin's p of the effect being 0.
    strength, strength_p
        F of the instruments in the first stage and its p; below 10, instruments are often called
        weak (Staiger and Stock 1997, https://doi.org/10.2307/2171753).
    instruments
        Their number.
    overidentified_p
        p that all instruments give the same effect; NaN with one instrument.
    """

    estimate: Estimate = field(default_factory=Estimate)
    confidence_set: Rays = LINE
    zero_p: float = np.nan
    strength: float = np.nan
    strength_p: float = np.nan
    instruments: int = 0
    overidentified_p: float = np.nan


def two_stage(
    y: pd.Series,
    x: pd.Series,
    instruments: pd.DataFrame,
    exogenous: pd.DataFrame,
    *,
    level: float = 0.95,
) -> Instrumental:
    """Two-stage least squares with one measured cause, and tests that do not need its first stage.

    With all columns as residuals of the exogenous ones, P the projection on the k instruments, and
    f the degrees of freedom that are left, the estimate is x'Py / x'Px. An effect b is in the
    confidence set if u = y - b x has (u'Pu / k) / ((u'u - u'Pu) / f) at most the quantile of F
    (Anderson and Rubin 1949, https://doi.org/10.1214/aoms/1177730090); this is a quadratic
    inequality in b. The test of overidentification compares the least value of this ratio over all
    b, with k - 1 in the place of k, with F (Basmann 1960,
    https://doi.org/10.1080/01621459.1960.10483365). With many models and strong instruments it is
    Sargan's; with weak ones its size stays below the nominal one.

    Parameters
    ----------
    y, x
        Outcome and measured cause of each model [n].
    instruments, exogenous
        Columns [n, k] that move x and have no other way to y, and columns [n, q] that are held
        fixed. All with the same index; models that lack a number are left out.
    level
        Of the interval and of the confidence set.

    Returns
    -------
    Instrumental
        Without an estimate where a column depends on others, or no degree of freedom is left; the
        confidence set is the whole line then.
    """
    complete = pd.concat([y, x, instruments, exogenous], axis=1).notna().all(axis=1)
    columns = np.column_stack([y[complete], x[complete], instruments[complete].to_numpy(float)])
    fixed = with_constant(exogenous[complete])
    n, k, q = len(columns), instruments.shape[1], fixed.shape[1]
    free = n - q - k
    if free < 1 or k < 1 or np.linalg.matrix_rank(np.column_stack([fixed, columns[:, 2:]])) < q + k:
        return Instrumental(estimate=Estimate(n=n, families=n), instruments=k)
    sizes = (columns**2).sum(axis=0)
    columns = columns - fixed @ np.linalg.lstsq(fixed, columns, rcond=None)[0]
    left = (columns[:, :2] ** 2).sum(axis=0)
    basis, _ = np.linalg.qr(columns[:, 2:])
    explained = _products(basis.T @ columns[:, :2])  # y'Py, y'Px, x'Px
    whole = _products(columns[:, :2])
    rest = whole - explained
    if (
        np.any(left <= ROUNDING * np.maximum(sizes[:2], np.finfo(float).tiny))
        or rest[0] * rest[2] - rest[1] ** 2 <= ROUNDING * whole[0] * whole[2]
    ):
        return Instrumental(estimate=Estimate(n=n, families=n), instruments=k)
    value = explained[1] / explained[2]
    error = float(np.sqrt(_of_residual(whole, value) / (n - q - 1) / explained[2]))
    margin = float(stats.t.ppf((1 + level) / 2, n - q - 1)) * error
    p = float(2 * stats.t.sf(abs(value) / error, n - q - 1)) if error > 0 else 0.0
    strength, zero = (_ratio(explained[i], whole[i], k, free) for i in (2, 0))
    agree = np.nan
    if k > 1:
        least = _least_ratio(explained, rest) * free / (k - 1)
        agree = float(stats.f.sf(least, k - 1, free))
    limit = float(stats.f.ppf(level, k, free)) * k / free
    return Instrumental(
        estimate=Estimate(value, value - margin, value + margin, p, n, n),
        confidence_set=_at_most(explained - limit * rest),
        zero_p=float(stats.f.sf(zero, k, free)),
        strength=strength,
        strength_p=float(stats.f.sf(strength, k, free)),
        instruments=k,
        overidentified_p=agree,
    )


def covers(confidence_set: Rays, effect: float) -> bool:
    """Whether an effect is in a confidence set.

    Examples
    --------
    >>> covers(((-np.inf, -1.0), (2.0, np.inf)), 0.0)
    False
    """
    return any(low <= effect <= high for low, high in confidence_set)


def _products(pair: np.ndarray) -> np.ndarray:
    y, x = pair.T
    return np.array([y @ y, y @ x, x @ x])


def _of_residual(products: np.ndarray, effect: float) -> float:
    """Sum of squares of y - effect x, from y'y, y'x and x'x."""
    return float(products @ [1, -2 * effect, effect**2])


def _ratio(explained: float, whole: float, k: int, free: int) -> float:
    """F of k columns that explain so much of a whole sum of squares."""
    rest = max(whole - explained, 0.0)
    return float(explained / k / (rest / free)) if rest > 0 else np.inf


def _least_ratio(explained: np.ndarray, rest: np.ndarray) -> float:
    """Least ratio, over effects, of the sums of squares that are and are not explained."""
    one, other = (np.array([[p[0], p[1]], [p[1], p[2]]]) for p in (explained, rest))
    return float(max(linalg.eigh(one, other, eigvals_only=True)[0], 0.0))


def _at_most(products: np.ndarray) -> Rays:
    """Effects b at which c - 2 b d + b^2 a, with c, d, a the products, is not above 0."""
    c, d, a = products
    inside = d**2 - a * c
    if a == 0:
        return (
            LINE if d == 0 else (((c / (2 * d), np.inf),) if d > 0 else ((-np.inf, c / (2 * d)),))
        )
    if inside < 0:
        return () if a > 0 else LINE
    one, other = sorted(((d - np.sqrt(inside)) / a, (d + np.sqrt(inside)) / a))
    if a > 0:
        return ((float(one), float(other)),)
    return ((-np.inf, float(one)), (float(other), np.inf))
