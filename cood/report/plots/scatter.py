"""Scatter plots of models: one point a model, with its intervals and its name."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from cood.report.plots.style import (
    EDGE,
    MOST_LABELLED,
    WIDTH,
    error_lengths,
    legend_below,
    model_styles,
    row_values,
)
from cood.report.plots.svg import Label, label_marks

LABELLED = 12  # points with a name, if there are more than MOST_LABELLED
POINTS_PER_INCH = 72
NAME_HEIGHT, NAME_STEP = 11, 4  # pixels between names, and by which one is moved down
LETTER_WIDTH, NAME_MARGIN = 5, 8  # points

Point = tuple[str, float, float]  # name, x and y


def model_scatter(
    models: pd.DataFrame, x: pd.DataFrame, y: pd.DataFrame, labels: tuple[str, str]
) -> Figure:
    """One point a model, with both intervals where there are any.

    Each point has its name. Of many models, only those at the ends of both axes and those furthest
    from the straight line through all of them have one.

    Parameters
    ----------
    models
        Table of models with `model`, `family` and what else is known of them.
    x, y
        Indexed by model: `value`, and `low` and `high` where there is an interval.
    labels
        Of the axes.
    """
    styles = model_styles(models)
    is_crowded = len(models) > MOST_LABELLED
    figure, axes = plt.subplots(figsize=(WIDTH, 7.6) if is_crowded else None)
    points = []
    for model in models["model"]:
        if model not in x.index or model not in y.index:
            continue
        across, up = x.loc[model], y.loc[model]
        if not np.isfinite([across["value"], up["value"]]).all():
            continue
        drawn = axes.errorbar(
            across["value"],
            up["value"],
            xerr=error_lengths(across),
            yerr=error_lengths(up),
            fmt=styles.markers[model],
            color=styles.colours[model],
            markeredgecolor=EDGE,
            markersize=7 if is_crowded else 8,
            markeredgewidth=0.6,
            elinewidth=1.2,
            ecolor=(*styles.colours[model], 0.3 if is_crowded else 0.5),
        )
        drawn[0].set_zorder(4)  # no name hides a dot
        label = Label(model, styles.lines[model], x=row_values(across), y=row_values(up))
        label_marks(drawn[0], label)
        points.append((model, across["value"], up["value"]))
    axes.set(xlabel=labels[0], ylabel=labels[1])
    _name_points(axes, points if len(points) <= MOST_LABELLED else _outermost(points))
    legend_below(axes, styles)
    return figure


def _outermost(points: list[Point]) -> list[Point]:
    """The points at the ends of both axes, and those furthest from the line through all."""
    x, y = np.array([point[1:] for point in points]).T
    slope, intercept = np.polyfit(x, y, 1) if np.ptp(x) else (0.0, y.mean())
    by_distance = np.argsort(-np.abs(y - intercept - slope * x), kind="stable")
    order = dict.fromkeys([x.argmin(), x.argmax(), y.argmin(), y.argmax(), *by_distance])
    return [points[i] for i in list(order)[:LABELLED]]


def _name_points(axes: Axes, points: list[Point]) -> None:
    # Each name goes above its interval, and is moved down while it touches one above it.
    axes.figure.canvas.draw()
    scale = axes.figure.dpi / POINTS_PER_INCH
    taken: list[tuple[float, float, float]] = []  # start, end and height of each name in pixels
    for name, x, y in sorted(points, key=lambda point: -point[2]):
        across, up = axes.transData.transform((x, y))
        width = (LETTER_WIDTH * len(name) + NAME_MARGIN) * scale
        # To the left of its point, where a long name would leave the axes.
        to_left = across + width > axes.bbox.x1 + 0.2 * axes.bbox.width
        start, end = (across - width, across) if to_left else (across, across + width)
        height = up
        while any(start < e and s < end and abs(height - h) < NAME_HEIGHT for s, e, h in taken):
            height -= NAME_STEP
        taken.append((start, end, height))
        axes.annotate(
            name,
            (x, y),
            (-6 if to_left else 6, (height - up) / scale + 3),
            textcoords="offset points",
            fontsize=8,
            ha="right" if to_left else "left",
            color="0.15",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],  # over the intervals
        )
