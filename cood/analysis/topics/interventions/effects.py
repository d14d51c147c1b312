"""What edits of embeddings do to accuracy and to metrics, over models."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from cood.analysis.stats import jackknife
from cood.evaluation.interventions.interventions import ACCURACIES, METRICS
from cood.files import read_table
from cood.settings.study_file import Study

# Interventions that take away what is asked for are no test of a claim but of the edits.
POSITIVE = ("remove attribute", "remove object")
TESTS = ("remove shared", "remove residual", "additive", "whiten")
CELL = ["edit", "dose", "side"]
KEYS = [*CELL, "space", "metric", "against"]


@dataclass(frozen=True)
class Effect:
    """Mean over n models in `families` families, with a 95 % interval and p.

    These come from leaving out each family in turn (`cood.analysis.stats.jackknife`). `up` and `down`
    count the models whose own interval lies above, and below, 0.
    """

    value: float
    low: float
    high: float
    p: float
    n: int
    families: int
    up: int = 0
    down: int = 0

    def __str__(self) -> str:
        """In points of accuracy, with its interval, as captions give it."""
        if not self.n:
            return "not known"
        text = f"{100 * self.value:+.1f} points"
        if np.isfinite(self.low):
            text += f" [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"
        return f"{text}, n = {self.n} models in {self.families} families"


FIELDS = list(Effect.__dataclass_fields__)
NOTHING = Effect(np.nan, np.nan, np.nan, np.nan, 0, 0)


def load_interventions(study: Study) -> pd.DataFrame:
    """Tables of all models on the first set, joined: see `cood.evaluation.interventions.interventions`.

    Models that could not be had, or not be edited, are left out.
    """
    tables = [read_table(study.paths.model_interventions(name)) for name in study.models]
    joined = pd.concat(tables, ignore_index=True)
    return joined[(joined["set"] == next(iter(study.sets))) & (joined["note"] == "")]


def effect(
    table: pd.DataFrame,
    families: pd.Series,
    *,
    edit: str,
    dose: float,
    side: str,
    metric: str = "pair_top1",
    against: str = "control",
) -> Effect:
    """What one edit does, as the mean over models.

    Parameters
    ----------
    table
        What `load_interventions` returns.
    families
        By model; models of one family may be alike.
    edit, dose, side, metric, against
        Which rows; see `cood.evaluation.interventions.interventions.score_interventions`.
    """
    where = {"edit": edit, "dose": dose, "side": side, "metric": metric, "against": against}
    rows = table
    for column, value in where.items():
        rows = rows[rows[column] == value]
    found = effects(rows, families)
    return Effect(*next(found[FIELDS].itertuples(index=False))) if len(found) else NOTHING


def effects(table: pd.DataFrame, families: pd.Series) -> pd.DataFrame:
    """`effect` of every edit on every metric: the columns `KEYS`, and those of `Effect`."""
    cells = table[KEYS].drop_duplicates()
    order = pd.MultiIndex.from_frame(cells)
    values, lows, highs = (
        table.pivot(index="model", columns=KEYS, values=name).reindex(columns=order)
        for name in ("value", "low", "high")
    )
    known = families.reindex(values.index).to_numpy(str)
    wide = (part.to_numpy(float).T for part in (values, lows, highs))
    found = [_mean(value, low, high, known) for value, low, high in zip(*wide, strict=True)]
    means = pd.DataFrame(map(vars, found), columns=FIELDS)
    return pd.concat([cells.reset_index(drop=True), means], axis=1)


def agreement(
    table: pd.DataFrame,
    families: pd.Series,
    *,
    edits: Collection[str] = TESTS,
    accuracy: str = "pair_top1",
) -> pd.DataFrame:
    """Whether edits that make codes more disentangled raise accuracy, metric by metric.

    Compared are differences to the control of each edit at the same dose: of the metric, in the
    direction that is said to mean more disentangled (`METRICS`), and of the accuracy.

    Parameters
    ----------
    table, families
        As in `effect`.
    edits, accuracy
        Which edits, by default those that take away nothing that is asked for; which accuracy.

    Returns
    -------
    pandas.DataFrame
        A row a metric and side (``images`` or ``texts``):

        - `value`, `low`, `high`: Spearman's coefficient over edits and doses within a model, mean
          over the `n` models in `families` with an interval from leaving out families. A model in
          which the metric never moves has none.
        - `raised`: how many edits and doses surely make the codes more disentangled, over models;
          of these, `raised_up` surely raise accuracy and `raised_down` surely lower it.
          `lowered`, `lowered_up` and `lowered_down`: the same of those that make them less so.

        What does damage lowers both, whatever the one has to do with the other; so the claim, as
        one about causes, stands and falls with the edits that raise the metric.
    """
    against = table[table["edit"].isin(list(edits)) & (table["against"] == "control")]
    pooled = effects(against, families).set_index(["metric", *CELL])
    sure = np.sign(pooled["value"]).where((pooled["low"] > 0) | (pooled["high"] < 0), 0)
    rows = []
    for side in ("images", "texts"):
        here = against[against["side"] == side]
        wide = here.pivot(index="model", columns=["edit", "dose", "metric"], values="value")
        if wide.empty:
            continue
        known = families.reindex(wide.index).to_numpy(str)
        outcome = wide.xs(accuracy, axis=1, level="metric")
        for metric, sign in METRICS.items():
            moved = sign * wide.xs(metric, axis=1, level="metric")[outcome.columns]
            each = [_spearman(moved.loc[m], outcome.loc[m]) for m in wide.index]
            none = np.full(len(each), np.nan)
            mean = _mean(np.array(each), none, none, known)
            cells = [(*cell, side) for cell in outcome.columns]
            row: dict[str, Any] = {"metric": metric, "side": side, **vars(mean)}
            both = [(sign * sure[(metric, *cell)], sure[(accuracy, *cell)]) for cell in cells]
            for name, way in (("raised", 1), ("lowered", -1)):
                row |= {name: sum(moved == way for moved, _ in both)}
                row |= {f"{name}_up": both.count((way, 1)), f"{name}_down": both.count((way, -1))}
            rows.append(row)
    kept = ["metric", "side", "value", "low", "high", "p", "n", "families"]
    moves = [f"{way}{end}" for way in ("raised", "lowered") for end in ("", "_up", "_down")]
    return pd.DataFrame(rows, columns=[*kept, *moves])


def rotation(table: pd.DataFrame) -> tuple[float, pd.Series]:
    """What a common rotation moves: the largest change of an accuracy, and the mean of metrics.

    The first is to be 0, as no cosine changes; the metrics are indexed by space and metric.
    """
    moved = table[(table["edit"] == "rotate") & (table["against"] == "unedited")]
    accuracies = moved[moved["metric"].isin(ACCURACIES)]["value"].abs()
    metrics = moved[moved["metric"].isin(METRICS)]
    sizes = metrics["value"].abs().groupby([metrics["space"], metrics["metric"]]).mean()
    return float(accuracies.max()) if len(accuracies) else np.nan, sizes


def _mean(values: np.ndarray, lows: np.ndarray, highs: np.ndarray, families: np.ndarray) -> Effect:
    """Over the models [n] that have a number."""
    rows = np.isfinite(values)
    if not rows.any():
        return NOTHING
    mean, low, high, p, _ = jackknife.mean(values[rows], families[rows])
    counts = int((lows[rows] > 0).sum()), int((highs[rows] < 0).sum())
    return Effect(mean, low, high, p, int(rows.sum()), len(np.unique(families[rows])), *counts)


def _spearman(x: pd.Series, y: pd.Series) -> float:
    both = pd.concat([x, y], axis=1).dropna().to_numpy()
    if len(both) < 3 or not np.ptp(both, axis=0).all():
        return np.nan
    return float(spearmanr(both[:, 0], both[:, 1]).statistic)
