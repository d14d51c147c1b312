"""Trained models beside untrained ones: which scores training brought about."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.predictors import usual
from cood.analysis.tables import Results

HIGHER, LOWER, UNCLEAR = "higher", "lower", "not told apart"
COLUMNS = (
    *("space", "measure", "chance", "untrained_lowest", "untrained_highest"),
    *("lowest", "median", "highest", "difference", "low", "high", "reading"),
    *("above", "below", "n", "families", "untrained"),
)


def untrained_scores(
    results: Results, *, measure: str, split: str, variant: str = "all", space: str = "image"
) -> pd.DataFrame:
    """`value`, `low`, `high` and `chance` of each untrained model, indexed by its name.

    Of the study's first set. Empty if the study has none, or they have no such score.
    """
    scores = results.scores
    rows = scores[
        scores["model"].isin(results.study.untrained)
        & (scores["set"] == next(iter(results.study.sets)))
        & (scores["split"] == split)
        & (scores["group"] == "all")
        & (scores["space"] == space)
        & (scores["measure"] == measure)
        & (scores["variant"] == variant)
    ]
    return rows.set_index("model")[["value", "low", "high", "chance"]]


def against_untrained(
    results: Results, measures: Collection[str], split: str, *, resamples: int = 2000
) -> pd.DataFrame:
    """Compare the measures of trained models with those of untrained ones.

    Parameters
    ----------
    results
        The tables of a study.
    measures, split
        Which scores, in their usual variant (`cood.analysis.predictors.usual_variant`).
    resamples
        Of families of the trained models, and of the untrained ones.

    Returns
    -------
    DataFrame
        A row a `space` and `measure`: median value under shuffled labels (`chance`); range of
        the untrained models; `lowest`, `median` and `highest` trained one; mean of the trained
        ones less mean of the untrained ones (`difference`) with its 95 % interval `low` to
        `high`; the `reading`: `HIGHER` or `LOWER` with training if the interval leaves out 0 and
        the median model lies outside the range of the untrained ones, `UNCLEAR` else; how many of
        the `n` trained models in `families` lie `above` and `below` all of the untrained ones, and
        how many of these there are (`untrained`). Without any, the table is empty.
    """
    found = usual(results, measures).scores
    found = found[
        (found["set"] == next(iter(results.study.sets)))
        & (found["split"] == split)
        & (found["group"] == "all")
    ]
    family = results.models.set_index("model")["family"]
    rows: list[dict[str, Any]] = []
    for (space, measure), group in found.groupby(["space", "measure"], sort=False):
        values = group.set_index("model")["value"].dropna()
        trained = values[values.index.isin(family.index)]
        null = values[values.index.isin(results.study.untrained)].to_numpy()
        if trained.empty or not len(null):
            continue
        families = family[trained.index].to_numpy()
        found_in = _difference(trained.to_numpy(), families, null, results.study.seed, resamples)
        row: dict[str, Any] = {"space": space, "measure": measure}
        row |= {"chance": group["chance"].median()}
        row |= {"untrained_lowest": null.min(), "untrained_highest": null.max()}
        row |= {"lowest": trained.min(), "median": trained.median(), "highest": trained.max()}
        row |= dict(zip(("difference", "low", "high"), found_in, strict=True))
        row |= {"above": (trained > null.max()).sum(), "below": (trained < null.min()).sum()}
        row |= {"n": len(trained), "families": len(set(families)), "untrained": len(null)}
        rows.append(row | {"reading": _reading(row)})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _difference(
    trained: np.ndarray, families: np.ndarray, null: np.ndarray, seed: int, resamples: int
) -> tuple[float, float, float]:
    """Difference of the means, with the interval of resampled families and untrained models."""
    rng = np.random.default_rng(seed)
    _, member = np.unique(families, return_inverse=True)
    size = member.max() + 1
    sums, counts = np.bincount(member, trained, size), np.bincount(member, minlength=size)
    drawn = rng.integers(size, size=(resamples, size))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    means -= null[rng.integers(len(null), size=(resamples, len(null)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(trained.mean() - null.mean()), float(low), float(high)


def _reading(row: dict[str, Any]) -> str:
    if row["low"] > 0 and row["median"] > row["untrained_highest"]:
        return HIGHER
    if row["high"] < 0 and row["median"] < row["untrained_lowest"]:
        return LOWER
    return UNCLEAR
