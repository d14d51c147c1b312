"""The values that a design has of each factor: as many as there are models, evenly spread.

New values go where those of models that are kept leave gaps, so that old and new together are
spread as evenly as if they had been drawn at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stratified(number: int, kept: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """New places in [0, 1], ascending, that make `number` with those kept: one in each stratum.

    The interval is cut into `number` strata. Each kept place is given a stratum, so that the sum of
    the distances to the centres is least; each stratum that is left gets a new place at random.

    Parameters
    ----------
    number
        Number of all places.
    kept
        Places [k] in [0, 1], at most `number`.
    rng
        Source of random numbers.

    Returns
    -------
    numpy.ndarray
        New places [number - k].
    """
    from scipy.optimize import linear_sum_assignment

    centres = (np.arange(number) + 0.5) / number
    _, taken = linear_sum_assignment(np.abs(np.asarray(kept)[:, None] - centres))
    left = np.setdiff1d(np.arange(number), taken)
    return (left + rng.random(len(left))) / number


def balanced(
    levels: Sequence[str], number: int, kept: Sequence[str], rng: np.random.Generator
) -> list[str]:
    """New levels that make `number` with those kept, in the order of `levels`.

    The level that is rarest so far comes next, ties at random: counts differ by one at most, unless
    those kept differ by more than the new ones can mend.
    """
    counts = np.array([list(kept).count(level) for level in levels])
    order = rng.permutation(len(levels))
    new = np.zeros(len(levels), dtype=int)
    for _ in range(number - len(kept)):
        least = order[np.argmin((counts + new)[order])]
        new[least] += 1
    return [level for level, times in zip(levels, new, strict=True) for _ in range(times)]
