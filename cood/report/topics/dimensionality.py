"""Soft ranks of texts and images against the outcomes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cood.analysis.stats.correlation import Correlation
from cood.report.plots.outcomes import OUTCOMES, Panel, outcome_values


def rank_panels(
    ranks: Mapping[str, pd.DataFrame], outcomes: pd.DataFrame, definition: str
) -> list[list[Panel]]:
    """A row of panels an outcome, and in it a panel a space.

    Parameters
    ----------
    ranks
        By space, as `cood.analysis.results.pick` gives them.
    outcomes, definition
        What `cood.analysis.outcomes.outcomes` gives; the definition of soft rank.
    """
    name = definition.replace("_", " ")
    return [
        [
            Panel(values, outcome_values(outcomes, outcome), (f"{name} of {space}s", about))
            for space, values in ranks.items()
        ]
        for outcome, about in OUTCOMES.items()
        if outcome in outcomes
    ]


def describe_influence(correlation: Correlation) -> str:
    """Range of Pearson's coefficient when one family of models is left out, as a phrase."""
    estimate = correlation.pearson
    if np.isnan([estimate.least, estimate.most]).any():
        return "not estimable"
    return f"{estimate.least:.2f} to {estimate.most:.2f}"
