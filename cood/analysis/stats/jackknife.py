"""Interval and p of a statistic from its values without each family of models in turn."""

from __future__ import annotations

import numpy as np
from scipy import stats


def spread(value: float, without: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Half the length of the interval around a statistic, and the p of its being 0.

    The variance is that of the jackknife over families, and the distribution Student's t with one
    degree of freedom less than families (MacKinnon, Nielsen, Webb 2023,
    https://doi.org/10.1016/j.jeconom.2022.04.001, section 2.2: CV3). Unlike a bootstrap it does
    not become too narrow where families are few and of unequal size; `benchmarks/coverage.py`
    metrics that.

    Parameters
    ----------
    value, without
        The statistic, and its values [g] without each family.
    level
        Of the interval.

    Returns
    -------
    tuple
        Infinity and 1 where there is no value without some family, since then all hangs on that
        one; and where there are fewer than two families.
    """
    n = len(without)
    if n < 2 or not np.isfinite([value, *without]).all():
        return np.inf, 1.0
    error = np.sqrt((n - 1) / n * ((without - value) ** 2).sum())
    reach = float(stats.t.ppf((1 + level) / 2, n - 1) * error)
    if value == 0:
        return reach, 1.0
    return reach, float(2 * stats.t.sf(abs(value) / error, n - 1)) if error > 0 else 0.0


def coefficient(
    value: float, without: np.ndarray, limits: np.ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """Interval and p of a coefficient between -1 and 1, by `spread` on Fisher's scale, arctanh.

    Parameters
    ----------
    value, without
        The coefficient, and its values [g] without each family.
    limits
        How near to 1 and -1 each of them [1 + g] can be told to be, `value` first.
    level
        Of the interval.
    """
    z, *apart = np.arctanh(np.clip([value, *without], -limits, limits))
    reach, p = spread(float(z), np.array(apart), level)
    return min(value, float(np.tanh(z - reach))), max(value, float(np.tanh(z + reach))), p


def mean(
    values: np.ndarray, families: np.ndarray, level: float = 0.95
) -> tuple[float, float, float, float, np.ndarray]:
    """Mean over models with its interval, its p, and the means [g] without each family.

    Parameters
    ----------
    values, families
        Number and family of each model [n], all of them known.
    level
        Of the interval.
    """
    names = np.unique(families.astype(str))
    found = float(values.mean())
    if len(names) < 2:
        return found, np.nan, np.nan, np.nan, np.array([])
    without = np.array([values[families.astype(str) != name].mean() for name in names])
    reach, p = spread(found, without, level)
    return found, found - reach, found + reach, p, without
