"""Scores on the factor sets: tables over factors and over models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.outcomes import empirical_logit
from cood.analysis.results import EVERY, Results, load_results, pick, plain_rows, rows_with
from cood.analysis.stats.correlation import correlate
from cood.analysis.stats.estimate import Estimate
from cood.errors import StudyError
from cood.files import read_table
from cood.settings.study_file import Study
from cood.synthesis.manifests import read_factor_manifest

# Accuracies of factor models by title: the split of the combinations, and the set of labels.
HELD_OUT = (
    ("seen", "seen", "all"),
    ("held out", "unseen", "all"),
    ("held out, by itself", "unseen", "own"),
)
KINDS = ("tested", "trained")  # models: not trained on the factor sets, and trained on one

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


def medians(results: Results, metric: str) -> pd.DataFrame:
    """Rows of `factor_table` with one metric: its median over models, by space, and its chance.

    ``trained`` are the models that were trained on the set, ``tested`` the others. Columns of a
    kind that the study lacks are left out.
    """
    here = rows_with(results.scores, metric=metric, granularity="words")
    trained_on = here["model"].map(results.models.set_index("model")["trained_on"])
    here = here.assign(kind=np.where(trained_on == "", *KINDS))
    columns: dict[str, Any] = {}
    for kind, space in product(reversed(KINDS), ("image", "text")):
        part = here[(here["kind"] == kind) & (here["space"] == space)]
        if len(part):
            columns[f"{kind}, {space}"] = part.groupby(["set", "factor"])["value"].median()
    columns["chance"] = here.groupby(["set", "factor"])["chance"].median()
    factors = factor_table(results.study)
    index = pd.MultiIndex.from_frame(factors[["set", "factor"]])
    values = pd.DataFrame(columns).reindex(index).reset_index(drop=True)
    return pd.concat([factors, values], axis=1)


def tested_models(results: Results) -> pd.DataFrame:
    """Models that were tested on the factor sets and not trained on them, such as checkpoints."""
    here = results.models["model"].isin(results.scores["model"])
    return results.models[here & (results.models["trained_on"] == "")].reset_index(drop=True)


def metrics_of_images(results: Results, metrics: Sequence[str]) -> pd.DataFrame:
    """Metrics of images over all factors, by words: rows (model, set), a column a metric."""
    scores = results.scores[results.scores["metric"].isin(metrics)]
    scores = plain_rows(scores, split="all", space="image", factor="", granularity="words")
    return scores.pivot(index=["model", "set"], columns="metric", values="value")


def names_both_factors(results: Results, model: str, set_: str) -> bool:
    """Whether a model names both factors of a set above chance, on combinations it has seen.

    By the 95 % interval of each accuracy.
    """
    pair = results.study.factor_set(set_).table.pair
    for factor in pair:
        where = {"set": set_, "metric": "factor_top1", "factor": factor, "split": "seen"}
        scores = rows_with(results.scores, **where, model=model)
        if scores.empty or not (scores["low"] > scores["chance"]).all():
            return False
    return True


def unseen_log_odds(results: Results, set_: str) -> pd.Series:
    """Empirical logit of the accuracy on unseen combinations, of the models trained on a set."""
    try:
        found = pick(results, set=set_, metric="pair_top1", split="unseen")
    except StudyError:
        return pd.Series(dtype=float)
    right = (found["value"] * found["n"]).round()
    logits = empirical_logit(right.to_numpy(), found["n"].to_numpy())
    trained = results.models.set_index("model")["trained_on"].reindex(found.index) == set_
    return pd.Series(logits, index=found.index)[trained]


def factor_model_table(results: Results, metric: str) -> pd.DataFrame:
    """A row a factor model: what it has seen, how it generalises, and a metric of its images.

    Returns
    -------
    DataFrame
        Columns `model`, `set`, `family`, `share`, `able` (`names_both_factors`), `log_odds`
        (`unseen_log_odds`) and `metric`.
    """
    own = results.models[results.models["trained_on"] != ""]
    values = metrics_of_images(results, [metric])
    logits = {name: unseen_log_odds(results, name) for name in own["trained_on"].unique()}
    rows = [
        {
            "model": row.model,
            "set": row.trained_on,
            "family": row.family,
            "share": row.share,
            "able": names_both_factors(results, row.model, row.trained_on),
            "log_odds": logits[row.trained_on].get(row.model, np.nan),
            "metric": values[metric].get((row.model, row.trained_on), np.nan)
            if metric in values
            else np.nan,
        }
        for row in own.itertuples()
    ]
    columns = ["model", "set", "family", "share", "able", "log_odds", "metric"]
    return pd.DataFrame(rows, columns=columns)


def correlate_factor_models(table: pd.DataFrame, seed: int) -> Estimate:
    """Partial correlation of metric and log odds given the set, as claim C11 has it.

    Models that do not name both factors are left out, as their metrics say nothing on combining.

    Parameters
    ----------
    table, seed
        What `factor_model_table` returns; of the permutations.
    """
    able = table[table["able"].astype(bool)]  # without rows it has no type
    others = sorted(able["set"].unique())[1:]
    given = [(able["set"] == name).astype(float) for name in others]
    return correlate(
        able["metric"], able["log_odds"], able["family"], given=given or None, seed=seed
    ).pearson


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
