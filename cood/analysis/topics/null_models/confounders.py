"""Sizes in which models differ, and the correlations of metrics with an outcome given each."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from cood.analysis.canonical_variants import AS_THEY_ARE, usual
from cood.analysis.metric_correlations import correlate_metrics
from cood.analysis.results import Results, has_value
from cood.analysis.stats.correlation import correlate

# Columns of `models.parquet`, and their titles. All are counts, so logarithms are held fixed.
CANDIDATES = {
    "embed_dim": "width of the embedding",
    "width": "width of the image encoder",
    "parameters": "parameters",
    "resolution": "resolution",
    "pairs": "pre-training pairs",
    "samples_seen": "samples seen",
    "images": "training images",
    "compositions": "compositions seen",
}
LEAST = 4  # models with the number: fewer leave no partial coefficient
OUTCOME = "C-OoD log odds"
ROW = ("space", "metric")  # what tells plain rows apart


def sizes(results: Results) -> pd.DataFrame:
    """Logarithms (base 10) of the available sizes of every model, by title."""
    models = results.models.set_index("model")
    columns = [name for name in CANDIDATES if name in models and models[name].notna().any()]
    return np.log10(models[columns].astype(float)).rename(columns=CANDIDATES)


def confounders(results: Results) -> tuple[pd.DataFrame, list[str]]:
    """Sizes that can be held fixed, and the names of those that cannot.

    A size cannot be held fixed if it is the same for all models, is missing for all but fewer than
    `LEAST` of them, or ranks the models as an earlier size does.
    """
    every = sizes(results)
    kept: list[str] = []
    for name in every:
        ranks = every[name].rank()
        varies = every[name].notna().sum() >= LEAST and np.ptp(every[name].dropna()) > 0
        if varies and not any(ranks.equals(every[other].rank()) for other in kept):
            kept.append(name)
    return every[kept], [str(name) for name in every if name not in kept]


def correlate_controls(
    results: Results,
    outcome: pd.Series,
    metrics: Collection[str],
    controls: pd.DataFrame,
    split: str,
) -> pd.DataFrame:
    """Correlate each control with the outcome and with each metric.

    Returns
    -------
    DataFrame
        A row a `control` and a `space` and `metric` (`OUTCOME`, without a space, first): the
        columns of a `Correlation`, and how many models share the most frequent value (`alike`).
    """
    families = results.models.set_index("model")["family"]
    plain = usual(results, metrics)
    tables = []
    for name, values in controls.items():
        control = values.reindex(families.index)
        other = outcome.reindex(families.index)
        with_outcome = correlate(control, other, families, seed=results.study.seed).columns()
        first = pd.DataFrame([with_outcome]).assign(space="", metric=OUTCOME)
        rest = correlate_metrics(plain, control, metrics, split=split)
        both = pd.concat([first, rest[["space", "metric", *with_outcome]]])
        alike = int(control.round(6).value_counts().max())
        tables.append(both.assign(control=name, alike=alike))
    if not tables:
        return pd.DataFrame(columns=["control", "space", "metric"])
    return pd.concat(tables, ignore_index=True)


def correlate_given_each(
    results: Results,
    outcome: pd.Series,
    metrics: Collection[str],
    controls: pd.DataFrame,
    split: str,
) -> pd.DataFrame:
    """Correlate metrics with an outcome, without a control and with each control held fixed.

    As `correlate_metrics`, for the plain rows; the column `given` names the control (empty for
    none), and `way` the same for a heading.
    """
    plain = usual(results, metrics)
    tables = [
        correlate_metrics(plain, outcome, metrics, split=split).assign(way=AS_THEY_ARE, given="")
    ]
    for name, values in controls.items():
        partial = correlate_metrics(plain, outcome, metrics, split=split, given=values)
        tables.append(partial.assign(way=f"given {name}", given=name))
    return pd.concat(tables, ignore_index=True)


def lost(table: pd.DataFrame, coefficient: str, bounds: tuple[str, str]) -> pd.DataFrame:
    """Which significant coefficients are no longer significant given some control.

    Parameters
    ----------
    table
        What `correlate_given_each` returns.
    coefficient, bounds
        Its name, and the columns of its interval.

    Returns
    -------
    DataFrame
        A row a metric whose interval without a control excludes 0: `space`, `metric`, the
        coefficient, and the controls given which the interval includes 0 or there is no
        coefficient (`lost_given`, empty if none).
    """
    low, high = bounds
    significant = (table[low] > 0) | (table[high] < 0)
    plain = table["given"] == ""
    rows = []
    for row in table[plain & significant].to_dict("records"):
        same = np.logical_and.reduce([has_value(table[key], row[key]) for key in ROW])
        gone = table.loc[same & ~plain & ~significant, "given"].tolist()
        kept = {key: row[key] for key in ("space", "metric", coefficient)}
        rows.append(kept | {"lost_given": ", ".join(gone)})
    return pd.DataFrame(rows, columns=["space", "metric", coefficient, "lost_given"])
