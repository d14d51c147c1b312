"""Regression of accuracy out of distribution on accuracy in distribution, by statsmodels.

Accuracies are put on the scale of logits, where models of very different accuracy lie on one line
(Taori et al. 2020, arXiv:2007.00644, section 2). Models of one family are not independent, so
standard errors are robust to dependence within families (Liang and Zeger 1986,
doi:10.1093/biomet/73.1.13) and intervals take t with one degree of freedom less than families.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

EDGE = 5e-5  # how close to 0 and 1 an accuracy may come: half of one image in 10,000


@dataclass(frozen=True)
class Coefficient:
    """An estimate with its interval and the p value against 0; NaN where there is none."""

    value: float
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan

    def __str__(self) -> str:
        """The estimate with its interval, as captions give them."""
        if np.isnan(self.value):
            return "not estimable"
        if np.isnan(self.low):
            return f"{self.value:.2f} (no interval)"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


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
    coefficients: dict[str, Coefficient]
    covariance: np.ndarray
    fitted: pd.Series
    residuals: pd.Series
    r_squared: float


@dataclass(frozen=True)
class Line:
    """The straight line between logits of ID and OoD accuracy, over n models in some families.

    Attributes
    ----------
    intercept, slope
        In logits.
    spread
        Standard deviation of the residuals, in logits.
    models
        By model: `family`, the logits `x` and `y`, `fitted` and `residual` (in logits), and
        `above`, the residual in accuracy: effective robustness.
    covariance
        Of intercept and slope [2, 2].
    """

    n: int
    families: int
    intercept: Coefficient
    slope: Coefficient
    r_squared: float
    spread: float
    models: pd.DataFrame
    covariance: np.ndarray

    def at(self, accuracy: np.ndarray | float) -> np.ndarray:
        """OoD accuracy that the line predicts from ID accuracy."""
        return expit(self.intercept.value + self.slope.value * to_logit(accuracy))


@dataclass(frozen=True)
class Diagnostics:
    """What speaks against a line and its intervals.

    Attributes
    ----------
    curvature
        Coefficient of the square of the centred logit of ID accuracy, with the interval that is
        robust to families. Its p is that of Ramsey's RESET test with the square alone.
    normal_p
        Jarque and Bera's test of normal residuals.
    spread_p
        Breusch and Pagan's test of residuals that spread more at some ID accuracies.
    cook, cook_model, slope_without
        Largest distance of Cook, its model, and the slope without this model.
    leverage, leverage_model
        Largest leverage, and its model; the mean is 2 / n.
    slopes
        The slope without each family.
    """

    curvature: Coefficient
    normal_p: float
    spread_p: float
    cook: float
    cook_model: str
    slope_without: float
    leverage: float
    leverage_model: str
    slopes: pd.Series


@dataclass(frozen=True)
class Mixed:
    """The line with a random intercept for each family, by restricted maximum likelihood.

    Attributes
    ----------
    intercept, slope
        In logits; intervals are Wald's, and so somewhat narrow with few families.
    between, within
        Standard deviations of families and of models within a family, in logits.
    effects
        By family: `value`, shrunk towards 0, `low`, `high`; given the line and both deviations.
    note
        What went wrong in fitting, as a sentence; empty if nothing did.
    """

    n: int
    families: int
    intercept: Coefficient
    slope: Coefficient
    between: float
    within: float
    effects: pd.DataFrame
    note: str

    @property
    def share(self) -> float:
        """Share of the variance around the line that lies between families."""
        return self.between**2 / (self.between**2 + self.within**2)


def to_logit(accuracy: Any) -> Any:
    """Logit of accuracies between 0 and 1; 0 and 1 themselves are moved by half of 1e-4."""
    return logit(np.clip(accuracy, EDGE, 1 - EDGE))


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
        Coefficients are NaN where a column is constant or a sum of others, or models are too few;
        their intervals are where there are no more families than coefficients.
    """
    import statsmodels.api as sm

    kept = pd.concat([y, columns], axis=1).dropna().index
    x = _with_constant(columns.loc[kept])
    groups = pd.factorize(families.loc[kept])[0]
    n, k, n_families = len(kept), x.shape[1], len(set(groups))
    names = ["intercept", *map(str, columns)]
    if n < k or np.linalg.matrix_rank(x) < k:
        nothing = pd.Series(np.nan, index=kept)
        none = dict.fromkeys(names, Coefficient(np.nan))
        unknown = np.full((k, k), np.nan)
        return Regression(n, n_families, none, unknown, nothing, nothing, np.nan)
    fit = sm.OLS(y.loc[kept].to_numpy(float), x).fit()
    bounds, p, covariance = np.full((k, 2), np.nan), np.full(k, np.nan), np.full((k, k), np.nan)
    if n_families > k:
        robust = fit.get_robustcov_results("cluster", groups=groups, use_t=True)
        bounds, p, covariance = robust.conf_int(1 - level), robust.pvalues, robust.cov_params()
    rows = zip(fit.params, *bounds.T, p, strict=True)
    coefficients = {
        name: Coefficient(*map(float, row)) for name, row in zip(names, rows, strict=True)
    }
    fitted, residuals = (pd.Series(v, index=kept) for v in (fit.fittedvalues, fit.resid))
    # Where all values are the same, there is no variance to explain.
    share = float(fit.rsquared) if np.ptp(fit.model.endog) else np.nan
    return Regression(n, n_families, coefficients, covariance, fitted, residuals, share)


