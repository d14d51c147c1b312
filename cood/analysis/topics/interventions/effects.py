"""Effects of edits of embeddings on accuracy and on metrics, over models."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from cood.analysis.stats import jackknife
from cood.analysis.stats.estimate import Estimate
from cood.evaluation.interventions.interventions import (
    ACCURACIES,
    AS_IT_IS,
    METRICS,
    SPACE,
    UNEDITED,
)
from cood.files import read_table
from cood.settings.study_file import Study

# Edits that remove the information that the accuracy measures test the edits, not a claim.
TESTS = ("remove shared", "remove residual", "additive", "whiten")
CELL = ["edit", "dose", "side"]
KEYS = [*CELL, "space", "metric", "against"]
ESTIMATE = ["value", "low", "high", "p", "n", "families"]
RELATIVE = ["relative", "relative_low", "relative_high"]
STATISTICS = [*ESTIMATE, *RELATIVE, "up", "down"]
ROSE, FELL, BOTH_WAYS, NEITHER = "rose", "fell", "rose and fell", "no significant change"
NOT_MORE = "never more disentangled"


def load_interventions(study: Study) -> pd.DataFrame:
    """Tables of all models on the first set, joined.

    See `cood.evaluation.interventions.interventions`. Models that could not be loaded, whose
    embeddings could not be edited, or that repeat a point of the design are left out.
    """
    models = [name for name in study.models if not study.replicate_of(name)]
    tables = [read_table(study.paths.model_interventions(name)) for name in models]
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
        p from leaving out each family in turn (`cood.analysis.stats.jackknife`); for differences
        of accuracies also the mean as a share of the mean accuracy of the same models before the
        edit (`relative`, `relative_low`, `relative_high`); and how many models have an interval
        of their own that lies above 0 (`up`) and below it (`down`).
    """
    cells = table[KEYS].drop_duplicates()
    order = pd.MultiIndex.from_frame(cells)
    values, lows, highs = (
        table.pivot(index="model", columns=KEYS, values=name).reindex(columns=order)
        for name in ("value", "low", "high")
    )
    labels = families.reindex(values.index).to_numpy(str)
    before = _unedited(table, values.index)
    columns = (part.to_numpy(float).T for part in (values, lows, highs))
    rows = []
    for cell, value, low, high in zip(cells.itertuples(), *columns, strict=True):
        present = np.isfinite(value)
        up, down = int((low[present] > 0).sum()), int((high[present] < 0).sum())
        whole = before.get(cell.metric) if cell.against else None
        relative = (
            dict.fromkeys(RELATIVE, np.nan) if whole is None else _share(value, whole, labels)
        )
        rows.append(_statistics(value, labels) | relative | {"up": up, "down": down})
    means = pd.DataFrame(rows, columns=STATISTICS)
    return pd.concat([cells.reset_index(drop=True), means], axis=1)


def agreement(
    table: pd.DataFrame,
    families: pd.Series,
    *,
    edits: Collection[str] = TESTS,
    accuracy: str = "pair_top1",
) -> pd.DataFrame:
    """Whether edits change metric and accuracy in the same direction, metric by metric.

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
        A row a metric and side (``images`` or ``texts``) with `value`, `low`, `high`: Spearman's
        coefficient over edits and doses within a model, mean over the `n` models in `families`
        with an interval from leaving out families. A model in which the metric is constant has
        none. Damage to the embeddings lowers metric and accuracy alike, whether or not one causes
        the other, so that this is no test of a cause; see `count_edits`.
    """
    against = table[table["edit"].isin(list(edits)) & (table["against"] == "control")]
    rows: list[dict[str, Any]] = []
    for side in SPACE:
        here = against[against["side"] == side]
        wide = here.pivot(index="model", columns=["edit", "dose", "metric"], values="value")
        if wide.empty:
            continue
        labels = families.reindex(wide.index).to_numpy(str)
        outcome = wide.xs(accuracy, axis=1, level="metric")
        for metric, sign in METRICS.items():
            moved = sign * wide.xs(metric, axis=1, level="metric")[outcome.columns]
            each = [_spearman(moved.loc[m], outcome.loc[m]) for m in wide.index]
            rows.append({"metric": metric, "side": side, **_statistics(np.array(each), labels)})
    return pd.DataFrame(rows, columns=["metric", "side", *ESTIMATE])


