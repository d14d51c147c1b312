"""What edits of embeddings do to accuracy and to metrics, over models."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from cood.evaluation.edit_scoring import ACCURACIES, METRICS
from cood.evaluation.resampling import grouped_mean
from cood.files import read_table
from cood.study import Study

# Edits that take away what is asked for are no test of a claim but of the edits.
POSITIVE = ("remove attribute", "remove object")
TESTS = ("remove shared", "remove residual", "additive", "whiten")
CELL = ["edit", "dose", "side"]
KEYS = [*CELL, "space", "measure", "against"]


@dataclass(frozen=True)
class Effect:
    """Mean over n models in `families` families, with a 95 % interval from resampling families.

    `up` and `down` count the models whose own interval lies above, and below, 0.
    """

    value: float
    low: float
    high: float
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


def load_edits(study: Study) -> pd.DataFrame:
    """Tables of all models on the first set, joined: see `cood.evaluation.edit_scoring`.

    Models that could not be had, or not be edited, are left out.
    """
    tables = [read_table(study.paths.model_edits(name)) for name in study.models]
    joined = pd.concat(tables, ignore_index=True)
    return joined[(joined["set"] == next(iter(study.sets))) & (joined["note"] == "")]


def effect(
    table: pd.DataFrame,
    families: pd.Series,
    *,
    edit: str,
    dose: float,
    side: str,
    measure: str = "pair_top1",
    against: str = "control",
    seed: int,
) -> Effect:
    """What one edit does, as the mean over models.

    Parameters
    ----------
    table
        What `load_edits` returns.
    families
        By model; models of one family stay together in a resample.
    edit, dose, side, measure, against
        Which rows; see `cood.evaluation.edit_scoring.score_edits`.
    seed
        Of the resamples.
    """
    where = {"edit": edit, "dose": dose, "side": side, "measure": measure, "against": against}
    rows = table
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return _mean(rows, families, seed)


def effects(table: pd.DataFrame, families: pd.Series, *, seed: int) -> pd.DataFrame:
    """`effect` of every edit on every measure: the columns `KEYS`, and those of `Effect`."""
    rows: list[dict[str, Any]] = []
    for key, part in table.groupby(KEYS, sort=False):
        found = _mean(part, families, seed)
        rows.append(dict(zip(KEYS, key, strict=True)) | vars(found))
    return pd.DataFrame(rows, columns=[*KEYS, *Effect.__dataclass_fields__])


def agreement(
    table: pd.DataFrame,
    families: pd.Series,
    *,
    edits: Collection[str] = TESTS,
    measure: str = "pair_top1",
    seed: int,
) -> pd.DataFrame:
    """Whether edits that make codes more disentangled raise accuracy, metric by metric.

    Compared are differences to the control of each edit at the same dose: of the metric, in the
    direction that is said to mean more disentangled (`METRICS`), and of the accuracy.

    Parameters
    ----------
    table, families, seed
        As in `effect`.
    edits, measure
        Which edits, by default those that take away nothing that is asked for; which accuracy.

    Returns
    -------
    pandas.DataFrame
        A row a metric and side (``images`` or ``texts``):

        - `value`, `low`, `high`: Spearman's coefficient over edits and doses within a model, mean
          over the `n` models in `families` with an interval from resampling families. A model in
          which the metric never moves has none.
        - `edits`: how many edits and doses; in `claimed` of them metric and accuracy surely move
          the same way over models, in `opposed` the opposite way.
    """
    against = table[table["edit"].isin(list(edits)) & (table["against"] == "control")]
    pooled = effects(against, families, seed=seed).set_index(["measure", *CELL])
    sure = np.sign(pooled["value"]).where((pooled["low"] > 0) | (pooled["high"] < 0), 0)
    rows = []
    for side in ("images", "texts"):
        here = against[against["side"] == side]
        wide = here.pivot(index="model", columns=["edit", "dose", "measure"], values="value")
        if wide.empty:
            continue
        outcome = wide.xs(measure, axis=1, level="measure")
        for metric, sign in METRICS.items():
            moved = sign * wide.xs(metric, axis=1, level="measure")[outcome.columns]
            each = [_spearman(moved.loc[m], outcome.loc[m]) for m in wide.index]
            found = pd.DataFrame({"model": wide.index, "value": each, "low": np.nan})
            mean = _mean(found.assign(high=np.nan).dropna(subset=["value"]), families, seed)
            cells = [(*cell, side) for cell in outcome.columns]
            both = [sign * sure[(metric, *cell)] * sure[(measure, *cell)] for cell in cells]
            row = {"measure": metric, "side": side, **vars(mean), "edits": len(cells)}
            rows.append(row | {"claimed": both.count(1), "opposed": both.count(-1)})
    kept = ["measure", "side", "value", "low", "high", "n", "families", "edits"]
    return pd.DataFrame(rows, columns=[*kept, "claimed", "opposed"])


def rotation(table: pd.DataFrame) -> tuple[float, pd.Series]:
    """What a common rotation moves: the largest change of an accuracy, and the mean of metrics.

    The first is to be 0, as no cosine changes; the metrics are indexed by space and measure.
    """
    moved = table[(table["edit"] == "rotate") & (table["against"] == "unedited")]
    accuracies = moved[moved["measure"].isin(ACCURACIES)]["value"].abs()
    metrics = moved[moved["measure"].isin(METRICS)]
    sizes = metrics["value"].abs().groupby([metrics["space"], metrics["measure"]]).mean()
    return float(accuracies.max()) if len(accuracies) else np.nan, sizes


def _mean(rows: pd.DataFrame, families: pd.Series, seed: int) -> Effect:
    rows = rows[np.isfinite(rows["value"].to_numpy(float))]
    known = families.reindex(rows["model"]).to_numpy(str)
    n_families = len(np.unique(known))
    found = grouped_mean(rows["value"].to_numpy(float), known, rng=np.random.default_rng(seed))
    low, high = (found.low, found.high) if n_families > 1 else (np.nan, np.nan)
    up, down = int((rows["low"] > 0).sum()), int((rows["high"] < 0).sum())
    return Effect(found.value, low, high, found.n, n_families, up, down)


def _spearman(x: pd.Series, y: pd.Series) -> float:
    both = pd.concat([x, y], axis=1).dropna().to_numpy()
    if len(both) < 3 or not np.ptp(both, axis=0).all():
        return np.nan
    return float(spearmanr(both[:, 0], both[:, 1]).statistic)
