"""One look for all figures: colour by training data, marker by architecture, intervals drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from cood.analysis.results import percent
from cood.report.plots.svg import Told, as_svg, bounds, tell

MARKERS = "oDs^vPX*<>"
GRADED = 6  # families that shades of one scale tell apart
# Chosen one after the other, each as far as can be from those before it (CIELAB) to the eyes of
# the fully sighted and of the colour-blind of three kinds (simulated by Machado et al. 2009).
APART = [
    *("#6c5933", "#0db9f2", "#f2930d", "#5920f2", "#b9cc93", "#930d6c", "#9320b9", "#cc93a6"),
    *("#cc460d", "#df46b9", "#592033", "#93936c", "#207ff2", "#33207f", "#59a646", "#dfb9df"),
    *("#0ddf46", "#33330d", "#93596c", "#336c93"),
]
ALL_NAMED = 20  # models up to which each point has its name
NAMED = 12  # points that have one where there are more
WIDE = 80  # letters in a line of a legend
EDGE = "0.2"  # of dots and bars, so that a light one stands out from the ground


def theme() -> None:
    """Set the theme: SVG in which marks say what they are, text large enough for a phone."""
    import matplotlib_inline.backend_inline as backend
    from IPython import get_ipython

    sns.set_theme(
        style="whitegrid",
        context="notebook",
        rc={
            "figure.figsize": (7.2, 6.0),
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "grid.color": "#e4e4e4",
            "legend.frameon": False,
            "legend.fontsize": 9,
            "svg.fonttype": "path",  # the same letters on every machine
            "svg.hashsalt": "cood",
            "font.family": "DejaVu Sans",
        },
    )
    backend.set_matplotlib_formats("svg")
    shell = get_ipython()
    if shell is not None:
        shell.display_formatter.formatters["image/svg+xml"].for_type(Figure, as_svg)


def styles(models: pd.DataFrame) -> tuple[dict[str, Any], dict[str, str]]:
    """Colour of each family and marker of each kind of architecture, in a fixed order."""
    families = sorted(models["family"].unique(), key=_number)
    if len(families) <= GRADED:
        colours = sns.color_palette("viridis_r", len(families) + 1)[1:]
    else:  # more shades of one scale than an eye can tell apart
        colours = sns.color_palette(APART, len(families))
    markers = dict(zip(sorted(set(kinds(models))), MARKERS, strict=False))
    return dict(zip(families, colours, strict=True)), markers


def kinds(models: pd.DataFrame) -> pd.Series:
    """Kind of architecture of each model, at most as many as there are markers.

    That is the architecture itself, or, where these are too many, what it begins with ("ViT-B",
    "RN", "convnext"); the rarer ones of these are "other".
    """
    if "architecture" not in models:
        return pd.Series("checkpoint", index=models.index)
    found = models["architecture"].fillna("checkpoint")
    if found.nunique() > len(MARKERS):
        found = found.str.extract(r"^((?:ViT-[A-Za-z]+)|[A-Za-z]+)", expand=False).fillna("other")
    if found.nunique() > len(MARKERS):
        found = found.where(found.isin(found.value_counts().index[: len(MARKERS) - 1]), "other")
    return found


def model_scatter(
    models: pd.DataFrame, x: pd.DataFrame, y: pd.DataFrame, labels: tuple[str, str]
) -> Figure:
    """One point a model, with both intervals where given.

    Each is named; of many models, only those at the ends of both axes and those that lie furthest
    from the straight line through all.

    Parameters
    ----------
    models
        Table of models with `model`, `family` and `architecture`.
    x, y
        Indexed by model: `value`, and `low` and `high` where there is an interval.
    labels
        Of the axes.
    """
    colours, markers = styles(models)
    many = len(models) > ALL_NAMED
    figure, axes = plt.subplots(figsize=(7.2, 7.6) if many else None)
    points = []
    for row, kind in zip(models.itertuples(), kinds(models), strict=True):
        if row.model not in x.index or row.model not in y.index:
            continue
        across, up = x.loc[row.model], y.loc[row.model]
        if not np.isfinite([across["value"], up["value"]]).all():
            continue
        drawn = axes.errorbar(
            across["value"],
            up["value"],
            xerr=reach(across),
            yerr=reach(up),
            fmt=markers[kind],
            color=colours[row.family],
            markeredgecolor=EDGE,
            markersize=7 if many else 8,
            markeredgewidth=0.6,
            elinewidth=1.2,
            ecolor=(*colours[row.family], 0.3 if many else 0.5),
        )
        drawn[0].set_zorder(4)  # no name hides a dot
        tell(drawn[0], Told(row.model, about(row), x=spread(across), y=spread(up)))
        points.append((row.model, across["value"], up["value"]))
    axes.set(xlabel=labels[0], ylabel=labels[1])
    _name_points(axes, points if len(points) <= ALL_NAMED else _outermost(points))
    _legend(axes, colours, markers)
    return figure


def percent_axes(axes: Axes, which: str = "xy") -> None:
    """Write shares as percentages."""
    for name in which:
        getattr(axes, f"{name}axis").set_major_formatter(PercentFormatter(1, decimals=None))


def add_line(axes: Axes, x: np.ndarray, y: np.ndarray, label: str) -> None:
    """Draw a line behind the points, with its name in the corner, if it is known."""
    if not (np.isfinite(x[-1]) and np.isfinite(y[-1])):
        return
    axes.plot(x, y, color="0.6", linewidth=1.2, zorder=0)
    axes.annotate(label, (x[-1], y[-1]), color="0.35", fontsize=8, ha="right", va="bottom")


def intervals(
    table: pd.DataFrame, groups: Sequence[str], xlabel: str, colours: Sequence[str] | None = None
) -> Figure:
    """A row a model and, for each group, a dot with its interval.

    Parameters
    ----------
    table
        Columns `model`, `group`, `value`, `low`, `high`; models from the top in the given order.
    groups
        Groups to draw, each in one colour.
    xlabel, colours
        Label of the values; colours of the groups.
    """
    order = list(dict.fromkeys(table["model"]))
    palette = colours or [str(c) for c in sns.color_palette("colorblind", len(groups)).as_hex()]
    figure, axes = plt.subplots(figsize=(7.2, max(2.4, 1.2 + 0.34 * len(order))))
    for i, (group, colour) in enumerate(zip(groups, palette, strict=True)):
        rows = table[table["group"] == group].set_index("model").reindex(order)
        shift = (i - (len(groups) - 1) / 2) * 0.6 / max(1, len(groups))
        height = np.arange(len(order)) + shift
        axes.hlines(height, rows["low"], rows["high"], color=colour, linewidth=1.5)
        known = np.isfinite(rows["value"].to_numpy(float))
        marks = axes.plot(
            *(rows["value"][known], height[known], MARKERS[i]),
            color=colour,
            label=group,
            markersize=6,
        )
        tell(
            marks[0], *(Told(name, [group], x=spread(row)) for name, row in rows[known].iterrows())
        )
    axes.set_yticks(range(len(order)), order)
    axes.invert_yaxis()
    axes.set(xlabel=xlabel)
    axes.grid(axis="y", visible=False)
    if len(groups) > 1:
        # Long names side by side would leave no room for the axes.
        ncols = min(4, len(groups)) if sum(map(len, groups)) < WIDE else 1
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=ncols)
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
    figure, grid = plt.subplots(1, len(panels), figsize=(7.2, 4.2), squeeze=False)
    colours = sns.color_palette("colorblind", len(lines))
    for axes, panel in zip(grid[0], panels, strict=True):
        here = table[table["panel"] == panel]
        for i, (line, colour) in enumerate(zip(lines, colours, strict=True)):
            rows = here[here["line"] == line]
            drawn = axes.plot(
                *(rows["x"], rows["value"]),
                f"{MARKERS[i]}-",
                color=colour,
                label=line,
                markersize=5,
            )
            both = zip(rows["x"], rows["value"], strict=True)
            named = {"x": labels[0], "y": labels[1]}
            tell(drawn[0], *(Told(line, [panel], [x], [y], named) for x, y in both))
        axes.axhline(here["chance"].iloc[0], color="0.5", linestyle=":", label="chance")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.set(title=panel, xlabel=labels[0], ylim=(0, None))
    grid[0][0].set(ylabel=labels[1])
    handles, names = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return figure


def bars(values: pd.Series, models: pd.DataFrame, xlabel: str) -> Figure:
    """A bar a model from 0, coloured by family; largest at the top."""
    colours, _ = styles(models)
    family = models.set_index("model")["family"]
    values = values.sort_values()
    figure, axes = plt.subplots(figsize=(7.2, max(2.8, 1.2 + 0.3 * len(values))))
    drawn = axes.barh(list(values.index), values, color=[colours[family[m]] for m in values.index])
    for bar, (model, value) in zip(drawn, values.items(), strict=True):
        bar.set(edgecolor=EDGE, linewidth=0.6)
        tell(bar, Told(str(model), [family[model]], x=[value]))
    axes.axvline(0, color="0.3", linewidth=1)
    axes.set(xlabel=xlabel, ylim=(-0.8, len(values) - 0.2))
    axes.grid(axis="y", visible=False)
    figure.legend(**legend(colours, {}), loc="outside lower center")
    return figure


def heat(table: pd.DataFrame, label: str) -> Figure:
    """Shares in a grid of models by categories, the value written in each cell."""
    size = (2.4 + 0.95 * table.shape[1], 1.6 + 0.36 * table.shape[0])
    figure, axes = plt.subplots(figsize=size)
    sns.heatmap(
        100 * table,
        ax=axes,
        annot=True,
        fmt=".0f",
        cmap="cividis",
        vmin=0,
        cbar_kws={"label": label},
        annot_kws={"fontsize": 9},
    )
    _tell_cells(axes, table, label, percent)
    axes.grid(visible=False)  # else it shows where a value is missing
    axes.set(xlabel="", ylabel="")
    plt.setp(axes.get_yticklabels(), rotation=0)  # seaborn turns few short ones
    plt.setp(axes.get_xticklabels(), rotation=30, ha="right")
    return figure


def correlation_heat(table: pd.DataFrame, label: str) -> Figure:
    """Coefficients between -1 and 1 in a grid, the value written in each cell; 0 is white."""
    size = (2.6 + 0.62 * table.shape[1], 1.9 + 0.34 * table.shape[0])
    figure, axes = plt.subplots(figsize=size)
    sns.heatmap(
        table.rename(columns=lambda name: name.replace("_", " ")),
        ax=axes,
        annot=True,
        fmt=".2f",
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        cbar_kws={"label": label},
        annot_kws={"fontsize": 8},
    )
    _tell_cells(axes, table, label, "{:.2f}".format)
    axes.grid(visible=False)
    axes.set(xlabel="", ylabel="")
    plt.setp(axes.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")
    return figure


def _tell_cells(
    axes: Axes, table: pd.DataFrame, label: str, written: Callable[[float], str]
) -> None:
    rows, columns = (axis.map(lambda name: str(name).replace("_", " ")) for axis in table.axes)
    told = [
        Told(row, [column, f"{label}: {written(value)}" if np.isfinite(value) else "no value"])
        for row, values in zip(rows, table.to_numpy(float), strict=True)
        for column, value in zip(columns, values, strict=True)
    ]
    tell(axes.collections[0], *told)


def reach(row: pd.Series) -> list[list[float]] | None:
    """Lengths of an interval below and above its value, as `errorbar` takes them."""
    if "low" not in row.index or not np.isfinite(row["low"]):
        return None
    return [[max(0.0, row["value"] - row["low"])], [max(0.0, row["high"] - row["value"])]]


def spread(row: pd.Series) -> list[float]:
    """Value of a row and, if it has one, its interval, as `cood.report.plots.svg.Told` takes them."""
    return bounds(
        row[["value", "low", "high"] if "low" in row.index else ["value"]].to_numpy(float)
    )


def about(row: Any) -> list[str]:
    """What a reader who points at a model's dot learns beside its name and values.

    `row` is that of the table of models.
    """
    known = [row.family, getattr(row, "architecture", None)]
    return [", ".join(one for one in known if isinstance(one, str))]


def _outermost(points: list[tuple[str, float, float]]) -> list[tuple[str, float, float]]:
    """The points at the ends of both axes, and those furthest from the line through all."""
    x, y = np.array([point[1:] for point in points]).T
    slope, intercept = np.polyfit(x, y, 1) if np.ptp(x) else (0.0, y.mean())
    far = np.argsort(-np.abs(y - intercept - slope * x), kind="stable")
    chosen = dict.fromkeys([x.argmin(), x.argmax(), y.argmin(), y.argmax(), *far])
    return [points[i] for i in list(chosen)[:NAMED]]


def _name_points(axes: Axes, points: list[tuple[str, float, float]]) -> None:
    # Each name goes above its interval, and further down while it would touch one above it.
    axes.figure.canvas.draw()
    taken: list[tuple[float, float, float]] = []
    for name, x, y in sorted(points, key=lambda point: -point[2]):
        across, up = axes.transData.transform((x, y))
        width = (5 * len(name) + 8) * axes.figure.dpi / 72
        # To the left of its point, where a long name would leave the axes by much.
        left = across + width > axes.bbox.x1 + 0.2 * axes.bbox.width
        start, end = (across - width, across) if left else (across, across + width)
        height = up
        while any(start < e and a < end and abs(height - u) < 11 for a, e, u in taken):
            height -= 4
        taken.append((start, end, height))
        offset = (-6 if left else 6, (height - up) * 72 / axes.figure.dpi + 3)
        axes.annotate(
            name,
            (x, y),
            offset,
            textcoords="offset points",
            fontsize=8,
            ha="right" if left else "left",
            color="0.15",
            path_effects=[withStroke(linewidth=2.5, foreground="white")],  # over the intervals
        )


def handles(colours: dict[str, Any], markers: dict[str, str]) -> list[Line2D]:
    """What a legend shows of families and architectures."""
    return [
        Line2D([], [], marker="o", linestyle="", color=colour, label=family, markersize=7)
        for family, colour in colours.items()
    ] + [
        Line2D([], [], marker=marker, linestyle="", color="0.45", label=kind, markersize=7)
        for kind, marker in markers.items()
    ]


def legend(colours: dict[str, Any], markers: dict[str, str]) -> dict[str, Any]:
    """A legend's options: what it shows of families and architectures, and in how many columns."""
    shown = handles(colours, markers)
    many = len(shown) > ALL_NAMED
    return {"handles": shown, "ncols": 4 if many else 3, "fontsize": 8 if many else 9}


def _legend(axes: Axes, colours: dict[str, Any], markers: dict[str, str]) -> None:
    # Below the axes: beside them it would take a third of a phone.
    below = min(0.13, 0.75 / plt.gcf().get_figheight())  # at most 0.75 inches
    about = legend(colours, markers)
    axes.legend(**about, loc="upper center", bbox_to_anchor=(0.5, -below))


def _number(family: str) -> tuple[float, str]:
    digits = "".join(c for c in family.split("%")[0] if c.isdigit() or c == ".")
    return (float(digits) if digits else np.inf, family)
