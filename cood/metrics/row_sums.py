"""Sums over the rows of codes that a linear factorisation is fitted with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cood.device_arrays import Array, is_tensor
from cood.metrics.common import row_slices

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ROWS = 8192  # taken at a time


def _columns(design: csr_array) -> np.ndarray:
    """The columns [n, m] with a one in each row."""
    n = design.shape[0]
    return np.asarray(design.indices, dtype=np.int64).reshape(n, design.nnz // max(1, n))


def scatter(codes: Array, mean: np.ndarray) -> np.ndarray:
    """Sums of squares and products [d, d] about the mean."""
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.scatter(codes, mean)
    total = np.zeros((len(mean), len(mean)))
    for rows in row_slices(len(codes), ROWS):
        centred = codes[rows] - mean
        total += centred.T @ centred
    return total


def squared_errors(
    codes: Array, mean: np.ndarray, design: csr_array, solution: np.ndarray
) -> tuple[float, float]:
    """Sums of squares about the mean, and about what the solution predicts."""
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.squared_errors(codes, mean, _columns(design), solution)
    total = residual = 0.0
    for rows in row_slices(len(codes), ROWS):
        centred = codes[rows] - mean
        total += float((centred**2).sum())
        residual += float(((centred - design[rows] @ solution) ** 2).sum())
    return total, residual


def mean_and_sums(codes: Array, design: csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Mean [d], and sums of centred codes by column of the design [P, d]."""
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.mean_and_sums(codes, _columns(design), design.shape[1])
    n, d = codes.shape
    # Seen from the first code, columns that never vary are exactly 0.
    origin = codes[0].astype(np.float64)
    shift, sums = np.zeros(d), np.zeros((design.shape[1], d))
    for rows in row_slices(n, ROWS):
        shift += (codes[rows] - origin).sum(axis=0) / n
    mean = origin + shift
    for rows in row_slices(n, ROWS):
        sums += design[rows].T @ (codes[rows] - mean)
    return mean, sums
