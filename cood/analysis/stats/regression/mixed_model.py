"""The line between logits with a random intercept for each family of models."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression.least_squares import with_constant
from cood.analysis.stats.regression.line import ON_THE_LINE, Line


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
        Why there is no fit, or what the optimiser warned of, as a sentence; else empty.
    """

    n: int
    families: int
    intercept: Estimate
    slope: Estimate
    between: float
    within: float
    effects: pd.DataFrame
    note: str

    @property
    def share(self) -> float:
        """Share of the variance around the line that lies between families."""
        return self.between**2 / (self.between**2 + self.within**2)


def mixed(line: Line, *, level: float = 0.95) -> Mixed:
    """The same line with a random intercept for each family.

    `note` holds the warnings of the optimiser; if there is no fit, all numbers are NaN.
    """
    import statsmodels.api as sm

    if not line.spread > ON_THE_LINE or not 2 <= line.families < line.n:
        why = f"no mixed model of {line.n} models in {line.families} families"
        if line.n and line.spread <= ON_THE_LINE:
            why += ", all of them on the line"
        return _no_fit(line, why)
    models = line.models
    x = with_constant(models[["x"]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fit = sm.MixedLM(models["y"].to_numpy(), x, groups=models["family"].to_numpy()).fit(
                reml=True
            )
            bounds, p = fit.conf_int(1 - level)[:2], fit.pvalues[:2]
            between, within = float(np.sqrt(fit.cov_re[0, 0])), float(np.sqrt(fit.scale))
            effects = _family_effects(fit, level)
        except (np.linalg.LinAlgError, ValueError) as error:
            return _no_fit(line, f"no mixed model could be fitted: {error}")
    intercept, slope = (
        Estimate(float(value), float(low), float(high), float(p_value))
        for value, (low, high), p_value in zip(fit.fe_params, bounds, p, strict=True)
    )
    notes = [] if fit.converged else ["the optimiser did not converge"]
    notes += list(dict.fromkeys(str(w.message).strip().rstrip(".") for w in caught))
    return Mixed(
        n=line.n,
        families=line.families,
        intercept=intercept,
        slope=slope,
        between=between,
        within=within,
        effects=effects,
        note="; ".join(notes),
    )


def _no_fit(line: Line, why: str) -> Mixed:
    effects = pd.DataFrame(columns=["value", "low", "high"], dtype=float)
    return Mixed(
        n=line.n,
        families=line.families,
        intercept=Estimate(),
        slope=Estimate(),
        between=np.nan,
        within=np.nan,
        effects=effects,
        note=why,
    )


def _family_effects(fit: Any, level: float) -> pd.DataFrame:
    values, covariances = fit.random_effects, fit.random_effects_cov
    effects = pd.DataFrame(
        [(name, np.ravel(values[name])[0], np.ravel(covariances[name])[0]) for name in values],
        columns=["family", "value", "variance"],
    ).set_index("family")
    margin = norm.ppf((1 + level) / 2) * np.sqrt(effects.pop("variance"))
    effects["low"], effects["high"] = effects["value"] - margin, effects["value"] + margin
    return effects
