"""Effects of edits of embeddings on accuracy and on metrics, over models."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from cood.analysis.stats import jackknife
from cood.analysis.stats.estimate import Estimate
from cood.evaluation.interventions.interventions import ACCURACIES, METRICS
from cood.files import read_table
from cood.settings.study_file import Study

# Edits that remove the information that the accuracy measures test the edits, not a claim.
POSITIVE = ("remove attribute", "remove object")
TESTS = ("remove shared", "remove residual", "additive", "whiten")
CELL = ["edit", "dose", "side"]
KEYS = [*CELL, "space", "metric", "against"]
ESTIMATE = ["value", "low", "high", "p", "n", "families"]
STATISTICS = [*ESTIMATE, "up", "down"]


def load_interventions(study: Study) -> pd.DataFrame:
    """Tables of all models on the first set, joined.

    See `cood.evaluation.interventions.interventions`. Models that could not be loaded, or whose
    embeddings could not be edited, are left out.
    """
    tables = [read_table(study.paths.model_interventions(name)) for name in study.models]
    joined = pd.concat(tables, ignore_index=True)
    return joined[(joined["set"] == next(iter(study.sets))) & (joined["note"] == "")]


def effects(table: pd.DataFrame, families: pd.Series) -> pd.DataFrame:
    """Mean effect over models of every edit on every metric.

    Parameters
    ----------
    table
        What `load_interventions` returns.
    families
        By model; models of one family may be alike.

    Returns
    -------
    pandas.DataFrame
        A row for each combination of the columns `KEYS`, with the columns `STATISTICS`: the mean
        over the `n` models in `families` families that have a number, with its 95 % interval and
        p from leaving out each family in turn (`cood.analysis.stats.jackknife`); and how many
        models have an interval of their own that lies above 0 (`up`) and below it (`down`).
    """
    cells = table[KEYS].drop_duplicates()
    order = pd.MultiIndex.from_frame(cells)
    values, lows, highs = (
        table.pivot(index="model", columns=KEYS, values=name).reindex(columns=order)
        for name in ("value", "low", "high")
    )
    labels = families.reindex(values.index).to_numpy(str)
    columns = (part.to_numpy(float).T for part in (values, lows, highs))
    rows = []
    for value, low, high in zip(*columns, strict=True):
        present = np.isfinite(value)
        up, down = int((low[present] > 0).sum()), int((high[present] < 0).sum())
        rows.append(_statistics(value, labels) | {"up": up, "down": down})
    means = pd.DataFrame(rows, columns=STATISTICS)
    return pd.concat([cells.reset_index(drop=True), means], axis=1)


def agreement(
    table: pd.DataFrame,
    families: pd.Series,
    *,
    edits: Collection[str] = TESTS,
    accuracy: str = "pair_top1",
) -> pd.DataFrame:
    """Whether edits that make codes more disentangled raise accuracy, metric by metric.

    The metric and the accuracy are compared as differences to the control of each edit at the same
    dose; the metric is signed so that higher means more disentangled (`METRICS`).

    Parameters
    ----------
    table, families
        As in `effects`.
    edits, accuracy
        Edits, by default those that remove nothing that the accuracy measures; its name.

    Returns
    -------
    pandas.DataFrame
        A row a metric and side (``images`` or ``texts``):

        - `value`, `low`, `high`: Spearman's coefficient over edits and doses within a model, mean
          over the `n` models in `families` with an interval from leaving out families. A model in
          which the metric is constant has none.
        - `raised`: how many combinations of edit and dose make the codes significantly more
          disentangled, over models; of these, `raised_up` significantly raise accuracy and
          `raised_down` significantly lower it. `lowered`, `lowered_up` and `lowered_down`: the same
          for those that make the codes less disentangled.

        Damage to the embeddings lowers metric and accuracy alike, whether or not one causes the
        other; a causal claim is therefore tested by the edits that raise the metric.
    """
    against = table[table["edit"].isin(list(edits)) & (table["against"] == "control")]
    pooled = effects(against, families).set_index(["metric", *CELL])
    significant = np.sign(pooled["value"]).where((pooled["low"] > 0) | (pooled["high"] < 0), 0)
    rows = []
    for side in ("images", "texts"):
        here = against[against["side"] == side]
        wide = here.pivot(index="model", columns=["edit", "dose", "metric"], values="value")
        if wide.empty:
            continue
        labels = families.reindex(wide.index).to_numpy(str)
        outcome = wide.xs(accuracy, axis=1, level="metric")
        for metric, sign in METRICS.items():
            moved = sign * wide.xs(metric, axis=1, level="metric")[outcome.columns]
            each = [_spearman(moved.loc[m], outcome.loc[m]) for m in wide.index]
            cells = [(*cell, side) for cell in outcome.columns]
            row: dict[str, Any] = {
                "metric": metric,
                "side": side,
                **_statistics(np.array(each), labels),
            }
            both = [
                (sign * significant[(metric, *cell)], significant[(accuracy, *cell)])
                for cell in cells
            ]
            for name, way in (("raised", 1), ("lowered", -1)):
                row |= {name: sum(moved == way for moved, _ in both)}
                row |= {f"{name}_up": both.count((way, 1)), f"{name}_down": both.count((way, -1))}
            rows.append(row)
    kept = ["metric", "side", "value", "low", "high", "p", "n", "families"]
    moves = [f"{way}{end}" for way in ("raised", "lowered") for end in ("", "_up", "_down")]
    return pd.DataFrame(rows, columns=[*kept, *moves])


def rotation(table: pd.DataFrame) -> tuple[float, pd.Series]:
    """Largest change of an accuracy by a common rotation, and mean change of each metric.

    The first should be 0, as no cosine changes; the second is indexed by space and metric.
    """
    moved = table[(table["edit"] == "rotate") & (table["against"] == "unedited")]
    accuracies = moved[moved["metric"].isin(ACCURACIES)]["value"].abs()
    metrics = moved[moved["metric"].isin(METRICS)]
    sizes = metrics["value"].abs().groupby([metrics["space"], metrics["metric"]]).mean()
    return float(accuracies.max()) if len(accuracies) else np.nan, sizes


def _statistics(values: np.ndarray, families: np.ndarray) -> dict[str, Any]:
    """Mean over the models [n] that have a number, as columns of a table."""
    present = np.isfinite(values)
    mean = Estimate()
    if present.any():
        mean = jackknife.mean(values[present], families[present])
    return {name: getattr(mean, name) for name in ESTIMATE}


def _spearman(x: pd.Series, y: pd.Series) -> float:
    both = pd.concat([x, y], axis=1).dropna().to_numpy()
    if len(both) < 3 or not np.ptp(both, axis=0).all():
        return np.nan
    return float(spearmanr(both[:, 0], both[:, 1]).statistic)
