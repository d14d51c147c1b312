"""Intervals by bootstrap over groups: compositions, not single images, are what could differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CHUNK = 100


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, and from how many observations."""

    value: float
    low: float
    high: float
    n: int


def grouped_mean(
    hits: np.ndarray,
    groups: np.ndarray,
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
    per_group: bool = False,
) -> Estimate:
    """Mean of `hits` with a percentile interval from resampling whole groups.

    Parameters
    ----------
    hits
        Observations [n], such as 1 for a right answer.
    groups
        Group id [n] of each observation.
    rng
        Source of the resamples.
    resamples, level
        How many resamples, and how much the interval covers.
    per_group
        Mean of the groups' means instead of the mean of all observations.

    Returns
    -------
    Estimate
        All of it NaN, with n = 0, if there is no observation. See Efron and Tibshirani (1993),
        *An Introduction to the Bootstrap*, chapter 13, https://doi.org/10.1201/9780429246593.
    """
    column = np.asarray(hits, dtype=np.float64)[:, None]
    return grouped_means(
        column, groups, rng=rng, resamples=resamples, level=level, per_group=per_group
    )[0]


def means_of_finite(
    hits: Sequence[np.ndarray],
    groups: np.ndarray,
    *,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
) -> list[Estimate]:
    """As `grouped_mean`, for each of several `hits` [n], whose NaN are left out.

    Hits that are finite in the same places are resampled together: drawing costs more than the
    means. Each draw starts from `seed`, so that an estimate does not depend on the others.
    """
    columns = [np.asarray(values, dtype=np.float64) for values in hits]
    finite = [np.isfinite(column) for column in columns]
    estimates: dict[int, Estimate] = {}
    for places in {where.tobytes(): where for where in finite}.values():
        alike = [k for k, where in enumerate(finite) if np.array_equal(where, places)]
        found = grouped_means(
            np.stack([columns[k][places] for k in alike], axis=1),
            groups[places],
            rng=np.random.default_rng(seed),
            resamples=resamples,
            level=level,
        )
        estimates |= dict(zip(alike, found, strict=True))
    return [estimates[k] for k in range(len(hits))]


def grouped_means(
    hits: np.ndarray,
    groups: np.ndarray,
    *,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
    per_group: bool = False,
) -> list[Estimate]:
    """As `grouped_mean`, for each column of `hits` [n, m], all with the same resamples."""
    hits = np.asarray(hits, dtype=np.float64)
    if len(hits) != len(groups):
        raise ValueError(f"hits and groups differ in length: {len(hits)} and {len(groups)}")
    n, columns = hits.shape
    if not n:
        return [Estimate(np.nan, np.nan, np.nan, 0)] * columns
    _, index = np.unique(groups, return_inverse=True)
    counts: np.ndarray = np.bincount(index).astype(np.float64)
    sums = np.stack([np.bincount(index, weights=column) for column in hits.T], axis=1)
    if per_group:
        sums, counts = sums / counts[:, None], np.ones_like(counts)
    n_groups = len(counts)
    means = np.empty((resamples, columns))
    even = np.full(n_groups, 1 / n_groups)
    for start in range(0, resamples, CHUNK):  # all at once would be resamples x groups numbers
        stop = min(start + CHUNK, resamples)
        weights = rng.multinomial(n_groups, even, size=stop - start).astype(np.float64)
        means[start:stop] = (weights @ sums) / (weights @ counts)[:, None]
    tail = (1 - level) / 2
    lows, highs = np.quantile(means, [tail, 1 - tail], axis=0)
    values = sums.sum(axis=0) / counts.sum()
    return [
        Estimate(float(value), float(low), float(high), n)
        for value, low, high in zip(values, lows, highs, strict=True)
    ]
