"""Heat maps: a value in each cell of a grid, and what the cell stands for."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cood.analysis.results import percent
from cood.metrics.registry import metric_label
from cood.report.plots.svg import Label, label_marks


def heatmap(table: pd.DataFrame, label: str) -> Figure:
    """Shares in a grid of models by categories, in percent, with the value in each cell.

    Cells without a finite value are empty; all may be.
    """
    table = table.where(np.isfinite(table))
    size = (2.4 + 0.95 * table.shape[1], 1.6 + 0.36 * table.shape[0])
    figure, axes = plt.subplots(figsize=size)
    sns.heatmap(
        100 * table,
        ax=axes,
        annot=True,
        fmt=".0f",
        cmap="cividis",
        vmin=0,
        vmax=None if table.notna().any(axis=None) else 100,  # of nothing, seaborn finds none
        cbar_kws={"label": label},
        annot_kws={"fontsize": 9},
    )
    _label_cells(axes, table, label, percent)
    axes.grid(visible=False)  # it would show where a value is missing
    axes.set(xlabel="", ylabel="")
    plt.setp(axes.get_yticklabels(), rotation=0)  # seaborn turns short ones
    plt.setp(axes.get_xticklabels(), rotation=30, ha="right")
    return figure


def correlation_heatmap(table: pd.DataFrame, label: str) -> Figure:
    """Coefficients between -1 and 1 in a grid, with the value in each cell; 0 is white."""
    size = (2.6 + 0.62 * table.shape[1], 1.9 + 0.34 * table.shape[0])
    figure, axes = plt.subplots(figsize=size)
    sns.heatmap(
        table.rename(index=metric_label, columns=metric_label),
        ax=axes,
        annot=True,
        fmt=".2f",
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        cbar_kws={"label": label},
        annot_kws={"fontsize": 8},
    )
    _label_cells(axes, table, label, "{:.2f}".format)
    axes.grid(visible=False)
    axes.set(xlabel="", ylabel="")
    plt.setp(axes.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")
    return figure


def _label_cells(
    axes: Axes, table: pd.DataFrame, label: str, to_text: Callable[[float], str]
) -> None:
    rows, columns = (axis.map(lambda name: metric_label(str(name))) for axis in table.axes)
    labels = [
        Label(row, [column, f"{label}: {to_text(value)}" if np.isfinite(value) else "no value"])
        for row, values in zip(rows, table.to_numpy(float), strict=True)
        for column, value in zip(columns, values, strict=True)
    ]
    label_marks(axes.collections[0], *labels)
