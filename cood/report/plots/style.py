"""One look for all figures: the theme, colours by training data, markers by architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import QuadMesh
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from cood.report.model_settings import TRAINED, model_lines
from cood.report.plots.svg import as_svg, theme_colours, with_interval

WIDTH = 7.2  # inches, of most figures
MARKERS = "oDs^vPX*<>"
MOST_SHADES = 6  # intervals of shares, which the shades of one scale keep apart
ONE_SHADE = (0.13, 0.57, 0.55)  # of models that are trained here and see the same share
SHARE_LABEL = "share of the compositions outside the core that a model sees"
# Chosen one after the other, each as far as possible from those before it (CIELAB), for readers
# with full colour vision and of three kinds of colour blindness (Machado et al. 2009).
DISTINCT_COLOURS = [
    "#6c5933",
    "#0db9f2",
    "#f2930d",
    "#5920f2",
    "#b9cc93",
    "#930d6c",
    "#9320b9",
    "#cc93a6",
    "#cc460d",
    "#df46b9",
    "#592033",
    "#93936c",
    "#207ff2",
    "#33207f",
    "#59a646",
    "#dfb9df",
    "#0ddf46",
    "#33330d",
    "#93596c",
    "#336c93",
]
SPACES = {"image": "#b5446e", "text": "#2b6a99"}  # differ in brightness, for the colour-blind
MOST_LABELLED = 20  # models up to which each point has its name, and legends have large letters
COLUMNS, ROWS = 4, 8  # of legends: most columns, and most families in one
EDGE = "0.2"  # grey around dots and bars, so that a light one can be seen
OTHER = "other"  # architectures that are too rare for a marker of their own
UNKNOWN_ARCHITECTURE = "checkpoint"


def set_theme() -> None:
    """Set the theme: SVG with labelled marks, and letters that are large enough for a phone."""
    import matplotlib_inline.backend_inline as backend
    from IPython import get_ipython

    sns.set_theme(
        style="whitegrid",
        context="notebook",
        rc={
            "figure.figsize": (WIDTH, 6.0),
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


@dataclass(frozen=True)
class ModelStyles:
    """How the models of a table are drawn.

    Attributes
    ----------
    colours, markers, lines
        Colour, marker, and lines of the label of each model, by its name.
    families, groups
        Colour of each family and marker of each group of architectures, for a legend. Models that
        are trained here are in no family of it.
    shades
        Colours of the shares of compositions that models see, for a colour bar; None if the models
        that are trained here do not differ in it.
    """

    colours: dict[str, Any]
    markers: dict[str, str]
    lines: dict[str, list[str]]
    families: dict[str, Any]
    groups: dict[str, str]
    shades: ScalarMappable | None


def model_styles(models: pd.DataFrame) -> ModelStyles:
    """Styles of models, from a table with `model`, `family` and what else is known of them.

    Published models have the colour of their family. Models that are trained here are each a family
    of their own, so their colour is that of the share of compositions that they see.
    """
    names = models["model"].tolist()
    share = models[TRAINED] if TRAINED in models else pd.Series(np.nan, index=models.index)
    names_of_families = sorted(models.loc[share.isna(), "family"].unique())
    palette = sns.color_palette(DISTINCT_COLOURS, len(names_of_families))
    families = dict(zip(names_of_families, palette, strict=True))
    shades = _shades(share.dropna())
    trained = [shades.to_rgba(value)[:3] if shades else ONE_SHADE for value in share]
    colours = [
        families[family] if np.isnan(value) else colour
        for family, value, colour in zip(models["family"], share, trained, strict=True)
    ]
    of_model = architecture_groups(models)
    groups = dict(zip(sorted(set(of_model)), MARKERS, strict=False))
    return ModelStyles(
        dict(zip(names, colours, strict=True)),
        dict(zip(names, of_model.map(groups), strict=True)),
        model_lines(models),
        families,
        groups,
        shades,
    )


def _shades(shares: pd.Series) -> ScalarMappable | None:
    """Colours of intervals of shares, of equal ratio; None if all shares are the same."""
    if shares.nunique() < 2:
        return None
    edges = np.geomspace(shares.min(), shares.max(), MOST_SHADES + 1)
    colours = sns.color_palette("viridis_r", MOST_SHADES + 1)[1:]
    # Rounding must put no share outside of the intervals.
    norm = BoundaryNorm(edges, MOST_SHADES, clip=True)
    return ScalarMappable(norm, ListedColormap(colours))


def architecture_groups(models: pd.DataFrame) -> pd.Series:
    """Group of each model's architecture, at most as many groups as there are markers.

    A group is the architecture itself, or the image tower of a model that is trained here. Where
    there are too many, it is the beginning of its name (``ViT-B``, ``RN``, ``convnext``), and the
    rarest of these are ``other``.
    """
    if "architecture" not in models:
        return pd.Series(UNKNOWN_ARCHITECTURE, index=models.index)
    groups = models["architecture"].fillna(UNKNOWN_ARCHITECTURE)
    if "image_tower" in models:
        groups = models["image_tower"].fillna(groups)
    if groups.nunique() > len(MARKERS):
        groups = groups.str.extract(r"^((?:ViT-[A-Za-z]+)|[A-Za-z]+)", expand=False).fillna(OTHER)
    if groups.nunique() > len(MARKERS):
        common = groups.value_counts().index[: len(MARKERS) - 1]
        groups = groups.where(groups.isin(common), OTHER)
    return groups


def legend_options(styles: ModelStyles, *, with_markers: bool = True) -> dict[str, Any]:
    """Options of a legend: families in columns on the left, markers in one on the right.

    Each has a heading. Markers are left out where all models have the same one.
    """
    families = [_handle("o", colour, family) for family, colour in styles.families.items()]
    several = with_markers and len(styles.groups) > 1
    markers = [_handle(m, "0.45", group) for group, m in styles.groups.items()] if several else []
    if not families or not markers:
        title = "family" if families else "image tower"
        return {"handles": families or markers, "ncols": COLUMNS, "title": title, "fontsize": 8}
    columns = 1 if len(families) <= ROWS else COLUMNS - 1
    rows = max(-(-len(families) // columns), len(markers))
    columns = -(-len(families) // rows)
    parts = [families[k * rows : (k + 1) * rows] for k in range(columns)]
    titled = [("family", parts[0]), *((" ", part) for part in parts[1:]), ("image tower", markers)]
    handles = []
    for title, part in titled:  # a legend fills its columns one after the other
        blank = [_handle("", "none", " ")] * (rows - len(part))
        handles += [_handle("", "none", f"{title}:" if title.strip() else title), *part, *blank]
    return {"handles": handles, "ncols": columns + 1, "fontsize": 8}


def _handle(marker: str, colour: Any, label: str) -> Line2D:
    return Line2D([], [], marker=marker, linestyle="", color=colour, label=label, markersize=7)


def add_legend(figure: Figure, styles: ModelStyles, *, with_markers: bool = True) -> None:
    """Add the legend of models below all axes, and the colour bar of shares above them."""
    add_share_bar(figure, styles)
    options = legend_options(styles, with_markers=with_markers)
    if options["handles"]:
        figure.legend(**options, loc="outside lower center")


def add_share_bar(figure: Figure, styles: ModelStyles) -> None:
    """Add a colour bar of the shares that models see above all axes, if they differ in it."""
    if styles.shades is None:
        return
    bar = figure.colorbar(
        styles.shades,
        ax=figure.axes,
        location="top",
        aspect=45,
        shrink=0.7,
        format=PercentFormatter(1, decimals=0),
        label=SHARE_LABEL,
    )
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=8)
    bar.ax.xaxis.label.set_fontsize(9)
    bar.outline.set_visible(False)
    theme_colours(*bar.ax.findobj(QuadMesh))


def percent_axes(axes: Axes, which: str = "xy") -> None:
    """Format shares as percentages on the axes `which`."""
    for name in which:
        getattr(axes, f"{name}axis").set_major_formatter(PercentFormatter(1, decimals=None))


def add_line(axes: Axes, x: np.ndarray, y: np.ndarray, label: str) -> None:
    """Draw a line behind the points, labelled at its end; nothing if it does not exist."""
    if not (np.isfinite(x[-1]) and np.isfinite(y[-1])):
        return
    axes.plot(x, y, color="0.6", linewidth=1.2, zorder=0)
    axes.annotate(label, (x[-1], y[-1]), color="0.35", fontsize=8, ha="right", va="bottom")


def error_lengths(row: pd.Series) -> list[list[float]] | None:
    """Lengths of an interval below and above its value, for `errorbar`; None without one."""
    if "low" not in row.index or not np.isfinite(row["low"]):
        return None
    return [[max(0.0, row["value"] - row["low"])], [max(0.0, row["high"] - row["value"])]]


def row_values(row: pd.Series) -> list[float]:
    """Value of a row, and its interval if it has one, as `svg.Label` takes them."""
    columns = ["value", "low", "high"] if "low" in row.index else ["value"]
    return with_interval(row[columns].to_numpy(float))


def legend_below(axes: Axes, styles: ModelStyles) -> None:
    """Add the legend of models below the axes: at the side it would take a third of a phone.

    The colour bar of shares is above them.
    """
    figure = plt.gcf()
    add_share_bar(figure, styles)
    below = min(0.13, 0.75 / figure.get_figheight())  # at most 0.75 inches
    options = legend_options(styles)
    if options["handles"]:
        axes.legend(**options, loc="upper center", bbox_to_anchor=(0.5, -below))