def _with_constant(columns: pd.DataFrame) -> np.ndarray:
    return np.column_stack([np.ones(len(columns)), columns.to_numpy(float)])


def fit_line(
    id_accuracy: pd.Series, shifted: pd.Series, families: pd.Series, *, level: float = 0.95
) -> Line:
    """The line that predicts OoD accuracy from ID accuracy, both as logits.

    Parameters
    ----------
    id_accuracy, shifted
        ID and OoD accuracy by model, between 0 and 1. Models that lack one are left out.
    families
        Family of each model, such as its pre-training set; with the same names.
    level
        Of the intervals.

    Returns
    -------
    Line
        All of it NaN where no two models have both and differ in the first.
    """
    both = pd.concat([id_accuracy, shifted], axis=1, keys=["id", "ood"]).dropna()
    models = both.apply(to_logit).set_axis(["x", "y"], axis=1)
    models.insert(0, "family", families.reindex(both.index))
    found = regress(models["y"], models[["x"]], models["family"], level=level)
    models["fitted"], models["residual"] = found.fitted, found.residuals
    models["above"] = both["ood"] - expit(models["fitted"])
    return Line(
        n=found.n,
        families=found.families,
        intercept=found.coefficients["intercept"],
        slope=found.coefficients["x"],
        r_squared=found.r_squared,
        spread=float(np.sqrt((models["residual"] ** 2).sum(min_count=1) / max(1, found.n - 2))),
        models=models,
        covariance=found.covariance,
    )


def effective_robustness(
    id_accuracy: pd.Series, shifted: pd.Series
) -> tuple[pd.Series, np.ndarray]:
    """How far each model lies above the line that ID accuracy predicts, in accuracy.

    See `fit_line`, of which this is the part that needs no families.

    Returns
    -------
    tuple
        Residuals in accuracy by model, and the line's intercept and slope; all of it NaN where
        no two models have both and differ in the first.
    """
    line = fit_line(id_accuracy, shifted, pd.Series("all", index=id_accuracy.index))
    return line.models["above"], np.array([line.intercept.value, line.slope.value])


