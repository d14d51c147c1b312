"""Scores on the factor sets: tables over factors and over models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.results import EVERY, Results, load_results, pick, plain_rows, rows_with
from cood.analysis.stats.correlation import correlate
from cood.files import read_table
from cood.settings.study_file import Study
from cood.synthesis.manifests import read_factor_manifest

# Accuracies of factor models by title: the split of the combinations, and the set of labels.
HELD_OUT = (
    ("seen", "seen", "all"),
    ("held out", "unseen", "all"),
    ("held out, by itself", "unseen", "own"),
)
SIDES = (("image", "words"), ("text", "words"), ("image", "values"))  # space and granularity

SHARED = "words for several values"  # a column of `factor_table`


def load_factors(study: str, models: str = EVERY) -> Results:
    """Read a study's scores on the factor sets, with its models and those trained on the sets.

    The column `trained_on` names the factor set that a model was trained on; it is empty for the
    models of the zoo, which `models` selects as in `cood.analysis.results.select`.
    """
    results = load_results(study, models)
    rows: list[dict[str, Any]] = []
    for name, settings in results.study.factor_models.items():
        rows.append(
            {
                "model": name,
                "share": settings.share,
                "kind": "trained on factors",
                "trained_on": settings.set,
                "missing": "",
                "family": settings.family,
                "architecture": settings.towers.architecture,
            }
        )
    models_of_all = pd.concat([results.models, pd.DataFrame(rows)], ignore_index=True)
    models_of_all["trained_on"] = models_of_all["trained_on"].fillna("") if rows else ""
    scores = read_table(results.study.paths.factor_scores)
    return replace(results, scores=scores, models=models_of_all)


def factor_table(study: Study) -> pd.DataFrame:
    """A row a factor: numbers of values as published and in this study, and shared words."""
    rows = []
    for name, settings in study.factor_sets.items():
        manifest = read_factor_manifest(study, name)
        for factor in settings.table.factors:
            words = factor.vocabulary
            shared = {w: factor.words.count(w) for w in words}
            listed = [f"{w} ({n})" for w, n in shared.items() if n > 1]
            rows.append(
                {
                    "set": name,
                    "factor": factor.name,
                    "values published": len(factor.values),
                    "values here": manifest[factor.name].nunique(),
                    "words": len(words),
                    SHARED: ", ".join(listed) or "none",
                }
            )
    return pd.DataFrame(rows)


def by_factor(results: Results, set_: str, metric: str, space: str) -> pd.DataFrame:
    """Value of one metric, models by factors."""
    names = results.study.factor_set(set_).table.names
    here = pd.concat(
        plain_rows(results.scores, metric=metric, set=set_, space=space, factor=name)
        for name in names
    )
    table = here.pivot(index="model", columns="factor", values="value").reindex(columns=names)
    order = [m for m in results.models["model"] if m in table.index]
    return table.loc[order].rename_axis(columns=None)


def medians(results: Results, metric: str) -> pd.DataFrame:
    """Rows of `factor_table` with one metric: its median over models, by space, and its chance.

    ``zoo`` are the models that were not trained on the factor sets, ``own`` those that were.
    """
    here = rows_with(results.scores, metric=metric, granularity="words")
    trained_on = here["model"].map(results.models.set_index("model")["trained_on"])
    here = here.assign(kind=np.where(trained_on == "", "zoo", "own"))
    columns: dict[str, Any] = {}
    for kind, space in product(("zoo", "own"), ("image", "text")):
        part = here[(here["kind"] == kind) & (here["space"] == space)]
        columns[f"{kind}, {space}"] = part.groupby(["set", "factor"])["value"].median()
    columns["chance"] = here.groupby(["set", "factor"])["chance"].median()
    factors = factor_table(results.study)
    index = pd.MultiIndex.from_frame(factors[["set", "factor"]])
    values = pd.DataFrame(columns).reindex(index).reset_index(drop=True)
    return pd.concat([factors, values], axis=1)


def every_factor(results: Results, metric: str, space: str) -> pd.DataFrame:
    """Value of one metric, models by the factors of all sets; NaN where it was not computed."""
    parts = []
    for name in results.study.factor_sets:
        part = by_factor(results, name, metric, space)
        parts.append(part.rename(columns=lambda f, name=name: f"{name}: {f.replace('_', ' ')}"))
    joined = pd.concat(parts, axis=1)
    return joined.loc[[m for m in results.models["model"] if m in joined.index]]


def against_composing(
    results: Results, accuracy: pd.Series, metrics: Sequence[str]
) -> pd.DataFrame:
    """Correlate metrics on the factor sets with an accuracy, over models not trained on the sets.

    Models that are not tested on the factor sets are left out.

    Parameters
    ----------
    results
        As `load_factors` gives them.
    accuracy
        By model of the zoo, such as C-OoD accuracy on the attribute-object set.
    metrics
        Names of metrics, each over all factors.

    Returns
    -------
    DataFrame
        A row for each set, metric, space and `granularity` of the factors (``words``, the classes
        that captions distinguish, or ``values``), with `lowest`, `highest` and `chance` of the
        metric and the columns of a `Correlation`.
    """
    zoo = results.models[results.models["trained_on"] == ""].set_index("model")
    rows = []
    for set_, metric, (space, granularity) in product(results.study.factor_sets, metrics, SIDES):
        where = {"set": set_, "metric": metric, "space": space, "granularity": granularity}
        # Costly metrics are not computed on every side.
        if rows_with(results.scores, **where).empty:
            continue
        scores = pick(results, **where, split="all").reindex(zoo.index)
        row: dict[str, Any] = {**where, "lowest": scores["value"].min()}
        row |= {"highest": scores["value"].max(), "chance": scores["chance"].median()}
        y = accuracy.reindex(zoo.index)
        correlation = correlate(scores["value"], y, zoo["family"], seed=results.study.seed)
        rows.append(row | correlation.columns())
    return pd.DataFrame(rows)


def held_out(results: Results, metric: str) -> pd.DataFrame:
    """A row a factor model: the pair accuracies of `HELD_OUT`, and a metric of both spaces."""
    rows = []
    for name, settings in results.study.factor_models.items():
        own = {"set": settings.set}
        row: dict[str, Any] = {"model": name, "set": settings.set, "share": settings.share}
        for title, split, labels in HELD_OUT:
            where = {**own, "split": split, "metric": "pair_top1", "labels": labels}
            score = pick(results, **where).loc[name]
            row |= {title: score["value"], f"{title} low": score["low"]}
            row |= {f"{title} high": score["high"], f"{title} chance": score["chance"]}
        for space in ("image", "text"):
            where = {"metric": metric, "space": space, "split": "all"}
            values = pick(results, **own, **where)["value"].reindex([name])
            row[f"{metric} {space}"] = float(values.iloc[0])
        rows.append(row)
    return pd.DataFrame(rows)


def count_above_chance(results: Results, models: Sequence[str]) -> pd.DataFrame:
    """How many of some models name each factor significantly better than by guessing.

    Returns
    -------
    DataFrame
        A row a `set` and `factor`: `models` with such a score, and how many of these are
        `above_chance` with their whole interval.
    """
    counts = []
    for set_, settings in results.study.factor_sets.items():
        for factor in settings.table.names:
            scores = pick(results, set=set_, metric="factor_top1", factor=factor, split="all")
            rows = scores.reindex(models).dropna(subset=["value"])
            above = int((rows["low"] > rows["chance"]).sum())
            counts.append((set_, factor, len(rows), above))
    return pd.DataFrame(counts, columns=["set", "factor", "models", "above_chance"])
