"""Scores of metrics, arranged for figures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.metric_correlations import computations
from cood.analysis.results import Results, plain_rows
from cood.errors import check_choice
from cood.metrics import SCORES

NULLS = ("rotated at random", "principal components")


def scores_of(results: Results, metrics: Sequence[str], split: str) -> pd.DataFrame:
    """Rows of the metrics over all factors, as they are; metrics in the given order.

    Those that the study does not take are left out; one that there is not raises a NotebookError.
    """
    for metric in metrics:
        check_choice("metric", metric, (*SCORES, "coverage"))
    scores = plain_rows(_here(results, metrics, split))
    order = {name: i for i, name in enumerate(metrics)}
    return scores.sort_values("metric", key=lambda m: m.map(order), kind="stable")


def nulls(results: Results, metrics: Sequence[str], split: str) -> pd.DataFrame:
    """A row a metric and space: medians over models of the value and of its nulls."""
    scores = _here(results, metrics, split)
    columns = computations(results)
    selected: dict[str, dict[str, Any]] = {"value": {}}
    selected |= {kind: columns[kind] for kind in NULLS}
    parts = [plain_rows(scores, **where).assign(kind=kind) for kind, where in selected.items()]
    scores = pd.concat(parts, ignore_index=True)
    keys = ["metric", "space"]
    table = scores.pivot_table(index=keys, columns="kind", values="value", aggfunc="median")
    whole = scores[scores["kind"] == "value"].groupby(keys)
    table["shuffled labels"] = whole["chance"].median()
    table["lowest"], table["highest"] = whole["value"].min(), whole["value"].max()
    shown = ["lowest", "value", "highest", "shuffled labels", *NULLS]
    table = table.reindex(columns=shown).rename(columns={"value": "median"})
    order = pd.MultiIndex.from_product([metrics, ["image", "text"]], names=keys)
    table = table.reindex(order.intersection(table.index)).reset_index()
    return table.assign(metric=table["metric"].str.replace("_", " "))


def notes(results: Results, split: str) -> str:
    """Which models do not hold a factor at all, as a sentence."""
    scores = _here(results, ["coverage"], split)
    said = plain_rows(scores[scores["note"] != ""])
    if said.empty:
        return "Here every model holds both factors, in images and in texts."
    rows = [f"{row.model}, {row.space}s ({row.note})" for row in said.itertuples()]
    return f"Here it is missed by: {'; '.join(rows)}."


def saturated(found: pd.DataFrame) -> str:
    """Which metrics hardly vary over models, as a sentence; see `correlate_metrics`."""
    flat = found[np.isclose(found["lowest"], found["highest"], atol=0.01)]
    if flat.empty:
        return "Every metric varies over models."
    names = flat["metric"].str.replace("_", " ") + " of " + flat["space"] + "s"
    values = [f"{name} ({value:.2f})" for name, value in zip(names, flat["median"], strict=True)]
    return (
        f"Some hardly differ between models, by 0.01 at most, so that their correlation says "
        f"little: {', '.join(values)}."
    )


def _here(results: Results, metrics: Sequence[str], split: str) -> pd.DataFrame:
    scores = results.scores
    return scores[
        scores["metric"].isin(metrics)
        & (scores["split"] == split)
        & (scores["set"] == results.set)
        & scores["model"].isin(results.models["model"])
    ]
