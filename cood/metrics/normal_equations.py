"""Least squares by one-hot columns of several factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Eigenvalues, smallest to the largest count, below which they are 0. Values that meet in few codes
# only lie far above it, rounding far below.
TOLERANCE = 1e-12


def one_hot(factors: np.ndarray, sizes: Sequence[int]) -> csr_array:
    """One-hot columns [n, sum(sizes)] of factors [n, m], stored as m ones a row."""
    from scipy.sparse import csr_array

    n, m = factors.shape
    columns = factors + np.cumsum([0, *sizes])[:-1]
    ends = np.arange(0, n * m + 1, max(1, m)) if m else np.zeros(n + 1, dtype=int)
    return csr_array((np.ones(n * m), columns.ravel(), ends), shape=(n, sum(sizes)))


@dataclass(frozen=True)
class NormalEquations:
    """Normal equations ``counts @ x = sums`` of a one-hot design with P columns.

    The values of one factor never meet, so its block of the counts is diagonal: the largest
    factor, of q values, is eliminated, and only the p values of the others are decomposed.

    Attributes
    ----------
    counts
        How many rows have two values in common [P, P].
    null
        Orthonormal basis of its null space [P, P - rank].
    """

    counts: csr_array
    null: np.ndarray
    _largest: slice
    _cross: np.ndarray  # [p, q] counts of the others with the largest factor
    _weights: np.ndarray  # [q] inverse counts of its values, 0 for one without rows
    _inverse: np.ndarray  # [p, p] of the Schur complement

    @classmethod
    def of(cls, design: csr_array, sizes: Sequence[int]) -> NormalEquations:
        """From the one-hot columns of factors with so many values."""
        from scipy.linalg import eigh, qr

        counts = (design.T @ design).tocsr()
        own, width = counts.diagonal(), counts.shape[0]
        ends = np.cumsum([0, *sizes])
        k = int(np.argmax(sizes)) if len(sizes) else 0
        largest = slice(ends[k], ends[k + 1]) if len(sizes) else slice(0, 0)
        others = np.delete(np.arange(width), largest)
        without = own[largest] == 0
        weights = np.where(without, 0.0, 1 / np.where(without, 1, own[largest]))
        cross = counts[others][:, largest].toarray()
        complement = counts[others][:, others].toarray() - (cross * weights) @ cross.T
        values, vectors = eigh(complement) if len(others) else (np.empty(0), complement)
        kept = values > TOLERANCE * max(own, default=0)
        free = np.flatnonzero(without)
        null = np.zeros((width, np.count_nonzero(~kept) + len(free)))
        null[others, : null.shape[1] - len(free)] = vectors[:, ~kept]
        null[largest] = -(weights[:, None] * cross.T) @ null[others]
        null[largest.start + free, null.shape[1] - len(free) + np.arange(len(free))] = 1
        if null.size:
            null = qr(null, mode="economic")[0]
        inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        return cls(counts, null, largest, cross, weights, inverse)

    def solve(self, sums: np.ndarray) -> np.ndarray:
        """Solution [P, d] for sums [P, d] by column, that of least norm if there are several."""
        weighted = self._weights[:, None] * sums[self._largest]
        rest = np.delete(sums, self._largest, axis=0) - self._cross @ weighted
        small = self._inverse @ rest
        solution = np.empty(sums.shape)
        solution[self._largest] = weighted - self._weights[:, None] * (self._cross.T @ small)
        solution[: self._largest.start] = small[: self._largest.start]
        solution[self._largest.stop :] = small[self._largest.start :]
        return solution - self.null @ (self.null.T @ solution)
