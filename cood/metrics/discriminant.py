"""The linear classifier that several metrics share, and how rows are split for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import (
    Array,
    double,
    index_of,
    is_tensor,
    like,
    moved,
    on_host,
    precision_of,
)
from cood.metrics.class_moments import ClassMoments, sum_by_class
from cood.metrics.common import row_slices

HELD_OUT = 0.2  # share of the rows
ROWS = 4096  # worked on at a time, so that intermediate arrays stay small
FLAT = 16  # spacings of floats at the mean: the spread that rounding leaves of a constant column


@dataclass(frozen=True)
class StandardisedRows:
    """Standardised codes of the rows to fit on, and their Gram matrix; shared by all factors.

    Attributes
    ----------
    mean, spread
        [d] of each dimension; the spread of a constant one is infinite, so that it becomes 0.
    gram
        [d, d] of the standardised rows.
    rows
        Indices of the rows.
    """

    mean: np.ndarray
    spread: np.ndarray
    gram: np.ndarray
    rows: np.ndarray

    def standard(self, codes: Array) -> Array:
        """Rows of codes, standardised."""
        return (codes - like(codes, self.mean)) / like(codes, self.spread)

    def sums(self, codes: Array, ids: np.ndarray, size: int) -> np.ndarray:
        """Sum [size, d] of the standardised rows of each class; `ids` [n] are of all rows."""
        order = self.rows
        if not is_tensor(codes):  # sums by class need their rows side by side
            order = order[np.argsort(ids[order], kind="stable")]
        blocks = (
            (double(self.standard(codes[index_of(codes, part)])), ids[part])
            for part in _blocks(order)
        )
        return sum_by_class(blocks, size, codes.shape[1])


def standardise(codes: Array, rows: np.ndarray) -> StandardisedRows:
    """Mean, spread and Gram matrix of some rows, in blocks, in the precision of the codes."""
    precision = precision_of(codes)
    first = on_host(codes[rows[0]])  # the mean of what is left of equal values is exact
    total, square = _sums_from_first(codes, rows)
    mean = first + total / len(rows)
    spread = np.sqrt(np.maximum(square / len(rows) - (total / len(rows)) ** 2, 0))
    # What rounding leaves of a constant column is no variation.
    flat = spread <= FLAT * np.finfo(precision).eps * np.abs(mean)
    spread = np.where(flat, 1.0, spread)
    mean, spread = mean.astype(precision), spread.astype(precision)
    unscaled = StandardisedRows(mean, spread, np.empty((0, 0)), rows)
    gram: Array = np.zeros((len(mean), len(mean)))
    for part in _blocks(rows):
        z = unscaled.standard(codes[index_of(codes, part)])
        z[:, flat] = 0
        if is_tensor(z):
            gram, z = moved(gram, z.device), double(z)
        gram += z.T @ z
    spread = np.where(flat, np.inf, spread).astype(precision)
    return StandardisedRows(mean, spread, on_host(gram), rows)


def _sums_from_first(codes: Array, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums [d] of some rows and of their squares, seen from the first of them."""
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.sums_from_first(codes, rows)
    # In blocks: a copy of all rows is never held.
    total, square = np.zeros((2, codes.shape[1]))
    for part in _blocks(rows):
        shifted = codes[part].astype(np.float64) - codes[rows[0]]
        total += shifted.sum(axis=0)
        square += np.einsum("ij,ij->j", shifted, shifted)
    return total, square


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[part] for part in row_slices(len(rows), ROWS)]


@dataclass(frozen=True)
class Discriminant:
    """Linear discriminant analysis with a pooled, shrunk covariance of the classes.

    Attributes
    ----------
    standardised
        What the codes are standardised by.
    weights, bias
        [d, classes] and [classes], on standardised codes; a class without rows has bias -inf.
    """

    standardised: StandardisedRows
    weights: np.ndarray
    bias: np.ndarray

    def scores(self, codes: Array) -> Array:
        """Log posterior [n, classes]."""
        raw = self._unscaled(codes)
        if is_tensor(raw):
            return raw.log_softmax(dim=1)
        from scipy.special import logsumexp

        return raw - logsumexp(raw, axis=1, keepdims=True)

    def accuracy(self, codes: Array, ids: np.ndarray, rows: np.ndarray) -> float:
        """Share of `rows` whose likeliest class is their own."""
        right = 0
        for part in _blocks(rows):
            raw = self._unscaled(codes[index_of(codes, part)])
            right += int((on_host(raw.argmax(axis=1)) == ids[part]).sum())
        return right / len(rows)

    def _unscaled(self, codes: Array) -> Array:
        """Log posterior [n, classes] but for a number that is one for all classes."""
        z = self.standardised.standard(codes)
        if is_tensor(z):  # never in the reduced precision that products of a GPU may have
            z = double(z)
        return z @ like(z, self.weights) + like(z, self.bias)


def fit_discriminant(
    codes: Array, ids: np.ndarray, size: int, standardised: StandardisedRows
) -> Discriminant:
    """Fit to the standardised rows; `ids` [n] are the classes of all rows, below `size`."""
    rows = standardised.rows
    counts = np.bincount(ids[rows], minlength=size)
    sums = standardised.sums(codes, ids, size)
    moments = ClassMoments.from_sums(counts, sums, standardised.gram, len(rows))
    weights, bias = moments.discriminant()
    precision = precision_of(codes)
    return Discriminant(standardised, weights.astype(precision), bias.astype(precision))


def split_rows(
    n: int, test: ArrayLike | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the rows to fit on and to test on: those of `test`, or a fifth at random.

    Raises
    ------
    ValueError
        If `test` is not a list of different rows that leaves some to fit on.
    """
    if test is None:
        order = rng.permutation(n)
        cut = min(n - 1, max(1, round(HELD_OUT * n)))
        return np.sort(order[cut:]), np.sort(order[:cut])
    rows = np.asarray(test)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        raise ValueError(f"test: expected indices of rows, got {rows.dtype} of shape {rows.shape}")
    bad = np.flatnonzero((rows < 0) | (rows >= n))
    if len(bad):
        raise ValueError(f"test: {rows[bad[0]]} at place {bad[0]} is no row of {n}")
    train = np.setdiff1d(np.arange(n), rows)
    if len(train) + len(rows) != n or not len(train):
        raise ValueError("test: rows repeat, or none is left to fit on")
    return train, np.sort(rows)


def one_vs_rest_auc(scores: Array, ids: np.ndarray) -> np.ndarray:
    """ROC-AUC [classes] of each class, from scores [n, classes].

    NaN for a class with no row, or all. The AUC is the Mann-Whitney statistic of the ranks, ties
    counting half.
    """
    n, size = scores.shape
    positive = np.bincount(ids, minlength=size)[:size]
    auc = np.full(size, np.nan)
    defined = (positive > 0) & (positive < n)
    if is_tensor(scores):
        from cood.metrics import on_device

        ranks = on_device.rank_sums(scores, ids)[defined] / 2
    else:
        ranks = np.array([_rank_sum(scores, ids, c) for c in np.flatnonzero(defined).tolist()]) / 2
    own = positive[defined]
    auc[defined] = (ranks - own * (own + 1) / 2) / (own * (n - own))
    return auc


def _rank_sum(scores: np.ndarray, ids: np.ndarray, c: int) -> int:
    """Twice the sum of the ranks of the rows of a class among all, ties sharing their mean."""
    ordered, own = np.sort(scores[:, c]), np.sort(scores[ids == c, c])
    twice = np.searchsorted(ordered, own) + np.searchsorted(ordered, own, "right") + 1
    return int(twice.sum())
