"""Least squares over models, with standard errors that are robust within families."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.stats.estimate import Estimate


@dataclass(frozen=True)
class Regression:
    """Least squares over n models in `families` families.

    Attributes
    ----------
    coefficients
        By name of the column; the constant is ``intercept``.
    covariance
        Of the coefficients [k, k], in their order.
    fitted, residuals
        By model.
    r_squared
        Share of the variance that the fit accounts for.
    """

    n: int
    families: int
    coefficients: dict[str, Estimate]
    covariance: np.ndarray
    fitted: pd.Series
    residuals: pd.Series
    r_squared: float


def regress(
    y: pd.Series, columns: pd.DataFrame, families: pd.Series, *, level: float = 0.95
) -> Regression:
    """Least squares with intervals that are robust to dependence within families.

    Parameters
    ----------
    y, families
        A number and a family of each model [n].
    columns
        Further numbers of each model [n, k - 1]; all with the same index. Models that lack a
        number are left out.
    level
        Of the intervals.

    Returns
    -------
    Regression
        Estimates are NaN where a column is constant or a sum of others, or models are too few;
        their intervals are where there are no more families than coefficients.
    """
    import statsmodels.api as sm

    kept = pd.concat([y, columns], axis=1).dropna().index
    x = with_constant(columns.loc[kept])
    groups = pd.factorize(families.loc[kept])[0]
    n, k, n_families = len(kept), x.shape[1], len(set(groups))
    names = ["intercept", *map(str, columns)]
    if n < k or np.linalg.matrix_rank(x) < k:
        by_model = pd.Series(np.nan, index=kept)
        coefficients = dict.fromkeys(names, Estimate())
        covariance = np.full((k, k), np.nan)
        return Regression(n, n_families, coefficients, covariance, by_model, by_model, np.nan)
    fit = sm.OLS(y.loc[kept].to_numpy(float), x).fit()
    bounds, p, covariance = np.full((k, 2), np.nan), np.full(k, np.nan), np.full((k, k), np.nan)
    if n_families > k:
        robust = fit.get_robustcov_results("cluster", groups=groups, use_t=True)
        bounds, p, covariance = robust.conf_int(1 - level), robust.pvalues, robust.cov_params()
    rows = zip(fit.params, *bounds.T, p, strict=True)
    coefficients = {
        name: Estimate(float(value), float(low), float(high), float(p_value))
        for name, (value, low, high, p_value) in zip(names, rows, strict=True)
    }
    fitted, residuals = (pd.Series(v, index=kept) for v in (fit.fittedvalues, fit.resid))
    # Where all values are the same, there is no variance to explain.
    r_squared = float(fit.rsquared) if np.ptp(fit.model.endog) else np.nan
    return Regression(n, n_families, coefficients, covariance, fitted, residuals, r_squared)


def with_constant(columns: pd.DataFrame) -> np.ndarray:
    """Columns [n, k] as an array [n, k + 1] that starts with a column of ones."""
    return np.column_stack([np.ones(len(columns)), columns.to_numpy(float)])
