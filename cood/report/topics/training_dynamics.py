"""Metrics over training: their values at both ends, and which space arrives first."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cood.analysis.stats.estimate import Estimate
from cood.analysis.topics.training_dynamics import SPACES
from cood.metrics.registry import metric_label


def first_and_last_values(table: pd.DataFrame, metric: str) -> str:
    """Median over models of a metric before and after training, for both spaces, as a phrase."""
    parts = []
    for space in SPACES:
        part = table[(table["metric"] == metric) & (table["space"] == space)]
        part = part.sort_values("step").groupby("model")["value"]
        first, last = part.first().median(), part.last().median()
        parts.append(f"{space}s {first:.2f} before training and {last:.2f} after it")
    return "; ".join(parts)


def describe_leads(leads: Mapping[str, Estimate]) -> str:
    """Which space reaches its final value first, for each metric, as sentences."""
    sentences = []
    for metric, lead in leads.items():
        if lead.low > 0:
            order = "texts reach their final value before images"
        elif lead.high < 0:
            order = "images reach their final value before texts"
        else:
            order = "neither space is significantly earlier"
        sentences.append(
            f"By {metric_label(metric)}, {order}: {lead} doublings, n = {lead.n} models."
        )
    return " ".join(sentences)


def lead_rows(leads: Mapping[str, Estimate]) -> pd.DataFrame:
    """Leads of texts as `cood.report.plots.interval_rows` takes them."""
    rows = [
        {"model": metric_label(metric), "group": "lead", "value": one.value}
        | {"low": one.low, "high": one.high}
        for metric, one in leads.items()
    ]
    return pd.DataFrame(rows, columns=["model", "group", "value", "low", "high"])
