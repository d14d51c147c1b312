"""Sampling pairs and batches of rows in which one factor is fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cood.device_arrays import Array, is_tensor
from cood.metrics.common import combination_ids

TRIES = 60  # draws of a partner before a pair is abandoned
BLOCK = 2**17  # elements of codes worked on at a time: small enough for a processor's cache
POINTS = 2**20  # rows shuffled at a time
RENEW = 4  # rounds after which the first row of a pair is drawn again too
FEWEST = 20  # at least one in so many pairs must be valid, as it is repeated for the others
HOPELESS = 2**18  # draws without any pair before all are abandoned


@dataclass(frozen=True)
class Rows:
    """Rows by the value of one factor: those with value v are `order[start[v]:][:count[v]]`."""

    order: np.ndarray
    start: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, ids: np.ndarray) -> Rows:
        """Sort rows by their ids [n]."""
        count = np.bincount(ids)
        return cls(np.argsort(ids, kind="stable"), np.cumsum(count) - count, count)

    def draw(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One row for each of `values`, each row of that value equally likely."""
        place = (rng.random(values.shape) * self.count[values]).astype(np.int64)
        return self.order[self.start[values] + place]


def draw_pairs(
    factors: np.ndarray, fixed: int | None, size: int, differ: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray] | None:
    """Draw `size` pairs of rows that agree in the factor `fixed`, or in none if it is None.

    The first row is uniform over all rows; the second, uniform over those that agree with it in
    `fixed` and, if `differ`, in no other factor that varies. None if hardly any such pair exists.
    """
    n = len(factors)
    values = np.zeros(n, np.int64) if fixed is None else factors[:, fixed]
    by_value = Rows.of(values)
    varied = np.flatnonzero((factors != factors[0]).any(axis=0))
    others = [factors[:, k] for k in varied if k != fixed]
    first = rng.integers(n, size=size)
    second = by_value.draw(values[first], rng)
    if not differ:
        return first, second
    bad = np.arange(size)
    for round_ in range(TRIES):
        left, right = first[bad], second[bad]
        bad = bad[np.any([ids[left] == ids[right] for ids in others], axis=0)]
        if not len(bad):
            return first, second
        if len(bad) == size and (round_ + 1) * size > HOPELESS:
            return None
        if (round_ + 1) % RENEW == 0:  # its value may occur with one value of another factor only
            first[bad] = rng.integers(n, size=len(bad))
        second[bad] = by_value.draw(values[first[bad]], rng)
    return (first, second) if _fill(bad, first, second, rng=rng) else None


def draw_controls(
    factors: np.ndarray,
    fixed: int,
    first: np.ndarray,
    second: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray] | None:
    """For pairs that agree in the factor `fixed`, pairs that do not but are alike in the others.

    Rows of a control have the other factors of the rows of its pair, so that codes which hold those
    only cannot distinguish the two kinds, whichever compositions exist. A pair without control is
    replaced by another pair, in place. None if hardly any pair has one.
    """
    others = np.delete(factors, fixed, axis=1)
    ids = combination_ids(others)
    alike = Rows.of(ids)
    values = factors[:, fixed]
    left, right = (alike.draw(ids[rows], rng) for rows in (first, second))
    bad = np.arange(len(left))
    for round_ in range(TRIES):
        bad = bad[values[left[bad]] == values[right[bad]]]
        if not len(bad):
            return left, right
        if len(bad) == len(first) and (round_ + 1) * len(first) > HOPELESS:
            return None
        left[bad] = alike.draw(ids[first[bad]], rng)
        right[bad] = alike.draw(ids[second[bad]], rng)
    return (left, right) if _fill(bad, first, second, left, right, rng=rng) else None


def _fill(bad: np.ndarray, *rows: np.ndarray, rng: np.random.Generator) -> bool:
    """Put other draws for the `bad` ones, in place; False if nearly all are bad."""
    good = np.setdiff1d(np.arange(len(rows[0])), bad)
    if not len(good) or len(good) < len(rows[0]) // FEWEST:
        return False
    fill = rng.choice(good, len(bad))
    for each in rows:
        each[bad] = each[fill]
    return True


