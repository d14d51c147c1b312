"""Linear discriminants on some dimensions of a code, and orders of the dimensions by a factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cood.metrics.discriminant import shrink, weigh

RULES = ("share", "weight", "forward")
ROWS = 4096  # codes classified at a time


@dataclass(frozen=True)
class Moments:
    """What linear discriminants need of codes and one factor with K values.

    Attributes
    ----------
    counts
        Number of codes [K] of each value; 0 for values that do not occur.
    means
        Mean code [K, d] of each value, about the mean of all; 0 where there is none.
    within
        Covariance [d, d] about these means.
    """

    counts: np.ndarray
    means: np.ndarray
    within: np.ndarray

    @property
    def between(self) -> np.ndarray:
        """Covariance [d, d] of the means, each weighted by its number of codes."""
        return (self.means.T * self.counts) @ self.means / self.counts.sum()

    @property
    def scale(self) -> float:
        """Variance of a dimension, on average."""
        return float(np.trace(self.within) + np.trace(self.between)) / len(self.within)

    def rotated(self, basis: np.ndarray) -> Moments:
        """Those of the codes times `basis` [d, d], which is orthogonal."""
        return Moments(self.counts, self.means @ basis, basis.T @ self.within @ basis)


def moments(codes: np.ndarray, labels: np.ndarray, size: int) -> Moments:
    """Moments of codes [n, d] by label [n], a number below `size`."""
    codes = codes.astype(np.float64)
    codes = codes - codes.mean(axis=0)
    counts = np.bincount(labels, minlength=size)
    sums = np.zeros((size, codes.shape[1]))
    order = np.argsort(labels, kind="stable")
    present = np.flatnonzero(counts)
    starts = np.concatenate([[0], np.cumsum(counts[present])[:-1]])
    sums[present] = np.add.reduceat(codes[order], starts, axis=0)
    means = sums / np.maximum(counts, 1)[:, None]
    within = (codes.T @ codes - (means.T * counts) @ means) / len(codes)
    return Moments(counts, means, within)


def discriminant(fitted: Moments, dimensions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights [k, K] and offsets [K] of the linear discriminant on k dimensions.

    A value that does not occur has an offset of minus infinity.
    """
    within = fitted.within[np.ix_(dimensions, dimensions)]
    return weigh(fitted.means[:, dimensions], within, fitted.counts, fitted.scale)


def classify(codes: np.ndarray, weights: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The value [n] whose discriminant is largest, for codes [n, k] about the mean fitted on."""
    weights, offsets = weights.astype(np.float32), offsets.astype(np.float32)
    blocks = [
        (codes[start : start + ROWS].astype(np.float32) @ weights + offsets).argmax(axis=1)
        for start in range(0, len(codes), ROWS)
    ]
    return np.concatenate([*blocks, np.empty(0, dtype=np.int64)])


def ranked(fitted: Moments, rule: str) -> np.ndarray:
    """Dimensions [d] by how well they separate the factor's values, the best first.

    Parameters
    ----------
    fitted
        Moments of the codes by the values of the factor.
    rule
        ``share``: the share of the variance that lies between the values (eta squared), each
        dimension by itself;
        ``weight``: the length of the dimension's weights in the discriminant on all dimensions,
        in units of its standard deviation;
        ``forward``: each time the dimension with the largest such share of what the dimensions
        before it leave unexplained, which is forward selection by Wilks' lambda (Rencher and
        Christensen 2012, https://doi.org/10.1002/9781118391686, section 8.9).

    Raises
    ------
    ValueError
        If there is no such rule.
    """
    within = shrink(fitted.means, fitted.within, fitted.counts, fitted.scale)
    total = within + fitted.between
    match rule:
        case "share":
            return np.argsort(np.diag(within) / np.diag(total), kind="stable")
        case "weight":
            weights, _ = discriminant(fitted, np.arange(len(total)))
            spread = np.sqrt(np.diag(total))
            return np.argsort(-spread * np.linalg.norm(weights, axis=1), kind="stable")
        case "forward":
            return _forward(within, total)
    raise ValueError(f"rule: expected one of {', '.join(RULES)}, got {rule!r}")


def _forward(within: np.ndarray, total: np.ndarray) -> np.ndarray:
    within, total = within.copy(), total.copy()
    left = np.ones(len(total), dtype=bool)
    order = np.empty(len(total), dtype=np.int64)
    for step in range(len(order)):
        ratio = np.where(left, np.diag(within) / np.diag(total), np.inf)
        best = order[step] = ratio.argmin()
        left[best] = False
        for matrix in (within, total):  # what the chosen dimension cannot predict of the others
            column = matrix[:, best] * left
            matrix -= np.outer(column, column) / matrix[best, best]
    return order
