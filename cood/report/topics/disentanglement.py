"""Metrics of disentanglement: their values, and models that lack a factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cood.analysis.results import Results, plain_rows
from cood.errors import check_choice
from cood.evaluation.representation.geometry import FACTORISATION
from cood.metrics import SCORES
from cood.metrics.registry import metric_label
from cood.report.plots.outcomes import OUTCOMES, Panel, outcome_values
from cood.report.plots.style import SPACES
from cood.report.tables.formatting import metric_names

SATURATED = 0.01  # range over models, up to which a metric hardly differs between them


def outcome_panels(
    results: Results, outcomes: pd.DataFrame, metrics: Sequence[str], split: str, space: str
) -> list[list[Panel]]:
    """A row of panels a metric: its values of one space against each outcome.

    Metrics that the study does not compute are left out.

    Raises
    ------
    NotebookError
        If a metric, or the space, does not exist.
    """
    check_choice("space", space, tuple(SPACES))
    for metric in metrics:
        check_choice("metric", metric, (*SCORES, *FACTORISATION))
    scores = plain_rows(_here(results, metrics, split), space=space)
    rows = []
    for metric in metrics:
        x = scores[scores["metric"] == metric].set_index("model")
        if x.empty:
            continue
        labels = {name: about for name, about in OUTCOMES.items() if name in outcomes}
        across = f"{metric_label(metric)} of {space}s"
        chance = float(x["chance"].median())
        rows.append(
            [
                Panel(x, outcome_values(outcomes, name), (across, about), chance)
                for name, about in labels.items()
            ]
        )
    return rows


def missing_factors(results: Results, split: str) -> str:
    """Which models do not encode a factor at all, by what their codes lack, as a sentence."""
    scores = _here(results, ["coverage"], split)
    missing = plain_rows(scores[scores["note"] != ""])
    if missing.empty:
        return "Every model encodes both factors, in images and in texts."
    reason = missing["note"].str.split(";").str[0]
    parts = [
        f"{note} ({space}s of {', '.join(rows['model'])})"
        for (note, space), rows in missing.groupby([reason, "space"], sort=False)
    ]
    return (
        "Some codes do not encode a factor, so their high scores are no sign of disentanglement: "
        f"{'; '.join(parts)}."
    )


def saturated_metrics(table: pd.DataFrame) -> str:
    """Which metrics hardly vary over models, as a sentence.

    `table` is what `cood.analysis.canonical_variants.outcome_correlations` returns.
    """
    table = table.drop_duplicates(["space", "metric"])
    flat = table[np.isclose(table["lowest"], table["highest"], atol=SATURATED)]
    if flat.empty:
        return f"Every metric differs between models by more than {SATURATED:g}."
    medians = zip(metric_names(flat), flat["median"], strict=True)
    values = [f"{name} ({value:.2f})" for name, value in medians]
    return (
        f"Some metrics differ between models by at most {SATURATED:g}, so their correlation is not "
        f"informative; they are, with their median: {', '.join(values)}."
    )


def _here(results: Results, metrics: Sequence[str], split: str) -> pd.DataFrame:
    scores = results.scores
    return scores[
        scores["metric"].isin(metrics)
        & (scores["split"] == split)
        & (scores["set"] == results.set)
        & scores["model"].isin(results.models["model"])
    ]
