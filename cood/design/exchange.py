"""Coordinate exchange: rows exchange the values of a factor until nothing improves.

The method is that of Meyer and Nachtsheim 1995, *The coordinate-exchange algorithm for constructing
exact optimal experimental designs*, Technometrics 37, 60-69,
https://doi.org/10.1080/00401706.1995.10485889, with exchanges between rows instead of new values,
as in Morris and Mitchell 1995, *Exploratory designs for computational experiments*, Journal of
Statistical Planning and Inference 43, 381-402, https://doi.org/10.1016/0378-3758(94)00035-T: so the
values of each factor stay evenly spread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cood.design.discrepancy import Evenness, random_discrepancy

SQUARINGS = 3  # of |r|, so that a sum is close to its largest term: r^8; plain, it has plateaus
EVENNESS = 2  # weight against |r| of the discrepancy, relative to that of random points
LEAST = 1e-6  # an exchange that improves by less is not made
LEAST_PASS = 1e-3  # a pass that improves by less is the last
PASSES = 30  # over all rows and factors
CANDIDATES = 10  # of a row and a factor: so many of the best exchanges are tried, if not feasible


@dataclass(frozen=True)
class Block:
    """Columns whose values rows exchange together: a factor, or one with its dose.

    Attributes
    ----------
    coded
        Its columns of the design matrix.
    unit
        Its column among the ranges whose discrepancy counts, or None.
    """

    coded: tuple[int, ...]
    unit: int | None


class Arrangement:
    """A design while rows exchange values.

    Parameters
    ----------
    coded
        Columns [n, K] of the design matrix.
    factor_of
        The factor [K] of each; correlations within a factor do not count.
    unit
        Places [n, s] in the ranges.
    blocks
        What rows exchange.

    Attributes
    ----------
    rows
        By block [n, blocks], from which row each row has its values.
    """

    def __init__(
        self,
        coded: np.ndarray,
        factor_of: Sequence[str],
        unit: np.ndarray,
        blocks: Sequence[Block],
    ) -> None:
        centred = coded - coded.mean(axis=0)
        length = np.sqrt((centred**2).sum(axis=0))
        self._z = centred / np.where(length > 0, length, 1)
        self._blocks = blocks
        of = np.array(factor_of)
        self._across = of[:, None] != of[None, :]
        self._r = self._z.T @ self._z
        self._powers = _power(self._r[self._across]).sum()
        self._even = Evenness(unit) if unit.shape[1] else None
        self._random = random_discrepancy(*unit.shape) if unit.shape[1] else 1.0
        self.rows = np.tile(np.arange(len(coded))[:, None], len(blocks))

    @property
    def criterion(self) -> float:
        """What is minimised: a mean of ``|r|`` near the largest, and the relative discrepancy."""
        return float(self._combine(self._powers, self._even.value if self._even else 0.0))

    def after(self, i: int, k: int) -> np.ndarray:
        """The criterion [n] if row i and row j exchanged their values of a block, for each j."""
        block = self._blocks[k]
        own = list(block.coded)
        others = np.setdiff1d(np.arange(len(self._r)), own)
        change = (self._z[i, own] - self._z[:, own])[:, :, None]
        change = change * (self._z[:, others] - self._z[i, others])[:, None, :]
        r = self._r[np.ix_(np.array(own), others)]
        powers = self._powers + 2 * (_power(r + change).sum(axis=(1, 2)) - _power(r).sum())
        even: np.ndarray | float = self._even.value if self._even else 0.0
        if self._even and block.unit is not None:
            even = self._even.after(i, block.unit)
        return self._combine(powers, even)

    def exchange(self, i: int, j: int, k: int) -> None:
        """Exchange the values of a block between rows i and j."""
        swap, back, own = [i, j], [j, i], list(self._blocks[k].coded)
        self._z[np.ix_(swap, own)] = self._z[np.ix_(back, own)]
        self._r[own] = self._z[:, own].T @ self._z
        self._r[:, own] = self._r[own].T
        self._powers = _power(self._r[self._across]).sum()
        self.rows[swap, k] = self.rows[back, k]
        unit = self._blocks[k].unit
        if self._even and unit is not None:
            self._even.exchange(i, j, unit)

    def _combine(self, powers: np.ndarray | float, even: np.ndarray | float) -> np.ndarray:
        # Differences of tiny powers may fall below 0 by rounding.
        largest = np.maximum(powers, 0) ** 0.5**SQUARINGS
        return largest + EVENNESS * np.asarray(even) / self._random


def _power(r: np.ndarray) -> np.ndarray:
    for _ in range(SQUARINGS):
        r = r * r
    return r


def improve(
    arrangement: Arrangement,
    new: np.ndarray,
    feasible: Callable[[np.ndarray], np.ndarray] | None,
    rng: np.random.Generator,
) -> None:
    """Exchange values between the new rows, best exchange first, until nothing improves.

    Parameters
    ----------
    arrangement
        Is changed.
    new
        Rows [m] that may change.
    feasible
        Says which rows [a, blocks], given as rows of values, are feasible; None if all are.
    rng
        Source of random numbers, for the order.
    """
    blocks = arrangement.rows.shape[1]
    for _ in range(PASSES):
        before = arrangement.criterion
        for k in rng.permutation(blocks):
            for i in rng.permutation(new):
                _exchange_best(arrangement, i, k, new, feasible)
        if before - arrangement.criterion < LEAST_PASS:
            return


def _exchange_best(
    arrangement: Arrangement,
    i: int,
    k: int,
    new: np.ndarray,
    feasible: Callable[[np.ndarray], np.ndarray] | None,
) -> None:
    """Make the best exchange of row i in a block, if one improves the design."""
    after = arrangement.after(i, k)[new]
    best = np.argsort(after, kind="stable")[:CANDIDATES]
    best = new[best[after[best] < arrangement.criterion - LEAST]]
    if feasible is not None and len(best):
        best = best[feasible_exchanges(arrangement, i, k, best, feasible).all(axis=1)]
    if len(best):
        arrangement.exchange(i, best[0], k)


def feasible_exchanges(
    arrangement: Arrangement,
    i: int,
    k: int,
    others: np.ndarray,
    feasible: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Whether both rows [a, 2] would be feasible after row i exchanged a block with others [a]."""
    here, there = np.tile(arrangement.rows[i], (len(others), 1)), arrangement.rows[others]
    here[:, k], there[:, k] = arrangement.rows[others, k], arrangement.rows[i, k]
    return feasible(np.concatenate([here, there])).reshape(2, -1).T


def repair(
    arrangement: Arrangement,
    new: np.ndarray,
    feasible: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
    tries: int,
) -> int:
    """Exchange values between the new rows until all are feasible; how many are not at the end."""
    for _ in range(tries):
        bad = new[~feasible(arrangement.rows[new])]
        if not len(bad):
            return 0
        i, k = int(rng.choice(bad)), int(rng.integers(arrangement.rows.shape[1]))
        others = rng.permutation(new[new != i])
        if not len(others):
            break
        was = feasible(arrangement.rows[others])
        now = feasible_exchanges(arrangement, i, k, others, feasible)
        gain = now.sum(axis=1) - was
        if gain.max() >= 0:  # a move on the level may lead out of a dead end
            arrangement.exchange(i, int(others[np.argmax(gain)]), k)
    return int((~feasible(arrangement.rows[new])).sum())
