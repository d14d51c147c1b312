"""Singular values of codes, from one pass over the rows, and ranks computed from them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cood.device_arrays import Array, is_tensor
from cood.metrics.common import SLACK, row_slices

ROWS = 4096


def spectra(codes: Array, *, unit: bool) -> tuple[np.ndarray, np.ndarray]:
    """Singular values of codes as given, and of codes after their mean is removed.

    A QR decomposition takes ``[1, codes]`` block by block, so that the codes are never held in
    double precision as a whole. In its triangle, the columns after the first have the singular
    values of the codes, and without the first row those of the centred codes: the first row is
    what lies along the column of ones. Unlike eigenvalues of the Gram matrix, which lose what is
    below 1e-8 of the largest, these are right down to rounding: values of at most
    ``max(n, d) * 2.2e-16`` of the largest, as given, are rounding and returned as 0.

    Parameters
    ----------
    codes
        Checked codes [n, d].
    unit
        Scale each row to unit length first; a row of zeros stays zero.

    Returns
    -------
    tuple
        Descending values as given [min(n, d)], and centred [min(n - 1, d)]: as many as such
        codes can have dimensions.

    References
    ----------
    Demmel et al. (2012), *Communication-optimal parallel and sequential QR and LU
    factorizations*, https://doi.org/10.1137/080731992.
    """
    triangle = _triangle(codes, unit)
    return _values(triangle, codes.shape, False), _values(triangle, codes.shape, True)


def singular_values(codes: Array, *, unit: bool, centred: bool) -> np.ndarray:
    """One of the two `spectra`."""
    return _values(_triangle(codes, unit), codes.shape, centred)


def _values(triangle: np.ndarray, shape: tuple[int, ...], centred: bool) -> np.ndarray:
    """Singular values from the triangle of codes of a shape [n, d]."""
    inner = triangle[1:, 1:] if centred else triangle[:, 1:]
    s = np.linalg.svd(inner, compute_uv=False) if len(inner) else np.empty(0)
    largest = max(s, default=0.0)
    if centred:  # with the mean put back, at most
        largest = np.hypot(largest, np.linalg.norm(triangle[0, 1:]))
    return np.where(s > max(shape) * np.finfo(np.float64).eps * largest, s, 0.0)


def _triangle(codes: Array, unit: bool) -> np.ndarray:
    """Triangle [min(n, d + 1), d + 1] of the QR decomposition of ``[1, codes]``."""
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.triangle(codes, unit)
    from scipy.linalg import qr

    width = codes.shape[1] + 1
    triangle = np.empty((0, width))
    for block in _blocks(codes, unit):
        ones = np.ones((len(block), 1))
        stacked = np.vstack([triangle, np.hstack([ones, block])])
        triangle = qr(stacked, mode="r", overwrite_a=True, check_finite=False)[0][:width]
    return triangle


def above(s: np.ndarray, threshold: float) -> float:
    """How many singular values are above a threshold."""
    return float((s > threshold).sum())


def above_largest(s: np.ndarray, threshold: float) -> float:
    """How many singular values are above a share of the largest."""
    return above(s, threshold * s[0])


def covering(s: np.ndarray, delta: float) -> float:
    """How many singular values make up all but a share of their sum."""
    return 1.0 + float((np.cumsum(s) < (1 - delta - SLACK) * s.sum()).sum())


def entropic(s: np.ndarray) -> float:
    """Exponential of the entropy of the singular values."""
    p = s[s > 0] / s.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def stable(s: np.ndarray) -> float:
    """Sum of the squared singular values by the largest of them."""
    return float(((s / s[0]) ** 2).sum())  # s_1 divided out first: squares may overflow


def participation(s: np.ndarray) -> float:
    """Squared sum of the squared singular values by the sum of their squares."""
    variances = (s / s[0]) ** 2
    return float(variances.sum() ** 2 / (variances**2).sum())


def _blocks(codes: np.ndarray, unit: bool) -> Iterator[np.ndarray]:
    for rows in row_slices(len(codes), ROWS):
        block = codes[rows].astype(np.float64)
        if unit:
            # Divided by the largest first: squares of very large or small values overflow.
            largest = np.abs(block).max(axis=1, keepdims=True)
            block /= np.where(largest == 0, 1, largest)
            length = np.linalg.norm(block, axis=1, keepdims=True)
            block /= np.where(length == 0, 1, length)
        yield block
