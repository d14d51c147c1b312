"""What metrics do over training, in words and tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cood.analysis.topics.training_dynamics import SPACES, Lead


def ends(table: pd.DataFrame, metric: str) -> str:
    """Mean over models of a metric before training and at its end, of both spaces."""
    said = []
    for space in SPACES:
        part = table[(table["metric"] == metric) & (table["space"] == space)]
        part = part.sort_values("step").groupby("model")["value"]
        first, last = part.first().mean(), part.last().mean()
        said.append(f"{space}s {first:.2f} before training and {last:.2f} after it")
    return "; ".join(said)


def leads(found: Mapping[str, Lead]) -> str:
    """Which space arrives first by each metric, as sentences."""
    said = []
    for metric, one in found.items():
        if one.low > 0:
            reading = "texts come first"
        elif one.high < 0:
            reading = "images come first"
        else:
            reading = "neither surely comes first"
        said.append(f"By {_named(metric)}, {reading}: texts are ahead by {one}.")
    return " ".join(said)


def lags(found: Mapping[str, pd.DataFrame]) -> str:
    """Which lagged correlations are surely not 0, as a sentence."""
    said = [
        f"{row.order} by {_named(metric)} ({row.value:.2f} [{row.low:.2f}, {row.high:.2f}])"
        for metric, table in found.items()
        for row in table.itertuples()
        if row.order != "at once" and (row.low > 0 or row.high < 0)
    ]
    if not said:
        return "No correlation a moment apart surely differs from 0, in either direction."
    return f"A moment apart, these surely differ from 0: {'; '.join(said)}."


def stacked(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Lagged correlations as `cood.report.plots.figures.intervals` takes them."""
    tables = [
        table.assign(group=_named(metric), model=table["order"]) for metric, table in found.items()
    ]
    return pd.concat(tables, ignore_index=True)


def summary(steps: Mapping[str, pd.DataFrame], table: pd.DataFrame) -> pd.DataFrame:
    """A row a model and metric: the step by which each space has arrived, and its values."""
    rows = []
    for metric, found in steps.items():
        for model, arrived in found.iterrows():
            row = {"model": model, "metric": _named(metric)}
            for space in SPACES:
                here = table[
                    (table["metric"] == metric)
                    & (table["space"] == space)
                    & (table["model"] == model)
                ].sort_values("step")["value"]
                row[f"{space}s arrive by"] = arrived[space]
                row[f"{space}s before, lowest, last"] = " ".join(
                    f"{value:.2f}" for value in (here.iloc[0], here.min(), here.iloc[-1])
                )
            rows.append(row)
    return pd.DataFrame(rows).replace({np.nan: None})


def _named(metric: str) -> str:
    return metric.replace("_", " ")
