"""Metrics of the embeddings as predictors of outcomes, each in its canonical variant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from cood.analysis.metric_correlations import bounds, correlate_metrics, holm
from cood.analysis.results import Results, plain_rows, rows_with
from cood.evaluation.representation.fixed_width import PCA, RANDOM

AS_THEY_ARE = "as they are"
COOD, GAP = "cood", "gap"  # the outcomes y1 and y2: columns of `cood.analysis.outcomes.outcomes`
PROJECTIONS = {PCA: "principal components", RANDOM: "random projection"}


def usual(results: Results, metrics: Collection[str]) -> Results:
    """Results whose scores are the plain rows of the metrics only, in the order of the metrics."""
    scores = plain_rows(results.scores[results.scores["metric"].isin(metrics)])
    order = {name: i for i, name in enumerate(metrics)}
    scores = scores.sort_values("metric", key=lambda m: m.map(order), kind="stable")
    return replace(results, scores=scores.reset_index(drop=True))


def outcome_correlations(
    results: Results,
    outcomes: pd.DataFrame,
    metrics: Collection[str],
    *,
    split: str,
    coefficient: str = "pearson",
) -> pd.DataFrame:
    """Correlate metrics, as they are, with C-OoD log odds and with the gap.

    A metric that follows competence correlates with the first only, as the gap is the difference
    from the log odds on seen compositions.

    Parameters
    ----------
    results, outcomes
        The tables of a study, and what `cood.analysis.outcomes.outcomes` gives for it. Without
        seen compositions there is no gap.
    metrics, split, coefficient
        Which scores, and ``pearson`` or ``spearman``.

    Returns
    -------
    pandas.DataFrame
        A row a space, metric and `outcome` (`COOD` or `GAP`): `lowest`, `median` and `highest`
        value of a model and the median `chance`; the coefficient as `value` with `low`, `high` and
        `p`, `n` and `families`; `holm`, p corrected for all rows. `p` is NaN for a metric that is
        the same for all models.
    """
    low, high = bounds(coefficient)
    columns = {coefficient: "value", low: "low", high: "high", f"{coefficient}_p": "p"}
    kept = ["space", "metric", "lowest", "median", "highest", "chance", "n", "families"]
    plain = usual(results, metrics)
    tables = [
        correlate_metrics(plain, outcomes[name], metrics, split=split)[[*kept, *columns]]
        .rename(columns=columns)
        .assign(outcome=name)
        for name in (COOD, GAP)
        if name in outcomes
    ]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(holm=holm(table["p"]))


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
