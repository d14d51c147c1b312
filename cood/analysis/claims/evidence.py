"""The evidence of a study on the claims, and the effects that are computed from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.in_distribution import FIRST, InDistribution, in_distribution
from cood.analysis.results import Results, pick, plain_rows, rows_with
from cood.analysis.stats.correlation import Correlation, correlate
from cood.analysis.stats.estimate import Estimate
from cood.errors import CoodError, StudyError

ID = "ID accuracy"
# Controls by name, and their columns of the table of models; counts are taken as logarithms.
WIDTHS = {"embedding width": "embed_dim", "image encoder width": "width"}
COUNTS = {
    "parameters": "parameters",
    "training images": "images",
    "size of the training set": "pairs",
}
LEAST_MODELS, LEAST_FAMILIES = 4, 2  # that a correlation needs


class Untestable(CoodError):
    """A study lacks what a statistic needs; the message says what, as a sentence."""


@dataclass(frozen=True)
class Effect:
    """One statistic that tests a claim, with what may speak against it.

    Attributes
    ----------
    kind
        What the statistic is: ``Pearson``, ``partial Pearson``, or a difference in words.
    estimate
        Its value, interval, p, and the models and families that it was computed from.
    correlation
        The correlation that the estimate is taken from; None for a difference.
    controls
        Partial correlations, by control.
    median, chance
        Medians over models of the metric, and of its value under the null; NaN without one.
    ways
        The same coefficient with the metric computed in other ways.
    members
        For a set of metrics a row each, with p by Holm within the set; else None.
    note
        What this study has in place of the quantity of the paper, as a sentence.
    """

    kind: str
    estimate: Estimate
    correlation: Correlation | None = None
    controls: Mapping[str, Correlation] = field(default_factory=dict)
    median: float = np.nan
    chance: float = np.nan
    ways: Sequence[float] = ()
    members: pd.DataFrame | None = None
    note: str = ""


@dataclass(frozen=True)
class Evidence:
    """The tables of a study that the statistics of the claims are computed from.

    Attributes
    ----------
    results
        The tables of a study.
    outside
        C-OoD accuracy as `pick` gives it, one row for each model of the study.
    inside
        ID accuracy.
    metric
        Name of the accuracy, such as ``pair_top1``.
    """

    results: Results
    outside: pd.DataFrame
    inside: InDistribution
    metric: str = "pair_top1"

    @property
    def accuracy(self) -> pd.Series:
        """C-OoD accuracy by model."""
        return self.outside["value"]

    @property
    def models(self) -> pd.DataFrame:
        """The table of models, indexed by name."""
        return self.results.models.set_index("model")

    @property
    def controls(self) -> dict[str, pd.Series]:
        """Numbers by model that a correlation can be controlled for: those that vary."""
        models = self.models
        numbers = {ID: self.inside.values["value"].reindex(models.index)}
        numbers |= {name: models[c] for name, c in WIDTHS.items() if c in models}
        numbers |= {name: np.log(models[c]) for name, c in COUNTS.items() if c in models}
        if "share" in models:
            numbers["share of compositions"] = models["share"]
        compared = self.accuracy.notna()
        return {name: x for name, x in numbers.items() if x[compared].nunique() > 1}


def gather_evidence(results: Results, metric: str = "pair_top1") -> Evidence:
    """Take C-OoD accuracy (`metric`, over unseen compositions) and ID accuracy of a study."""
    outside = pick(results, split="unseen", metric=metric).reindex(results.models["model"])
    return Evidence(results, outside, in_distribution(results, FIRST, metric), metric)


def values_of(evidence: Evidence, what: str, **where: Any) -> pd.DataFrame:
    """Scores of the models as `pick` gives them.

    Raises
    ------
    Untestable
        If there are none; `what` names them.
    """
    try:
        scores = pick(evidence.results, **where)
    except StudyError as error:
        raise Untestable(f"The study has no {what}.") from error
    if scores.empty:
        raise Untestable(f"The study has no {what}.")
    return scores.reindex(evidence.models.index)


def against(
    evidence: Evidence,
    x: pd.Series,
    *,
    chance: pd.Series | float = np.nan,
    skip: Sequence[str] = (),
    given: str | None = None,
    ways: Sequence[float] = (),
    members: pd.DataFrame | None = None,
    note: str = "",
) -> Effect:
    """The correlation of a number by model with C-OoD accuracy, as an effect.

    Parameters
    ----------
    evidence, x
        The study; the number, indexed by model.
    chance
        Its value under the null.
    skip
        Controls that are `x` itself.
    given
        The control that the effect itself is given; by default none.
    ways, members, note
        Fields of `Effect`.

    Raises
    ------
    Untestable
        If there are fewer than four models or two families with both numbers, or one is constant.
    """
    models = evidence.models
    y, families, seed = evidence.accuracy, models["family"], evidence.results.study.seed
    x = x.reindex(models.index)
    available = {name: c for name, c in evidence.controls.items() if name not in skip}
    if given is not None and given not in available:
        raise Untestable(f"{given} of the models is missing, or is the same for all.")
    control = None if given is None else available[given]
    correlation = correlate(x, y, families, given=control, seed=seed)
    if np.isnan(correlation.pearson.value):
        raise Untestable(_why_no_coefficient(correlation, given))
    controls = {} if given is None else {given: correlation}
    controls |= {
        name: correlate(x, y, families, given=c, seed=seed)
        for name, c in available.items()
        if name != given
    }
    return Effect(
        kind="Pearson" if given is None else "partial Pearson",
        estimate=correlation.pearson,
        correlation=correlation,
        controls=controls,
        median=float(x.median()),
        chance=float(np.median(chance)),
        ways=ways,
        members=members,
        note=note,
    )


def _why_no_coefficient(correlation: Correlation, given: str | None) -> str:
    needed = LEAST_MODELS + (given is not None)
    if correlation.n >= needed and correlation.families >= LEAST_FAMILIES:
        return "The statistic is the same for all models, or is determined by the control."
    return (
        f"Only {correlation.n} models of {correlation.families} families have the numbers; at "
        f"least {needed} models of two families are needed."
    )


def in_ways(evidence: Evidence, values: Mapping[str, pd.Series]) -> tuple[float, ...]:
    """Pearson's coefficient of several columns by model with C-OoD accuracy.

    Columns without a coefficient are left out.
    """
    table = pd.DataFrame(dict(values)).reindex(evidence.models.index)
    coefficients = table.loc[:, table.nunique() > 1].corrwith(evidence.accuracy)
    return tuple(coefficients.dropna())


def in_selections(
    evidence: Evidence, selections: Iterable[Mapping[str, Any]], **where: Any
) -> tuple[float, ...]:
    """The same of scores in several selections of columns, as `pick` takes them.

    `where` are columns that they share. Selections without a score are left out.
    """
    fixed = {"set": evidence.results.set} | where
    scores = rows_with(evidence.results.scores, **fixed)
    scores = scores[scores["model"].isin(evidence.models.index)]
    columns = {}
    for i, selection in enumerate(selections):
        rows = plain_rows(scores, **fixed | dict(selection))
        if len(rows):
            columns[str(i)] = rows.set_index("model")["value"]
    return in_ways(evidence, columns)
