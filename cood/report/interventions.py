"""Effects of edits of embeddings, and paths through metrics: figures, tables and sentences."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from cood.analysis.interventions import CELL, POSITIVE
from cood.analysis.mediation import PARTS, total_effect
from cood.analysis.tables import Results
from cood.evaluation.edit_scoring import ACCURACIES
from cood.report.figures import MARKERS, legend, styles
from cood.settings import Training

TITLES = {"pair_top1": "pair", "attribute_top1": "attribute", "object_top1": "object"}
POINTS = "change of accuracy (points)"
WIDTH = 7.2
NO_SHARE = (
    "Fewer than three shares of compositions were set in this study among models that are "
    "otherwise alike, so there is no effect of the share to divide."
)


def label(edit: str, dose: float) -> str:
    """Name of an edit with its dose.

    Examples
    --------
    >>> label("remove shared", 4.0), label("whiten", 0.5), label("centre", 0.0)
    ('remove shared, 4', 'whiten, 50 %', 'centre')
    """
    if edit.startswith("remove"):
        return f"{edit}, {dose:.0f}"
    return f"{edit}, {100 * dose:.0f} %" if dose else edit


def forest(
    table: pd.DataFrame, pooled: pd.DataFrame, models: pd.DataFrame, side: str, measure: str
) -> Figure:
    """A band an edit: a dot with its interval for each model, and a diamond for their mean.

    Parameters
    ----------
    table, pooled
        Differences to the codes as they are, of the edits to show: rows of
        `cood.analysis.interventions.load_edits`, and of `effects`.
    models
        Table of models with `model` and `family`.
    side, measure
        What was edited; which accuracy.
    """
    colours, _ = styles(models)
    family = models.set_index("model")["family"]
    here = table[(table["side"] == side) & (table["measure"] == measure)]
    means = pooled[(pooled["side"] == side) & (pooled["measure"] == measure)]
    figure, axes = plt.subplots(figsize=(WIDTH, 1.6 + 0.62 * len(means)))
    for place, mean in enumerate(means.itertuples()):
        rows = here[(here["edit"] == mean.edit) & (here["dose"] == mean.dose)]
        heights = place + np.linspace(-0.36, 0.16, len(rows)) if len(rows) else []
        for height, row in zip(heights, rows.itertuples(), strict=True):
            colour = colours[family[row.model]]
            axes.hlines(height, 100 * row.low, 100 * row.high, color=colour, lw=0.8, alpha=0.5)
            axes.plot(100 * row.value, height, "o", color=colour, markersize=3)
        axes.hlines(place + 0.32, 100 * mean.low, 100 * mean.high, color="0.15", lw=2.2)
        axes.plot(100 * mean.value, place + 0.32, "D", color="0.15", markersize=6)
    names = [label(row.edit, row.dose) for row in means.itertuples()]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.axvline(0, color="0.3", linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=POINTS)
    figure.legend(**legend(colours, {}), loc="outside lower center")
    return figure


def responses(pooled: pd.DataFrame, side: str) -> Figure:
    """Mean change of three accuracies by dose: directions above, interactions of texts below.

    `pooled` holds differences to the codes as they are, as `effects` gives them.
    """
    kinds = list(dict.fromkeys(e for e in pooled["edit"] if e.startswith("remove")))
    rows = {
        "directions taken away": (kinds, side),
        "share of the interaction taken off": (["additive", "shuffled"], "texts"),
    }
    figure, grid = plt.subplots(2, len(TITLES), figsize=(WIDTH, 6.4), sharey="row")
    colours = dict(zip(kinds, sns.color_palette("colorblind", len(kinds)), strict=True))
    colours |= {"additive": sns.color_palette("colorblind")[0]}
    colours |= dict.fromkeys(("remove random", "shuffled"), "0.45")
    for line, (title, (edits, where)) in zip(grid, rows.items(), strict=True):
        for axes, (measure, name) in zip(line, TITLES.items(), strict=True):
            here = pooled[(pooled["side"] == where) & (pooled["measure"] == measure)]
            for marker, edit in zip(MARKERS, edits, strict=False):
                part = here[here["edit"] == edit].sort_values("dose")
                part = pd.concat([part, pd.DataFrame([_nothing()])]).sort_values("dose")
                x, y = part["dose"], 100 * part[["value", "low", "high"]]
                axes.plot(x, y["value"], f"{marker}-", color=colours[edit], ms=5, label=edit)
                axes.fill_between(x, y["low"], y["high"], color=colours[edit], alpha=0.15, lw=0)
            axes.axhline(0, color="0.3", linewidth=1)
            axes.set_title(name, fontsize=11)
            axes.set_xlabel(title, fontsize=9)
        line[0].set_ylabel(POINTS, fontsize=10)
    handles = [handle for line in grid for handle in line[0].get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _nothing() -> dict[str, float]:
    return dict.fromkeys(("dose", "value", "low", "high"), 0.0)


def paths(table: pd.DataFrame, measures: Collection[str]) -> Figure:
    """A row a mediator: the direct and the indirect part of the effect, and the total as a line.

    `table` is what `cood.analysis.mediation.mediation` returns; if it is empty, the figure says
    why. ID accuracy is shown with the `measures` that are asked for.
    """
    if table.empty:
        figure, axes = plt.subplots(figsize=(WIDTH, 1.2))
        axes.text(0.5, 0.5, NO_SHARE, ha="center", va="center", wrap=True, fontsize=10)
        axes.set_axis_off()
        return figure
    metric = table["space"].isin(["image", "text"])
    kept = table[(table["measure"].isin(list(measures)) | ~metric) & table["indirect"].notna()]
    figure, axes = plt.subplots(figsize=(WIDTH, 1.6 + 0.42 * len(kept)))
    total, _ = total_effect(table)
    axes.axvspan(100 * total.low, 100 * total.high, color="0.9", lw=0, zorder=0)
    axes.axvline(100 * total.value, color="0.5", linewidth=1.2, label="total")
    looks = {"direct": ("#2b6a99", -0.16, "s"), "indirect": ("#b5446e", 0.16, "o")}
    for part, (colour, shift, marker) in looks.items():
        heights = np.arange(len(kept)) + shift
        bounds = 100 * kept[[part, f"{part}_low", f"{part}_high"]].to_numpy(float)
        axes.hlines(heights, bounds[:, 1], bounds[:, 2], color=colour, lw=1.5)
        axes.plot(bounds[:, 0], heights, marker, color=colour, markersize=6, label=part)
    axes.set_yticks(range(len(kept)), mediators(kept))
    axes.invert_yaxis()
    axes.axvline(0, color="0.3", linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel="accuracy for twice the share of compositions (points)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def mediators(table: pd.DataFrame) -> pd.Series:
    """Names of the mediators of a table of `cood.analysis.mediation.mediation`."""
    named = table["measure"].str.replace("_", " ") + ", " + table["space"] + "s"
    metric = table["space"].isin(["image", "text"])
    return named.where(metric, "ID accuracy (" + table["space"] + ")")


def effect_table(pooled: pd.DataFrame) -> pd.DataFrame:
    """A row an edit, dose and side: mean changes of the accuracies, and against the control."""
    known = pooled[pooled["measure"].isin(ACCURACIES)]
    rows = []
    for (edit, dose, side), part in known.groupby(CELL, sort=False):
        row = {"edit": label(str(edit), float(dose)), "side": side}
        for against, heading in (("unedited", ""), ("control", " against control")):
            here = part[part["against"] == against].set_index("measure")
            for measure, title in TITLES.items():
                if against == "control" and measure != ACCURACIES[0]:
                    continue
                found = here.loc[measure] if measure in here.index else None
                row[title + heading] = "-" if found is None else _bounded(found)
        plain = part[(part["against"] == "unedited") & (part["measure"] == ACCURACIES[0])]
        if len(plain):  # the codes as they are have no difference to themselves
            one = plain.iloc[0]
            rows.append(row | {"pair up, down": f"{one['up']}, {one['down']} of {one['n']}"})
    return pd.DataFrame(rows)


def mediation_table(table: pd.DataFrame) -> pd.DataFrame:
    """What `cood.analysis.mediation.mediation` returns, for people; why there is none, if so."""
    if table.empty:
        return pd.DataFrame([{"mediation": NO_SHARE}])
    shown = pd.DataFrame({"mediator": mediators(table)})
    for part in PARTS[1:]:
        bounds = table[[part, f"{part}_low", f"{part}_high"]].to_numpy(float)
        shown[part] = [_points(*values) for values in bounds]
    levels = table[["indirect", "levels_low", "levels_high"]].to_numpy(float)
    shown["indirect, from the shares' means"] = [_interval(*values[1:]) for values in levels]
    return shown.assign(**{"p": table["p"], "p by Holm": table["holm"]})


def controls(pooled: pd.DataFrame, dose: int) -> str:
    """What the edits do that must do it, as sentences: attribute and object directions."""
    said = []
    for edit in POSITIVE:
        word = edit.removeprefix("remove ")
        here = _cells(pooled, edit, float(dose), "both", "control").set_index("measure")
        if here.empty:
            continue
        parts = [f"{TITLES[m]} accuracy {_bounded(here.loc[m])}" for m in list(TITLES)[1:]]
        said.append(
            f"Without {dose} {word} directions, against as many random ones: {' and '.join(parts)}."
        )
    return " ".join(said) or f"No kind of direction has {dose} of them in all models."


def tests(pooled: pd.DataFrame, cells: Mapping[str, tuple[str, float, str]]) -> str:
    """What edits do to pair accuracy against their controls, as a sentence."""
    said = []
    for name, (edit, dose, side) in cells.items():
        here = _cells(pooled, edit, dose, side, "control")
        here = here[here["measure"] == ACCURACIES[0]]
        if len(here):
            said.append(f"{name} {_bounded(here.iloc[0])}")
    if not said:
        return "No edit of this kind could be made."
    return f"Against its control, {'; '.join(said)} (points of pair accuracy, mean over models)."


def agreements(table: pd.DataFrame) -> str:
    """How often edits move a metric and accuracy together, as a sentence."""
    known = table.dropna(subset=["value"])
    above, below = (known["low"] > 0).sum(), (known["high"] < 0).sum()
    cells = table["edits"].sum()
    return (
        f"Of {len(known)} pairs of a metric and a space, {above} have a coefficient that is surely "
        f"above 0, as the claim would have it, and {below} one that is surely below. Of {cells} "
        f"pairs of a metric and an edit, both surely moved as claimed in {table['claimed'].sum()}, "
        f"and one against the other in {table['opposed'].sum()}"
    )


def turned(largest: float, metrics: pd.Series) -> str:
    """What a common rotation moved, as a sentence."""
    if not np.isfinite(largest):
        return "No rotation was tried."
    moved = metrics[metrics > 1e-3].sort_values(ascending=False)
    named = [f"{m.replace('_', ' ')} of {space}s by {v:.3f}" for (space, m), v in moved.items()]
    text = f"A common rotation changed no accuracy by more than {100 * largest:.2g} points"
    if not named:
        return f"{text}, and no metric."
    return f"{text}, while it moved, in the mean over models, {', '.join(named)}."


def mediated(table: pd.DataFrame, results: Results, names: Collection[str]) -> str:
    """What of the effect of the share runs through metrics, as sentences."""
    if table.empty:
        return NO_SHARE
    total, n = total_effect(table)
    settings = [results.study.models[name] for name in names]
    shares = sorted({one.share for one in settings if isinstance(one, Training)})
    metrics = table[table["space"].isin(["image", "text"]) & table["indirect"].notna()]
    sure = metrics[(metrics["indirect_low"] > 0) | (metrics["indirect_high"] < 0)]
    coarse = ((metrics["levels_low"] > 0) | (metrics["levels_high"] < 0)).sum()
    within = ((metrics["within_low"] > 0) | (metrics["within_high"] < 0)).sum()
    return (
        f"{n} models that differ in nothing but share and seed saw "
        f"{', '.join(f'{share:.0%}' for share in shares)} of the compositions. For each doubling "
        f"of the share, accuracy on unseen ones changes by {total}: this is the total effect, and it "
        f"is causal in this small world. Of {len(metrics)} metrics, {len(sure)} have an indirect "
        f"effect whose interval excludes 0, {(metrics['holm'] < 0.05).sum()} after Holm's "
        f"correction, and {coarse} if only the means of the {len(shares)} shares count. Among "
        f"models of one share, {within} metrics go with accuracy, by an interval that excludes 0."
    )


def _cells(
    pooled: pd.DataFrame, edit: str, dose: float, side: str, against: str
) -> pd.DataFrame:
    where = {"edit": edit, "dose": dose, "side": side, "against": against}
    for column, value in where.items():
        pooled = pooled[pooled[column] == value]
    return pooled


def _bounded(row: pd.Series) -> str:
    return _points(row["value"], row["low"], row["high"])


def _points(value: float, low: float, high: float) -> str:
    if not np.isfinite(value):
        return "-"
    text = f"{100 * value:+.1f}"
    return f"{text} {_interval(low, high)}" if np.isfinite(low) else text


def _interval(low: float, high: float) -> str:
    return f"[{100 * low:+.1f}, {100 * high:+.1f}]" if np.isfinite(low) else "-"
