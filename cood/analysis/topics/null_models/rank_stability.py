"""Whether the order of the models hangs on the labels, the templates or the scoring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.results import Results, pick, rows_with
from cood.analysis.stats.jackknife import coefficient

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


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau over n models in `families` families, with its interval."""

    n: int
    families: int
    tau: float
    low: float
    high: float


def kendall(x: pd.Series, y: pd.Series, families: pd.Series, *, level: float = 0.95) -> Agreement:
    """Kendall's tau-b of two columns over models, with an interval from leaving out families.

    Of the pairs of models that neither column ties, those in the same order less those in the
    other, by their number; ties count as tau-b counts them (Kendall 1945, doi:10.2307/2332303).
    The interval is that of `cood.analysis.stats.jackknife.coefficient`; tau counts
    as no closer to 1 or -1 than half of its smallest step.

    Parameters
    ----------
    x, y, families
        Two numbers and the family of each model [n]. Models without a number are left out.
    level
        Of the interval.

    Returns
    -------
    Agreement
        NaN where there are fewer than three models or two families, or a column is constant. An
        interval from -1 to 1 where without some family there is no tau.
    """
    columns = [column.to_numpy(float) for column in (x, y)]
    kept = np.isfinite(columns).all(axis=0)
    columns = [column[kept] for column in columns]
    _, member = np.unique(families.to_numpy()[kept], return_inverse=True)
    n, size = int(kept.sum()), int(member.max()) + 1 if kept.any() else 0
    if n < 3 or size < 2 or not all(map(np.ptp, columns)):
        return Agreement(n, size, np.nan, np.nan, np.nan)
    first, second = (np.sign(column[:, None] - column) for column in columns)
    times = np.vstack([np.ones(n), member != np.arange(size)[:, None]])
    left = times.sum(axis=1)
    found = np.where(left > 2, _tau(first, second, times), np.nan)
    limit = 1 - 2 / np.maximum(left * (left - 1), 3)
    tau = float(found[0])
    low, high, _ = coefficient(tau, found[1:], limit, level)
    return Agreement(n, size, tau, low, high)


def _tau(first: np.ndarray, second: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Tau-b [r] of models that count `times` [r, n] each, from the signs [n, n] of all pairs."""
    together, one, other = (
        ((times @ signs) * times).sum(axis=1) for signs in (first * second, first**2, second**2)
    )
    of = np.sqrt(one * other)
    return np.where(of > 0, together / np.where(of > 0, of, 1), np.nan)


def scorings(results: Results, split: str = "unseen") -> dict[str, pd.DataFrame]:
    """Accuracy of every model on a split in each way that the study has, as `pick` gives it.

    The usual one first; then other labels, top-5, classes that weigh alike, near-synonyms merged,
    the mean of the accuracies of attribute and object asked alone (as Uselis et al. score), and
    other templates.
    """
    ways = dict(WAYS)
    for name, templates in results.study.ablations.items():
        ways[template_way(name, templates)] = {"metric": "pair_top1", "templates": name}
    found = {
        way: pick(results, split=split, **columns)
        for way, columns in ways.items()
        if len(rows_with(results.scores, split=split, **columns))
    }
    words = [pick(results, split=split, metric=f"{w}_alone_top1") for w in ("attribute", "object")]
    mean = sum(words[1:], words[0]) / len(words)
    found[ALONE] = mean.assign(low=np.nan, high=np.nan)
    return found


def template_way(name: str, templates: list[str]) -> str:
    """Name of a way to score with other templates.

    Examples
    --------
    >>> template_way("bare", ["{}"]), template_way("openai", ["a {}", "the {}"])
    ('template "{}"', 'templates openai (2)')
    """
    if len(templates) == 1:
        return f'template "{templates[0]}"'
    return f"templates {name} ({len(templates)})"


def stability(results: Results, split: str = "unseen") -> pd.DataFrame:
    """How far each way to score orders the models as the usual one does.

    Returns
    -------
    DataFrame
        A row a way of `scorings` but the first: `way`; `tau` with `low` and `high`, `n` and
        `families`; lowest, `median` and highest accuracy over models, and the `chance` of it; the
        model whose rank moves most (`moved`), its rank as usual (`usual_rank`) and here (`rank`).
    """
    models = results.models.set_index("model")
    values = {way: found.reindex(models.index) for way, found in scorings(results, split).items()}
    usual = values.pop(USUAL)["value"]
    ranks = usual.rank(ascending=False)
    rows: list[dict[str, Any]] = []
    for way, found in values.items():
        here = found["value"]
        same = kendall(usual, here, models["family"])
        row: dict[str, Any] = {"way": way, "tau": same.tau, "low": same.low, "high": same.high}
        row |= {"n": same.n, "families": same.families}
        row |= {"lowest": here.min(), "median": here.median(), "highest": here.max()}
        row["chance"] = found["chance"].median()
        now = here.rank(ascending=False)
        steps = (now - ranks).abs().dropna()
        if steps.any():
            most = steps.idxmax()
            row |= {"moved": most, "usual_rank": ranks[most], "rank": now[most]}
        rows.append(row)
    return pd.DataFrame(rows)
