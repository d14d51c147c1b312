"""The linear classifier that several metrics share, and how rows are split for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg
from scipy.special import logsumexp

TEST = 0.2  # share of the rows that are held out
ROWS = 4096  # worked on at a time: what is held stays small beside the codes


@dataclass(frozen=True)
class Moments:
    """Standardised codes of the rows to fit on, and their Gram matrix; shared by all factors.

    Attributes
    ----------
    mean, spread
        [d] of each dimension; the spread of a constant one is 1.
    gram
        [d, d] of the standardised rows.
    rows
        Indices of the rows.
    """

    mean: np.ndarray
    spread: np.ndarray
    gram: np.ndarray
    rows: np.ndarray

    def standard(self, codes: np.ndarray) -> np.ndarray:
        """Rows of codes, standardised."""
        return (codes - self.mean) / self.spread


def moments(codes: np.ndarray, rows: np.ndarray) -> Moments:
    """Mean, spread and Gram matrix of some rows, in blocks, in the precision of the codes."""
    # In blocks: a copy of all rows, standardised, is never held.
    first = codes[rows[0]]  # the mean of what is left of equal values is exact
    total, square = np.zeros((2, codes.shape[1]))
    for part in _blocks(rows):
        away = codes[part].astype(np.float64) - first
        total += away.sum(axis=0)
        square += np.einsum("ij,ij->j", away, away)
    mean = first + total / len(rows)
    spread = np.sqrt(np.maximum(square / len(rows) - (total / len(rows)) ** 2, 0))
    # What rounding leaves of a constant column is no variation.
    flat = spread <= 16 * np.finfo(codes.dtype).eps * np.abs(mean)
    spread = np.where(flat, 1.0, spread)
    mean, spread = mean.astype(codes.dtype), spread.astype(codes.dtype)
    gram = np.zeros((len(mean), len(mean)))
    for part in _blocks(rows):
        z = (codes[part] - mean) / spread
        z[:, flat] = 0
        gram += z.T @ z
    return Moments(mean, np.where(flat, np.inf, spread).astype(codes.dtype), gram, rows)


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[i : i + ROWS] for i in range(0, len(rows), ROWS)]


def class_sums(codes: np.ndarray, ids: np.ndarray, size: int, found: Moments) -> np.ndarray:
    """Sum [size, d] of the standardised rows of each class; `ids` [n] are those of all rows."""
    sums = np.zeros((size, codes.shape[1]))
    order = found.rows[np.argsort(ids[found.rows], kind="stable")]
    for part in _blocks(order):
        own = ids[part]
        starts = np.flatnonzero(np.r_[True, own[1:] != own[:-1]])
        sums[own[starts]] += np.add.reduceat(
            found.standard(codes[part]).astype(np.float64), starts, axis=0
        )
    return sums


@dataclass(frozen=True)
class Discriminant:
    """Linear discriminant analysis with a pooled, shrunk covariance of the classes.

    Attributes
    ----------
    weights, bias
        [d, classes] and [classes], on standardised codes; a class without rows has bias -inf.
    """

    found: Moments
    weights: np.ndarray
    bias: np.ndarray

    def scores(self, codes: np.ndarray) -> np.ndarray:
        """Log posterior [n, classes]."""
        raw = self.found.standard(codes) @ self.weights + self.bias
        return raw - logsumexp(raw, axis=1, keepdims=True)

    def accuracy(self, codes: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> float:
        """Share of `rows` whose likeliest class is their own."""
        right = 0
        for part in _blocks(rows):
            raw = self.found.standard(codes[part]) @ self.weights + self.bias
            right += int((raw.argmax(axis=1) == ids[part]).sum())
        return right / len(rows)


def discriminant(codes: np.ndarray, ids: np.ndarray, size: int, found: Moments) -> Discriminant:
    """Fit to the rows of `found`; `ids` [n] are the classes of all rows, below `size`."""
    counts = np.bincount(ids[found.rows], minlength=size)
    means = class_sums(codes, ids, size, found) / np.maximum(counts, 1)[:, None]
    within = (found.gram - (means.T * counts) @ means) / len(found.rows)
    weights, bias = weigh(means, within, counts)
    return Discriminant(found, weights.astype(codes.dtype), bias.astype(codes.dtype))


def weigh(
    means: np.ndarray, within: np.ndarray, counts: np.ndarray, scale: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [d, K] and bias [K] of the discriminant of K classes that share a covariance.

    The largest of ``z @ weights + bias`` is the likeliest class. `means` [K, d] are about the
    mean of all, `within` [d, d] is the covariance about them, `counts` [K] how many rows each
    class has; one without any has bias -inf. `scale` is the variance of a typical dimension, by
    default that of these; spread of less than its millionth counts as none.
    """
    weights = _solved(shrink(means, within, counts, scale), means.T)
    with np.errstate(divide="ignore"):
        prior = np.log(counts / counts.sum())
    return weights, prior - 0.5 * (means.T * weights).sum(axis=0)


def shrink(
    means: np.ndarray, within: np.ndarray, counts: np.ndarray, scale: float | None = None
) -> np.ndarray:
    """Covariance [d, d] within classes, shrunk towards a multiple of the unit matrix.

    By the amount of Chen, Wiesel, Eldar and Hero (2010), arXiv:0907.4698, eq. 23, so that it is
    sound with fewer rows than dimensions. The arguments are those of `weigh`.
    """
    n, d = int(counts.sum()), len(within)
    total = np.diag(within) + counts @ means**2 / n
    moving = max(1, int(np.count_nonzero(total)))  # constant columns change nothing
    degrees = max(1, n - int(np.count_nonzero(counts)))
    trace, square = np.trace(within), float((within**2).sum())
    # The floor keeps classes without any spread apart from each other.
    usual = total.sum() / moving if scale is None else scale
    floor = max(1e-6 * usual * moving, np.finfo(np.float64).tiny ** 0.5)
    over = (degrees + 1 - 2 / moving) * (square - trace**2 / moving)
    amount = 1.0
    if over > 0 and trace > floor:
        amount = min(1.0, max(0.0, ((1 - 2 / moving) * square + trace**2) / over))
    return (1 - amount) * within + amount * max(trace, floor) / moving * np.eye(d)


def _solved(covariance: np.ndarray, means: np.ndarray) -> np.ndarray:
    # The Gram matrix of single precision may have eigenvalues a little below 0.
    ridge = 1e-9 * np.trace(covariance) / len(covariance)
    while True:
        try:
            factor = linalg.cho_factor(covariance + ridge * np.eye(len(covariance)))
        except linalg.LinAlgError:
            ridge *= 10
            continue
        return linalg.cho_solve(factor, means)


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
        cut = min(n - 1, max(1, round(TEST * n)))
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


def one_against_rest(scores: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """ROC-AUC of each class, from scores [n, classes]; NaN for a class with no row, or all.

    The AUC is the Mann-Whitney statistic of the ranks, ties counting half.
    """
    n, size = scores.shape
    positive = np.bincount(ids, minlength=size)[:size]
    auc = np.full(size, np.nan)
    for c in np.flatnonzero((positive > 0) & (positive < n)):
        ordered, own = np.sort(scores[:, c]), np.sort(scores[ids == c, c])
        # Twice the rank of each row of the class among all rows, ties sharing their mean.
        twice = np.searchsorted(ordered, own) + np.searchsorted(ordered, own, "right") + 1
        ranks = twice.sum() / 2
        least = positive[c] * (positive[c] + 1) / 2
        auc[c] = (ranks - least) / (positive[c] * (n - positive[c]))
    return auc