def diagnose(line: Line) -> Diagnostics:
    """What speaks against a line: curvature, uneven or odd residuals, single models and families.

    The tests take models as independent, but for the one of curvature. All is NaN for fewer than
    five models, or if they lie on the line.
    """
    import statsmodels.api as sm
    from statsmodels.stats.diagnostic import het_breuschpagan
    from statsmodels.stats.outliers_influence import OLSInfluence
    from statsmodels.stats.stattools import jarque_bera

    models = line.models
    if line.n < 5 or not line.spread > 1e-9:
        nothing = Coefficient(np.nan)
        none = pd.Series(dtype=float)
        return Diagnostics(nothing, np.nan, np.nan, np.nan, "", np.nan, np.nan, "", none)
    x = _with_constant(models[["x"]])
    fit = sm.OLS(models["y"].to_numpy(), x).fit()
    influence = OLSInfluence(fit)
    cook, leverage = influence.cooks_distance[0], influence.hat_matrix_diag
    worst, furthest = int(np.argmax(cook)), int(np.argmax(leverage))
    square = (models["x"] - models["x"].mean()) ** 2
    curved = regress(models["y"], models[["x"]].assign(square=square), models["family"])
    slopes = {name: _slope(models[models["family"] != name]) for name in models["family"].unique()}
    return Diagnostics(
        curvature=curved.coefficients["square"],
        normal_p=float(jarque_bera(fit.resid)[1]),
        spread_p=float(het_breuschpagan(fit.resid, x)[1]),
        cook=float(cook[worst]),
        cook_model=str(models.index[worst]),
        slope_without=_slope(models.drop(models.index[worst])),
        leverage=float(leverage[furthest]),
        leverage_model=str(models.index[furthest]),
        slopes=pd.Series(slopes),
    )


def _slope(models: pd.DataFrame) -> float:
    found = regress(models["y"], models[["x"]], models["family"])
    return found.coefficients["x"].value


def mixed(line: Line, *, level: float = 0.95) -> Mixed:
    """The same line with a random intercept for each family.

    What the optimiser has to say is kept in `note`; if there is no fit, all numbers are NaN.
    """
    import statsmodels.api as sm

    models = line.models
    x = _with_constant(models[["x"]])
    nothing = Coefficient(np.nan)
    none = pd.DataFrame(columns=["value", "low", "high"], dtype=float)
    failed = Mixed(line.n, line.families, nothing, nothing, np.nan, np.nan, none, "")
    if not line.spread > 1e-9 or not 2 <= line.families < line.n:
        why = f"no mixed model of {line.n} models in {line.families} families"
        if line.n and line.spread <= 1e-9:
            why += ", all of them on the line"
        return Mixed(**{**vars(failed), "note": why})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            fit = sm.MixedLM(models["y"].to_numpy(), x, groups=models["family"].to_numpy()).fit(
                reml=True
            )
            bounds, p = fit.conf_int(1 - level)[:2], fit.pvalues[:2]
            between, within = float(np.sqrt(fit.cov_re[0, 0])), float(np.sqrt(fit.scale))
            drawn, deviation = fit.random_effects, fit.random_effects_cov
        except (np.linalg.LinAlgError, ValueError) as error:
            return Mixed(**{**vars(failed), "note": f"no mixed model could be fitted: {error}"})
    effects = pd.DataFrame(
        [(name, np.ravel(drawn[name])[0], np.ravel(deviation[name])[0]) for name in drawn],
        columns=["family", "value", "variance"],
    ).set_index("family")
    reach = norm.ppf((1 + level) / 2) * np.sqrt(effects.pop("variance"))
    effects["low"], effects["high"] = effects["value"] - reach, effects["value"] + reach
    intercept, slope = (
        Coefficient(*map(float, row)) for row in zip(fit.fe_params, *bounds.T, p, strict=True)
    )
    notes = [] if fit.converged else ["the optimiser did not converge"]
    notes += list(dict.fromkeys(str(w.message).strip().rstrip(".") for w in said))
    return Mixed(
        *(line.n, line.families, intercept, slope, between, within),
        effects,
        "; ".join(notes),
    )


def within_families(line: Line, found: Mixed) -> Line:
    """The models of a line measured from that of a mixed model, which runs within families.

    Its covariance is not known here (NaN), so `robustness_by` gives no intervals.
    """
    fitted = found.intercept.value + found.slope.value * line.models["x"]
    residual = line.models["y"] - fitted
    above = expit(line.models["y"]) - expit(fitted)
    return replace(
        line,
        intercept=found.intercept,
        slope=found.slope,
        r_squared=np.nan,
        spread=float(np.sqrt((residual**2).sum() / max(1, line.n - 2))),
        models=line.models.assign(fitted=fitted, residual=residual, above=above),
        covariance=np.full((2, 2), np.nan),
    )