def count_edits(
    pooled: pd.DataFrame, *, edits: Collection[str] = TESTS, accuracy: str = "pair_top1"
) -> pd.DataFrame:
    """Whether accuracy rises when an edit makes codes more disentangled, one verdict an edit.

    An edit at all of its doses is one case. At a dose it makes codes more disentangled if,
    relative to its control, significantly more metrics move towards disentangled than away.

    Parameters
    ----------
    pooled
        What `effects` returns.
    edits, accuracy
        As in `agreement`.

    Returns
    -------
    pandas.DataFrame
        A row an `edit` and `side`: the number of `doses`; at how many it makes codes `more`
        disentangled; at how many of these accuracy, relative to the control, is significantly
        higher (`up`) or lower (`down`); and in `accuracy` one of `ROSE`, `FELL`, `BOTH_WAYS`,
        `NEITHER` and `NOT_MORE`.
    """
    chosen = pooled["edit"].isin(list(edits)) & (pooled["against"] == "control")
    here = pooled[chosen & pooled["side"].isin(list(SPACE))]
    significant = np.sign(here["value"]).where((here["low"] > 0) | (here["high"] < 0), 0)
    signs = np.array([METRICS.get(metric, 1) for metric in here["metric"]], dtype=float)
    moves = here.assign(move=significant * signs)
    rows = []
    for (edit, side), part in moves.groupby(["edit", "side"], sort=False):
        outcome = part[part["metric"] == accuracy].set_index("dose")["move"]
        metrics = part[part["metric"].isin(list(METRICS))]
        balance = metrics.groupby("dose")["move"].sum().reindex(outcome.index)
        moved = outcome[balance > 0]
        up, down = int((moved > 0).sum()), int((moved < 0).sum())
        row = {"edit": edit, "side": side, "doses": len(outcome), "more": len(moved)}
        rows.append(row | {"up": up, "down": down, "accuracy": _way(len(moved), up, down)})
    return pd.DataFrame(rows, columns=["edit", "side", "doses", "more", "up", "down", "accuracy"])


def rotation(table: pd.DataFrame) -> tuple[float, pd.Series]:
    """Largest change of an accuracy by a common rotation, and mean change of each metric.

    The first should be 0, as no cosine changes; the second is indexed by space and metric.
    """
    moved = table[(table["edit"] == "rotate") & (table["against"] == "unedited")]
    accuracies = moved[moved["metric"].isin(ACCURACIES)]["value"].abs()
    metrics = moved[moved["metric"].isin(METRICS)]
    sizes = metrics["value"].abs().groupby([metrics["space"], metrics["metric"]]).mean()
    return float(accuracies.max()) if len(accuracies) else np.nan, sizes


def _way(more: int, up: int, down: int) -> str:
    if not more:
        return NOT_MORE
    return {(True, True): BOTH_WAYS, (True, False): ROSE, (False, True): FELL}.get(
        (up > 0, down > 0), NEITHER
    )


def _unedited(table: pd.DataFrame, models: pd.Index) -> dict[str, np.ndarray]:
    """Accuracies of the codes as they are, in the order of the models, by name."""
    here = table[(table["edit"] == UNEDITED) & (table["against"] == AS_IT_IS)]
    here = here[here["metric"].isin(ACCURACIES)]
    wide = here.pivot(index="model", columns="metric", values="value").reindex(models)
    return {str(metric): wide[metric].to_numpy(float) for metric in wide}


def _share(values: np.ndarray, whole: np.ndarray, families: np.ndarray) -> dict[str, float]:
    """Sum of some values [n] as a share of the sum of others [n], with its interval."""
    present = np.isfinite(values) & np.isfinite(whole)
    values, whole, names = values[present], whole[present], families[present]
    every = np.unique(names)
    left = np.vstack([np.ones(len(names), dtype=bool), names != every[:, None]])
    total = left @ whole
    if not len(every) or np.any(total[: 1 if len(every) < 2 else None] <= 0):
        return dict.fromkeys(RELATIVE, np.nan)
    if len(every) < 2:
        return dict(zip(RELATIVE, (float(values.sum() / total[0]), np.nan, np.nan), strict=True))
    share, *without = (left @ values) / total
    margin, _ = jackknife.margin_of_error(float(share), np.array(without))
    ends = (float(share), float(share - margin), float(share + margin))
    return dict(zip(RELATIVE, ends, strict=True))


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
