"""The specification curve of a claim: estimates in order, and below each the choices it made."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cood.analysis.specification import SpecificationCurve
from cood.report.plots.svg import Label, label_marks

NARROW = 3.85  # inches: it fits on a phone of 340 pixels, with letters of nine and more
CURVE_HEIGHT, ROW_HEIGHT = 2.5, 0.185  # inches
LETTERS, TITLE_LETTERS = 9, 38  # size in points; letters in a line of the title
COLOURS = {True: "#2b6a99", False: "#8c8c8c"}  # whether the interval excludes 0
INTERVALS = {True: "95 % interval excludes 0", False: "includes 0"}
MOST_DOTS = 40  # specifications up to which marks are dots; of more, narrow lines


def specification_figure(curve: SpecificationCurve, question: str) -> Figure:
    """Estimates with intervals in ascending order; below, the options that each took.

    Parameters
    ----------
    curve
        The coefficients of a claim. Choices with one option only are not drawn.
    question
        What the figure answers: its title.
    """
    table = curve.table
    rows = _rows(curve.choices)
    height = CURVE_HEIGHT + ROW_HEIGHT * len(rows)
    figure, (above, below) = plt.subplots(
        2,
        1,
        figsize=(NARROW, height),
        sharex=True,
        height_ratios=[CURVE_HEIGHT, ROW_HEIGHT * len(rows)],
    )
    x = np.arange(1, len(table) + 1)
    significant = ((table["low"] > 0) | (table["high"] < 0)).to_numpy()
    _draw_estimates(above, curve, x, significant)
    for y, (choice, option) in enumerate(rows):
        if option is None:
            continue
        below.axhline(y, color="0.92", linewidth=0.8, zorder=0)
        taken = (table[choice] == option).to_numpy()
        for is_significant, colour in COLOURS.items():
            at = x[taken & (significant == is_significant)]
            middle = np.full(len(at), float(y))
            if len(x) <= MOST_DOTS:
                below.plot(at, middle, "o", color=colour, markersize=4)
            else:
                _strokes(below, at, middle - 0.32, middle + 0.32, color=colour, linewidth=0.9)
    below.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0.2, len(x) + 0.8))
    below.set_yticks(range(len(rows)), [choice if o is None else o for choice, o in rows])
    below.tick_params(axis="y", length=0, labelsize=LETTERS)
    for text, (_, option) in zip(below.get_yticklabels(), rows, strict=True):
        text.set(fontweight="bold" if option is None else "normal")
    below.grid(visible=False)
    below.set_xticks([])
    below.set_xlabel(f"{len(x)} specifications, by correlation", fontsize=LETTERS, loc="right")
    for side in ("left", "bottom"):
        below.spines[side].set_visible(False)
    figure.suptitle(
        textwrap.fill(question, TITLE_LETTERS), x=0.01, ha="left", fontsize=11, fontweight="bold"
    )
    return figure


def _rows(choices: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str | None]]:
    """Rows from the top: the name of a choice (with None), then its options."""
    rows: list[tuple[str, str | None]] = []
    for choice, options in choices.items():
        if len(options) > 1:
            rows += [(choice, None), *((choice, option) for option in options)]
    return rows


def _draw_estimates(
    axes: Axes, curve: SpecificationCurve, x: np.ndarray, significant: np.ndarray
) -> None:
    table = curve.table
    size, line = (4.5, 1.0) if len(x) <= MOST_DOTS else (2.5, MOST_DOTS * 3.5 / len(x))
    for is_significant, colour in COLOURS.items():
        rows = np.flatnonzero(significant == is_significant)
        if not len(rows):
            continue
        here = table.iloc[rows]
        low, high = here["low"].to_numpy(), here["high"].to_numpy()
        _strokes(axes, x[rows], low, high, color=colour, linewidth=line, alpha=0.45)
        name = INTERVALS[is_significant]
        (dots,) = axes.plot(x[rows], here["value"], "o", color=colour, markersize=size, label=name)
        label_marks(dots, *(_label(curve, int(row)) for row in rows))
    axes.axhline(0, color="0.3", linewidth=1)
    axes.axhline(curve.median, color="0.45", linewidth=1, linestyle="--", label="median", zorder=0)
    axes.set_ylabel("correlation", fontsize=LETTERS)
    sign = {"+": "positive", "-": "negative"}[curve.expected]
    said = f"{100 * curve.share:.0f} % {sign}, as expected; median {curve.median:.2f}"
    axes.set_title(f"{said}, p = {curve.p:.3f}", fontsize=LETTERS, loc="right")
    axes.tick_params(labelsize=LETTERS)
    axes.grid(axis="x", visible=False)
    axes.legend(
        fontsize=8,
        ncols=3,
        loc="upper right",
        bbox_to_anchor=(1.0, -0.02),
        handletextpad=0.3,
        columnspacing=0.9,
    )


def _strokes(axes: Axes, x: np.ndarray, low: np.ndarray, high: np.ndarray, **style: Any) -> None:
    """Vertical lines as one path, which keeps pages small."""
    gap = np.full(len(x), np.nan)
    ends = np.column_stack([low, high, gap]).ravel()
    axes.plot(np.repeat(x, 3), ends, solid_capstyle="butt", **style)


def _label(curve: SpecificationCurve, row: int) -> Label:
    """What is shown of the specification in a row of the table."""
    of = curve.table.iloc[row]
    choices = [f"{choice}: {of[choice]}" for choice in curve.choices]
    values = [float(of[name]) for name in ("value", "low", "high")]
    return Label(f"Specification {row + 1} of {len(curve.table)}", choices, y=values)
