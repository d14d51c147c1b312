"""Correlation over models, with an interval that accounts for families of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.families import complete_models, leave_family_out
from cood.analysis.stats.jackknife import fisher_interval

ROUNDING = 1e-12  # what is smaller is 0 but for rounding


@dataclass(frozen=True)
class Correlation:
    """Pearson's and Spearman's coefficient over n models in `families` families.

    `low`, `high` and `pearson_p`, and those of `spearman`, come from the jackknife over families;
    `..._least` and `..._most` are the lowest and the highest coefficient when one family is left
    out, and `..._boot_low` and `..._boot_high` bound the percentile bootstrap over families.
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
    pearson_least: float = np.nan
    pearson_most: float = np.nan
    spearman_least: float = np.nan
    spearman_most: float = np.nan
    pearson_boot_low: float = np.nan
    pearson_boot_high: float = np.nan
    spearman_boot_low: float = np.nan
    spearman_boot_high: float = np.nan

    @property
    def pearson_estimate(self) -> Estimate:
        """Pearson's coefficient with its interval, p and range without a family."""
        return Estimate(
            value=self.pearson,
            low=self.low,
            high=self.high,
            p=self.pearson_p,
            n=self.n,
            families=self.families,
            least=self.pearson_least,
            most=self.pearson_most,
        )

    @property
    def spearman_estimate(self) -> Estimate:
        """Spearman's coefficient with its interval, p and range without a family."""
        return Estimate(
            value=self.spearman,
            low=self.spearman_low,
            high=self.spearman_high,
            p=self.spearman_p,
            n=self.n,
            families=self.families,
            least=self.spearman_least,
            most=self.spearman_most,
        )

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
    given: pd.Series | Sequence[pd.Series] | None = None,
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
) -> Correlation:
    """Correlate two columns over models, with intervals from resampling whole families.

    The interval is Student's t on Fisher's scale, arctanh of the coefficient, with the variance
    of the jackknife over families: see `cood.analysis.stats.jackknife`. A percentile bootstrap
    over families, which is too narrow if they are few, is computed for comparison.

    Parameters
    ----------
    x, y, families
        Two numbers and the family of each model [n]. Models without a number are left out.
    given
        One or several further numbers of each model that are held fixed: the coefficients are
        partial ones.
    seed, resamples
        Of the bootstrap. Resamples in which a column is constant are left out.
    level
        Of the intervals.

    Returns
    -------
    Correlation
        NaN where there are fewer than three models or two families, or a column is constant. The
        interval is from -1 to 1 where there is no coefficient without one of the families.
    """
    controls = [] if given is None else [given] if isinstance(given, pd.Series) else list(given)
    columns, members, n_families = complete_models((x, y, *controls), families)
    n = len(members)
    if n < len(columns) + 1 or n_families < 2 or not all(map(np.ptp, columns)):
        return Correlation(n, n_families, *[np.nan] * 6)
    left = leave_family_out(members, n_families)
    enough = left.sum(axis=1) > len(columns)  # fewer points always lie on a line
    without = np.where(enough, _coefficients(columns, left), np.nan)
    tail = (1 - level) / 2
    boot = _bootstrap(columns, members, np.random.default_rng(seed), resamples, tail)
    # Ranks in the same order give 1, but cannot resolve more than half of the smallest step to 1.
    size = np.array([n, *left.sum(axis=1)])
    limits = {
        "pearson": np.full(len(size), 1 - ROUNDING),
        "spearman": 1 - 6 / (np.maximum(size**3 - size, 6)),
    }
    fields: dict[str, float] = {}
    coefficients = _coefficients(columns, np.ones((1, n)))
    for (name, limit), value, others, bounds in zip(
        limits.items(), coefficients, without, boot.T, strict=True
    ):
        r, low, high, p = float(value[0]), np.nan, np.nan, np.nan
        if np.isfinite(r):
            low, high, p = fisher_interval(r, others, limit, level)
        prefix = "" if name == "pearson" else f"{name}_"
        fields |= {name: r, f"{prefix}low": low, f"{prefix}high": high, f"{name}_p": p}
        finite = others[np.isfinite(others)]
        if len(finite):
            fields |= {f"{name}_least": float(finite.min()), f"{name}_most": float(finite.max())}
        fields |= dict(zip((f"{name}_boot_low", f"{name}_boot_high"), bounds.tolist(), strict=True))
    return Correlation(n, n_families, **fields)


def _bootstrap(
    columns: list[np.ndarray],
    members: np.ndarray,
    rng: np.random.Generator,
    resamples: int,
    tail: float,
) -> np.ndarray:
    """Quantiles of both coefficients [2, 2] over resamples of whole families."""
    n = int(members.max()) + 1
    draws = rng.integers(n, size=(resamples, n))
    # How often each family, and so each model, is in each resample.
    times = (draws[:, :, None] == np.arange(n)).sum(axis=1)
    drawn = np.column_stack(_coefficients(columns, times[:, members].astype(float)))
    drawn = drawn[np.isfinite(drawn).all(axis=1)]
    if not len(drawn):
        return np.full((2, 2), np.nan)
    return np.quantile(drawn, [tail, 1 - tail], axis=0)


def leave_one_out(x: pd.Series, y: pd.Series) -> pd.DataFrame:
    """Both coefficients without each model in turn: how much depends on a single model.

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
        arrays = [both["x"].to_numpy(), both["y"].to_numpy()]
        columns = dict(zip(columns, _coefficients(arrays, 1 - np.eye(len(both))), strict=True))
    return pd.DataFrame(columns, index=both.index)


def _coefficients(columns: list[np.ndarray], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pearson's and Spearman's coefficient [r] of two columns [n], given any others.

    `weights` [r, n] says how many times each model counts.
    """
    plain = [np.broadcast_to(column, weights.shape) for column in columns]
    ranked = [_ranks(column, weights) for column in columns]
    return _partial(plain, weights), _partial(ranked, weights)


def _partial(columns: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    a, b, *given = columns
    if not given:
        return _pearson(a, b, weights)
    # Recursion: the coefficient given all controls follows from those given all but the last.
    last, before = given[-1], given[:-1]
    both, first, second = (
        _partial([*pair, *before], weights) for pair in ((a, b), (a, last), (b, last))
    )
    left = (1 - first**2) * (1 - second**2)
    none_left = left <= ROUNDING  # the control determines one of the two columns
    return np.where(
        none_left, np.nan, (both - first * second) / np.sqrt(np.where(none_left, 1, left))
    )


def _ranks(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # Mean rank of each model among the weighted ones: those below it, and half of the ties.
    below, equal = (compare(x[:, None], x).astype(float) for compare in (np.greater, np.equal))
    return weights @ below.T + (weights @ equal.T + 1) / 2


def _pearson(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    # NaN where a column is constant among the weighted models.
    share = weights / weights.sum(axis=1, keepdims=True)
    a, b = (x - (share * x).sum(axis=1, keepdims=True) for x in (a, b))
    together = (share * a * b).sum(axis=1)
    apart = np.sqrt((share * a**2).sum(axis=1) * (share * b**2).sum(axis=1))
    constant = apart <= ROUNDING * np.abs(a).max(axis=1) * np.abs(b).max(axis=1)
    return np.where(constant, np.nan, together / np.where(constant, 1, apart))
