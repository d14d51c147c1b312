"""Interval and p of a statistic from its values without each family of models in turn."""

from __future__ import annotations

import numpy as np
from scipy import stats

from cood.analysis.stats.estimate import Estimate


def margin_of_error(value: float, without: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Half the length of the interval around a statistic, and the p of its being 0.

    The variance is that of the jackknife over families, and the distribution Student's t with one
    degree of freedom less than families (MacKinnon, Nielsen, Webb 2023,
    https://doi.org/10.1016/j.jeconom.2022.04.001, section 2.2: CV3). Unlike a bootstrap it does
    not become too narrow where families are few and of unequal size; `benchmarks/coverage.py`
    measures its coverage.

    Parameters
    ----------
    value, without
        The statistic, and its values [g] without each family.
    level
        Of the interval.

    Returns
    -------
    tuple
        Infinity and 1 where there are fewer than two families, or no value without one of them:
        the statistic then depends on that family alone.
    """
    n = len(without)
    if n < 2 or not np.isfinite([value, *without]).all():
        return np.inf, 1.0
    error = np.sqrt((n - 1) / n * ((without - value) ** 2).sum())
    margin = float(stats.t.ppf((1 + level) / 2, n - 1) * error)
    if value == 0:
        return margin, 1.0
    return margin, float(2 * stats.t.sf(abs(value) / error, n - 1)) if error > 0 else 0.0


def fisher_interval(
    value: float, without: np.ndarray, limits: np.ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """Interval and p of a coefficient between -1 and 1, on Fisher's scale, arctanh.

    Parameters
    ----------
    value, without
        The coefficient, and its values [g] without each family.
    limits
        Largest absolute value [1 + g] that each coefficient is given, `value` first: 1 itself has
        no arctanh.
    level
        Of the interval.
    """
    z, *z_without = np.arctanh(np.clip([value, *without], -limits, limits))
    margin, p = margin_of_error(float(z), np.array(z_without), level)
    return min(value, float(np.tanh(z - margin))), max(value, float(np.tanh(z + margin))), p


def mean(values: np.ndarray, families: np.ndarray, level: float = 0.95) -> Estimate:
    """Mean over models with its interval and p; both are NaN for models of one family.

    Parameters
    ----------
    values, families
        Finite number and family of each model [n].
    level
        Of the interval.
    """
    labels = families.astype(str)
    names = np.unique(labels)
    average = float(values.mean())
    if len(names) < 2:
        return Estimate(average, n=len(values), families=len(names))
    without = np.array([values[labels != name].mean() for name in names])
    return estimate(average, without, len(values), level)


def estimate(value: float, without: np.ndarray, n: int, level: float = 0.95) -> Estimate:
    """A statistic of n models as an estimate, from its values [g] without each family."""
    margin, p = margin_of_error(value, without, level)
    finite = without[np.isfinite(without)]
    return Estimate(
        value=value,
        low=value - margin,
        high=value + margin,
        p=p,
        n=n,
        families=len(without),
        least=float(finite.min()) if len(finite) else np.nan,
        most=float(finite.max()) if len(finite) else np.nan,
    )
