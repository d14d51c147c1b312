"""Claims C1, C2, C4 and C13: accuracy in and out of distribution."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cood.analysis.claims.evidence import ID, Effect, Evidence, Untestable, against
from cood.analysis.pretraining_sets import LARGE, SMALL
from cood.analysis.results import percent
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import effective_robustness
from cood.analysis.topics.accuracy import about_image_encoders, image_encoder_table, language_gap

ALPHA = 0.05  # the intervals that are computed here have the confidence 1 - ALPHA


def spread(evidence: Evidence) -> dict[str, Effect]:
    """C1: the model closest to chance, and the difference between the best and the worst."""
    models = evidence.outside.dropna(subset=["value", "low", "high"])
    if len(models) < 2:
        raise Untestable("Fewer than two models have an accuracy with an interval.")
    families = int(evidence.models.loc[models.index, "family"].nunique())
    z = stats.norm.ppf(1 - (1 - evidence.results.study.evaluation.level) / 2)
    error = (models["high"] - models["low"]) / (2 * z)
    return {
        "lowest minus chance": _lowest_above_chance(models, error, families),
        "best minus worst": _best_above_worst(models, error, families),
    }


def _lowest_above_chance(models: pd.DataFrame, error: pd.Series, families: int) -> Effect:
    # The claim is about all models, so the one closest to chance decides, without a correction.
    lowest = (models["low"] - models["chance"]).idxmin()
    row = models.loc[lowest]
    value, low, high = (float(row[c] - row["chance"]) for c in ("value", "low", "high"))
    p = _guessing_p(row, error[lowest])
    return Effect(
        "accuracy minus chance",
        Estimate(value, low, high, p, n=len(models), families=families),
        median=float(models["value"].median()),
        chance=float(models["chance"].median()),
        note=f"The model closest to chance, {lowest}, has "
        f"{percent(*row[['value', 'low', 'high']])}; chance is {percent(row['chance'])}.",
    )


def _best_above_worst(models: pd.DataFrame, error: pd.Series, families: int) -> Effect:
    # The best and the worst are chosen by their accuracy: an interval for all pairs at once.
    best, worst = models["value"].idxmax(), models["value"].idxmin()
    pairs = len(models) * (len(models) - 1) / 2
    value = models.loc[best, "value"] - models.loc[worst, "value"]
    error_of_difference = float(np.hypot(error[best], error[worst]))
    margin = stats.norm.ppf(1 - ALPHA / 2 / pairs) * error_of_difference
    p = min(1.0, pairs * _normal_p(value, error_of_difference))
    return Effect(
        "best accuracy minus worst",
        Estimate(value, value - margin, value + margin, p, n=len(models), families=families),
        note=f"The best model, {best}, has {percent(models.loc[best, 'value'])}; the "
        f"worst, {worst}, has {percent(models.loc[worst, 'value'])}.",
    )


def _guessing_p(row: pd.Series, error: float) -> float:
    # Binomial, with as many independent images as would give this error (Rao and Scott 1981): near
    # 0 the distribution is too skewed for a normal one.
    variance = row["value"] * (1 - row["value"])
    n = min(row["n"], variance / error**2) if error > 0 else row["n"]
    test = stats.binomtest(round(row["value"] * n), round(n), row["chance"])
    return float(test.pvalue)


def _normal_p(value: float, error: float) -> float:
    if value == 0:
        return 1.0
    return float(2 * stats.norm.sf(abs(value) / error)) if error > 0 else 0.0


def with_in_distribution(evidence: Evidence) -> dict[str, Effect]:
    """C2: ID accuracy."""
    note = f"ID accuracy is the accuracy {evidence.inside.meaning}."
    return {ID: against(evidence, evidence.inside.values["value"], skip=[ID], note=note)}


def above_the_line(evidence: Evidence) -> dict[str, Effect]:
    """C4: difference in effective robustness between families of large and small training sets."""
    residual, _ = effective_robustness(evidence.inside.values["value"], evidence.accuracy)
    means = residual.dropna().groupby(evidence.models["family"]).mean()
    groups = [means[means.index.isin(group)] for group in (LARGE, SMALL)]
    if min(map(len, groups)) < 2:
        raise Untestable(
            "The test needs checkpoints with an ID accuracy from at least two of the families "
            f"{', '.join(LARGE)}, and from both {' and '.join(SMALL)}."
        )
    test = stats.ttest_ind(*groups, equal_var=False)
    low, high = test.confidence_interval(1 - ALPHA)
    family = evidence.models.loc[residual.dropna().index, "family"]
    effect = Effect(
        "C-OoD accuracy above the line",
        Estimate(
            value=float(groups[0].mean() - groups[1].mean()),
            low=float(low),
            high=float(high),
            p=float(test.pvalue),
            n=int(family.isin([*LARGE, *SMALL]).sum()),
            families=sum(map(len, groups)),
        ),
        note="Means of families are compared (Welch's test); supervised models are not among them.",
    )
    return {"above the line": effect}


def image_encoders(evidence: Evidence) -> dict[str, Effect]:
    """C13: CLIPs and image-only encoders, evaluated by the same linear probes."""
    if not evidence.results.study.image_encoders:
        raise Untestable("The study has no image-only encoder.")
    gap = language_gap(image_encoder_table(evidence.results, evidence.metric))
    if np.isnan(gap.value):
        raise Untestable(f"{str(gap)[0].upper()}{str(gap)[1:]}.")
    if not gap.inside:
        raise Untestable(
            "No family of image-only encoders has an ID accuracy within the range of the CLIPs, so "
            "a comparison at the same ID accuracy would rest on extrapolation."
        )
    effect = Effect(
        "difference at the same ID accuracy",
        Estimate(
            value=gap.value,
            low=gap.low,
            high=gap.high,
            p=gap.p,
            n=gap.clips + gap.image_encoders,
            families=gap.clip_families + gap.image_encoder_families,
        ),
        note="All encoders are evaluated with linear probes. "
        f"{about_image_encoders(evidence.results)} {gap.inside} of {gap.image_encoder_families} "
        "families of trained image-only encoders have an ID accuracy within the range of the "
        "CLIPs.",
    )
    return {"CLIPs minus image-only": effect}
