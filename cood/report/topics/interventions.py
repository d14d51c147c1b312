"""Effects of edits of embeddings, and paths through metrics: figures, tables and sentences."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from cood.analysis.results import Results
from cood.analysis.topics.interventions.effects import POSITIVE, TESTS
from cood.analysis.topics.interventions.mediation import PARTS, total_effect
from cood.errors import StudyError
from cood.evaluation.interventions.edits import REMOVALS, REMOVE_RANDOM
from cood.evaluation.interventions.interventions import ACCURACIES
from cood.report.plots.figures import MARKERS, legend, styles
from cood.report.plots.svg import Told, bounds, tell
from cood.settings import Training

TITLES = {"pair_top1": "pair", "attribute_top1": "attribute", "object_top1": "object"}
POINTS = "change of accuracy (points)"
WIDTH = 7.2
NO_SHARE = (
    "Fewer than three shares of compositions were set in this study among models that are "
    "otherwise alike, so there is no effect of the share to divide."
)


Cells = Mapping[str, tuple[str, float, str]]  # edit, dose and side, by name


def cells(results: Results, dose: int) -> dict[str, tuple[str, float, str]]:
    """The edits that stand for all others: their names, and edit, dose and side of each.

    Raises
    ------
    StudyError
        If the study takes away other numbers of directions than `dose`.
    """
    known = results.study.interventions.doses if results.study.interventions else []
    if dose not in known:
        raise StudyError(
            f"dose: the study {results.study.name} takes away {', '.join(map(str, known))} "
            f"directions, not {dose}; name one of these, or add it to `edits:` in its file"
        )
    removed = {
        f"without {dose} {kind} directions": (edit, float(dose), "both")
        for edit, kind in {**REMOVALS, REMOVE_RANDOM: "random"}.items()
    }
    return removed | {
        "texts without interaction": ("additive", 1.0, "texts"),
        "texts with twice the interaction": ("additive", -1.0, "texts"),
        "texts less another's interaction": ("shuffled", 1.0, "texts"),
        "centred": ("centre", 0.0, "both"),
        "whitened by 90 %": ("whiten", 0.9, "both"),
        "rotated": ("rotate", 0.0, "both"),
    }


def forest(
    table: pd.DataFrame, pooled: pd.DataFrame, models: pd.DataFrame, shown: Cells, metric: str
) -> Figure:
    """A band an edit: a dot with its interval for each model, and a diamond for their mean.

    All are differences to the codes as they are.

    Parameters
    ----------
    table, pooled
        What `cood.analysis.topics.interventions.effects.load_interventions` and `effects` return.
    models
        Table of models with `model` and `family`.
    shown, metric
        Which edits, by name, as `cells` gives them; which accuracy.
    """
    colours, _ = styles(models)
    family = models.set_index("model")["family"]
    figure, axes = plt.subplots(figsize=(WIDTH, 1.6 + 0.62 * len(shown)))
    for place, (name, cell) in enumerate(shown.items()):
        rows, mean = (_cells(t, *cell, "unedited", metric) for t in (table, pooled))
        for height, row in zip(
            place + np.linspace(-0.36, 0.16, len(rows)), rows.itertuples(), strict=True
        ):
            colour = colours[family[row.model]]
            axes.hlines(height, 100 * row.low, 100 * row.high, color=colour, lw=0.8, alpha=0.5)
            (dot,) = axes.plot(100 * row.value, height, "o", color=colour, markersize=3)
            tell(dot, Told(row.model, [name], x=_told(row)))
        for row in mean.itertuples():
            axes.hlines(place + 0.32, 100 * row.low, 100 * row.high, color="0.15", lw=2.2)
            (dot,) = axes.plot(100 * row.value, place + 0.32, "D", color="0.15", markersize=6)
            tell(dot, Told(name, [f"mean over {row.n} models"], x=_told(row)))
    axes.set_yticks(range(len(shown)), list(shown))
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.axvline(0, color="0.3", linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=POINTS)
    figure.legend(**legend(colours, {}), loc="outside lower center")
    return figure


def responses(pooled: pd.DataFrame, side: str) -> Figure:
    """Mean change of three accuracies by dose: directions above, interactions of texts below.

    `pooled` holds differences to the codes as they are, as `effects` gives them.
    """
    kinds = [e for e in pooled["edit"].unique() if e in (*REMOVALS, REMOVE_RANDOM)]
    rows = {
        "directions taken away": (kinds, side),
        "share of the interaction taken off": (["additive", "shuffled"], "texts"),
    }
    figure, grid = plt.subplots(2, len(TITLES), figsize=(WIDTH, 6.4))
    colours = dict(zip(kinds, sns.color_palette("colorblind", len(kinds)), strict=True))
    colours |= {"additive": sns.color_palette("colorblind")[4]}
    colours |= dict.fromkeys(("remove random", "shuffled"), "0.45")
    for panels, (title, (edits, where)) in zip(grid, rows.items(), strict=True):
        about_axes = {"x": title, "y": POINTS}
        for axes, (metric, name) in zip(panels, TITLES.items(), strict=True):
            here = pooled[(pooled["side"] == where) & (pooled["metric"] == metric)]
            for marker, edit in zip(MARKERS, edits, strict=False):
                part = here.loc[here["edit"] == edit, ["dose", "value", "low", "high"]]
                # A dose of 0 changes nothing.
                points = np.vstack([part.to_numpy(float), np.zeros(4)])
                x, y, low, high = points[np.argsort(points[:, 0])].T
                (line,) = axes.plot(
                    *(x, 100 * y, f"{marker}-"), color=colours[edit], markersize=5, label=edit
                )
                along = zip(x, 100 * y, strict=True)
                tell(line, *(Told(edit, [name], [a], [b], about_axes) for a, b in along))
                axes.fill_between(x, 100 * low, 100 * high, color=colours[edit], alpha=0.15, lw=0)
            axes.axhline(0, color="0.3", linewidth=1)
            axes.set_title(name, fontsize=11)
            axes.set_xlabel(title, fontsize=9)
            if len(here) and title == next(iter(rows)):
                axes.set_xticks([0, *sorted(here.loc[here["edit"].isin(edits), "dose"].unique())])
                axes.xaxis.set_major_formatter("{x:g}")
        panels[0].set_ylabel(POINTS, fontsize=10)
    handles = [handle for line in grid for handle in line[0].get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def paths(table: pd.DataFrame, metrics: Collection[str]) -> Figure:
    """A row a mediator: the direct and the indirect part of the effect, and the total as a line.

    `table` is what `cood.analysis.topics.interventions.mediation.mediation` returns; if it is empty, the figure says
    why. ID accuracy is shown with the `metrics` that are asked for.
    """
    if table.empty:
        figure, axes = plt.subplots(figsize=(WIDTH, 1.2))
        axes.text(0.5, 0.5, NO_SHARE, ha="center", va="center", wrap=True, fontsize=10)
        axes.set_axis_off()
        return figure
    metric = table["space"].isin(["image", "text"])
    kept = table[(table["metric"].isin(list(metrics)) | ~metric) & table["indirect"].notna()]
    figure, axes = plt.subplots(figsize=(WIDTH, 1.6 + 0.42 * len(kept)))
    total, _ = total_effect(table)
    axes.axvspan(100 * total.low, 100 * total.high, color="0.9", lw=0, zorder=0)
    axes.axvline(100 * total.value, color="0.5", linewidth=1.2, label="total")
    looks = {"direct": ("#2b6a99", -0.16, "s"), "indirect": ("#b5446e", 0.16, "o")}
    for part, (colour, shift, marker) in looks.items():
        heights = np.arange(len(kept)) + shift
        values = 100 * kept[[part, f"{part}_low", f"{part}_high"]].to_numpy(float)
        axes.hlines(heights, values[:, 1], values[:, 2], color=colour, lw=1.5)
        (dots,) = axes.plot(values[:, 0], heights, marker, color=colour, markersize=6, label=part)
        named = zip(mediators(kept), values, strict=True)
        tell(dots, *(Told(name, [part], x=bounds(row)) for name, row in named))
    axes.set_yticks(range(len(kept)), mediators(kept))
    axes.invert_yaxis()
    axes.axvline(0, color="0.3", linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel="accuracy for twice the share of compositions (points)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def mediators(table: pd.DataFrame) -> pd.Series:
    """Names of the mediators of a table of `cood.analysis.topics.interventions.mediation.mediation`."""
    named = table["metric"].str.replace("_", " ") + ", " + table["space"] + "s"
    metric = table["space"].isin(["image", "text"])
    return named.where(metric, "ID accuracy (" + table["space"] + ")")


def effect_table(pooled: pd.DataFrame, shown: Cells) -> pd.DataFrame:
    """A row an edit: mean changes of the accuracies, and of the first against its control."""
    rows = []
    for name, cell in shown.items():
        row = {"edit": name}
        for against, heading, metrics in (
            ("unedited", "", ACCURACIES),
            ("control", " against control", ACCURACIES[:1]),
        ):
            for metric in metrics:
                found = _cells(pooled, *cell, against, metric)
                text = _bounded(found.iloc[0]) if len(found) else "-"
                row[f"{TITLES[metric]}{heading}"] = text
        plain = _cells(pooled, *cell, "unedited", ACCURACIES[0])
        counted = plain[["up", "down", "n"]].to_numpy()
        row["pair up, down"] = "{}, {} of {}".format(*counted[0]) if len(counted) else "-"
        rows.append(row)
    return pd.DataFrame(rows)


def mediation_table(table: pd.DataFrame) -> pd.DataFrame:
    """What `cood.analysis.topics.interventions.mediation.mediation` returns, for people; why there is none, if so."""
    if table.empty:
        return pd.DataFrame([{"mediation": NO_SHARE}])
    shown = pd.DataFrame({"mediator": mediators(table)})
    for part in PARTS[1:]:
        values = table[[part, f"{part}_low", f"{part}_high"]].to_numpy(float)
        shown[part] = [_points(*row) for row in values]
    levels = table[["indirect", "levels_low", "levels_high"]].to_numpy(float)
    shown["indirect, from the shares' means"] = [_interval(*values[1:]) for values in levels]
    return shown.assign(**{"p": table["p"], "p by Holm": table["holm"]})


def controls(pooled: pd.DataFrame, shown: Cells) -> str:
    """What the edits do that must do it, beside random ones, as sentences."""
    said = []
    for name, cell in shown.items():
        if cell[0] not in (*POSITIVE, "remove random"):
            continue
        parts = [
            f"{TITLES[metric]} accuracy {_bounded(row)}"
            for metric in ACCURACIES[1:]
            for _, row in _cells(pooled, *cell, "unedited", metric).iterrows()
        ]
        if parts:
            said.append(f"{name.capitalize()}: {' and '.join(parts)}.")
    return " ".join(said) or "No direction could be taken away."


def tests(pooled: pd.DataFrame, shown: Cells, metric: str) -> str:
    """What edits do to an accuracy, and against their controls, as sentences."""
    said = []
    for name, cell in shown.items():
        plain, control = (_cells(pooled, *cell, a, metric) for a in ("unedited", "control"))
        if cell[0] in TESTS and len(control):
            said.append(
                f"{name.capitalize()}: {_bounded(plain.iloc[0])}, against the control "
                f"{_bounded(control.iloc[0])}."
            )
    return " ".join(said) or "No edit of this kind could be made."


def agreements(table: pd.DataFrame) -> str:
    """How often edits move a metric and accuracy together, as a sentence."""
    known = table.dropna(subset=["value"])
    above, below = (known["low"] > 0).sum(), (known["high"] < 0).sum()
    sums = table[[c for c in table if c.startswith(("raised", "lowered"))]].sum()
    return (
        f"Of {len(known)} pairs of a metric and a space, {above} have a coefficient that is surely "
        f"above 0, as the claim would have it, and {below} one that is surely below. "
        f"{sums['raised']} times an edit surely made codes more disentangled by some metric than "
        f"its control did: accuracy then surely rose in {sums['raised_up']} and surely fell in "
        f"{sums['raised_down']}. {sums['lowered']} times one surely made them less so: accuracy "
        f"surely rose in {sums['lowered_up']} and surely fell in {sums['lowered_down']}."
    )


def agreement_table(table: pd.DataFrame) -> pd.DataFrame:
    """What `cood.analysis.topics.interventions.effects.agreement` returns, for people."""
    values = table[["value", "low", "high"]].to_numpy(float)
    shown = {
        "metric": table["metric"].str.replace("_", " "),
        "edited": table["side"],
        "Spearman within a model": [
            f"{v:.2f} [{a:.2f}, {b:.2f}]" if np.isfinite(a) else "-" for v, a, b in values
        ],
        "models": table["n"],
    }
    for way in ("raised", "lowered"):
        heading = f"{way} by edits (accuracy up, down)"
        counts = table[[way, f"{way}_up", f"{way}_down"]].to_numpy()
        shown[heading] = [f"{every} ({up}, {down})" for every, up, down in counts]
    return pd.DataFrame(shown)


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
    levels = _interval(*table[["levels_total_low", "levels_total_high"]].max())
    sure = metrics[(metrics["indirect_low"] > 0) | (metrics["indirect_high"] < 0)]
    coarse = ((metrics["levels_low"] > 0) | (metrics["levels_high"] < 0)).sum()
    within = ((metrics["within_low"] > 0) | (metrics["within_high"] < 0)).sum()
    return (
        f"{n} models that differ in nothing but share and seed saw "
        f"{', '.join(f'{share:.0%}' for share in shares)} of the compositions. For each doubling "
        f"of the share, accuracy on unseen ones changes by {total}; {levels} if seeds count for "
        "nothing. This is the total effect, and it is causal. "
        f"Of {len(metrics)} metrics, {len(sure)} have an indirect effect whose interval excludes "
        f"0, {(metrics['holm'] < 0.05).sum()} after Holm's correction, and {coarse} if only the "
        f"means of the {len(shares)} shares count. Among models of one share, {within} metrics "
        "go with accuracy, by an interval that excludes 0."
    )


def about(results: Results, table: pd.DataFrame) -> str:
    """What edits were fitted on and tried on, as a sentence."""
    tried = table[table["metric"] == ACCURACIES[0]]["n"].max() if len(table) else 0
    text = (
        "All was fitted on images and texts of compositions that some model may have seen, and "
        "tried on the unseen ones"
        if results.study.trained
        else "As no composition counts as seen here, all was fitted on a random half of them, and "
        "tried on the other half"
    )
    return f"{text} ({tried:,.0f} images of the first set, {table['model'].nunique()} models)."


def _cells(
    table: pd.DataFrame, edit: str, dose: float, side: str, against: str, metric: str
) -> pd.DataFrame:
    where = {"edit": edit, "dose": dose, "side": side, "against": against, "metric": metric}
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def _told(row: Any) -> list[float]:
    return bounds(100 * np.array([row.value, row.low, row.high]))


def _bounded(row: pd.Series) -> str:
    return _points(row["value"], row["low"], row["high"])


def _points(value: float, low: float, high: float) -> str:
    if not np.isfinite(value):
        return "-"
    text = f"{100 * value:+.1f}"
    return f"{text} {_interval(low, high)}" if np.isfinite(low) else text


def _interval(low: float, high: float) -> str:
    return f"[{100 * low:+.1f}, {100 * high:+.1f}]" if np.isfinite(low) else "-"
