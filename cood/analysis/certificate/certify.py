"""Which metrics have a certificate: reliable, far from their null, and right on synthetic codes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.certificate.ladder_scores import CERTIFIABLE, Ladder
from cood.analysis.certificate.reliability import intraclass_correlation
from cood.analysis.certificate.thresholds import Thresholds, load_thresholds
from cood.analysis.results import Results, plain_rows
from cood.metrics.nulls import SHUFFLED
from cood.metrics.rank import DEFINITIONS

# Columns of a certificate, and their types.
CERTIFICATE = {
    "space": str,
    "metric": str,
    "certified": bool,
    "why": str,
    "reliability": float,
    "reliability_low": float,
    "reliability_high": float,
    "pairs": int,
    "null_distance": float,
    "ladder": float,
    "models": int,
    "value": float,
    "null": float,
    "null_sd": float,
    "untrained": float,
    "ceiling": float,
}
NONE, SAME = "no value in any model", "the same value in all models"


def certify(results: Results, ladder: Ladder, thresholds: Thresholds | None = None) -> pd.DataFrame:
    """The certificate of each metric that a study scores, in its default form.

    Parameters
    ----------
    results
        The tables of a study with the models that repeat a point of its design
        (`cood.analysis.results.load_results` with `replicates`).
    ladder
        The metrics on synthetic codes.
    thresholds
        Those of `claims.yaml` by default.

    Returns
    -------
    DataFrame
        A row a space and metric of `CERTIFIABLE` that has a score in the first split of the study's
        metrics, with the columns `CERTIFICATE`:

        - `certified`, and in `why` what it lacks;
        - `reliability` with its 95 % interval: intraclass correlation over `pairs` points of the
          design that are trained twice;
        - `null_distance`: median over the `models` of the absolute difference from the value under
          shuffled labels, in standard deviations (`null_sd`) of the latter over models. Soft ranks
          read no labels; their null is the untrained models, and so is that of a metric without
          shuffled values;
        - `ladder`: correlation with the rung (`Ladder.climbs`);
        - `value` and `null`: medians over models; `untrained`: median of the null models;
          `ceiling`: the value on the top rung.
    """
    limits = thresholds or load_thresholds()
    split = results.study.representation_metrics.splits[0]
    scores = results.scores
    scores = scores[scores["metric"].isin(CERTIFIABLE) & (scores["set"] == results.set)]
    here = plain_rows(scores, split=split)
    shuffled = plain_rows(scores, split=split, null=SHUFFLED)
    climbs, ceiling = ladder.climbs(), ladder.ceiling()
    rows = []
    for space, metric in _keys(here):
        row: dict[str, Any] = {"space": space, "metric": metric}
        plain = _of(here, space, metric)
        row |= _reliability(results.models, plain["value"])
        row |= _null(results, metric, plain, _of(shuffled, space, metric)["value"])
        row["ladder"] = climbs.get((space, metric), np.nan)
        row["ceiling"] = ceiling.get((space, metric), np.nan)
        why = _reasons(row, limits)
        rows.append(row | {"certified": not why, "why": "; ".join(why)})
    return pd.DataFrame(rows, columns=list(CERTIFICATE)).astype(CERTIFICATE)


def certified(table: pd.DataFrame | None, metrics: Collection[str], space: str) -> list[str]:
    """Those of some metrics that have a certificate in a space, in the given order.

    `table` is what `certify` or `load_certificate` returns; without one no metric has a
    certificate.
    """
    if table is None:
        return []
    passed = set(table.loc[table["certified"] & (table["space"] == space), "metric"])
    return [metric for metric in metrics if metric in passed]


def _keys(scores: pd.DataFrame) -> list[tuple[str, str]]:
    """Spaces and metrics that have a score, in the order of `CERTIFIABLE`."""
    present = set(zip(scores["space"], scores["metric"], strict=True))
    every = [(space, metric) for space in ("image", "text") for metric in CERTIFIABLE]
    return [key for key in every if key in present]


def _of(scores: pd.DataFrame, space: str, metric: str) -> pd.DataFrame:
    here = scores[(scores["space"] == space) & (scores["metric"] == metric)]
    return here.set_index("model")[["value", "chance"]]


def _reliability(models: pd.DataFrame, values: pd.Series) -> dict[str, Any]:
    """Agreement of points and replicates; `pairs` is 0 in a design without."""
    twice = models[_repeats(models)]
    first = values.reindex(twice["replicate_of"] if len(twice) else [])
    agreement = intraclass_correlation(first, values.reindex(twice["model"]))
    return {
        "reliability": agreement.value,
        "reliability_low": agreement.low,
        "reliability_high": agreement.high,
        "pairs": agreement.n,
    }


def _repeats(models: pd.DataFrame) -> np.ndarray:
    """Rows of the table of models that repeat a point of the design."""
    if "replicate_of" not in models:
        return np.zeros(len(models), dtype=bool)
    return (models["replicate_of"].fillna("") != "").to_numpy()


def _null(
    results: Results, metric: str, plain: pd.DataFrame, shuffled: pd.Series
) -> dict[str, Any]:
    """Values of the models and of their null, and the distance between both."""
    names = results.models.loc[~_repeats(results.models), "model"]
    values = plain["value"].reindex(names)
    untrained = plain["value"].reindex(list(results.study.null_models)).dropna()
    # Where `chance` is a formula, it has no spread, and the scores have rows with shuffled labels.
    labels = (shuffled if len(shuffled) else plain["chance"]).reindex(names).dropna()
    unlabelled = metric in DEFINITIONS or labels.empty
    null = untrained if unlabelled else labels
    # Equal numbers may have a standard deviation above 0 by rounding.
    sd = float(null.std(ddof=1)) if null.nunique() > 1 else np.nan
    apart = (values - (untrained.mean() if unlabelled else labels)).abs()
    return {
        "models": int(values.notna().sum()),
        "value": values.median(),
        "null": null.median(),
        "null_sd": sd,
        "null_distance": apart.median() / sd,
        "untrained": untrained.median(),
        "different": values.nunique(),
    }


def _reasons(row: dict[str, Any], limits: Thresholds) -> list[str]:
    """What a metric lacks for a certificate, each in a few words; none if it has all."""
    if row["different"] == 0:
        return [NONE]
    reasons = []
    if row["different"] == 1:
        reasons.append(SAME)
    elif row["pairs"] < limits.pairs:
        reasons.append(f"{row['pairs']} points trained twice, {limits.pairs} needed")
    elif not row["reliability"] >= limits.reliability:
        reasons.append(f"reliability {row['reliability']:.3f}")
    if np.isnan(row["null_distance"]):
        reasons.append("no spread of the null")
    elif not row["null_distance"] > limits.null_distance:
        reasons.append(f"{row['null_distance']:.3g} standard deviations from its null")
    if np.isnan(row["ladder"]):
        reasons.append("constant on the ladder")
    elif not row["ladder"] >= limits.ladder:
        reasons.append(f"ladder {row['ladder']:.3f}")
    return reasons
