"""How much of the effect of the share of compositions runs through metrics."""

from __future__ import annotations

from collections.abc import Collection

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cood.analysis.results import Results
from cood.analysis.topics.interventions.mediation import PARTS, total_effect
from cood.report.plots.style import WIDTH
from cood.report.plots.svg import Label, label_marks, with_interval
from cood.report.topics.interventions.points import format_change, format_interval, format_points
from cood.settings import Training

LEVEL = 0.05
NO_SHARE = (
    "The effect of the share cannot be estimated: among models that are otherwise alike, the study "
    "has fewer than three shares of compositions."
)
METRIC_SPACES = ("image", "text")  # of mediators; other mediators are ID accuracies


def plot_mediation(table: pd.DataFrame, metrics: Collection[str]) -> Figure:
    """A row a mediator: the direct and the indirect part of the effect, and the total as a line.

    Parameters
    ----------
    table
        What `cood.analysis.topics.interventions.mediation.mediation` returns; if it is empty, the
        figure says why.
    metrics
        Which metrics to show, besides ID accuracy.
    """
    if table.empty:
        figure, axes = plt.subplots(figsize=(WIDTH, 1.2))
        axes.text(0.5, 0.5, NO_SHARE, ha="center", va="center", wrap=True, fontsize=10)
        axes.set_axis_off()
        return figure
    is_metric = table["space"].isin(METRIC_SPACES)
    kept = table[(table["metric"].isin(list(metrics)) | ~is_metric) & table["indirect"].notna()]
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
        named = zip(mediator_names(kept), values, strict=True)
        label_marks(dots, *(Label(name, [part], x=with_interval(row)) for name, row in named))
    axes.set_yticks(range(len(kept)), mediator_names(kept))
    axes.invert_yaxis()
    axes.axvline(0, color="0.3", linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel="change of accuracy for twice the share of compositions (points)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def mediator_names(table: pd.DataFrame) -> pd.Series:
    """Name of the mediator of each row that `mediation` returns."""
    names = table["metric"].str.replace("_", " ") + ", " + table["space"] + "s"
    return names.where(table["space"].isin(METRIC_SPACES), "ID accuracy (" + table["space"] + ")")


def mediation_table(table: pd.DataFrame) -> pd.DataFrame:
    """What `cood.analysis.topics.interventions.mediation.mediation` returns, for readers."""
    if table.empty:
        return pd.DataFrame([{"mediation": NO_SHARE}])
    shown = pd.DataFrame({"mediator": mediator_names(table)})
    for part in PARTS[1:]:
        values = table[[part, f"{part}_low", f"{part}_high"]].to_numpy(float)
        shown[part] = [format_points(*row) for row in values]
    levels = table[["indirect", "levels_low", "levels_high"]].to_numpy(float)
    intervals = [format_interval(low, high) for _, low, high in levels]
    shown["indirect, interval from means of shares"] = intervals
    shown["p"], shown["p, Holm"] = table["p"], table["holm"]
    return shown


def describe_mediation(table: pd.DataFrame, results: Results, names: Collection[str]) -> str:
    """How much of the effect of the share runs through metrics, as sentences.

    Parameters
    ----------
    table
        What `cood.analysis.topics.interventions.mediation.mediation` returns.
    results, names
        The tables of the study; the models that differ only in share and seed.
    """
    if table.empty:
        return NO_SHARE
    total, n = total_effect(table)
    settings = [results.study.models[name] for name in names]
    shares = sorted({model.share for model in settings if isinstance(model, Training)})
    metrics = table[table["space"].isin(METRIC_SPACES) & table["indirect"].notna()]
    bounds = table[["levels_total_low", "levels_total_high"]].max()
    by_share = "no interval can be computed"
    if np.isfinite(bounds).all():
        by_share = f"the interval is {format_interval(*bounds)}"
    indirect, from_means, within = (
        ((metrics[f"{name}_low"] > 0) | (metrics[f"{name}_high"] < 0)).sum()
        for name in ("indirect", "levels", "within")
    )
    return (
        f"{n} models that differ only in share and seed saw "
        f"{', '.join(f'{share:.0%}' for share in shares)} of the compositions outside the core. "
        "Doubling the share changes accuracy on unseen compositions by "
        f"{format_change(total)}; this is the total effect. If the models of each share "
        f"are first averaged, {by_share}. The "
        f"indirect effect is significant for {indirect} of {len(metrics)} metrics, "
        f"for {(metrics['holm'] < LEVEL).sum()} after Holm's correction, and for {from_means} when "
        f"only the means of the {len(shares)} shares are used. Among models of the same share, "
        f"accuracy depends significantly on {within} of the metrics."
    )
