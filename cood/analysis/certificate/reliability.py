"""Reliability of a measure: how much two models of the same design point agree."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.stats.estimate import Estimate

LEAST_PAIRS = 3  # that an intraclass correlation with an interval needs


def intraclass_correlation(first: pd.Series, second: pd.Series, level: float = 0.95) -> Estimate:
    """ICC(1,1) of pairs: the share of the variance that lies between pairs.

    ``(B - W) / (B + W)``, where B and W are the mean squares between and within pairs in an
    analysis of variance. 1 if both of a pair always agree, 0 (or below, by chance) if they differ
    as much as any two.
    The interval is that of Shrout and Fleiss, exact for normal values. p is one-sided, for a share
    above 0.

    Parameters
    ----------
    first, second
        The values of each pair, in the same order. Pairs with a missing value are left out.
    level
        Of the interval.

    Returns
    -------
    Estimate
        `n` and `families` are the number of pairs. `least` and `most` are the extremes without
        one pair. NaN with fewer than three pairs, or if all values are the same.

    References
    ----------
    Shrout and Fleiss (1979), doi:10.1037/0033-2909.86.2.420.

    Examples
    --------
    >>> import pandas as pd
    >>> first = pd.Series([1.0, 2.0, 3.0, 4.0])
    >>> intraclass_correlation(first, first + [0.1, -0.1, 0.1, 0.1]).value.__round__(3)
    0.997
    >>> intraclass_correlation(first * 0, first * 0).n
    4
    """
    from scipy.stats import f as fisher

    pairs = np.column_stack([first.to_numpy(float), second.to_numpy(float)])
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    n = len(pairs)
    if n < LEAST_PAIRS or np.ptp(pairs) == 0:
        return Estimate(n=n, families=n)
    between, within = _mean_squares(pairs)
    without = [_share(*_mean_squares(np.delete(pairs, i, axis=0))) for i in range(n)]
    least, most = float(np.min(without)), float(np.max(without))
    value = _share(between, within)
    if within == 0:
        return Estimate(value, 1.0, 1.0, 0.0, n, n, least, most)
    ratio, tail = between / within, (1 - level) / 2
    low, high = (
        _share(bound, 1.0)
        for bound in (
            ratio / fisher.isf(tail, n - 1, n),
            ratio * fisher.isf(tail, n, n - 1),
        )
    )
    return Estimate(value, low, high, float(fisher.sf(ratio, n - 1, n)), n, n, least, most)


def _mean_squares(pairs: np.ndarray) -> tuple[float, float]:
    """Mean squares between and within pairs [n, 2]."""
    means = pairs.mean(axis=1)
    between = 2 * ((means - means.mean()) ** 2).sum() / (len(pairs) - 1)
    return float(between), float((np.diff(pairs, axis=1) ** 2).sum() / 2 / len(pairs))


def _share(between: float, within: float) -> float:
    total = between + within
    return float((between - within) / total) if total > 0 else np.nan
