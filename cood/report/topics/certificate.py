"""The certificate of each metric: which metrics have one, and how they do on synthetic codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cood.analysis.certificate import Thresholds, certified
from cood.analysis.certificate.ladder_scores import (
    CERTIFIABLE,
    FALLING,
    FEWER,
    NARROW,
    ROTATED,
    WIDE,
    Ladder,
)
from cood.errors import check_choice
from cood.metrics.registry import metric_label
from cood.report.plots.style import SPACES, WIDTH
from cood.report.plots.svg import Label, label_marks
from cood.report.tables.formatting import MISSING, format_estimate

COLUMNS = 2  # of panels
HEIGHT = 2.2  # inches of a panel
DOT = 3.5


def source(study: str, decides: bool, table: pd.DataFrame | None, reference: str) -> str:
    """Whose certificate decides in a study, as a sentence.

    `decides` says whether the study has its own; `table` is the certificate, or None.
    """
    if decides:
        return f"The certificate comes from this study, {study}, which trains models twice."
    if table is None:
        return (
            f"{study} trains too few models twice to have a certificate of its own, and no "
            f"certificate of the reference run {reference} has been published."
        )
    return (
        f"{study} trains too few models twice to have a certificate of its own, so it uses that of "
        f"the reference run {reference}."
    )


def summary(table: pd.DataFrame | None, metrics: Sequence[str]) -> str:
    """How many metrics have a certificate, and which of some, as sentences."""
    if table is None:
        return "No metric has a certificate."
    counts, named = [], []
    for space in SPACES:
        here = table[table["space"] == space]
        counts.append(f"{here['certified'].sum()} of {len(here)} metrics of {space}s")
        passed = certified(table, metrics, space)
        listed = ", ".join(map(metric_label, passed)) or "none"
        named.append(f"for {space}s {listed}")
    asked = ", ".join(map(metric_label, metrics))
    return (
        f"{' and '.join(counts)} have a certificate. "
        f"Of the metrics that the papers name ({asked}), these have one: {'; '.join(named)}."
    )


def rules(limits: Thresholds) -> str:
    """What a metric must reach, as a phrase."""
    return (
        f"reliability of at least {limits.reliability:g} over at least {limits.pairs} points that "
        f"are trained twice, a distance of more than {limits.null_distance:g} standard deviations "
        f"from the null, and a correlation of at least {limits.ladder:g} with the rung"
    )


def certificate_table(table: pd.DataFrame, space: str) -> pd.DataFrame:
    """A row a metric of a space: the three properties, those with a certificate first."""
    here = table[table["space"] == space].sort_values("certified", ascending=False, kind="stable")
    reliability = [
        format_estimate(*row)
        for row in here[["reliability", "reliability_low", "reliability_high"]].to_numpy()
    ]
    rows = {
        "metric": here["metric"].map(metric_label),
        "reliability": reliability,
        "distance from null": here["null_distance"].map(_number("{:.1f}")),
        "ladder": here["ladder"].map(_number("{:.2f}")),
        "certificate": np.where(here["certified"], "yes", "no: " + here["why"]),
    }
    return pd.DataFrame(rows)


def value_table(own: pd.DataFrame, ladder: Ladder, space: str) -> pd.DataFrame:
    """A row a metric of a space: its value in models and their nulls, and what else moves it.

    `own` is what `certify` says of the study itself.
    """
    here = own[own["space"] == space].set_index("metric")
    changes = ladder.changes()
    changes = changes[changes.index.get_level_values("space") == space].droplevel("space")
    models = {
        "models": here["value"],
        "null": here["null"],
        "untrained": here["untrained"],
        "top rung": here["ceiling"],
    }
    rows = pd.DataFrame(models).join(changes.rename(columns={"middle": "middle rung"}))
    rows = rows[[*models, "middle rung", FEWER, NARROW, WIDE, ROTATED]]
    rows = rows.dropna(axis=1, how="all").map(_number("{:.2f}"))
    return rows.reset_index(names="metric").assign(metric=lambda t: t["metric"].map(metric_label))


def _number(pattern: str) -> Callable[[float], str]:
    return lambda value: pattern.format(value) if np.isfinite(value) else MISSING


def moved_by_rotation(ladder: Ladder, space: str = "image") -> str:
    """Which metrics lose more than half of their value by a rotation, as a sentence."""
    changes = ladder.changes().loc[space]
    lost = changes.index[changes[ROTATED] < changes["middle"] / 2]
    if lost.empty:
        return "No metric of images loses half of its value when codes are rotated at random."
    listed = ", ".join(map(metric_label, lost))
    return (
        "These metrics of images lose more than half of their value on the middle rung when codes "
        f"are rotated at random, which changes no distance and no cosine: {listed}."
    )


def ladder_figure(ladder: Ladder, metrics: Sequence[str]) -> Figure:
    """A panel a metric: its value on each rung, in images and texts; a dot a seed.

    Raises
    ------
    NotebookError
        If a metric is none that can have a certificate.
    """
    for metric in metrics:
        check_choice("metric", metric, CERTIFIABLE)
    climbs, table = ladder.climbs(), ladder.rungs
    present = [metric for metric in metrics if metric in set(table["metric"])]
    lines = -(-len(present) // COLUMNS)
    size = (WIDTH, HEIGHT * lines + 0.6)
    figure, grid = plt.subplots(lines, COLUMNS, figsize=size, squeeze=False, sharex=True)
    for axes, metric in zip(grid.flat, present, strict=False):
        for space, colour in SPACES.items():
            rows = table[(table["metric"] == metric) & (table["space"] == space)]
            label = f"{space}s, {_number('{:.2f}')(climbs[space, metric])}"
            means = rows.groupby("rung")["value"].mean()
            axes.plot(means.index, means, color=colour, label=label)
            (dots,) = axes.plot(rows["rung"], rows["value"], "o", color=colour, markersize=DOT)
            points = zip(rows["rung"], rows["value"], strict=True)
            marks = (
                Label(f"{space}s", [], [x], [y], {"x": "rung", "y": metric_label(metric)})
                for x, y in points
            )
            label_marks(dots, *marks)
        falls = " (falls)" if metric in FALLING else ""
        axes.set_title(f"{metric_label(metric)}{falls}", fontsize=11)
        axes.legend(fontsize=8)
    for axes in grid.flat[len(present) :]:
        axes.remove()
    for axes in grid[-1]:
        axes.set_xlabel("rung: 0 is the bottom")
    return figure
