"""Scatter plots of published checkpoints: colour is the pool of data, marker the image tower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator
from scipy.special import expit, logit

from cood.analysis.stats.regression import to_logit
from cood.report.plots.style import EDGE, WIDTH
from cood.report.plots.svg import Label, LogitFormatter, label_marks

# Ordered pools have shades of one colour, from small to large; the others differ in colour.
POOL_COLOURS = {
    "CommonPool-S": "#c6dbef",
    "CommonPool-M": "#85bcdc",
    "CommonPool-L": "#3787c0",
    "CommonPool-XL": "#0a4a90",
    "LAION-400M": "#8fd18a",
    "LAION-5B": "#1d8641",
    "CC12M": "#f7a9c4",
    "YFCC15M": "#c2185b",
    "OpenAI": "#f2930d",
    "WebLI": "#7a3fb5",
    "COYO-700M": "#6c5933",
}
OTHER_COLOUR = "#808080"
# Marker and style of line of each kind of image tower.
TOWERS: dict[str, tuple[str, Any]] = {
    "ViT": ("o", "-"),
    "EVA": ("D", "--"),
    "ResNet": ("s", "-."),
    "ConvNeXt": ("^", ":"),
    "EfficientNet": ("v", ":"),
    "MobileCLIP": ("P", ":"),
}
FEWEST_FOR_A_LINE = 3
PANEL_HEIGHT = 3.3  # inches
WIDE = 3  # logits of an axis from which ticks are not at equal steps of accuracy
WIDE_TICKS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9)
TICK_STEPS = (10, 5, 2, 1)  # percentage points, the largest that gives enough ticks
FEWEST_TICKS = 4


def family_panels(
    table: pd.DataFrame, x: tuple[str, str], outcomes: Mapping[str, str], title: str
) -> Figure:
    """A panel an outcome: accuracies of checkpoints against another, and lines within families.

    No line goes through all families: what holds within families need not hold between them.

    Parameters
    ----------
    table
        `model`, `pool`, `tower` and `family`, and the accuracies.
    x
        Column of the horizontal axis, and its label.
    outcomes
        Label of each column of the vertical axes.
    title
        The question of the figure.
    """
    one = len(outcomes) == 1
    size = (WIDTH, 6.4) if one else (WIDTH, PANEL_HEIGHT + 1.3)
    figure, grid = plt.subplots(1, len(outcomes), figsize=size, squeeze=False)
    table = table.dropna(subset=[x[0], *outcomes])
    for axes, (column, label) in zip(grid[0], outcomes.items(), strict=True):
        _draw(axes, table, (x[0], column), (x[1], label))
        logit_axes(axes)
        if not one:
            axes.set_title(label, fontsize=11)
            axes.tick_params(labelsize=8)
            axes.set_ylabel("score" if axes is grid[0][0] else "")
    figure.suptitle(title, fontsize=12)
    _add_legends(figure, table)
    return figure


def _draw(
    axes: Axes,
    models: pd.DataFrame,
    columns: tuple[str, str],
    labels: tuple[str, str],
) -> None:
    points = models.assign(x=to_logit(models[columns[0]]), y=to_logit(models[columns[1]]))
    for _, family in points.groupby("family"):
        if len(family) >= FEWEST_FOR_A_LINE and np.ptp(family["x"]) > 0:
            slope, intercept = np.polyfit(family["x"], family["y"], 1)
            ends = np.array([family["x"].min(), family["x"].max()])
            pool, tower = family[["pool", "tower"]].iloc[0]
            style: dict[str, Any] = {
                "color": _colour(pool),
                "linestyle": TOWERS[tower][1],
                "linewidth": 1.4,
            }
            axes.plot(ends, intercept + slope * ends, zorder=1, **style)
    named = dict(zip("xy", labels, strict=True))
    for row in points.itertuples():
        (dot,) = axes.plot(
            row.x,
            row.y,
            TOWERS[row.tower][0],
            color=_colour(row.pool),
            markeredgecolor=EDGE,
            markeredgewidth=0.6,
            markersize=7,
            zorder=3,
        )
        label_marks(dot, Label(row.model, [row.family], [row.x], [row.y], named))
    axes.set(xlabel=labels[0], ylabel=labels[1])


def logit_axes(axes: Axes) -> None:
    """Write the percentages that logits stand for."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(logit(_ticks(*axis.get_view_interval())).tolist()))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(LogitFormatter())


def _ticks(low: float, high: float) -> np.ndarray:
    """Accuracies at which an axis of logits has ticks."""
    if high - low > WIDE:
        return np.array(WIDE_TICKS)
    for step in TICK_STEPS:
        ticks = np.arange(step, 100, step) / 100
        ticks = ticks[(ticks >= expit(low)) & (ticks <= expit(high))]
        if len(ticks) >= FEWEST_TICKS:
            break
    return ticks


def _add_legends(figure: Figure, table: pd.DataFrame) -> None:
    pools = [pool for pool in POOL_COLOURS if pool in set(table["pool"])]
    pools += sorted(set(table["pool"]) - set(POOL_COLOURS))
    dots = [
        Line2D([], [], marker="o", linestyle="", color=_colour(pool), label=pool, markersize=7)
        for pool in pools
    ]
    shapes = [
        Line2D([], [], marker=marker, linestyle=style, color="0.45", label=tower, markersize=7)
        for tower, (marker, style) in TOWERS.items()
        if tower in set(table["tower"])
    ]
    figure.legend(
        handles=dots,
        title="pool of training data",
        title_fontsize=9,
        loc="outside lower left",
        ncols=3,
        fontsize=8,
    )
    figure.legend(
        handles=shapes,
        title="image tower",
        title_fontsize=9,
        loc="outside lower right",
        fontsize=8,
        handlelength=3,
    )


def _colour(pool: str) -> str:
    return POOL_COLOURS.get(pool, OTHER_COLOUR)
