"""Values of models with their intervals, as rows of dots, curves and bars."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from cood.report.model_settings import model_lines
from cood.report.plots.style import EDGE, MARKERS, WIDTH, add_legend, model_styles, row_values
from cood.report.plots.svg import Label, label_marks

LEGEND_LETTERS = 80  # in one line of a legend
LEGEND_COLUMNS = 4
DOT, FEW = "#2b6a99", 3  # colour of dots of a strip; models that need not be moved apart
MOST_ROWS, CROWDED_HEIGHT = 40, 9.0  # rows with a name; inches of a figure with more of them
GROUP_HEIGHT = 0.6  # share of a row that its groups take


def interval_rows(
    table: pd.DataFrame,
    groups: Sequence[str],
    xlabel: str,
    colours: Sequence[str] | None = None,
    models: pd.DataFrame | None = None,
) -> Figure:
    """A row a model and, for each group, a dot with its interval; many rows are thin and unnamed.

    Parameters
    ----------
    table
        Columns `model`, `group`, `value`, `low`, `high`; models from the top in the given order.
    groups
        Groups to draw, each in a colour of its own.
    xlabel, colours
        Label of the values; colours of the groups.
    models
        Table of models, whose settings the labels then tell.
    """
    order = list(dict.fromkeys(table["model"]))
    is_crowded = models is not None and len(order) > MOST_ROWS
    lines = {} if models is None else model_lines(models)
    palette = colours or [str(c) for c in sns.color_palette("colorblind", len(groups)).as_hex()]
    height_of_all = CROWDED_HEIGHT if is_crowded else max(2.4, 1.2 + 0.34 * len(order))
    figure, axes = plt.subplots(figsize=(WIDTH, height_of_all))
    for i, (group, colour) in enumerate(zip(groups, palette, strict=True)):
        rows = table[table["group"] == group].set_index("model").reindex(order)
        shift = (i - (len(groups) - 1) / 2) * GROUP_HEIGHT / max(1, len(groups))
        height = np.arange(len(order)) + shift
        width, alpha = (0.8, 0.35) if is_crowded else (1.5, 1)
        axes.hlines(height, rows["low"], rows["high"], color=colour, linewidth=width, alpha=alpha)
        finite = np.isfinite(rows["value"].to_numpy(float))
        (dots,) = axes.plot(
            rows["value"][finite],
            height[finite],
            MARKERS[i],
            color=colour,
            label=group,
            markersize=3 if is_crowded else 6,
        )
        labels = [
            Label(name, [*lines.get(name, []), group], x=row_values(row))
            for name, row in rows[finite].iterrows()
        ]
        label_marks(dots, *labels)
    if is_crowded:  # names would be too small to read; readers who point at a dot see them
        axes.set(yticks=[], ylabel=f"{len(order)} models")
    else:
        axes.set_yticks(range(len(order)), order)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set(xlabel=xlabel)
    axes.grid(axis="y", visible=False)
    if len(groups) > 1:
        # Long names in one line would leave no room for the axes.
        fits = sum(map(len, groups)) < LEGEND_LETTERS
        ncols = min(LEGEND_COLUMNS, len(groups)) if fits else 1
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=ncols)
    return figure


def strips(table: pd.DataFrame, xlabel: str) -> Figure:
    """A row a column of a table: a dot a model, and a line at the median over models.

    Parameters
    ----------
    table
        Indexed by model; columns from the top in the given order.
    xlabel
        Label of the values.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, max(2.2, 1.0 + 0.55 * table.shape[1])))
    rng = np.random.default_rng(0)  # dots are moved up and down, so that none hides another
    few = len(table) <= FEW
    for k, (name, values) in enumerate(table.items()):
        finite = values[np.isfinite(values)]
        height = k + (0 if few else 1) * rng.uniform(-0.28, 0.28, len(finite))
        (dots,) = axes.plot(finite, np.broadcast_to(height, len(finite)), "o", color=DOT, alpha=0.6)
        dots.set(markersize=7 if few else 5, markeredgecolor=EDGE, markeredgewidth=0.4)
        points = ((str(m), float(v)) for m, v in finite.items())
        label_marks(dots, *(Label(model, [str(name)], x=[value]) for model, value in points))
        if len(finite) > 1:
            axes.vlines(finite.median(), k - 0.38, k + 0.38, color="0.15", linewidth=2.5)
    axes.set_yticks(range(table.shape[1]), [str(name) for name in table])
    axes.set(xlabel=xlabel, ylim=(table.shape[1] - 0.5, -0.5))
    axes.grid(axis="y", visible=False)
    return figure


def curves(table: pd.DataFrame, labels: tuple[str, str]) -> Figure:
    """A panel a factor and, in each, a line of accuracies by number of dimensions, and chance.

    Parameters
    ----------
    table
        Columns `panel`, `line`, `x`, `value` and `chance`; panels and lines in the given order.
    labels
        Of the axes.
    """
    panels, lines = (list(dict.fromkeys(table[name])) for name in ("panel", "line"))
    figure, grid = plt.subplots(1, len(panels), figsize=(WIDTH, 4.2), squeeze=False)
    colours = sns.color_palette("colorblind", len(lines))
    axis_labels = {"x": labels[0], "y": labels[1]}
    for axes, panel in zip(grid[0], panels, strict=True):
        here = table[table["panel"] == panel]
        for i, (line, colour) in enumerate(zip(lines, colours, strict=True)):
            rows = here[here["line"] == line]
            (drawn,) = axes.plot(
                rows["x"],
                rows["value"],
                f"{MARKERS[i]}-",
                color=colour,
                label=line,
                markersize=5,
            )
            points = zip(rows["x"], rows["value"], strict=True)
            label_marks(drawn, *(Label(line, [panel], [x], [y], axis_labels) for x, y in points))
        axes.axhline(here["chance"].iloc[0], color="0.5", linestyle=":", label="chance")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.set(title=panel, xlabel=labels[0], ylim=(0, None))
    grid[0][0].set(ylabel=labels[1])
    handles, names = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return figure


def bars(values: pd.Series, models: pd.DataFrame, xlabel: str) -> Figure:
    """A bar a model from 0, in its colour; the largest at the top.

    Of more than `MOST_ROWS` models, those at both ends.
    """
    styles = model_styles(models)
    values = values.sort_values()
    if len(values) > MOST_ROWS:
        ends = pd.concat([values[: MOST_ROWS // 2], values[-MOST_ROWS // 2 :]])
        xlabel = f"{xlabel}; {len(ends)} of {len(values)} models"
        values = ends
    figure, axes = plt.subplots(figsize=(WIDTH, max(2.8, 1.2 + 0.3 * len(values))))
    drawn = axes.barh(list(values.index), values, color=[styles.colours[m] for m in values.index])
    for bar, (model, value) in zip(drawn, values.items(), strict=True):
        bar.set(edgecolor=EDGE, linewidth=0.6)
        label_marks(bar, Label(str(model), styles.lines[str(model)], x=[value]))
    axes.axvline(0, color="0.3", linewidth=1)
    axes.set(xlabel=xlabel, ylim=(-0.8, len(values) - 0.2))
    axes.grid(axis="y", visible=False)
    add_legend(figure, styles, with_markers=False)
    return figure
