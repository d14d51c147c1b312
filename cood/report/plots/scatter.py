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

LABELLED = 12  # points with a name at most, if there are more than MOST_LABELLED
POINTS_PER_INCH = 72
NAME_HEIGHT, LETTER_WIDTH = 9, 4.9  # points
DOT, MARGIN = 8, 40  # points: of a dot with its edge, and by which a name may leave the axes
# Places of a name around its point: share of the name to the left of the point, and above or not.
PLACES = ((0, True), (1, True), (0, False), (1, False), (0.5, True), (0.5, False))
SIDES = {0: "left", 0.5: "center", 1: "right"}

Point = tuple[str, float, float]  # name, x and y


def model_scatter(
    models: pd.DataFrame, x: pd.DataFrame, y: pd.DataFrame, labels: tuple[str, str]
) -> Figure:
    """One point a model, with both intervals where there are any.

    A point has its name where that hides no other; of many models, only those at the ends of both
    axes and furthest from the middle. Readers who point at a dot see its name in any case.

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
    legend_below(axes, styles)
    if points:  # last: names are placed by where the points are in the end
        _name_points(axes, points, LABELLED if is_crowded else len(points))
    return figure


def _by_distance(points: list[Point]) -> list[Point]:
    """Points in the order in which they get a name: those at the ends of both axes first.

    Then those furthest from the middle of all, in units of the spread of each axis.
    """
    values = np.array([point[1:] for point in points])
    spread = np.where(np.ptp(values, axis=0) > 0, values.std(axis=0), 1.0)
    far = np.argsort(-np.hypot(*((values - values.mean(axis=0)) / spread).T), kind="stable")
    x, y = values.T
    order = dict.fromkeys([x.argmin(), x.argmax(), y.argmin(), y.argmax(), *far])
    return [points[i] for i in order]


def _name_points(axes: Axes, points: list[Point], most: int) -> None:
    """Name at most so many points, each where its name hides no other name and no point."""
    axes.figure.canvas.draw()
    scale = axes.figure.dpi / POINTS_PER_INCH
    centres = axes.transData.transform([point[1:] for point in points])
    half = DOT * scale / 2
    dots = np.column_stack([centres - half, centres + half])
    taken = list(dots)
    named = 0
    for name, x, y in _by_distance(points):
        own = axes.transData.transform((x, y))
        wide, high = (LETTER_WIDTH * len(name) + 2) * scale, NAME_HEIGHT * scale
        for left_share, up in PLACES:
            shift = np.array([6 - 12 * left_share, 4 if up else -4 - NAME_HEIGHT])
            left, bottom = own + scale * shift - (left_share * wide, 0)
            box = np.array([left, bottom, left + wide, bottom + high])
            inside = axes.bbox.x0 <= box[0] and box[2] <= axes.bbox.x1 + MARGIN * scale
            if inside and not any(_overlap(box, other) for other in taken):
                break
        else:
            continue
        taken.append(box)
        axes.annotate(
            name,
            (x, y),
            tuple(shift),
            textcoords="offset points",
            fontsize=8,
            ha=SIDES[left_share],
            color="0.15",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],  # over the intervals
        )
        named += 1
        if named == most:
            return


def _overlap(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two boxes, each left, bottom, right and top, have a point in common."""
    return bool((a[:2] < b[2:]).all() and (b[:2] < a[2:]).all())
