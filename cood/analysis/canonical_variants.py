"""Metrics of the embeddings as predictors of an accuracy, each in its canonical variant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from cood.analysis.metric_correlations import correlate_metrics
from cood.analysis.results import Results
from cood.evaluation.representation.fixed_width import PCA, RANDOM, fixed_width_variant
from cood.evaluation.representation.geometry import (
    FACTORISATION,
    linear_variant,
    rank_variant,
)
from cood.metrics.metric_table import WHOLE
from cood.metrics.rank import DEFINITIONS

CODES = {"image": "images", "text": "compositions"}
AS_THEY_ARE = "as they are"


def usual_variant(space: str, metric: str) -> str:
    """The canonical variant of a metric: of unit embeddings, one by one, over all factors.

    Examples
    --------
    >>> usual_variant("image", "mig"), usual_variant("text", "r2")
    ('all', 'compositions, unit rows')
    """
    if metric in DEFINITIONS:
        return rank_variant(CODES[space], centred=True, unit=True, relative=True)
    return linear_variant(CODES[space], unit=True) if metric in FACTORISATION else WHOLE


def usual(results: Results, metrics: Collection[str]) -> Results:
    """Results whose scores are those of the metrics in their usual variant only."""
    scores = results.scores[results.scores["metric"].isin(metrics)]
    pairs = scores[["space", "metric"]].drop_duplicates()
    wanted = [
        (space, metric, usual_variant(space, metric))
        for space, metric in pairs.itertuples(index=False)
        if space in CODES
    ]
    keys = pd.DataFrame(wanted, columns=["space", "metric", "variant"])
    order = {name: i for i, name in enumerate(metrics)}
    kept = scores.merge(keys, on=["space", "metric", "variant"])
    kept = kept.sort_values("metric", key=lambda m: m.map(order), kind="stable")
    return replace(results, scores=kept)


def at_width(
    results: Results, accuracy: pd.Series, metrics: Collection[str], split: str
) -> pd.DataFrame:
    """Correlate metrics with an accuracy as they are, and at the fixed width of the study.

    As `correlate_metrics`; the column `way` is `AS_THEY_ARE`, or says how the embeddings were
    projected to that width. A study without a fixed width has the first way only.
    """
    plain = correlate_metrics(usual(results, metrics), accuracy, metrics, split=split)
    tables = [plain.assign(way=AS_THEY_ARE)]
    width = results.study.representation_metrics.fixed_width
    if width is not None and split == results.study.representation_metrics.splits[0]:
        ways = {
            fixed_width_variant(PCA, width): f"principal components, {width}",
            fixed_width_variant(RANDOM, width): f"random projection, {width}",
        }
        scores = results.scores[results.scores["variant"].isin(ways)]
        at = replace(results, scores=scores)
        both = correlate_metrics(at, accuracy, metrics, split=split)
        tables.append(both.assign(way=both["variant"].map(ways)))
    return pd.concat(tables, ignore_index=True)
