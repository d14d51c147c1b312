"""Linear discriminants on some dimensions of a code, and orders of the dimensions by a factor."""

from __future__ import annotations

import numpy as np

from cood.device_arrays import Array, device_of, moved, on_host, single
from cood.metrics.class_moments import ClassMoments

RULES = ("share", "weight", "forward")
ROWS = 4096  # codes classified at a time
PLACES = 64  # dimensions taken at a time: few enough for a processor's cache


def subset_discriminant(
    moments: ClassMoments, dimensions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [k, K] and offsets [K] of the linear discriminant on k dimensions.

    A value that does not occur has an offset of minus infinity. Spread is compared with that of
    all dimensions.
    """
    return moments.subset(dimensions).discriminant(moments.scale)


def classify(codes: Array, weights: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The value [n] whose discriminant is largest, for codes [n, k] about the mean fitted on.

    Codes of torch are classified where they are.
    """
    device = device_of(codes)
    weights, offsets = (moved(v.astype(np.float32), device) for v in (weights, offsets))
    blocks = [
        on_host((single(codes[start : start + ROWS]) @ weights + offsets).argmax(1))
        for start in range(0, len(codes), ROWS)
    ]
    return np.concatenate([*blocks, np.empty(0, dtype=np.int64)])


def rank_dimensions(moments: ClassMoments, rule: str) -> np.ndarray:
    """Dimensions [d] in the order in which they predict the factor, the best first.

    Parameters
    ----------
    moments
        Moments of the codes by the factor.
    rule
        ``share``: the share of the variance that lies between the values (eta squared), each
        dimension by itself;
        ``weight``: the length of the dimension's weights in the discriminant on all dimensions,
        in units of its standard deviation;
        ``forward``: each time the dimension with the largest such share of what the dimensions
        before it leave over, which is forward selection by Wilks' lambda (Rencher and
        Christensen 2012, https://doi.org/10.1002/9781118391686, section 8.9).

    Raises
    ------
    ValueError
        If there is no such rule.
    """
    within = moments.shrunk(moments.scale)
    total = within + moments.between
    match rule:
        case "share":
            return np.argsort(np.diag(within) / np.diag(total), kind="stable")
        case "weight":
            weights, _ = subset_discriminant(moments, np.arange(len(total)))
            spread = np.sqrt(np.diag(total))
            return np.argsort(-spread * np.linalg.norm(weights, axis=1), kind="stable")
        case "forward":
            return _forward(within, total)
    raise ValueError(f"rule: expected one of {', '.join(RULES)}, got {rule!r}")


def _forward(within: np.ndarray, total: np.ndarray) -> np.ndarray:
    """The order [d] of forward selection: each time the least ratio of the two variances left.

    What the dimensions chosen before predict is subtracted, but only where it is asked for: of
    the variances, and of the column of the next dimension. Dimensions stand in the order chosen,
    then those that are left, so that columns get shorter.
    """
    width = len(within)
    order, place = np.arange(width), np.arange(width)
    ratio = np.empty(width)
    sides = [_Side(matrix) for matrix in (within, total)]
    for step in range(width):
        ratio[order[step:]] = sides[0].left[step:] / sides[1].left[step:]
        best, first = ratio.argmin(), order[step]
        ratio[best], at = np.inf, place[best]
        order[step], order[at] = best, first
        place[best], place[first] = step, at
        for side in sides:
            side.choose(step, at, order)
    return order


class _Side:
    """A covariance [d, d] of which the dimensions that are chosen are taken out one by one.

    Attributes
    ----------
    left
        Variance [d] that those before it leave over, of each place of the order.
    columns
        For each step, the covariance [d] of the chosen dimension with those after it.
    """

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix, self.left = matrix, np.diag(matrix).copy()
        self.columns = np.empty_like(matrix)

    def choose(self, step: int, at: int, order: np.ndarray) -> None:
        """Take out the dimension at a place, which changes places with that of the step."""
        self.left[[step, at]] = self.left[[at, step]]
        self.columns[:step, [step, at]] = self.columns[:step, [at, step]]
        own, variances = self.columns[:step, step, None].copy(), self.left[:step, None]
        for start in range(step + 1, len(order), PLACES):
            rest = slice(start, start + PLACES)
            terms = np.empty((step + 1, len(order[rest])))
            terms[0] = self.matrix[order[rest], order[step]]
            np.multiply(self.columns[:step, rest], own, out=terms[1:])
            terms[1:] /= variances
            # One after the other, as if each had been subtracted from the whole matrix.
            column = self.columns[step, rest] = np.subtract.reduce(terms, axis=0)
            self.left[rest] -= column * column / self.left[step]
