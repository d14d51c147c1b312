"""Figures of numbers by model against the outcomes: C-OoD log odds, and the gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cood.analysis.canonical_variants import COOD, GAP
from cood.metrics.registry import metric_label
from cood.report.plots.style import (
    EDGE,
    MOST_LABELLED,
    SPACES,
    WIDTH,
    ModelStyles,
    add_legend,
    error_lengths,
    model_styles,
    row_values,
)
from cood.report.plots.svg import Label, label_marks

OUTCOMES = {COOD: "C-OoD log odds", GAP: "gap (unseen minus seen)"}
# Marker, colour and place in the row of each outcome.
MARKS = {COOD: ("o", "#336c93", -0.17), GAP: ("D", "#cc460d", 0.17)}
CERTIFIED = " ✓"  # after the name of a metric with a certificate
NORMAL = 1.96  # standard errors to both sides of a 95 % interval
PANEL_HEIGHT = 3.0  # inches


@dataclass(frozen=True)
class Panel:
    """Two numbers by model, and the labels of their axes.

    Attributes
    ----------
    x, y
        Indexed by model: `value`, and `low` and `high` where there is an interval.
    labels
        Of both axes.
    chance
        Value of `x` by chance, drawn as a dotted line; NaN for none.
    """

    x: pd.DataFrame
    y: pd.DataFrame
    labels: tuple[str, str]
    chance: float = np.nan


def outcome_values(outcomes: pd.DataFrame, name: str) -> pd.DataFrame:
    """An outcome with its 95 % interval, where it has a standard error, as `Panel` takes it."""
    values = pd.DataFrame({"value": outcomes[name]})
    if f"{name}_error" in outcomes:
        reach = NORMAL * outcomes[f"{name}_error"]
        values = values.assign(low=values["value"] - reach, high=values["value"] + reach)
    return values


def outcome_rows(table: pd.DataFrame, certified: Sequence[tuple[str, str]], xlabel: str) -> Figure:
    """A panel a space and a row a metric: its coefficient with each outcome, with intervals.

    Parameters
    ----------
    table
        Columns `space`, `metric`, `outcome`, `value`, `low` and `high`, as
        `cood.analysis.canonical_variants.outcome_correlations` gives them.
    certified
        Spaces and metrics that have a certificate.
    xlabel
        Name of the coefficient.
    """
    spaces = [space for space in SPACES if space in set(table["space"])]
    metrics = list(dict.fromkeys(table["metric"]))
    size = (WIDTH, 1.7 + 0.36 * len(metrics))
    figure, grid = plt.subplots(1, len(spaces), figsize=size, squeeze=False, sharex=True)
    for axes, space in zip(grid[0], spaces, strict=True):
        here = table[table["space"] == space]
        for outcome in dict.fromkeys(table["outcome"]):
            _draw_outcome(axes, here[here["outcome"] == outcome], metrics, str(outcome))
        names = [
            metric_label(metric) + CERTIFIED * ((space, metric) in certified) for metric in metrics
        ]
        axes.set_yticks(range(len(metrics)), names, fontsize=9)
        axes.set(xlim=(-1.05, 1.05), ylim=(len(metrics) - 0.4, -0.6), xlabel=xlabel)
        axes.set_title(f"{space}s", fontsize=11)
        axes.axvline(0, color="0.3", linewidth=1, zorder=0)
        axes.grid(axis="y", visible=False)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _draw_outcome(axes: Axes, rows: pd.DataFrame, metrics: Sequence[str], outcome: str) -> None:
    marker, colour, shift = MARKS[outcome]
    rows = rows.set_index("metric").reindex(metrics)
    height = np.arange(len(metrics)) + shift
    finite = np.isfinite(rows["value"].to_numpy(float))
    axes.hlines(height, rows["low"], rows["high"], color=colour, linewidth=1.6)
    (dots,) = axes.plot(
        rows["value"][finite],
        height[finite],
        marker,
        color=colour,
        label=OUTCOMES[outcome],
        markersize=6,
    )
    labels = [
        Label(metric_label(str(metric)), [OUTCOMES[outcome]], x=row_values(row))
        for metric, row in rows[finite].iterrows()
    ]
    label_marks(dots, *labels)


def scatter_grid(models: pd.DataFrame, panels: Sequence[Sequence[Panel]]) -> Figure:
    """Rows of panels; in each a point a model, in its colour. Intervals only of few models.

    Parameters
    ----------
    models
        Table of models with `model`, `family` and what else is known of them.
    panels
        The same number in each row.
    """
    styles = model_styles(models)
    rows, columns = len(panels), len(panels[0])
    size = (WIDTH, PANEL_HEIGHT * rows + 1.2)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axes, panel in zip(grid.flat, (p for row in panels for p in row), strict=True):
        _draw_panel(axes, panel, styles)
    add_legend(figure, styles)
    return figure


def _draw_panel(axes: Axes, panel: Panel, styles: ModelStyles) -> None:
    few = len(styles.colours) <= MOST_LABELLED
    for model, colour in styles.colours.items():
        if model not in panel.x.index or model not in panel.y.index:
            continue
        across, up = panel.x.loc[model], panel.y.loc[model]
        if not np.isfinite([across["value"], up["value"]]).all():
            continue
        drawn = axes.errorbar(
            across["value"],
            up["value"],
            xerr=error_lengths(across) if few else None,
            yerr=error_lengths(up) if few else None,
            fmt=styles.markers[model],
            color=colour,
            markeredgecolor=EDGE,
            markeredgewidth=0.6,
            markersize=7 if few else 6,
            elinewidth=1,
            ecolor=(*colour, 0.5),
        )
        label = Label(model, styles.lines[model], x=row_values(across), y=row_values(up))
        label_marks(drawn[0], label)
    if np.isfinite(panel.chance):
        axes.axvline(panel.chance, color="0.5", linestyle=":", linewidth=1.2, zorder=0)
    axes.set_xlabel(panel.labels[0], fontsize=10)
    axes.set_ylabel(panel.labels[1], fontsize=10)
