"""Metrics over training: their values, which space leads, and lagged correlations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cood.analysis.stats.estimate import Estimate
from cood.analysis.topics.training_dynamics import SPACES


def first_and_last_values(table: pd.DataFrame, metric: str) -> str:
    """Mean over models of a metric before and after training, for both spaces, as a phrase."""
    parts = []
    for space in SPACES:
        part = table[(table["metric"] == metric) & (table["space"] == space)]
        part = part.sort_values("step").groupby("model")["value"]
        first, last = part.first().mean(), part.last().mean()
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
            f"By {_in_words(metric)}, {order}: the lead of texts is {lead.value:.1f} "
            f"[{lead.low:.1f}, {lead.high:.1f}] doublings of the steps, n = {lead.n} models in "
            f"{lead.families} families."
        )
    return " ".join(sentences)


def describe_lags(lags: Mapping[str, pd.DataFrame]) -> str:
    """Which lagged correlations are significant, as a sentence."""
    significant = [
        f"{row.order} by {_in_words(metric)} ({row.value:.2f} [{row.low:.2f}, {row.high:.2f}])"
        for metric, table in lags.items()
        for row in table.itertuples()
        if row.order != "at once" and (row.low > 0 or row.high < 0)
    ]
    if not significant:
        return "No correlation at a lag of one checkpoint is significant, in either direction."
    return f"Significant correlations at a lag of one checkpoint: {'; '.join(significant)}."


def lag_rows(lags: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Lagged correlations as `cood.report.plots.interval_rows` takes them."""
    tables = [
        table.assign(group=_in_words(metric), model=table["order"])
        for metric, table in lags.items()
    ]
    return pd.concat(tables, ignore_index=True)


def arrival_table(steps: Mapping[str, pd.DataFrame], table: pd.DataFrame) -> pd.DataFrame:
    """A row a model and metric: the step at which each space arrives, and its values.

    Parameters
    ----------
    steps
        What `cood.analysis.topics.training_dynamics.arrival_steps` returns for each metric.
    table
        Columns `model`, `step`, `space`, `metric` and `value`.
    """
    rows = []
    for metric, arrivals in steps.items():
        for model, arrival in arrivals.iterrows():
            row = {"model": model, "metric": _in_words(metric)}
            for space in SPACES:
                values = table[
                    (table["metric"] == metric)
                    & (table["space"] == space)
                    & (table["model"] == model)
                ].sort_values("step")["value"]
                row[f"{space}s arrive at step"] = arrival[space]
                row[f"{space}s: first, lowest, last"] = " ".join(
                    f"{value:.2f}" for value in (values.iloc[0], values.min(), values.iloc[-1])
                )
            rows.append(row)
    return pd.DataFrame(rows).replace({np.nan: None})


def _in_words(metric: str) -> str:
    return metric.replace("_", " ")
