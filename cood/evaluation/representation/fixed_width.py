"""Metrics of embeddings projected to one width, so that models differ in it no longer."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cood.device_arrays import Array
from cood.evaluation.common.score_table import complete
from cood.metrics import directions, linear, metric_table
from cood.metrics.nulls import project_pca, project_random
from cood.metrics.rank import rank_table
from cood.metrics.result import MetricWarning
from cood.metrics.table import ALL_FACTORS
from cood.splits import GEOMETRY

PCA, RANDOM = "pca", "random"  # how codes are projected
FACTORISED = ("r2", "r2_held_out", "orthogonality")  # the metrics of `geometry` that are computed


def fixed_width(
    codes: Array, factors: np.ndarray, width: int, metrics: Sequence[str], seed: int
) -> Iterator[pd.DataFrame]:
    """Metrics, ranks and linear factorisation of codes that are projected to `width` dimensions.

    Once onto their first principal components, which keep most of the variance, and once at
    random, which roughly keeps distances and prefers no direction. Codes that are no wider
    are only rotated. There are neither nulls nor intervals here; ranks are those of centred rows,
    relative to the largest possible.

    Parameters
    ----------
    codes
        Unit embeddings [n, d].
    factors
        Ids [n, 2] of attribute and object.
    width
        Dimensions that are left.
    metrics
        Names among `cood.metrics.METRICS`.
    seed
        Of the projection, and of metrics that draw.

    Returns
    -------
    Iterator of DataFrame
        Rows of a table of scores: `metric`, `projection`, `width`, `centred` and `relative` of
        ranks, `value`, `n`, `seconds` and `note`.
    """
    rng = np.random.default_rng((seed, GEOMETRY, width))
    for projection, z in (
        (PCA, project_pca(codes, width)),
        (RANDOM, project_random(codes, width, rng)),
    ):
        table = metric_table(z, factors, metrics=metrics, nulls=(), rng=seed)
        both = pd.concat([table[table["factor"] == ALL_FACTORS], _geometry(z, factors, seed)])
        yield both.assign(
            projection=projection, width=width, chance=np.nan, low=np.nan, high=np.nan
        )


def _geometry(codes: Array, factors: np.ndarray, seed: int) -> pd.DataFrame:
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)  # the notes go into the table
        fit = linear.fit_additive(codes, factors)
        held_out = linear.held_out_r_squared(codes, factors, rng=seed)
        scores = (linear.r_squared(fit), held_out, directions.orthogonality(fit))
    rows: list[dict[str, Any]] = [
        {"metric": name, "value": score.value, "note": score.note}
        for name, score in zip(FACTORISED, scores, strict=True)
    ]
    rows += [
        {"metric": row["definition"], "value": row["value"], "centred": True, "relative": True}
        for row in rank_table(codes)
        if row["centred"] and row["relative"] and not row["unit"]  # they were, at full width
    ]
    seconds = (time.perf_counter() - start) / len(rows)
    return complete(rows, n=len(codes), seconds=seconds, unit_rows=True)
