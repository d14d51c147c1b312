"""Correlation over models, with an interval from resampling families of models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
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
    groups = [np.flatnonzero(members == f) for f in range(n_families)]
    draws = []
    for _ in range(resamples):
        index = np.concatenate([groups[f] for f in rng.integers(n_families, size=n_families)])
        if np.ptp(a[index]) and np.ptp(b[index]):
            draws.append(_both(a[index], b[index]))
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    pearson, spearman = _both(a, b)
    return Correlation(len(a), n_families, pearson, low[0], high[0], spearman, low[1], high[1])


def _both(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    ranks = stats.rankdata(a), stats.rankdata(b)
    return float(np.corrcoef(a, b)[0, 1]), float(np.corrcoef(*ranks)[0, 1])


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
