"""Effective robustness of pre-training sets: residuals of their models from the line of all."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import t

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
        The difference in logits, and the odds ratio that corresponds to it, without p. Unlike a
        ratio of accuracies, it has no upper bound.
    at
        ID accuracy at which the ratio is computed: the mean of the models of the second group.
    ratio
        OoD accuracy of the first group over that of the second, at this ID accuracy; without p.
    """

    sets: tuple[int, int]
    logits: Estimate
    odds: Estimate
    at: float
    ratio: Estimate


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
    level: float = 0.95,
) -> Difference:
    """Difference in effective robustness between the pre-training sets `first` and `second`.

    Each set counts once, by the mean residual of its models, as models of one set do not show how
    sets vary. The interval is that of a t test with equal variance in both groups.
    """
    import statsmodels.api as sm

    models = line.models.assign(set=sets.reindex(line.models.index))
    means = models.groupby("set")["residual"].mean()
    groups = [[name for name in group if name in means.index] for group in (first, second)]
    n = (len(groups[0]), len(groups[1]))
    if not all(n):
        return Difference(n, Estimate(), Estimate(), np.nan, Estimate())
    y = means.loc[groups[0] + groups[1]].to_numpy()
    x = np.column_stack([np.ones(sum(n)), np.repeat([1, 0], n)])
    with warnings.catch_warnings():  # two sets leave no degree of freedom
        warnings.simplefilter("ignore", RuntimeWarning)
        fit = sm.OLS(y, x).fit()
        low, high = fit.conf_int(1 - level)[1] if sum(n) > 2 else (np.nan, np.nan)
    p = float(fit.pvalues[1]) if sum(n) > 2 else np.nan
    logits = Estimate(float(fit.params[1]), float(low), float(high), p)
    at = models.loc[models["set"].isin(groups[1]), "x"].mean()
    base = line.intercept.value + line.slope.value * at + float(fit.params[0])
    shifts = np.array([logits.value, logits.low, logits.high])
    odds, ratio = np.exp(shifts), expit(base + shifts) / expit(base)
    return Difference(
        n, logits, Estimate(*odds.tolist()), float(expit(at)), Estimate(*ratio.tolist())
    )
