"""Embeddings in half precision: how far they agree with others, and how they are stored."""

from __future__ import annotations

import numpy as np

AGREES = 1 - 1e-6  # cosine of rows that may be stored so; rounding costs 4e-8
ROWS = 4096  # compared at a time


def smallest_cosine(left: np.ndarray, right: np.ndarray) -> float:
    """Smallest cosine of rows [n, d] with the same rows of another array."""
    return float((unit_rows(left) * unit_rows(right)).sum(axis=1).min())


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows [n, d] at unit length, float64."""
    rows = rows.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def packed(values: np.ndarray) -> np.ndarray:
    """Embeddings [n, d] that were computed in half precision, as they are stored: float16.

    Rounding them moves them by less than half precision itself did. If it moves a row by more, as
    where numbers are too large or too small for float16, all stay as they are.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        half = values.astype(np.float16)
        for start in range(0, len(values), ROWS):
            part = slice(start, start + ROWS)
            if not smallest_cosine(values[part], half[part]) >= AGREES:
                return values
    return half


def unpacked(values: np.ndarray) -> np.ndarray:
    """What `packed` gave, as it is computed with: float32."""
    return values.astype(np.float32) if values.dtype == np.float16 else values
