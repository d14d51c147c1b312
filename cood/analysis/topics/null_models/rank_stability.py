"""Whether the ranking of the models depends on the labels, the templates or the scoring."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.results import Results, pick, rows_with
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.families import complete_models, leave_family_out
from cood.analysis.stats.jackknife import fisher_interval

LEAST_MODELS, LEAST_FAMILIES = 3, 2  # that a coefficient needs
USUAL = "all pairs as labels, top-1"
ALONE = "attribute and object asked alone, mean of both"
UNSEEN_LABELS = "unseen pairs with an image as labels"
MERGED = "near-synonyms merged"
# Columns of the table of scores that differ from the plain row.
WAYS = {
    USUAL: {"metric": "pair_top1"},
    UNSEEN_LABELS: {"metric": "pair_top1", "labels": "own"},
    "top-5": {"metric": "pair_top5"},
    "mean over compositions": {"metric": "pair_class_mean"},
    MERGED: {"metric": "pair_merged_top1"},
}


def kendall(x: pd.Series, y: pd.Series, families: pd.Series, *, level: float = 0.95) -> Estimate:
    """Kendall's tau-b of two columns over models, with an interval from leaving out families.

    Ties are treated as in tau-b (Kendall 1945, doi:10.2307/2332303). The interval is that of
    `cood.analysis.stats.jackknife.fisher_interval`, where tau is limited to be no closer to 1 or -1
    than half of its smallest step.

    Parameters
    ----------
    x, y, families
        Two numbers and the family of each model [n]. Models without a number are left out.
    level
        Of the interval.

    Returns
    -------
    Estimate
        NaN where there are fewer than three models or two families, or a column is constant. The
        interval is from -1 to 1 where there is no tau without one of the families.
    """
    columns, members, size = complete_models((x, y), families)
    n = len(members)
    if n < LEAST_MODELS or size < LEAST_FAMILIES or not all(map(np.ptp, columns)):
        return Estimate(n=n, families=size)
    first, second = (np.sign(column[:, None] - column) for column in columns)
    times = np.vstack([np.ones(n), leave_family_out(members, size)])
    left = times.sum(axis=1)
    taus = np.where(left >= LEAST_MODELS, _tau(first, second, times), np.nan)
    limit = 1 - 2 / np.maximum(left * (left - 1), 3)
    tau = float(taus[0])
    low, high, p = fisher_interval(tau, taus[1:], limit, level)
    finite = taus[1:][np.isfinite(taus[1:])]
    ends = (float(finite.min()), float(finite.max())) if len(finite) else (np.nan, np.nan)
    return Estimate(tau, low, high, p, n, size, *ends)


def _tau(first: np.ndarray, second: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Tau-b [r] of models with weights `times` [r, n], from the signs [n, n] of all pairs."""
    together, untied_first, untied_second = (
        ((times @ signs) * times).sum(axis=1) for signs in (first * second, first**2, second**2)
    )
    pairs = np.sqrt(untied_first * untied_second)
    return np.where(pairs > 0, together / np.where(pairs > 0, pairs, 1), np.nan)


def scorings(results: Results, split: str = "unseen") -> dict[str, pd.DataFrame]:
    """Accuracy of every model on a split in each way that the study has, as `pick` gives it.

    The default first; then other labels, top-5, the mean over classes, near-synonyms merged, the
    mean of the accuracies of attribute and object classified separately (as Uselis et al. score),
    and other templates.
    """
    ways = dict(WAYS)
    for name, templates in results.study.ablations.items():
        ways[template_way(name, templates)] = {"metric": "pair_top1", "templates": name}
    accuracies = {
        way: pick(results, split=split, **columns)
        for way, columns in ways.items()
        if len(rows_with(results.scores, split=split, **columns))
    }
    attribute, object_ = (
        pick(results, split=split, metric=metric)
        for metric in ("attribute_alone_top1", "object_alone_top1")
    )
    mean = (attribute + object_) / 2
    accuracies[ALONE] = mean.assign(low=np.nan, high=np.nan)
    return accuracies


def template_way(name: str, templates: list[str]) -> str:
    """Title of an accuracy with other templates.

    Examples
    --------
    >>> template_way("bare", ["{}"]), template_way("openai", ["a {}", "the {}"])
    ('template "{}"', 'templates openai (2)')
    """
    if len(templates) == 1:
        return f'template "{templates[0]}"'
    return f"templates {name} ({len(templates)})"


def stability(results: Results, split: str = "unseen") -> pd.DataFrame:
    """How far each way to score ranks the models as the default does.

    Returns
    -------
    DataFrame
        A row a way of `scorings` but the first: `way`; `tau` with `low` and `high`, `n` and
        `families`; lowest, `median` and highest accuracy over models, and the `chance` of it; the
        model whose rank moves most (`moved`), its rank as usual (`usual_rank`) and here (`rank`).
    """
    models = results.models.set_index("model")
    values = {way: rows.reindex(models.index) for way, rows in scorings(results, split).items()}
    usual = values.pop(USUAL)["value"]
    ranks = usual.rank(ascending=False)
    rows: list[dict[str, Any]] = []
    for way, scores in values.items():
        accuracy = scores["value"]
        same = kendall(usual, accuracy, models["family"])
        row: dict[str, Any] = {"way": way, "tau": same.value, "low": same.low, "high": same.high}
        row |= {"n": same.n, "families": same.families, "lowest": accuracy.min()}
        row |= {"median": accuracy.median(), "highest": accuracy.max()}
        row["chance"] = scores["chance"].median()
        now = accuracy.rank(ascending=False)
        steps = (now - ranks).abs().dropna()
        if steps.any():
            most = steps.idxmax()
            row |= {"moved": most, "usual_rank": ranks[most], "rank": now[most]}
        rows.append(row)
    return pd.DataFrame(rows)
