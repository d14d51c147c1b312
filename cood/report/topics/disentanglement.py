"""Metrics of disentanglement: their values, null values and models that lack a factor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.metric_correlations import computations
from cood.analysis.results import Results, plain_rows
from cood.errors import check_choice
from cood.metrics import SCORES
from cood.report.tables.formatting import metric_names

NULLS = ("rotated at random", "principal components")
SATURATED = 0.01  # range over models, up to which a metric hardly differs between them


def scores_of(results: Results, metrics: Sequence[str], split: str) -> pd.DataFrame:
    """Rows of some metrics over all factors, in the order of `metrics`.

    Metrics that the study does not compute are left out.

    Raises
    ------
    NotebookError
        If a metric does not exist.
    """
    for metric in metrics:
        check_choice("metric", metric, (*SCORES, "coverage"))
    scores = plain_rows(_here(results, metrics, split))
    order = {name: i for i, name in enumerate(metrics)}
    return scores.sort_values("metric", key=lambda m: m.map(order), kind="stable")


def null_table(results: Results, metrics: Sequence[str], split: str) -> pd.DataFrame:
    """A row a metric and space: medians over models of its value and of its null values."""
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

    `table` is what `cood.analysis.metric_correlations.correlate_metrics` returns.
    """
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
