"""Counts, means and covariance of codes by class, and the linear discriminant they give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cood.device_arrays import Array, is_tensor, moved, on_host

RIDGE_START = 1e-9  # of the mean variance: what rounding leaves of a covariance
RIDGE_FACTOR = 10.0
RIDGE_STEPS = 13  # up to a thousand times the mean variance, when nothing else is left
NO_SPREAD = 1e-6  # of the variance of a typical dimension: less spread than that is none


@dataclass(frozen=True)
class ClassMoments:
    """Moments of codes by class, for K classes that share a covariance.

    Attributes
    ----------
    counts
        Number of codes [K] of each class; 0 for classes that do not occur.
    means
        Mean code [K, d] of each class, about the mean of all; 0 where there is none.
    within
        Covariance [d, d] about these means.
    """

    counts: np.ndarray
    means: np.ndarray
    within: np.ndarray

    @classmethod
    def from_sums(
        cls, counts: np.ndarray, sums: np.ndarray, gram: np.ndarray, n: int
    ) -> ClassMoments:
        """Moments from the sums [K, d] by class and the Gram matrix [d, d] of n centred codes."""
        means = sums / np.maximum(counts, 1)[:, None]
        return cls(counts, means, (gram - (means.T * counts) @ means) / n)

    @property
    def between(self) -> np.ndarray:
        """Covariance [d, d] of the means, each weighted by its number of codes."""
        return (self.means.T * self.counts) @ self.means / self.counts.sum()

    @property
    def scale(self) -> float:
        """Variance of a dimension, on average."""
        between = self.counts @ (self.means**2).sum(axis=1) / self.counts.sum()
        return float(np.trace(self.within) + between) / len(self.within)

    def rotated(self, basis: np.ndarray) -> ClassMoments:
        """Moments of the codes times `basis` [d, d], which is orthogonal."""
        return ClassMoments(self.counts, self.means @ basis, basis.T @ self.within @ basis)

    def subset(self, dimensions: np.ndarray) -> ClassMoments:
        """Moments of some dimensions [k] only."""
        within = self.within[np.ix_(dimensions, dimensions)]
        return ClassMoments(self.counts, self.means[:, dimensions], within)

    def shrunk(self, scale: float | None = None) -> np.ndarray:
        """Covariance [d, d] within classes, shrunk towards a multiple of the unit matrix.

        By the amount of Chen, Wiesel, Eldar and Hero (2010), arXiv:0907.4698, eq. 23, so that it
        is sound with fewer rows than dimensions.

        Parameters
        ----------
        scale
            Variance of a typical dimension, by default that of these; spread of less than its
            millionth counts as none.
        """
        counts, within = self.counts, self.within
        n, d = int(counts.sum()), len(within)
        total = np.diag(within) + counts @ self.means**2 / n
        moving = max(1, int(np.count_nonzero(total)))  # constant columns change nothing
        degrees = max(1, n - int(np.count_nonzero(counts)))
        trace, square = np.trace(within), float((within**2).sum())
        # The floor keeps classes without any spread apart from each other.
        usual = total.sum() / moving if scale is None else scale
        floor = max(NO_SPREAD * usual * moving, np.finfo(np.float64).tiny ** 0.5)
        over = (degrees + 1 - 2 / moving) * (square - trace**2 / moving)
        amount = 1.0
        if over > 0 and trace > floor:
            amount = min(1.0, max(0.0, ((1 - 2 / moving) * square + trace**2) / over))
        return (1 - amount) * within + amount * max(trace, floor) / moving * np.eye(d)

    def discriminant(self, scale: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Weights [d, K] and bias [K] of the linear discriminant of the classes.

        The largest of ``z @ weights + bias`` is the likeliest class of a code z about the mean of
        all; a class that does not occur has bias -inf. `scale` is that of `shrunk`.
        """
        weights = _solve(self.shrunk(scale), self.means.T)
        with np.errstate(divide="ignore"):
            prior = np.log(self.counts / self.counts.sum())
        return weights, prior - 0.5 * (self.means.T * weights).sum(axis=0)


def class_moments(codes: np.ndarray, ids: np.ndarray, size: int) -> ClassMoments:
    """Moments of codes [n, d] by class [n], a number below `size`, in double precision."""
    return moments_by_factor(codes, [(ids, size)])[0]


def moments_by_factor(
    codes: np.ndarray, labels: Sequence[tuple[np.ndarray, int]]
) -> list[ClassMoments]:
    """Moments of codes [n, d] by each of several factors: classes [n], and their number."""
    codes = codes.astype(np.float64)
    codes = codes - codes.mean(axis=0)
    gram, found = codes.T @ codes, []
    for ids, size in labels:
        order = np.argsort(ids, kind="stable")
        sums = sum_by_class([(codes[order], ids[order])], size, codes.shape[1])
        counts = np.bincount(ids, minlength=size)
        found.append(ClassMoments.from_sums(counts, sums, gram, len(codes)))
    return found


def sum_by_class(blocks: Iterable[tuple[Array, np.ndarray]], size: int, width: int) -> np.ndarray:
    """Sum [size, width] of the codes of each class, over blocks of codes and ids.

    Arrays of NumPy are sorted by id.
    """
    sums: Array = np.zeros((size, width))
    for codes, ids in blocks:
        if is_tensor(codes):
            from cood.metrics import on_device

            sums = moved(sums, codes.device)
            on_device.add_by_class(sums, codes, moved(ids, codes.device))
            continue
        starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
        sums[ids[starts]] += np.add.reduceat(codes, starts, axis=0)
    return on_host(sums)


def _solve(covariance: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Solve for the means, with the smallest ridge that makes the covariance positive definite.

    The Gram matrix of single precision may have eigenvalues a little below 0.
    """
    from scipy import linalg

    variance = np.trace(covariance) / len(covariance)
    ridge = RIDGE_START * variance
    for _ in range(RIDGE_STEPS):
        try:
            factor = linalg.cho_factor(covariance + ridge * np.eye(len(covariance)))
        except linalg.LinAlgError:
            ridge *= RIDGE_FACTOR
            continue
        return linalg.cho_solve(factor, means)
    raise np.linalg.LinAlgError(
        f"covariance: not positive definite, even with {ridge / RIDGE_FACTOR:.3g} added to each "
        f"variance (mean variance {variance:.3g}); check the codes for columns of very different "
        "scale and standardise them"
    )
