"""Effective robustness of pre-training sets: residuals of their models from the line of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import t

from cood.analysis.stats import jackknife
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import Line


@dataclass(frozen=True)
class Difference:
    """Difference in effective robustness between two groups of training sets.

    Attributes
    ----------
    sets
        Number of sets in each of the two groups.
    logits, odds
        The difference in logits, over all models and families that fit the slope, and the odds
        ratio that corresponds to it, without p. Unlike a ratio of accuracies, it has no bound.
    """

    sets: tuple[int, int]
    logits: Estimate
    odds: Estimate


def robustness_by(line: Line, sets: pd.Series, *, level: float = 0.95) -> pd.DataFrame:
    """Effective robustness of each pre-training set: the mean residual of its models.

    Intervals are t intervals with one degree of freedom less than the line has families. The
    variance is that of models within a set, pooled over sets, over the number of models of the
    set, plus that of the line at the mean ID accuracy of the set. The intervals are thus for other
    models of the same set, and are defined for a set with one model too.

    Parameters
    ----------
    line
        Of all models.
    sets
        Pre-training set of each model.
    level
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        A row a set, highest first: `n`, `id` and `ood` (mean accuracies), `residual`, `low` and
        `high` (in logits), and `ratio`, `ratio_low` and `ratio_high`: OoD accuracy over that on
        the line, at the mean logit of the set's ID accuracy.
    """
    models = line.models.assign(set=sets.reindex(line.models.index))
    inside = models["residual"] - models.groupby("set")["residual"].transform("mean")
    within = (inside**2).sum() / max(1, len(models) - models["set"].nunique() - 1)
    reach = t.ppf((1 + level) / 2, max(1, line.families - 1))
    rows = []
    for name, group in models.groupby("set"):
        at = np.array([1, group["x"].mean()])
        error = np.sqrt(within / len(group) + at @ line.covariance @ at)
        mean = group["residual"].mean()
        interval = np.array([mean, mean - reach * error, mean + reach * error])
        predicted = at @ [line.intercept.value, line.slope.value]
        ratio = expit(predicted + interval) / expit(predicted)
        accuracy = [expit(group[column]).mean() for column in ("x", "y")]
        rows.append([name, len(group), *accuracy, *interval, *ratio])
    columns = ["set", "n", "id", "ood", "residual", "low", "high"]
    columns += ["ratio", "ratio_low", "ratio_high"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("residual", ascending=False, ignore_index=True)


def compare_sets(
    line: Line,
    sets: pd.Series,
    first: Sequence[str],
    second: Sequence[str],
    *,
    within: bool = False,
) -> Difference:
    """Difference in effective robustness between the pre-training sets `first` and `second`.

    It is the mean residual of the sets of a group, minus that of the other; each set counts once,
    by the mean of its models. The interval is that of the jackknife over families, and the slope is
    fitted again without each family, so that the interval covers its uncertainty too.

    Parameters
    ----------
    line
        Of all models.
    sets
        Pre-training set of each model.
    first, second
        Names of sets.
    within
        Residuals from the line within families instead, as in `within_line`.
    """
    models = line.models.assign(set=sets.reindex(line.models.index))
    groups = [[name for name in group if name in set(models["set"])] for group in (first, second)]
    n = (len(groups[0]), len(groups[1]))
    if not all(n):
        return Difference(n, Estimate(), Estimate())
    logits = _over_families(models, lambda some: _difference(some, groups, within))
    odds = np.exp([logits.value, logits.low, logits.high])
    return Difference(n, logits, Estimate(*odds.tolist()))


def within_line(line: Line) -> Line:
    """The same models with residuals from the line within families.

    Its slope is that of deviations from the mean of the family, with the interval of the jackknife
    over families, and it passes through the mean of all models. Its covariance is not computed
    (NaN), so `robustness_by` gives no intervals.
    """
    models = line.models
    slope = _over_families(models, lambda some: _slope(some, within=True))
    intercept = float(models["y"].mean() - slope.value * models["x"].mean())
    fitted = intercept + slope.value * models["x"]
    residual = models["y"] - fitted
    return replace(
        line,
        intercept=Estimate(intercept),
        slope=slope,
        r_squared=np.nan,
        spread=float(np.sqrt((residual**2).sum() / max(1, line.n - 2))),
        models=models.assign(
            fitted=fitted, residual=residual, above=expit(models["y"]) - expit(fitted)
        ),
        covariance=np.full((2, 2), np.nan),
    )


def _over_families(
    models: pd.DataFrame, statistic: Callable[[pd.DataFrame], float], level: float = 0.95
) -> Estimate:
    """A statistic of models with the interval of the jackknife over their families."""
    value, names = statistic(models), models["family"].unique()
    without = np.array([statistic(models[models["family"] != name]) for name in names])
    return jackknife.estimate(value, without, len(models), level)


def _slope(models: pd.DataFrame, *, within: bool) -> float:
    """Slope of `y` on `x`, over all models or within families; NaN where `x` does not vary."""
    values = models[["x", "y"]]
    mean = models.groupby("family")[["x", "y"]].transform("mean") if within else values.mean()
    x, y = (values - mean).to_numpy().T
    return float(x @ y / (x @ x)) if x.any() else np.nan


def _difference(models: pd.DataFrame, groups: Sequence[Sequence[str]], within: bool) -> float:
    """Difference between two groups of sets in logits; NaN where a group has no model."""
    above = models["y"] - _slope(models, within=within) * models["x"]
    levels = above.groupby(models["set"]).mean()
    first, second = (levels.reindex(group).mean() for group in groups)
    return float(first - second)
