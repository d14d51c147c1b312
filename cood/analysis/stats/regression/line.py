"""The straight line between logits of accuracy in distribution and out of distribution.

On the scale of logits, models of very different accuracy lie on one line (Taori et al. 2020,
arXiv:2007.00644, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression.least_squares import regress

EDGE = 5e-5  # how close to 0 and 1 an accuracy may come: half of one image in 10,000
ON_THE_LINE = 1e-9  # spread of residuals, in logits, below which all models lie on the line


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
    intercept: Estimate
    slope: Estimate
    r_squared: float
    spread: float
    models: pd.DataFrame
    covariance: np.ndarray

    def at(self, accuracy: np.ndarray | float) -> np.ndarray:
        """OoD accuracy that the line predicts from ID accuracy."""
        return expit(self.intercept.value + self.slope.value * to_logit(accuracy))


def to_logit(accuracy: Any) -> Any:
    """Logit of accuracies between 0 and 1; 0 and 1 themselves are moved by half of 1e-4."""
    return logit(np.clip(accuracy, EDGE, 1 - EDGE))


def fit_line(
    id_accuracy: pd.Series, shifted: pd.Series, families: pd.Series, *, level: float = 0.95
) -> Line:
    """Fit the line that predicts OoD accuracy from ID accuracy, both as logits.

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
    fit = regress(models["y"], models[["x"]], models["family"], level=level)
    models["fitted"], models["residual"] = fit.fitted, fit.residuals
    models["above"] = both["ood"] - expit(models["fitted"])
    return Line(
        n=fit.n,
        families=fit.families,
        intercept=fit.coefficients["intercept"],
        slope=fit.coefficients["x"],
        r_squared=fit.r_squared,
        spread=float(np.sqrt((models["residual"] ** 2).sum(min_count=1) / max(1, fit.n - 2))),
        models=models,
        covariance=fit.covariance,
    )


def effective_robustness(
    id_accuracy: pd.Series, shifted: pd.Series
) -> tuple[pd.Series, np.ndarray]:
    """How far the accuracy of each model lies above the line that ID accuracy predicts.

    The line is that of `fit_line`; effective robustness needs no families.

    Returns
    -------
    tuple
        Residuals in accuracy by model, and the line's intercept and slope; all of it NaN where
        no two models have both and differ in the first.
    """
    line = fit_line(id_accuracy, shifted, pd.Series("all", index=id_accuracy.index))
    return line.models["above"], np.array([line.intercept.value, line.slope.value])
