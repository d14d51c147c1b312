"""Intervals from leaving out groups of rows: the delete-a-group jackknife."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95


def deal(groups: ArrayLike, folds: int, seed: int) -> np.ndarray:
    """The fold [n] of each row; rows of one group [n] stay together.

    Raises
    ------
    ValueError
        If there are more folds than groups.
    """
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    count = int(group.max()) + 1
    if count < folds:
        raise ValueError(f"folds: {folds} is more than the {count} groups")
    return np.random.default_rng((seed, 2)).permutation(count)[group] % folds


def half_width(values: np.ndarray) -> np.ndarray:
    """Half the width [k] of 95 % intervals of k scores, from those without each fold [folds, k].

    Kott (2001), *Journal of Official Statistics* 17, 521-526, with Student's t.
    """
    from scipy.special import stdtrit  # the quantile of t, without the slow import of scipy.stats

    folds = len(values)
    error = np.sqrt((folds - 1) ** 2 / folds * values.var(axis=0, ddof=1))
    return np.asarray(stdtrit(folds - 1, (1 + LEVEL) / 2) * error)
