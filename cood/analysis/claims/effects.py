"""The effects that test a claim: a statistic, its numbers by model, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cood.analysis.claims.evidence import OUTCOMES, Evidence, Untestable
from cood.analysis.claims.rules import is_saturated
from cood.analysis.claims.statistics import (
    COEFFICIENTS,
    CORRELATION,
    FAMILY,
    PARTIAL,
    Statistic,
    compute,
    varying,
)
from cood.analysis.stats.estimate import Estimate
from cood.analysis.thresholds import load_thresholds


@dataclass(frozen=True)
class Effect:
    """One statistic that tests a claim.

    Attributes
    ----------
    statistic
        What is computed, of which columns.
    estimate
        Its value, interval, p, and the models and families that it was computed from.
    numbers
        Those columns, and `family`, a row a model.
    outcome
        Registered name of the outcome, such as ``y1``, or words; empty for none.
    given_design
        The same given the columns of the design: the second figure, which decides nothing.
    saturated
        Whether nearly all models have the same value of the measure; None where it is no measure.
    chance
        Median over models of the measure under the null; NaN without one.
    members
        For a mean rank of metrics a row each; else None.
    note
        What a reader of the effect must know, as sentences.
    """

    statistic: Statistic
    estimate: Estimate
    numbers: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    outcome: str = ""
    given_design: Estimate = field(default_factory=Estimate)
    saturated: bool | None = None
    chance: float = np.nan
    members: pd.DataFrame | None = None
    note: str = ""

    @property
    def coefficient(self) -> bool:
        """Whether it is a coefficient between -1 and 1."""
        return self.statistic.kind in COEFFICIENTS

    @property
    def association(self) -> bool:
        """Whether it is an association with the accuracy of the models."""
        return self.outcome in OUTCOMES

    @property
    def measure(self) -> pd.Series:
        """The measure by model; empty where the effect is not of a number by model."""
        if not self.statistic.x or self.statistic.x[0] not in self.numbers:
            return pd.Series(dtype=float)
        return self.numbers[self.statistic.x[0]]


def effect_of(
    evidence: Evidence, statistic: Statistic, columns: dict[str, pd.Series], **more: object
) -> Effect:
    """Compute a statistic of columns by model.

    Parameters
    ----------
    evidence, statistic
        The study, and what to compute.
    columns
        The numbers by model that it names, by name.
    more
        Further fields of `Effect`.

    Raises
    ------
    Untestable
        If too few models have the numbers, or one of them is the same for all.
    """
    numbers = pd.DataFrame(columns).reindex(evidence.models.index)
    numbers[FAMILY] = evidence.models["family"]
    seed = evidence.results.study.seed
    estimate = compute(statistic, numbers, seed)
    if np.isnan(estimate.value):
        raise Untestable(_why_no_value(statistic, numbers))
    return Effect(statistic, estimate, numbers, **more)  # type: ignore[arg-type]


def _why_no_value(statistic: Statistic, numbers: pd.DataFrame) -> str:
    complete = numbers.dropna(subset=statistic.columns)
    least = load_thresholds().least_models + len(varying(complete, statistic.nuisance))
    families = complete[FAMILY].nunique()
    if len(complete) >= least and families > 1:
        return "The statistic is the same for all models, or follows from the nuisance columns."
    return (
        f"Only {len(complete)} models of {families} families have the numbers; at least {least} "
        "models of two families are needed."
    )


def associate(
    evidence: Evidence,
    name: str,
    x: pd.Series,
    outcome: str = "y1",
    *,
    nuisance: pd.DataFrame | None = None,
    is_measure: bool = True,
    **more: object,
) -> Effect:
    """The correlation of a number by model with an outcome.

    Parameters
    ----------
    evidence, name, x
        The study; what the number is called in tables; the number, indexed by model.
    outcome
        ``y1`` or ``y2``.
    nuisance
        Columns by model that are held fixed: the correlation is partial. Without it, the partial
        correlation given the design is computed too, as the second figure.
    is_measure
        Whether the number is measured, so that it can be saturated; no factor of the design is.
    more
        Further fields of `Effect`.

    Raises
    ------
    Untestable
        As `effect_of`, or if the study lacks the outcome.
    """
    y = OUTCOMES[outcome]
    if y not in evidence.outcomes:
        raise Untestable("The study has no seen compositions, so the gap of its models is unknown.")
    given = pd.DataFrame(index=x.index) if nuisance is None else nuisance
    columns = {name: x, y: evidence.outcomes[y], **{str(c): given[c] for c in given}}
    kind = CORRELATION if nuisance is None else PARTIAL
    statistic = Statistic(kind, (name,), (y,), tuple(map(str, given)))
    if nuisance is None:
        more["given_design"] = _given_design(evidence, statistic, columns)
    limits = load_thresholds()
    if is_measure:
        compared = x.reindex(evidence.models.index)[evidence.outcomes[y].notna()]
        more["saturated"] = is_saturated(
            compared, share=limits.saturated_share, tolerance=limits.saturated_tolerance
        )
    return effect_of(evidence, statistic, columns, outcome=outcome, **more)


def _given_design(
    evidence: Evidence, statistic: Statistic, columns: dict[str, pd.Series]
) -> Estimate:
    design = evidence.design
    if design.columns.empty:
        return Estimate()
    given = Statistic(PARTIAL, statistic.x, statistic.y, tuple(map(str, design)))
    numbers = pd.DataFrame({**{str(c): design[c] for c in design}, **columns})
    numbers = numbers.reindex(evidence.models.index)
    numbers[FAMILY] = evidence.models["family"]
    return compute(given, numbers, evidence.results.study.seed)


def design_without(evidence: Evidence, without: Sequence[str]) -> pd.DataFrame:
    """The columns of the design but some.

    Raises
    ------
    Untestable
        If the study has no design, or one of the columns is missing: it does not vary.
    """
    if evidence.design.columns.empty:
        raise Untestable("The study has no design, so nothing else can be held fixed.")
    missing = [name for name in without if name not in evidence.design]
    if missing:
        raise Untestable(f"The models do not differ in {' and '.join(missing)}.")
    return evidence.design.drop(columns=list(without))
