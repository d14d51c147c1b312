"""What a study offers to test the claims with: outcomes, columns of the design, and scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.certificate import load_certificate
from cood.analysis.in_distribution import FIRST, InDistribution, in_distribution
from cood.analysis.outcomes import crossed_outcomes, outcomes, study_counts
from cood.analysis.results import Results, pick
from cood.analysis.topics.design import design_columns
from cood.errors import CoodError, StudyError

# Outcomes: columns of `Evidence.outcomes`, by the names of the analysis plan.
OUTCOMES = {"y0": "id", "y1": "cood", "y2": "gap"}
ACCURACY = "pair_top1"


class Untestable(CoodError):
    """A study lacks what a statistic needs; the message says what, as a sentence."""


@dataclass(frozen=True)
class Evidence:
    """The tables of a study that the statistics of the claims are computed from.

    Attributes
    ----------
    results
        The tables of a study.
    outcomes
        By model, as `cood.analysis.outcomes.outcomes` gives them.
    counts
        Right answers of the models by composition, as `study_counts` gives them.
    halves
        The outcomes from each half of the compositions; without columns where models have no draws.
    design
        Columns of the design by model; no columns without a design.
    certificate
        What metrics are certified, as `load_certificate` gives it; None without any.
    """

    results: Results
    outcomes: pd.DataFrame
    counts: pd.DataFrame = field(repr=False)
    halves: tuple[pd.DataFrame, pd.DataFrame]
    design: pd.DataFrame
    certificate: pd.DataFrame | None = field(default=None, repr=False)

    @cached_property
    def models(self) -> pd.DataFrame:
        """The table of models, indexed by name."""
        return self.results.models.set_index("model")

    @cached_property
    def accuracy(self) -> pd.DataFrame:
        """C-OoD accuracy as `pick` gives it, a row for each model of the study."""
        scores = values_of(self, "accuracy on unseen compositions", split="unseen", metric=ACCURACY)
        return scores.reindex(self.models.index)

    @cached_property
    def inside(self) -> InDistribution:
        """ID accuracy, and what it is measured on."""
        return in_distribution(self.results, FIRST, ACCURACY)

    @property
    def has_draws(self) -> bool:
        """Whether models saw compositions of the study, so that they have a gap."""
        return "gap" in self.outcomes


def gather_evidence(results: Results) -> Evidence:
    """Fit the outcomes of the models of a study, and read its design and the certificate."""
    models = results.models["model"]
    table, counts = outcomes(results), study_counts(results)
    nothing = pd.DataFrame(index=pd.Index(models, name="model"))
    halves = (nothing, nothing)
    if "gap" in table:
        first, second = crossed_outcomes(counts, results.study.words)
        halves = first.reindex(models), second.reindex(models)
    design = nothing if results.study.design is None else design_columns(results).reindex(models)
    return Evidence(results, table, counts, halves, design, load_certificate(results.study))


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
    if scores.empty or not np.isfinite(scores["value"]).any():
        raise Untestable(f"The study has no {what}.")
    return scores.reindex(evidence.models.index)
