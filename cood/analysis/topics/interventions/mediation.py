"""Mediation: how much of the effect of the share of compositions runs through disentanglement.

The design sets the share at random, so that its effect on an outcome is causal. A metric is only
observed: an indirect effect through it rests on an assumption. The mediators are the measures that
the treatments move at random, which is the better test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cood.analysis.outcomes import outcomes
from cood.analysis.results import Results
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression.adjusted import independent_columns
from cood.analysis.stats.regression.least_squares import with_constant
from cood.analysis.topics.design import design_columns
from cood.analysis.topics.treatments.contrasts import disentanglement

SHARE = "share"
LEAST_FREE = 3  # degrees of freedom that an interval needs
DRAWS = 20_000
ROUNDING = 1e-9  # what is smaller, relative to the whole, is 0 but for rounding
LEVEL = 0.95
QUARTILES = (0.25, 0.75)
PARTS = ("total", "direct", "indirect")


@dataclass(frozen=True)
class Mediated:
    """The effect of a dose on an outcome, and the part of it that runs through a mediator.

    Attributes
    ----------
    total, direct, indirect
        Of raising the dose from its lower to its upper quartile; total = direct + indirect.
    robustness, robustness_significant
        `robustness_values` of the mediator's coefficient.
    """

    total: Estimate = field(default_factory=Estimate)
    direct: Estimate = field(default_factory=Estimate)
    indirect: Estimate = field(default_factory=Estimate)
    robustness: float = np.nan
    robustness_significant: float = np.nan


def mediate(
    dose: pd.Series, mediator: pd.Series, outcome: pd.Series, given: pd.DataFrame, *, seed: int
) -> Mediated:
    """Indirect effect of a dose with a quadratic effect, as a product of coefficients.

    Two models are fitted by least squares, both with the dose t, its square and the given columns:
    mediator = a1 t + a2 t^2 + ..., and outcome = c1 t + c2 t^2 + b mediator + .... With t from its
    lower to its upper quartile, the mediator changes by a, and the indirect effect is a b. The
    square is needed: if mediator and outcome bend alike over the dose, two straight lines leave a
    common rest, which looks like an effect of the mediator. The interval is that of the product of
    draws of a and of b from their t distributions (MacKinnon, Lockwood and Williams 2004,
    https://doi.org/10.1207/s15327906mbr3901_4, who draw from normal ones).

    Parameters
    ----------
    dose, mediator, outcome, given
        Numbers by model [n] and columns [n, k] that are held fixed, with the same index; models
        that lack a number are left out.
    seed
        Of the draws.

    Returns
    -------
    Mediated
        NaN throughout where fewer than `LEAST_FREE` degrees of freedom are left, the dose has
        fewer than three values, or the mediator, given the rest, does not vary.

    Notes
    -----
    The total effect is causal if the dose is set by design. The other two are causal only under
    sequential ignorability (Imai, Keele and Tingley 2010, https://doi.org/10.1037/a0020761):
    nothing else may affect both mediator and outcome.
    """
    import statsmodels.api as sm

    table = pd.concat([dose, mediator, outcome, given], axis=1).dropna()
    t, m, y = (table.iloc[:, k].to_numpy(float) for k in range(3))
    n = len(table)
    if n == 0 or len(np.unique(t)) < 3:
        return Mediated()
    centred = t - t.mean()
    low, high = np.quantile(centred, QUARTILES)
    step = np.array([high - low, high**2 - low**2])
    powers = pd.DataFrame({"dose": centred, "square": centred**2}, index=table.index)
    columns = independent_columns(pd.concat([powers, given.loc[table.index]], axis=1))
    x = with_constant(columns)
    if n - x.shape[1] - 1 < LEAST_FREE:
        return Mediated()
    first, whole = sm.OLS(m, x).fit(), sm.OLS(y, x).fit()
    if np.abs(first.resid).max() <= ROUNDING * np.abs(m).max():
        return Mediated()
    second = sm.OLS(y, np.column_stack([x, m])).fit()
    moved, error = _along(first, step)
    slope, slope_error = float(second.params[-1]), float(second.bse[-1])
    rng = np.random.default_rng(seed)
    a = moved + error * rng.standard_t(first.df_resid, DRAWS)
    b = slope + slope_error * rng.standard_t(second.df_resid, DRAWS)
    rarer = min((a * b <= 0).sum(), (a * b >= 0).sum())
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(a * b, [tail, 1 - tail])
    p = min(1.0, 2 * (int(rarer) + 1) / (DRAWS + 1))
    indirect = Estimate(moved * slope, float(low), float(high), p, n, n)
    robustness = robustness_values(slope / slope_error, int(second.df_resid))
    return Mediated(
        total=_part(whole, step, n),
        direct=_part(second, step, n),
        indirect=indirect,
        robustness=robustness[0],
        robustness_significant=robustness[1],
    )


def robustness_values(t: float, free: int, level: float = LEVEL) -> tuple[float, float]:
    """How strong an unmeasured confounder must be to explain a coefficient away.

    The robustness value is the share of the rest of both columns that a confounder must explain so
    that the coefficient is 0; the second value, so that it is no longer significant (Cinelli and
    Hazlett 2020, https://doi.org/10.1111/rssb.12348, equations 17 and 18). Both are between 0,
    any confounder will do, and 1.

    Parameters
    ----------
    t, free
        The coefficient divided by its standard error, and residual degrees of freedom.
    level
        Of the interval that decides on significance.

    Examples
    --------
    >>> [round(value, 3) for value in robustness_values(4.18, 783)]
    [0.139, 0.076]
    """
    f = abs(t) / np.sqrt(free)
    limit = float(stats.t.ppf((1 + level) / 2, free - 1)) / np.sqrt(free - 1)
    left = f - limit
    if left <= 0:
        return _robustness(f), 0.0
    # A confounder that explains all of the outcome's rest, where that alone is enough.
    binding = (f**2 - limit**2) / (1 + f**2)
    return _robustness(f), float(binding) if f > 1 / limit else _robustness(left)


def mediation(results: Results, *, outcome: str = "cood") -> pd.DataFrame:
    """The effect of the share of compositions on an outcome, through each of few mediators.

    Parameters
    ----------
    results
        The tables of a study.
    outcome
        A column of `cood.analysis.outcomes.outcomes`.

    Returns
    -------
    pandas.DataFrame
        A row a mediator (a column of `disentanglement`), given the other columns of the design:
        the value, `..._low` and `..._high` of each of `PARTS`; `p` of the indirect effect;
        `robustness` and `robustness_significant` of the mediator's coefficient; `n`. Empty if the
        study has no design in which the share varies.
    """
    if results.study.design is None:
        return pd.DataFrame()
    design = design_columns(results)
    if SHARE not in design:
        return pd.DataFrame()
    y = outcomes(results)[outcome].reindex(design.index)
    mediators = disentanglement(results).reindex(design.index)
    rows = []
    for name in mediators:
        found = mediate(
            design[SHARE],
            mediators[name],
            y,
            design.drop(columns=SHARE),
            seed=results.study.seed,
        )
        row: dict[str, Any] = {"mediator": name}
        for part in PARTS:
            one = getattr(found, part)
            row |= {part: one.value, f"{part}_low": one.low, f"{part}_high": one.high}
        row |= {"p": found.indirect.p, "robustness": found.robustness}
        rows.append(
            row | {"robustness_significant": found.robustness_significant, "n": found.indirect.n}
        )
    return pd.DataFrame(rows)


def _along(fit: Any, step: np.ndarray) -> tuple[float, float]:
    """What a step of the dose and of its square changes, and its standard error."""
    covariance = np.asarray(fit.cov_params())[1:3, 1:3]
    return float(step @ fit.params[1:3]), float(np.sqrt(step @ covariance @ step))


def _part(fit: Any, step: np.ndarray, n: int) -> Estimate:
    value, error = _along(fit, step)
    margin = float(stats.t.ppf((1 + LEVEL) / 2, fit.df_resid)) * error
    p = float(2 * stats.t.sf(abs(value) / error, fit.df_resid))
    return Estimate(value, value - margin, value + margin, p, n, n)


def _robustness(f: float) -> float:
    return float((np.sqrt(f**4 + 4 * f**2) - f**2) / 2)
