"""Correlation over models, with an interval from resampling families of models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Correlation:
    """Pearson's and Spearman's coefficient over n models in `families` families.

    The p values are those of the resamples: twice the share of them on the rarer side of 0.
    """

    n: int
    families: int
    pearson: float
    low: float
    high: float
    spearman: float
    spearman_low: float
    spearman_high: float
    pearson_p: float = np.nan
    spearman_p: float = np.nan

    def __str__(self) -> str:
        """Both coefficients with their intervals, as captions give them."""
        if np.isnan(self.pearson):
            return f"no coefficient, n = {self.n} models in {self.families} families"
        return (
            f"Pearson {self.pearson:.2f} [{self.low:.2f}, {self.high:.2f}], "
            f"Spearman {self.spearman:.2f} [{self.spearman_low:.2f}, {self.spearman_high:.2f}], "
            f"n = {self.n} models in {self.families} families"
        )


def correlate(
    x: pd.Series,
    y: pd.Series,
    families: pd.Series,
    *,
    given: pd.Series | None = None,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
) -> Correlation:
    """Correlate two columns over models; models of one family stay together in a resample.

    Parameters
    ----------
    x, y, families
        Two numbers and the family of each model [n]. Models without a number are left out.
    given
        A third number of each model, whose linear part is taken off both: the coefficients are
        partial ones.
    seed, resamples, level
        Of the percentile bootstrap. Resamples in which a column is constant are left out.

    Returns
    -------
    Correlation
        NaN where there are fewer than three models or two families, or a column is constant.
    """
    columns = [c.to_numpy(float) for c in (x, y, given) if c is not None]
    kept = np.isfinite(columns).all(axis=0)
    columns = [column[kept] for column in columns]
    _, members = np.unique(families.to_numpy()[kept], return_inverse=True)
    n, n_families = int(kept.sum()), int(members.max()) + 1 if len(members) else 0
    if n < len(columns) + 1 or n_families < 2 or not all(map(np.ptp, columns)):
        return Correlation(n, n_families, *[np.nan] * 6)
    draws = np.random.default_rng(seed).integers(n_families, size=(resamples, n_families))
    # How often each family, and so each model, is in each resample.
    times = (draws[:, :, None] == np.arange(n_families)).sum(axis=1)
    drawn = np.column_stack(_coefficients(columns, times[:, members].astype(float)))
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    pearson, spearman = (float(found[0]) for found in _coefficients(columns, np.ones((1, n))))
    tail = (1 - level) / 2
    bounds = np.quantile(drawn, [tail, 1 - tail], axis=0) if len(drawn) else np.full((2, 2), np.nan)
    rarer = np.minimum((drawn <= 0).sum(axis=0), (drawn >= 0).sum(axis=0))
    p = np.minimum(1, 2 * (rarer + 1) / (len(drawn) + 1))
    (low, spearman_low), (high, spearman_high) = bounds.tolist()
    found = (pearson, low, high, spearman, spearman_low, spearman_high)
    return Correlation(n, n_families, *found, *p.tolist())


def leave_one_out(x: pd.Series, y: pd.Series) -> pd.DataFrame:
    """Both coefficients without each model in turn: how much hangs on a single one.

    Parameters
    ----------
    x, y
        Two numbers by model, with the same index. Models without a number are left out.

    Returns
    -------
    pandas.DataFrame
        Columns `pearson` and `spearman`, indexed by the model that is left out; NaN where fewer
        than three are left, or a column is constant among them.
    """
    both = pd.concat([x, y], axis=1, keys=["x", "y"]).dropna()
    columns = dict.fromkeys(("pearson", "spearman"), np.full(len(both), np.nan))
    if len(both) > 3:
        found = _coefficients([both["x"].to_numpy(), both["y"].to_numpy()], 1 - np.eye(len(both)))
        columns = dict(zip(columns, found, strict=True))
    return pd.DataFrame(columns, index=both.index)


def _coefficients(columns: list[np.ndarray], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pearson's and Spearman's coefficient [r] of models that count `weights` [r, n] times each.

    Of two columns [n], or of two given the third.
    """
    plain = [np.broadcast_to(column, weights.shape) for column in columns]
    ranked = [_ranks(column, weights) for column in columns]
    return _partial(plain, weights), _partial(ranked, weights)


def _partial(columns: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    a, b, *given = columns
    both = _pearson(a, b, weights)
    if not given:
        return both
    first, second = (_pearson(column, given[0], weights) for column in (a, b))
    left = (1 - first**2) * (1 - second**2)
    nothing = left <= 1e-12  # one of them is a line in what is given
    return np.where(nothing, np.nan, (both - first * second) / np.sqrt(np.where(nothing, 1, left)))


def _ranks(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # Mean rank of each model among all that are drawn: those below it, and half of its equals.
    below, equal = (compare(x[:, None], x).astype(float) for compare in (np.greater, np.equal))
    return weights @ below.T + (weights @ equal.T + 1) / 2


def _pearson(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # NaN where a column is constant among the models that are drawn.
    share = weights / weights.sum(axis=1, keepdims=True)
    a, b = (x - (share * x).sum(axis=1, keepdims=True) for x in (a, b))
    together = (share * a * b).sum(axis=1)
    apart = np.sqrt((share * a**2).sum(axis=1) * (share * b**2).sum(axis=1))
    constant = apart <= 1e-12 * np.abs(a).max(axis=1) * np.abs(b).max(axis=1)
    return np.where(constant, np.nan, together / np.where(constant, 1, apart))
