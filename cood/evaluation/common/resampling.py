"""Intervals by bootstrap over groups: compositions, not single images, are what could differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

CHUNK = 100  # resamples at a time
DRAWS = 24  # that are kept: all categories of attributes, each with all hits and with some only


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
    seed: int,
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
    seed
        Of the resamples; with the same one, as many groups are resampled alike.
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
        column, groups, seed=seed, resamples=resamples, level=level, per_group=per_group
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

    Each draw starts from `seed`, so that an estimate does not depend on the others.
    """
    columns = [np.asarray(values, dtype=np.float64) for values in hits]
    finite = [np.isfinite(column) for column in columns]
    estimates: dict[int, Estimate] = {}
    for places in {where.tobytes(): where for where in finite}.values():
        alike = [k for k, where in enumerate(finite) if np.array_equal(where, places)]
        found = grouped_means(
            np.stack([columns[k][places] for k in alike], axis=1),
            groups[places],
            seed=seed,
            resamples=resamples,
            level=level,
        )
        estimates |= dict(zip(alike, found, strict=True))
    return [estimates[k] for k in range(len(hits))]


def grouped_means(
    hits: np.ndarray,
    groups: np.ndarray,
    *,
    seed: int,
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
    draws = _draws(seed, len(counts), resamples)
    means = np.empty((resamples, columns))
    for start in range(0, resamples, CHUNK):  # as numbers of double precision, all are large
        weights = draws[start : start + CHUNK].astype(np.float64)
        means[start : start + CHUNK] = (weights @ sums) / (weights @ counts)[:, None]
    tail = (1 - level) / 2
    lows, highs = np.quantile(means, [tail, 1 - tail], axis=0)
    values = sums.sum(axis=0) / counts.sum()
    return [
        Estimate(float(value), float(low), float(high), n)
        for value, low, high in zip(values, lows, highs, strict=True)
    ]


@lru_cache(maxsize=DRAWS)
def _draws(seed: int, n_groups: int, resamples: int) -> np.ndarray:
    """How often each resample draws each group [resamples, n_groups].

    They are kept, as drawing takes longer than the means: scores of the same images need them
    again. Memory is `DRAWS` times resamples x groups x 1 byte below 256 groups, 2 below 65,536.
    """
    rng, even = np.random.default_rng(seed), np.full(n_groups, 1 / n_groups)
    draws = np.empty((resamples, n_groups), dtype=np.min_scalar_type(n_groups))
    for start in range(0, resamples, CHUNK):
        size = len(draws[start : start + CHUNK])
        draws[start : start + CHUNK] = rng.multinomial(n_groups, even, size=size)
    draws.flags.writeable = False
    return draws
