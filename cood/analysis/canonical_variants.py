"""Metrics of the embeddings as predictors of an accuracy, each computed in one way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from cood.analysis.metric_correlations import correlate_metrics
from cood.analysis.results import Results, plain_rows, rows_with
from cood.evaluation.representation.fixed_width import PCA, RANDOM

AS_THEY_ARE = "as they are"
PROJECTIONS = {PCA: "principal components", RANDOM: "random projection"}


def usual(results: Results, metrics: Collection[str]) -> Results:
    """Results whose scores are the plain rows of the metrics only, in the order of the metrics."""
    scores = plain_rows(results.scores[results.scores["metric"].isin(metrics)])
    order = {name: i for i, name in enumerate(metrics)}
    scores = scores.sort_values("metric", key=lambda m: m.map(order), kind="stable")
    return replace(results, scores=scores.reset_index(drop=True))


def at_width(
    results: Results, accuracy: pd.Series, metrics: Collection[str], split: str
) -> pd.DataFrame:
    """Correlate metrics with an accuracy as they are, and at the width that the study fixes.

    As `correlate_metrics`; the column `way` says which: `AS_THEY_ARE`, or how the embeddings were
    projected (`PROJECTIONS`). A study that fixes no width has the first way only.
    """
    found = correlate_metrics(usual(results, metrics), accuracy, metrics, split=split)
    tables = [found.assign(way=AS_THEY_ARE)]
    settings = results.study.representation_metrics
    if settings.fixed_width is not None and split == settings.splits[0]:
        for projection, name in PROJECTIONS.items():
            scores = rows_with(results.scores, projection=projection, width=settings.fixed_width)
            at = replace(results, scores=scores)
            table = correlate_metrics(at, accuracy, metrics, split=split)
            tables.append(table.assign(way=f"{name}, {settings.fixed_width}"))
    return pd.concat(tables, ignore_index=True)
