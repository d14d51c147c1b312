"""What the statistics of the claims are computed from, and what one of them gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.in_distribution import FIRST, InDistribution, in_distribution
from cood.analysis.results import Results, pick, plain_rows, rows_with
from cood.analysis.stats.correlation import Correlation, correlate
from cood.errors import StudyError

ID = "ID accuracy"


class Untestable(Exception):
    """A study lacks what a statistic needs; the message says what, as a sentence."""


@dataclass(frozen=True)
class Effect:
    """One statistic over models.

    Attributes
    ----------
    kind
        What `value` is: ``Pearson``, ``partial Pearson``, or a difference with its unit.
    value, low, high, p, n, families
        The statistic, its 95 % interval and p, and over how many models and families.
    least, most
        Furthest values when one family is left out; NaN where families play no part.
    found
        The correlation that `value` is taken from; None for a difference.
    controls
        Partial correlations, by what is given.
    typical, chance
        Medians over models of the metric, and of its value under the null; NaN without one.
    ways
        The same coefficient with the metric taken in other ways.
    members
        A row a metric, for a set of them, with p by Holm within.
    note
        What stands for the paper's quantity in this study, as a sentence.
    """

    kind: str
    value: float
    low: float
    high: float
    p: float
    n: int
    families: int
    least: float = np.nan
    most: float = np.nan
    found: Correlation | None = None
    controls: Mapping[str, Correlation] = field(default_factory=dict)
    typical: float = np.nan
    chance: float = np.nan
    ways: Sequence[float] = ()
    members: pd.DataFrame | None = None
    note: str = ""


@dataclass(frozen=True)
class Evidence:
    """What the statistics are computed from.

    Attributes
    ----------
    results
        The tables of a study.
    outside
        C-OoD accuracy as `pick` gives it, one row for each model of the study.
    inside
        ID accuracy.
    metric
        Which accuracy `outside` is.
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
        """What is known of the models, indexed by name."""
        return self.results.models.set_index("model")

    @property
    def controls(self) -> dict[str, pd.Series]:
        """What correlations may be held against: numbers by model that vary and are known."""
        models = self.models
        known = {ID: self.inside.values["value"].reindex(models.index)}
        columns = {"embedding width": "embed_dim", "tower width": "width"}
        known |= {name: models[c] for name, c in columns.items() if c in models}
        counts = {"parameters": "parameters", "training images": "images"}
        counts |= {"size of the training set": "pairs"}
        known |= {name: np.log(models[c]) for name, c in counts.items() if c in models}
        if "share" in models:
            known["share of compositions"] = models["share"]
        compared = self.accuracy.notna()
        return {name: x for name, x in known.items() if x[compared].nunique() > 1}


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
        found = pick(evidence.results, **where)
    except StudyError as error:
        raise Untestable(f"The study has no {what}.") from error
    if found.empty:
        raise Untestable(f"The study has no {what}.")
    return found.reindex(evidence.models.index)


def against(
    evidence: Evidence,
    x: pd.Series,
    *,
    chance: pd.Series | float = np.nan,
    skip: Sequence[str] = (),
    given: str | None = None,
    **more: object,
) -> Effect:
    """The correlation of a number by model with C-OoD accuracy, as an effect.

    Parameters
    ----------
    evidence, x
        The study; the number, indexed by model.
    chance
        Its value under the null.
    skip
        Controls that make no sense, as they are what `x` is.
    given
        The control that the effect itself is to be given; by default none.
    more
        Further fields of `Effect`.

    Raises
    ------
    Untestable
        If there are fewer than three models or two families with both numbers, or one is constant.
    """
    models = evidence.models
    y, families, seed = evidence.accuracy, models["family"], evidence.results.study.seed
    x = x.reindex(models.index)
    known = {name: c for name, c in evidence.controls.items() if name not in skip}
    if given is not None and given not in known:
        raise Untestable(f"{given} of the models is not known, or is the same for all.")
    third = None if given is None else known[given]
    found = correlate(x, y, families, given=third, seed=seed)
    if np.isnan(found.pearson):
        constant = found.n >= 3 and found.families >= 2
        raise Untestable(
            "The statistic is the same for all models, or follows from what is given."
            if constant
            else f"Only {found.n} models of {found.families} families have the numbers; at least "
            f"{3 + (given is not None)} models of two families are needed."
        )
    controls = {
        name: correlate(x, y, families, given=c, seed=seed)
        for name, c in known.items()
        if name != given
    }
    return Effect(
        kind="Pearson" if given is None else "partial Pearson",
        value=found.pearson,
        low=found.low,
        high=found.high,
        p=found.pearson_p,
        n=found.n,
        families=found.families,
        least=found.pearson_least,
        most=found.pearson_most,
        found=found,
        controls=controls if given is None else {given: found} | controls,
        typical=float(x.median()),
        chance=float(np.median(chance)),
        **more,  # type: ignore[arg-type]
    )


def in_ways(evidence: Evidence, values: Mapping[str, pd.Series]) -> tuple[float, ...]:
    """Pearson's coefficient with C-OoD accuracy of several columns by model.

    Those that have none are left out.
    """
    table = pd.DataFrame(dict(values)).reindex(evidence.models.index)
    found = table.loc[:, table.nunique() > 1].corrwith(evidence.accuracy)
    return tuple(found.dropna())


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
