"""Curves of metrics of images and of texts over training."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cood.metrics.registry import metric_label
from cood.report.model_settings import model_lines
from cood.report.plots.style import MOST_LABELLED, SPACES, WIDTH
from cood.report.plots.svg import Label, label_marks

BAND = (0.1, 0.9)  # quantiles over models
PANEL_HEIGHT = 2.7  # inches
UNTRAINED = "0"  # label of the moment before training


def training_curves(table: pd.DataFrame, metrics: Sequence[str], models: pd.DataFrame) -> Figure:
    """A panel a metric: over training, the median of the models, and how far they differ.

    Models train for different numbers of steps, and are tested after the same shares of them. Few
    models have a thin line each, many a band with the middle 80 %.

    Parameters
    ----------
    table
        Columns `model`, `step`, `space`, `metric`, `value` and `chance`.
    metrics
        Which to draw, in this order.
    models
        Table of models, whose settings the labels tell.
    """
    rows = -(-len(metrics) // 2)
    size = (WIDTH, PANEL_HEIGHT * rows + 0.6)
    figure, grid = plt.subplots(rows, 2, figsize=size, squeeze=False)
    table = table.assign(moment=table.groupby(["model", "space", "metric"])["step"].rank() - 1)
    shares = (table["step"] / table.groupby("model")["step"].transform("max")).groupby(
        table["moment"]
    )
    ticks = {moment: _share(share) for moment, share in shares.median().items()}
    for axes, metric in zip(grid.flat, metrics, strict=False):
        here = table[table["metric"] == metric]
        for space, part in here.groupby("space", sort=False):
            _draw_space(axes, part, str(space), models)
        axes.set_xticks(list(ticks), list(ticks.values()), fontsize=8)
        axes.set_title(metric_label(metric), fontsize=11)
    for axes in grid.flat[len(metrics) :]:
        axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel("share of training")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _draw_space(axes: Axes, part: pd.DataFrame, space: str, models: pd.DataFrame) -> None:
    colour = SPACES.get(space, "0.3")
    by_moment = part.groupby("moment")
    if part["model"].nunique() > MOST_LABELLED:
        low, high = (by_moment["value"].quantile(q) for q in BAND)
        axes.fill_between(low.index, low, high, color=colour, alpha=0.2, linewidth=0)
    else:
        settings = model_lines(models)
        for model, line in part.groupby("model"):
            line = line.sort_values("moment")
            (drawn,) = axes.plot(line["moment"], line["value"], color=colour, alpha=0.3, lw=0.8)
            first, last = line["value"].iloc[[0, -1]]
            change = f"{space}: {first:.3g} before training, {last:.3g} at its end"
            label_marks(drawn, Label(str(model), [*settings[str(model)], change]))
    middle = by_moment[["value", "chance"]].median()
    name = f"{space}s" if space in SPACES else space
    axes.plot(middle.index, middle["value"], color=colour, lw=2.5, label=name)
    axes.plot(middle.index, middle["chance"], color=colour, lw=1, ls=":")


def _share(share: float) -> str:
    """A share of training as a tick.

    Examples
    --------
    >>> _share(0.0), _share(0.0313), _share(1.0)
    ('0', '1/32', '1')
    """
    if share == 0:
        return UNTRAINED
    return "1" if share == 1 else f"1/{1 / share:.0f}"
