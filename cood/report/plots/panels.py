"""Figures of several panels: metrics of images and of texts, over models and over training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from cood.report.model_settings import model_lines
from cood.report.plots.style import (
    EDGE,
    SPACES,
    WIDTH,
    add_legend,
    error_lengths,
    model_styles,
    percent_axes,
    row_values,
)
from cood.report.plots.svg import Label, label_marks

ROW_HEIGHT = 2.3  # inches
OVERPLOT_SHIFT = 0.2  # octaves by which points are moved at most, so that none hides another


def metric_panels(
    models: pd.DataFrame, scores: pd.DataFrame, accuracy: pd.DataFrame, label: str
) -> Figure:
    """A row a metric and a column a space; in each panel a point a model, with intervals.

    Parameters
    ----------
    models
        Table of models with `model`, `family` and what else is known of them.
    scores
        Columns `model`, `metric`, `space`, `value`, `low`, `high` and `chance`; metrics in the
        given order.
    accuracy
        Indexed by model: `value`, `low` and `high`.
    label
        Of the accuracy.
    """
    styles = model_styles(models)
    metrics = list(dict.fromkeys(scores["metric"]))
    figure, grid = plt.subplots(
        len(metrics),
        2,
        figsize=(WIDTH, ROW_HEIGHT * len(metrics) + 0.8),
        squeeze=False,
        sharey=True,
    )
    for row, metric in zip(grid, metrics, strict=True):
        for axes, space in zip(row, SPACES, strict=True):
            here = scores[(scores["metric"] == metric) & (scores["space"] == space)]
            for model, score in here.set_index("model").iterrows():
                drawn = axes.errorbar(
                    score["value"],
                    accuracy.loc[model, "value"],
                    xerr=error_lengths(score),
                    fmt=styles.markers[model],
                    color=styles.colours[model],
                    markeredgecolor=EDGE,
                    markeredgewidth=0.6,
                    markersize=7,
                    elinewidth=1,
                    ecolor=(*styles.colours[model], 0.5),
                )
                up = row_values(accuracy.loc[model])
                lines = styles.lines[model]
                label_marks(drawn[0], Label(str(model), lines, row_values(score), up, {"y": label}))
            axes.axvline(here["chance"].mean(), color="0.6", linestyle=":", linewidth=1)
            axes.set_xlabel(f"{metric.replace('_', ' ')}, {space}s", fontsize=10)
            percent_axes(axes, "y")
        row[0].set_ylabel(label, fontsize=10)
    add_legend(figure, styles)
    return figure


def training_curves(table: pd.DataFrame, metrics: Sequence[str], models: pd.DataFrame) -> Figure:
    """A panel a metric: over steps, a thin line a model and a thick one for their mean.

    Parameters
    ----------
    table
        Columns `model`, `step`, `space`, `metric`, `value` and `chance`.
    metrics
        Which to draw, in this order.
    models
        Table of models, whose settings the labels tell.
    """
    settings = model_lines(models)
    rows = -(-len(metrics) // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(WIDTH, 2.7 * rows + 0.5), squeeze=False)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        here = table[table["metric"] == metric]
        for space, part in here.groupby("space", sort=False):
            colour = SPACES.get(str(space), "0.3")
            for model, line in part.groupby("model"):
                steps = _on_log_axis(line["step"])
                (drawn,) = axes.plot(steps, line["value"], color=colour, alpha=0.3, lw=0.8)
                first, last = line.sort_values("step")["value"].iloc[[0, -1]]
                change = f"{space}: {first:.3g} before training, {last:.3g} at its end"
                label_marks(drawn, Label(str(model), [*settings[str(model)], change]))
            mean = part.groupby("step")[["value", "chance"]].mean()
            name = f"{space}s" if space in SPACES else str(space)
            steps = _on_log_axis(mean.index)
            axes.plot(steps, mean["value"], color=colour, lw=2.5, label=name)
            axes.plot(steps, mean["chance"], color=colour, lw=1, ls=":")
        _set_step_axes(axes, "x")
        axes.set_title(metric.replace("_", " "), fontsize=11)
    for axes in grid.flat[len(metrics) :]:
        axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel("training step")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def arrival_steps(steps: Mapping[str, pd.DataFrame], models: pd.DataFrame) -> Figure:
    """A panel a metric: steps of texts (across) against those of images (up), a point a model."""
    styles = model_styles(models)
    figure, grid = plt.subplots(
        1, len(steps), figsize=(WIDTH, 3.6), squeeze=False, sharex=True, sharey=True
    )
    every = pd.concat([table.dropna().stack() for table in steps.values()])
    ends = (every.min() / 1.3, every.max() * 1.3) if len(every) else (1, 2)
    rng = np.random.default_rng(0)
    for axes, (metric, table) in zip(grid[0], steps.items(), strict=True):
        for model, row in table.dropna().iterrows():
            shift = rng.uniform(-OVERPLOT_SHIFT, OVERPLOT_SHIFT, 2)
            across, up = row[["text", "image"]].to_numpy(float) * 2**shift
            (drawn,) = axes.plot(
                across,
                up,
                styles.markers[model],
                color=styles.colours[model],
                markeredgecolor=EDGE,
                markeredgewidth=0.6,
                markersize=8,
            )
            arrival = f"texts at step {row['text']:g}, images at step {row['image']:g}"
            label_marks(drawn, Label(str(model), [*styles.lines[model], arrival]))
        axes.plot(ends, ends, color="0.6", linewidth=1, zorder=0)
        _set_step_axes(axes, "xy")
        axes.set_title(metric.replace("_", " "), fontsize=10)
        axes.set_xlabel("step of texts")
    grid[0][0].set_ylabel("step of images")
    add_legend(figure, styles)
    return figure


def _set_step_axes(axes: Axes, which: str) -> None:
    for name in which:
        getattr(axes, f"set_{name}scale")("log", base=2)
        getattr(axes, f"{name}axis").set_major_formatter(StrMethodFormatter("{x:g}"))


def _on_log_axis(steps: pd.Series | pd.Index) -> np.ndarray:
    # Step 0 has no logarithm; it is drawn left of the first step.
    values = np.asarray(steps, dtype=float)
    positive = values[values > 0]
    return np.where(values == 0, positive.min() / 2 if len(positive) else 1, values)
