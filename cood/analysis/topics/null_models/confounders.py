"""What models differ in besides their embeddings, and what it leaves of a correlation."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from cood.analysis.canonical_variants import AS_THEY_ARE, usual
from cood.analysis.metric_correlations import correlate_metrics
from cood.analysis.results import Results, has_value
from cood.analysis.stats.correlation import correlate

# Columns of `models.parquet`, and what they are called. All are counts, so their logarithm is
# what is held fixed.
CANDIDATES = {
    "embed_dim": "width of the embedding",
    "width": "width of the image tower",
    "parameters": "parameters",
    "resolution": "resolution",
    "pairs": "pre-training pairs",
    "samples_seen": "samples seen",
    "images": "training images",
    "shown": "images shown in training",
    "compositions": "compositions seen",
}
LEAST = 4  # models of which it must be known: fewer leave no partial coefficient
ACCURACY = "C-OoD accuracy"
ROW = ("space", "metric")  # what tells plain rows apart


def sizes(results: Results) -> pd.DataFrame:
    """Logarithms (base 10) of the sizes of every model that the study knows, named for people."""
    models = results.models.set_index("model")
    if {"images", "epochs"} <= set(models):
        models = models.assign(shown=models["images"] * models["epochs"])
    known = [name for name in CANDIDATES if name in models and models[name].notna().any()]
    return np.log10(models[known].astype(float)).rename(columns=CANDIDATES)


def confounders(results: Results) -> tuple[pd.DataFrame, list[str]]:
    """Sizes that vary over models and can be held fixed, and the names of those that do not.

    A size that is known of fewer than `LEAST` models cannot be held fixed either, nor one that
    orders the models as another before it does.
    """
    every = sizes(results)
    kept: list[str] = []
    for name in every:
        ranks = every[name].rank()
        varies = every[name].notna().sum() >= LEAST and np.ptp(every[name].dropna()) > 0
        if varies and not any(ranks.equals(every[other].rank()) for other in kept):
            kept.append(name)
    return every[kept], [str(name) for name in every if name not in kept]


def related(
    results: Results,
    accuracy: pd.Series,
    metrics: Collection[str],
    controls: pd.DataFrame,
    split: str,
) -> pd.DataFrame:
    """Correlate each control with the accuracy and with each metric.

    Returns
    -------
    DataFrame
        A row a `control` and a `space` and `metric` (`ACCURACY`, without a space, first): the
        columns of `Correlation`, and how many models share the commonest value (`alike`).
    """
    families = results.models.set_index("model")["family"]
    plain = usual(results, metrics)
    tables = []
    for name, values in controls.items():
        known = values.reindex(families.index)
        other = accuracy.reindex(families.index)
        with_accuracy = correlate(known, other, families, seed=results.study.seed)
        first = pd.DataFrame([vars(with_accuracy)]).assign(space="", metric=ACCURACY)
        rest = correlate_metrics(plain, known, metrics, split=split)
        both = pd.concat([first, rest[["space", "metric", *vars(with_accuracy)]]])
        alike = int(known.round(6).value_counts().max())
        tables.append(both.assign(control=name, alike=alike))
    if not tables:
        return pd.DataFrame(columns=["control", "space", "metric"])
    return pd.concat(tables, ignore_index=True)


def given_each(
    results: Results,
    accuracy: pd.Series,
    metrics: Collection[str],
    controls: pd.DataFrame,
    split: str,
) -> pd.DataFrame:
    """Correlate metrics with an accuracy alone, and once more with each control held fixed.

    As `correlate_metrics`, of the plain rows; the column `given` says what is held fixed (empty for
    nothing), and `way` the same for a heading.
    """
    plain = usual(results, metrics)
    tables = [
        correlate_metrics(plain, accuracy, metrics, split=split).assign(way=AS_THEY_ARE, given="")
    ]
    for name, values in controls.items():
        found = correlate_metrics(plain, accuracy, metrics, split=split, given=values)
        tables.append(found.assign(way=f"given {name}", given=name))
    return pd.concat(tables, ignore_index=True)


def lost(found: pd.DataFrame, coefficient: str, bounds: tuple[str, str]) -> pd.DataFrame:
    """Which coefficients that are sure alone stay so whatever is held fixed.

    Parameters
    ----------
    found
        What `given_each` returns.
    coefficient, bounds
        Its name, and the columns of its interval.

    Returns
    -------
    DataFrame
        A row a metric whose interval leaves out 0 alone: `space`, `metric`, the coefficient,
        and the controls under which its interval has 0 in it (`lost_given`, empty if none) or
        which leave no coefficient.
    """
    low, high = bounds
    sure = (found[low] > 0) | (found[high] < 0)
    alone = found["given"] == ""
    rows = []
    for row in found[alone & sure].to_dict("records"):
        same = np.logical_and.reduce([has_value(found[key], row[key]) for key in ROW])
        gone = found.loc[same & ~alone & ~sure, "given"].tolist()
        kept = {key: row[key] for key in ("space", "metric", coefficient)}
        rows.append(kept | {"lost_given": ", ".join(gone)})
    return pd.DataFrame(rows, columns=["space", "metric", coefficient, "lost_given"])
