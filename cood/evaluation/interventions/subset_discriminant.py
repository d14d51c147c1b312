"""Linear discriminants on some dimensions of a code, and orders of the dimensions by a factor."""

from __future__ import annotations

import numpy as np

from cood.metrics.class_moments import ClassMoments

RULES = ("share", "weight", "forward")
ROWS = 4096  # codes classified at a time


def subset_discriminant(
    moments: ClassMoments, dimensions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [k, K] and offsets [K] of the linear discriminant on k dimensions.

    A value that does not occur has an offset of minus infinity. Spread is compared with that of
    all dimensions.
    """
    return moments.subset(dimensions).discriminant(moments.scale)


def classify(codes: np.ndarray, weights: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The value [n] whose discriminant is largest, for codes [n, k] about the mean fitted on."""
    weights, offsets = weights.astype(np.float32), offsets.astype(np.float32)
    blocks = [
        (codes[start : start + ROWS].astype(np.float32) @ weights + offsets).argmax(axis=1)
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