def mean_differences(codes: Array, first: np.ndarray, second: np.ndarray, batch: int) -> Array:
    """Mean absolute difference [points, d] over each `batch` pairs of rows."""
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.mean_differences(codes, first, second, batch)
    points, d = len(first) // batch, codes.shape[1]
    result = np.empty((points, d), codes.dtype)
    step = max(1, BLOCK // (batch * d))
    left, right = (np.empty((step * batch, d), codes.dtype) for _ in range(2))
    weights = np.full((1, batch), 1 / batch, codes.dtype)
    for start in range(0, points, step):
        stop = min(points, start + step)
        size = (stop - start) * batch
        rows = slice(start * batch, stop * batch)
        np.take(codes, first[rows], axis=0, out=left[:size], mode="clip")
        np.take(codes, second[rows], axis=0, out=right[:size], mode="clip")
        np.subtract(left[:size], right[:size], out=left[:size])
        np.abs(left[:size], out=left[:size])
        np.matmul(weights, left[:size].reshape(-1, batch, d), out=result[start:stop, None])
    return result


def draw_batches(
    factors: np.ndarray,
    fixed: int | None,
    points: int,
    batch: int,
    sampling: str,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Rows [points, batch]; those of a point share a value of the factor `fixed`, if not None.

    The value is that of a row drawn at random. `sampling` says how the rows of a point are drawn:
    ``balanced``, from all combinations of the factors equally often, as far as they have rows;
    ``without replacement``, whatever their combination; in both cases no row is drawn again before
    all are, and the result is None if no value has two rows; or ``with replacement``.
    """
    n = len(factors)
    values = np.zeros(n, np.int64) if fixed is None else factors[:, fixed]
    by_value = Rows.of(values)
    if sampling == "with replacement":
        of_point = values[rng.integers(n, size=points)]
        return by_value.draw(np.repeat(of_point[:, None], batch, axis=1), rng)
    several = values[by_value.count[values] > 1]
    if not len(several):
        return None
    of_point = rng.choice(several, size=points)
    ids = np.arange(n)
    if sampling == "balanced":
        ids = combination_ids(factors)
    rows_of = np.split(by_value.order, by_value.start[1:])
    rows = np.empty((points, batch), np.int64)
    step = max(1, POINTS // int(by_value.count.max()))
    for start in range(0, points, step):
        some = of_point[start : start + step]
        shuffled = [rng.permutation(rows_of[value]) for value in some.tolist()]
        for value in np.unique(some):
            which = np.flatnonzero(some == value)
            own = np.stack([shuffled[i] for i in which])
            order = _in_turn(ids[own])
            cycled = order[:, np.arange(batch) % order.shape[1]]
            rows[start + which] = np.take_along_axis(own, cycled, axis=1)
    return rows


def _in_turn(ids: np.ndarray) -> np.ndarray:
    """Places of each row of ids [points, n]: all first of their id, then all second, and so on."""
    places = np.arange(ids.shape[1])
    bits = ids.shape[1].bit_length()
    # Numbers that hold the place in their last bits sort several times as fast as `argsort`.
    by_id = np.sort(ids << bits | places, axis=1)
    new = np.diff(by_id >> bits, axis=1, prepend=-1) != 0
    starts = np.maximum.accumulate(np.where(new, places, 0), axis=1)
    last = (1 << bits) - 1
    return np.sort((places - starts) << bits | by_id & last, axis=1) & last


def batch_variances(codes: Array, rows: np.ndarray) -> Array:
    """Variance [points, d] of each dimension over the rows [points, batch] of each point."""
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.batch_variances(codes, rows)
    points, batch = rows.shape
    d = codes.shape[1]
    result = np.empty((points, d), codes.dtype)
    step = max(1, BLOCK // (batch * d))
    # As `numpy.var` does it, but in one piece of memory, which is a quarter faster.
    taken = np.empty((min(step, points), batch, d), codes.dtype)
    for start in range(0, points, step):
        part = rows[start : start + step]
        z = taken[: len(part)]
        np.take(codes, part, axis=0, out=z, mode="clip")
        z -= z.sum(axis=1, keepdims=True) / codes.dtype.type(batch)
        np.square(z, out=z)
        z.sum(axis=1, out=result[start : start + step])
    result /= codes.dtype.type(batch - 1)
    return result
