"""Correlations of many metrics of the embeddings with one accuracy, a row for each variant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.results import Results, check_loaded, plain_rows
from cood.analysis.stats.correlation import KINDS, correlate
from cood.errors import StudyError, check_choice

# Columns that say how a metric is computed, and with the metric and its space tell rows apart.
COMPUTATION = [
    "codes",
    "basis",
    "centred",
    "unit_rows",
    "relative",
    "factor",
    "null",
    "projection",
    "width",
]
KEYS = ["space", "metric", *COMPUTATION]
EXCESS = "excess"  # in the column `null`: how far a metric lies above its value by chance


def bounds(coefficient: str) -> tuple[str, str]:
    """Columns of the interval of a coefficient; an unknown one raises a NotebookError."""
    check_choice("coefficient", coefficient, KINDS)
    return f"{coefficient}_low", f"{coefficient}_high"


def correlate_metrics(
    results: Results,
    accuracy: pd.Series,
    metrics: Collection[str],
    *,
    split: str,
    given: pd.Series | None = None,
) -> pd.DataFrame:
    """Correlate the metrics, however they are computed, over models with an accuracy.

    Parameters
    ----------
    results
        The tables of a study, and the set to take.
    accuracy
        Indexed by model.
    metrics, split
        Which scores.
    given
        Indexed by model: a number that is held fixed, as in `correlate`.

    Returns
    -------
    pandas.DataFrame
        A row for each combination of `KEYS`: `split`; `lowest`, `median` and `highest`
        value of a model, and the median `chance`; and the columns of a `Correlation`.

    Raises
    ------
    StudyError
        If there is no score of these metrics in the split.
    """
    scores, models = results.scores, results.models.set_index("model")
    scores = scores[
        scores["model"].isin(models.index)
        & scores["metric"].isin(metrics)
        & (scores["set"] == results.set)
        & (scores["split"] == split)
    ]
    if scores.empty:
        check_loaded(results)
        raise StudyError(
            f"scores of study {results.study.name} hold none of {', '.join(metrics)} in split "
            f"{split!r}; run the study again, or name another split"
        )
    y, families = accuracy.reindex(models.index), models["family"]
    control = None if given is None else given.reindex(models.index)
    rows: list[dict[str, Any]] = []
    for names, group in scores.groupby(KEYS, sort=False, dropna=False):
        x = group.set_index("model")["value"].reindex(models.index)
        row: dict[str, Any] = dict(zip(KEYS, names, strict=True)) | {"split": split}
        row |= {"lowest": x.min(), "median": x.median(), "highest": x.max()}
        row["chance"] = group["chance"].median()
        row |= correlate(x, y, families, given=control, seed=results.study.seed).columns()
        rows.append(row)
    return pd.DataFrame(rows)


def holm(p: pd.Series) -> pd.Series:
    """Correct p by Holm's method (1979) for all tests; NaN is no test."""
    from statsmodels.stats.multitest import multipletests

    corrected = pd.Series(np.nan, index=p.index)
    if p.notna().any():
        corrected[p.notna()] = multipletests(p.dropna(), method="holm")[1]
    return corrected


def add_excess(results: Results, metrics: Collection[str]) -> Results:
    """Add rows whose `null` is `EXCESS`: metrics minus their value by chance."""
    scores = results.scores
    whole = plain_rows(scores[scores["metric"].isin(metrics)])
    whole = whole.assign(value=whole["value"] - whole["chance"], null=EXCESS, chance=0.0)
    whole = whole.assign(low=np.nan, high=np.nan)
    joined = pd.concat([scores, whole.dropna(subset=["value"])], ignore_index=True)
    return replace(results, scores=joined)


def ways(
    results: Results, accuracy: pd.Series, metrics: Collection[str], split: str
) -> pd.DataFrame:
    """Correlate metrics with an accuracy in several ways, as `correlate_metrics` does.

    The column `way` names it: as they are, above chance, in a rotated basis, in the basis of the
    principal components, in that of isolated words or images, on all compositions.
    """
    scores = add_excess(results, metrics).scores
    scores = scores[scores["metric"].isin(metrics) & (scores["set"] == results.set)]
    tables = []
    for name, columns in computations(results).items():
        rows = plain_rows(scores, split=split, **columns)
        if len(rows):
            here = replace(results, scores=rows)
            found = correlate_metrics(here, accuracy, metrics, split=split)
            tables.append(found.assign(way=name))
    if split != "all":
        everywhere = replace(results, scores=plain_rows(scores, split="all"))
        found = correlate_metrics(everywhere, accuracy, metrics, split="all")
        tables.append(found.assign(way="on all compositions"))
    return pd.concat(tables, ignore_index=True)


def computations(results: Results) -> dict[str, dict[str, Any]]:
    """How metrics are computed in a study: columns in which each differs from the plain row."""
    return {
        "as they are": {},
        "above shuffled labels": {"null": EXCESS},
        "rotated at random": {"null": "rotated"},
        "principal components": {
            "projection": "pca",
            "width": results.study.representation_metrics.dimensions,
        },
        "isolated words, images": {"basis": "concepts"},
    }
