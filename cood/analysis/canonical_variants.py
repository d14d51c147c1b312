"""Metrics of the embeddings as predictors of an accuracy, each in its canonical variant."""

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
    """Correlate metrics with an accuracy as they are, and at the fixed width of the study.

    As `correlate_metrics`; the column `way` is `AS_THEY_ARE`, or says how the embeddings were
    projected to that width (`PROJECTIONS`). A study without a fixed width has the first way only.
    """
    plain = correlate_metrics(usual(results, metrics), accuracy, metrics, split=split)
    tables = [plain.assign(way=AS_THEY_ARE)]
    settings = results.study.representation_metrics
    if settings.fixed_width is not None and split == settings.splits[0]:
        for projection, name in PROJECTIONS.items():
            scores = rows_with(results.scores, projection=projection, width=settings.fixed_width)
            at = replace(results, scores=scores)
            table = correlate_metrics(at, accuracy, metrics, split=split)
            tables.append(table.assign(way=f"{name}, {settings.fixed_width}"))
    return pd.concat(tables, ignore_index=True)
