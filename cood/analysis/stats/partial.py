"""Pearson's and Spearman's coefficient of two columns given others, for many sets of models."""

from __future__ import annotations

import numpy as np

# Share of the variance of a column below which what is left of it is rounding.
ROUNDING = 1e-10


def coefficients(columns: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pearson's and Spearman's coefficient [r] of the first two columns, given the others.

    Parameters
    ----------
    columns
        Numbers [m, n] of n models.
    weights
        How many times each model counts [r, n], in each of r sets of models.

    Returns
    -------
    tuple
        NaN where a column is constant among the weighted models, or is determined by the others.
    """
    plain = np.broadcast_to(columns, (len(weights), *columns.shape))
    ranked = np.stack([weighted_ranks(column, weights) for column in columns], axis=1)
    return _partial(plain, weights), _partial(ranked, weights)


def ranks(columns: np.ndarray) -> np.ndarray:
    """Rank of each model in each of some columns [m, n]; equal numbers have their mean rank."""
    return np.stack([weighted_ranks(column, np.ones((1, len(column))))[0] for column in columns])


def weighted_ranks(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean rank [r, n] of each model among the weighted ones: those below it, and half the ties."""
    below = (x[:, None] > x) + (x[:, None] == x) / 2
    return weights @ below.T + 0.5


def _partial(columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    share = weights / weights.sum(axis=1, keepdims=True)
    centred = columns - (columns @ share[:, :, None])
    covariance = (centred * share[:, None]) @ centred.transpose(0, 2, 1)  # [r, m, m]
    scale = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    constant = scale <= ROUNDING * np.abs(columns).max(axis=2)
    scale = np.where(constant, np.inf, scale)  # a constant column correlates with nothing
    correlation = covariance / scale[:, :, None] / scale[:, None, :]
    left, across, given = correlation[:, :2, :2], correlation[:, :2, 2:], correlation[:, 2:, 2:]
    if given.size:
        inverse = np.linalg.pinv(given, rcond=ROUNDING, hermitian=True)
        left = left - across @ inverse @ across.transpose(0, 2, 1)
    first, second = left[:, 0, 0], left[:, 1, 1]
    none_left = (first <= ROUNDING) | (second <= ROUNDING)
    product = np.where(none_left, 1, first * second)
    return np.where(none_left, np.nan, left[:, 0, 1] / np.sqrt(product))
