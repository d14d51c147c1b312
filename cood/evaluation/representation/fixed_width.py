"""Metrics of embeddings brought to one width, so that it cannot tell models apart."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from cood.metrics import directions, linear, metric_table
from cood.metrics.nulls import project_pca, project_random
from cood.metrics.rank import rank_table
from cood.metrics.result import MetricWarning
from cood.metrics.table import ALL_FACTORS
from cood.splits import GEOMETRY

# How codes are brought to fewer dimensions: names as they stand in the column `variant`.
PCA, RANDOM = "fixed_width PCA", "fixed_width random"
FACTORISED = ("r2", "r2_held_out", "orthogonality")  # the metrics of `geometry` that are taken


def fixed_width_variant(way: str, width: int) -> str:
    """Name of scores at one width, as it stands in the column `variant`.

    Examples
    --------
    >>> fixed_width_variant(PCA, 32)
    'fixed_width PCA 32'
    """
    return f"{way} {width}"


def fixed_width(
    codes: np.ndarray, factors: np.ndarray, width: int, metrics: Sequence[str], seed: int
) -> Iterator[pd.DataFrame]:
    """Metrics, ranks and linear factorisation of codes that are brought to `width` dimensions.

    Once by their first principal components, which keep what varies most, and once by a random
    projection, which keeps distances, roughly, and prefers no direction. Codes that are no wider
    are turned only. There are neither nulls nor intervals here; ranks are those of centred rows,
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
        Columns `metric`, `variant` (see `fixed_width_variant`), `value`, `n`, `seconds` and `note`.
    """
    rng = np.random.default_rng((seed, GEOMETRY, width))
    for way, z in ((PCA, project_pca(codes, width)), (RANDOM, project_random(codes, width, rng))):
        table = metric_table(z, factors, metrics=metrics, nulls=(), rng=seed)
        both = pd.concat([table[table["factor"] == ALL_FACTORS], _geometry(z, factors, seed)])
        named = both.assign(variant=fixed_width_variant(way, width))
        yield named.assign(chance=np.nan, low=np.nan, high=np.nan)


def _geometry(codes: np.ndarray, factors: np.ndarray, seed: int) -> pd.DataFrame:
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)  # the notes go into the table
        fit = linear.fit_additive(codes, factors)
        held_out = linear.held_out_r_squared(codes, factors, rng=seed)
        scores = (linear.r_squared(fit), held_out, directions.orthogonality(fit))
    rows = [(name, s.value, s.note) for name, s in zip(FACTORISED, scores, strict=True)]
    rows += [
        (row["definition"], row["value"], "")
        for row in rank_table(codes)
        if row["centred"] and row["relative"] and not row["unit"]  # they were, at full width
    ]
    table = pd.DataFrame(rows, columns=["metric", "value", "note"])
    return table.assign(n=len(codes), seconds=(time.perf_counter() - start) / len(rows))
