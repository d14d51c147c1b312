"""IRS: how far a dimension moves while the factor that it encodes is held fixed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import Array, is_tensor, on_host
from cood.metrics.checks import Data, check
from cood.metrics.common import extremes, moving
from cood.metrics.mutual_information import mutual_information
from cood.metrics.pairs import Rows
from cood.metrics.result import Score, noted


def irs(codes: ArrayLike, factors: ArrayLike, *, quantile: float = 1.0) -> Score:
    """Interventional robustness score (IRS): whether dimensions stay put when other factors change.

    For each value of a factor, the largest deviation of a dimension from its mean over the rows
    with that value; averaged over values and divided by the largest deviation over all rows, it
    gives 1 - R_jk. The score is the best R_jk of each dimension, averaged with the largest
    deviations as weights: ``sum_j w_j max_k R_jk / sum_j w_j``.

    1 if each dimension is a function of one factor; 0 if fixing a factor leaves each dimension as
    free as before, and below 0 if its rows lie further from their own mean than from that of all.
    Values with few rows deviate little from their own mean, so the score grows with the number of
    values: compare it with its value under shuffled labels. It does not ask whether every factor is
    encoded: a code that holds one of them only gets 1, and the note, which uses the mutual
    information, says so. Constant codes give 0. Invariant under shift and scale of all codes,
    constant columns and permutations; not under rotation.

    Parameters
    ----------
    codes
        [n, d], finite numbers.
    factors
        [n, m], nominal ids.
    quantile
        Of the deviations, above 0 and up to 1, the largest; disentanglement_lib takes 0.99.

    Returns
    -------
    Score
        Parts: `robustness` [d, m] (NaN for constant dimensions and factors), `weights` [d].

    Raises
    ------
    ValueError
        If the input is empty, not finite, of unequal lengths or of a wrong type.

    References
    ----------
    Suter, Miladinovic, Schoelkopf and Bauer (2019), section 4, arXiv:1811.00007.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)] * 20)
    >>> irs(factors, factors).value
    1.0
    >>> both = factors[:, :1] + factors[:, 1:]
    >>> round(irs(both, factors).value, 3)
    0.5
    >>> import warnings
    >>> warnings.simplefilter("ignore")
    >>> irs(np.zeros((320, 2)), factors).value
    0.0
    """
    if not 0 < quantile <= 1:
        raise ValueError(f"quantile: expected a number above 0 and up to 1, got {quantile!r}")
    data = check(codes, factors)
    return irs_from(data, mutual_information(data.codes, data.factors).unclaimed, quantile)


def irs_from(data: Data, unclaimed: str, quantile: float = 1.0) -> Score:
    """`irs`, with the note from the mutual information on factors that are not encoded."""
    width = data.codes.shape[1]
    moves = np.flatnonzero(moving(data.codes))
    robustness = np.full((width, len(data.sizes)), np.nan)
    weights = np.zeros(width)
    parts = {"robustness": robustness, "weights": weights}
    if not data.varied:
        return noted(np.nan, parts, data.note)
    if not len(moves):
        return noted(0.0, parts, data.note, unclaimed)
    z = _centred(data.codes if quantile == 1 else on_host(data.codes), moves)
    largest = np.max(np.abs(extremes(z)), axis=0).astype(float)
    for k in data.varied:
        total = _deviations(z, Rows.of(data.factors[:, k]), quantile)
        robustness[moves, k] = 1 - total / data.sizes[k] / largest
    weights[moves] = largest
    best = robustness[moves][:, data.varied].max(axis=1)
    return noted(np.average(best, weights=largest), parts, data.note, unclaimed)


def _centred(codes: Array, columns: np.ndarray) -> Array:
    """Some columns about their means."""
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.columns_centred(codes, columns)
    z = codes[:, columns]
    return z - z.mean(axis=0, dtype=np.float64).astype(z.dtype)


def _deviations(z: Array, rows: Rows, quantile: float) -> np.ndarray:
    """Over the values of a factor, the sum [d] of the largest deviations from their means."""
    if is_tensor(z):
        from cood.metrics import on_device

        return on_device.largest_deviations(z, rows.order, rows.start)
    total = np.zeros(z.shape[1])
    for start, count in zip(rows.start, rows.count, strict=True):
        own = z[rows.order[start : start + count]]
        deviations = np.abs(own - own.mean(axis=0))
        total += (
            deviations.max(axis=0) if quantile == 1 else np.quantile(deviations, quantile, axis=0)
        )
    return total
