"""Correlations of one quantity measured in several ways, to see whether the choice matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from cood.analysis.results import Results, pick
from cood.analysis.stats.correlation import Correlation, correlate


def correlate_ways(
    results: Results, ways: Mapping[str, Mapping[str, Any]], against: pd.Series
) -> dict[str, Correlation]:
    """Correlate the quantity, measured in each way, with one column over models.

    Parameters
    ----------
    results
        The tables of a study.
    ways
        By name, the arguments of `pick` that select the scores.
    against
        A number by model.
    """
    models = results.models.set_index("model")
    other = against.reindex(models.index)
    return {
        name: correlate(
            pick(results, **where)["value"].reindex(models.index),
            other,
            models["family"],
            seed=results.study.seed,
        )
        for name, where in ways.items()
    }
