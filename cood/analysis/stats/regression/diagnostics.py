"""Checks of a line between logits: curvature, residuals, influential models and families."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression.least_squares import regress, with_constant
from cood.analysis.stats.regression.line import ON_THE_LINE, Line

LEAST_MODELS = 5


@dataclass(frozen=True)
class Diagnostics:
    """Checks of a line and of its intervals.

    Attributes
    ----------
    curvature
        Estimate of the square of the centred logit of ID accuracy, with the interval that is
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

    curvature: Estimate = field(default_factory=Estimate)
    normal_p: float = np.nan
    spread_p: float = np.nan
    cook: float = np.nan
    cook_model: str = ""
    slope_without: float = np.nan
    leverage: float = np.nan
    leverage_model: str = ""
    slopes: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))


def diagnose(line: Line) -> Diagnostics:
    """Check a line for curvature, for unusual residuals, and for influential models and families.

    All tests but that of curvature treat models as independent. All is NaN for fewer than
    `LEAST_MODELS` models, or if they lie on the line.
    """
    import statsmodels.api as sm
    from statsmodels.stats.diagnostic import het_breuschpagan
    from statsmodels.stats.outliers_influence import OLSInfluence
    from statsmodels.stats.stattools import jarque_bera

    models = line.models
    if line.n < LEAST_MODELS or not line.spread > ON_THE_LINE:
        return Diagnostics()
    x = with_constant(models[["x"]])
    fit = sm.OLS(models["y"].to_numpy(), x).fit()
    influence = OLSInfluence(fit)
    cook, leverage = influence.cooks_distance[0], influence.hat_matrix_diag
    worst, farthest = int(np.argmax(cook)), int(np.argmax(leverage))
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
        leverage=float(leverage[farthest]),
        leverage_model=str(models.index[farthest]),
        slopes=pd.Series(slopes),
    )


def _slope(models: pd.DataFrame) -> float:
    fit = regress(models["y"], models[["x"]], models["family"])
    return fit.coefficients["x"].value
