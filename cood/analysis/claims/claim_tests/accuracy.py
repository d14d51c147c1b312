"""Claims C1, C2 and C4: accuracy in and out of distribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cood.analysis.claims.effects import Effect, associate, effect_of
from cood.analysis.claims.evidence import Evidence, Untestable
from cood.analysis.claims.statistics import CROSSED, DIFFERENCE, SPREAD, Statistic
from cood.analysis.pretraining_sets import LARGE, SMALL
from cood.analysis.results import percent
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import effective_robustness, to_logit
from cood.analysis.thresholds import load_thresholds

MAGNITUDE = 10.0  # the smallest ratio that is read as "orders of magnitude"


def spread(evidence: Evidence) -> Effect:
    """C1: the difference between the best and the worst model."""
    models = evidence.accuracy.dropna(subset=["value", "low", "high"])
    if len(models) < 2:
        raise Untestable("Fewer than two models have an accuracy with an interval.")
    z = stats.norm.ppf(1 - (1 - evidence.results.study.evaluation.level) / 2)
    value, error = "C-OoD accuracy", "error of C-OoD accuracy"
    columns = {value: models["value"], error: (models["high"] - models["low"]) / (2 * z)}
    best, worst = models["value"].idxmax(), models["value"].idxmin()
    return effect_of(
        evidence,
        Statistic(SPREAD, (value, error)),
        columns,
        outcome="accuracy",
        note=f"The best model, {best}, has {percent(models.loc[best, 'value'])}; the worst, "
        f"{worst}, has {percent(models.loc[worst, 'value'])}.",
    )


def with_in_distribution(evidence: Evidence) -> dict[str, Effect]:
    """C2: ID accuracy and C-OoD accuracy, from other halves of the compositions."""
    name = "ID accuracy"
    if not evidence.has_draws:
        inside = to_logit(evidence.inside.values["value"])
        note = (
            f"ID accuracy is the accuracy {evidence.inside.meaning}, as log odds. It is from other "
            "images than C-OoD accuracy, so nothing is halved."
        )
        return {name: associate(evidence, name, inside, note=note)}
    columns = {
        f"{outcome}, half {side + 1}": half[outcome]
        for side, half in enumerate(evidence.halves)
        for outcome in ("id", "cood")
    }
    statistic = Statistic(CROSSED, ("id, half 1", "id, half 2"), ("cood, half 2", "cood, half 1"))
    whole = associate(evidence, "id", evidence.outcomes["id"])
    effect = effect_of(
        evidence,
        statistic,
        columns,
        outcome="y1",
        given_design=whole.given_design,
        saturated=whole.saturated,
        note="Without halving, the correlation is "
        f"{whole.estimate}. The second figure, given the design, is without halving too.",
    )
    return {name: effect}


def above_the_line(evidence: Evidence) -> dict[str, Effect]:
    """C4: difference in effective robustness between families of large and small training sets."""
    inside = evidence.inside.values["value"].reindex(evidence.models.index)
    accuracy = evidence.accuracy["value"]
    residual, _ = effective_robustness(inside, accuracy)
    family = evidence.models["family"]
    means = residual.dropna().groupby(family).mean()
    groups = [means[means.index.isin(group)] for group in (LARGE, SMALL)]
    if min(map(len, groups)) < 2:
        raise Untestable(
            "The test needs checkpoints with an ID accuracy from at least two of the families "
            f"{', '.join(LARGE)}, and from both {' and '.join(SMALL)}."
        )
    test = stats.ttest_ind(*groups, equal_var=False)
    low, high = test.confidence_interval(1 - load_thresholds().level)
    chosen = family.loc[residual.dropna().index].isin([*LARGE, *SMALL])
    estimate = Estimate(
        value=float(groups[0].mean() - groups[1].mean()),
        low=float(low),
        high=float(high),
        p=float(test.pvalue),
        n=int(chosen.sum()),
        families=sum(map(len, groups)),
    )
    note = (
        "Means of families are compared (Welch's test); supervised models are not among them. "
        f"{_ratio_note(accuracy, inside, family)}"
    )
    effect = Effect(
        Statistic(DIFFERENCE, ()), estimate, outcome="accuracy above the line", note=note
    )
    return {"above the line": effect}


def _ratio_note(accuracy: pd.Series, inside: pd.Series, family: pd.Series) -> str:
    """Whether orders of magnitude fit the accuracies, and how far that is extrapolated."""
    large, small = (
        family.isin(group) & inside.notna() & accuracy.notna() for group in (LARGE, SMALL)
    )
    ratio = float(np.median(accuracy[large]) / np.median(accuracy[small]))
    text = f"The median accuracies of the two groups differ by a factor of {ratio:.2g}"
    fits = "compatible" if ratio >= MAGNITUDE else "incompatible"
    apart = inside[large].min() > inside[small].max() or inside[small].min() > inside[large].max()
    how = ", by extrapolation, as their ranges of ID accuracy do not overlap" if apart else ""
    return f"{text}: {fits} with a factor of ten{how}."
