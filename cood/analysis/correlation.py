"""Correlation over models, with an interval from resampling families of models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit


@dataclass(frozen=True)
class Correlation:
    """Pearson's and Spearman's coefficient over n models in `families` families."""

    n: int
    families: int
    pearson: float
    low: float
    high: float
    spearman: float
    spearman_low: float
    spearman_high: float

    def __str__(self) -> str:
        """Both coefficients with their intervals, as captions give them."""
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
    seed: int,
    resamples: int = 2000,
    level: float = 0.95,
) -> Correlation:
    """Correlate two columns over models; models of one family stay together in a resample.

    Parameters
    ----------
    x, y, families
        Two numbers and the family of each model [n]. Models without a number are left out.
    seed, resamples, level
        Of the percentile bootstrap. Resamples in which a column is constant are left out.

    Returns
    -------
    Correlation
        NaN where there are fewer than three models or two families, or a column is constant.
    """
    kept = np.isfinite(x.to_numpy(float)) & np.isfinite(y.to_numpy(float))
    a, b = x.to_numpy(float)[kept], y.to_numpy(float)[kept]
    _, members = np.unique(families.to_numpy()[kept], return_inverse=True)
    n_families = int(members.max()) + 1 if len(members) else 0
    nothing = Correlation(len(a), n_families, *[np.nan] * 6)
    if len(a) < 3 or n_families < 2 or not (np.ptp(a) and np.ptp(b)):
        return nothing
    rng = np.random.default_rng(seed)
    picked = rng.integers(n_families, size=(resamples, n_families))
    times = np.stack([(picked == f).sum(axis=1) for f in members], axis=1)
    used = times > 0
    varied = [np.where(used, c, -np.inf).max(1) > np.where(used, c, np.inf).min(1) for c in (a, b)]
    draws = _both(a, b, times[varied[0] & varied[1]])
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=1)
    (pearson,), (spearman,) = _both(a, b, np.ones((1, len(a)))).tolist()
    return Correlation(len(a), n_families, pearson, low[0], high[0], spearman, low[1], high[1])


def _both(a: np.ndarray, b: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Pearson's and Spearman's coefficient [2, r] when model i is taken ``times[:, i]`` times."""
    ranks = (_ranks(a, times), _ranks(b, times))
    return np.stack([_pearson(a, b, times), _pearson(*ranks, times)])


def _ranks(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    # Those below, and half of the equal ones: the mean rank of ties.
    below = (values[:, None] < values) + 0.5 * (values[:, None] == values)
    return times @ below


def _pearson(a: np.ndarray, b: np.ndarray, times: np.ndarray) -> np.ndarray:
    n = times.sum(axis=1, keepdims=True)
    a = a - (times * a).sum(axis=1, keepdims=True) / n
    b = b - (times * b).sum(axis=1, keepdims=True) / n
    square = (times * a * a).sum(axis=1) * (times * b * b).sum(axis=1)
    return ((times * a * b).sum(axis=1) / np.sqrt(square)).clip(-1, 1)


def effective_robustness(identity: pd.Series, shifted: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """How far each model lies above the line that ID accuracy predicts, in accuracy.

    The line is a straight one between logits (Taori et al. 2020, arXiv:2007.00644, section 2).

    Parameters
    ----------
    identity, shifted
        ID and OoD accuracy by model, between 0 and 1; 0 and 1 themselves are moved by half of
        1e-4. Models that lack one of them are left out.

    Returns
    -------
    tuple
        Residuals in accuracy by model, and the line's intercept and slope.
    """
    import statsmodels.api as sm

    both = pd.concat([identity, shifted], axis=1, keys=["id", "ood"]).dropna()
    x, y = (logit(both[side].clip(5e-5, 1 - 5e-5).to_numpy(float)) for side in both)
    fit = sm.OLS(y, sm.add_constant(x, has_constant="add")).fit()
    return both["ood"] - expit(fit.fittedvalues), np.asarray(fit.params)
