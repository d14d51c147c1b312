"""Trained models against null models: which scores training changes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.canonical_variants import usual
from cood.analysis.results import Results, plain_rows
from cood.analysis.stats.jackknife import mean

HIGHER, LOWER, UNCLEAR = "higher", "lower", "not significant"
COLUMNS = (
    "space",
    "metric",
    "chance",
    "untrained_lowest",
    "untrained_highest",
    "lowest",
    "median",
    "highest",
    "mean",
    "low",
    "high",
    "reading",
    "above",
    "below",
    "n",
    "families",
    "untrained",
)


def untrained_scores(
    results: Results, *, metric: str, split: str, space: str = "image"
) -> pd.DataFrame:
    """`value`, `low`, `high` and `chance` of each untrained model, indexed by its name.

    On the set of the results. Empty if the study has no untrained model with such a score.
    """
    rows = plain_rows(results.scores, metric=metric, set=results.set, split=split, space=space)
    rows = rows[rows["model"].isin(results.study.null_models)]
    return rows.set_index("model")[["value", "low", "high", "chance"]]


def against_untrained(results: Results, metrics: Collection[str], split: str) -> pd.DataFrame:
    """Compare the metrics of trained models with those of untrained ones.

    Parameters
    ----------
    results
        The tables of a study, and the set to take.
    metrics, split
        Scores; of each metric, the plain row (`cood.analysis.results.PLAIN`).

    Returns
    -------
    DataFrame
        A row a `space` and `metric`: median value under shuffled labels (`chance`); range of
        the untrained models; `lowest`, `median` and `highest` trained one; `mean` of the trained
        ones with its 95 % interval `low` to `high`, from leaving out each family in turn; the
        `reading`: `HIGHER` or `LOWER` with training if that interval lies above, or below, all
        untrained models, `UNCLEAR` otherwise; how many of the `n` trained models in `families` lie
        `above` and `below` all untrained models; and the number of these (`untrained`). The table
        is empty if there are none.
    """
    scores = usual(results, metrics).scores
    scores = scores[(scores["set"] == results.set) & (scores["split"] == split)]
    family = results.models.set_index("model")["family"]
    rows: list[dict[str, Any]] = []
    for (space, metric), group in scores.groupby(["space", "metric"], sort=False):
        values = group.set_index("model")["value"].dropna()
        trained = values[values.index.isin(family.index)]
        null = values[values.index.isin(results.study.null_models)].to_numpy()
        if trained.empty or not len(null):
            continue
        families = family[trained.index].to_numpy()
        average = mean(trained.to_numpy(), families)
        low, high = average.low, average.high
        row: dict[str, Any] = {"space": space, "metric": metric}
        row |= {"chance": group["chance"].median()}
        row |= {"untrained_lowest": null.min(), "untrained_highest": null.max()}
        row |= {"lowest": trained.min(), "median": trained.median(), "highest": trained.max()}
        # No metric exceeds 1, so neither does the interval of the mean.
        row |= {"mean": average.value, "low": low, "high": np.minimum(high, 1)}
        row |= {"above": (trained > null.max()).sum(), "below": (trained < null.min()).sum()}
        row |= {"n": len(trained), "families": len(set(families)), "untrained": len(null)}
        reading = HIGHER if low > null.max() else LOWER if high < null.min() else UNCLEAR
        rows.append(row | {"reading": reading})
    return pd.DataFrame(rows, columns=list(COLUMNS))
