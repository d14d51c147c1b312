"""Models on the factor sets: tables, and the sentences that sum them up."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from pandas.io.formats.style import Styler

from cood.analysis.results import Results, percent
from cood.analysis.stats.correlation import correlate
from cood.analysis.stats.estimate import Estimate
from cood.analysis.topics.factor_sets import HELD_OUT, SHARED, count_above_chance, factor_table
from cood.metrics.registry import metric_label
from cood.report.plots.style import EDGE, WIDTH
from cood.report.plots.svg import Label, label_marks, theme_colours
from cood.report.tables.formatting import MISSING, styled
from cood.report.topics.claims.formatting import probability
from cood.settings.study_file import Study

SHADES = "viridis_r"  # of the share of the combinations that a model sees


def describe_shared_words(study: Study) -> str:
    """Which words stand for several values of a factor, and for how many, as a phrase."""
    table = factor_table(study)
    rows = table[table[SHARED] != "none"]
    parts = [
        f"{row['factor'].replace('_', ' ')} of {row['set']}: {row[SHARED]}"
        for row in rows.to_dict("records")
    ]
    return "; ".join(parts) or "none"


def describe_factors_above_chance(counts: pd.DataFrame) -> str:
    """How many models name each factor better than by guessing, as a phrase.

    By the 95 % interval of each model and factor, not corrected for their number.

    `counts` is what `cood.analysis.topics.factor_sets.count_above_chance` returns.
    """
    names = counts["set"] + " " + counts["factor"].str.replace("_", " ")
    some = counts["above_chance"] > 0
    parts = [
        f"{name} {row.above_chance} of {row.models}"
        for name, row in zip(names[some], counts[some].itertuples(), strict=True)
    ]
    if some.all():
        return ", ".join(parts)
    none = f"no model names {', '.join(names[~some])}"
    return f"{', '.join(parts)}; {none}" if parts else none


def describe_generalisation(table: pd.DataFrame, estimate: Estimate, metric: str) -> str:
    """Whether factor models with a higher metric are better on unseen combinations, as sentences.

    Parameters
    ----------
    table, estimate
        What `factor_model_table` and `correlate_factor_models` of
        `cood.analysis.topics.factor_sets` return.
    metric
        Name of the metric.
    """
    if table.empty:
        return (
            "This study trains no model on a factor set, so it cannot say whether such models "
            "recognise unseen combinations better if they separate the factors."
        )
    able, name = int(table["able"].sum()), metric_label(metric)
    models = "One model is" if len(table) == 1 else f"{len(table)} models are"
    names = "names" if able == 1 else "name"
    text = (
        f"{models} trained on a factor set; {able} {names} both factors above chance on "
        "combinations that they have seen."
    )
    if np.isnan(estimate.value):
        return (
            f"{text} That is too few to correlate {name} with the accuracy on unseen combinations."
        )
    return (
        f"{text} Over these, {name} of images and the log odds on unseen combinations have a "
        f"partial correlation of {estimate} given the set (p {probability(estimate.p)})."
    )


def describe_named(results: Results, models: Sequence[str]) -> str:
    """How many of some models name each factor, as `describe_factors_above_chance` says it."""
    if not models:
        return "the study has none"
    return describe_factors_above_chance(count_above_chance(results, models))


def describe_tested(
    models: pd.DataFrame, metric: pd.DataFrame, log_odds: pd.DataFrame, seed: int
) -> str:
    """Whether models that are tested on scenes only compose better with a higher metric.

    Parameters
    ----------
    models
        What `cood.analysis.topics.factor_sets.tested_models` returns.
    metric, log_odds
        Indexed by model, with a column `value`: of the scenes, and of unseen compositions of
        attribute and object.
    seed
        Of the permutations.
    """
    if models.empty:
        return "This study tests no published model on scenes."
    x, y = (table["value"].reindex(models["model"]) for table in (metric, log_odds))
    found = correlate(x, y, models["family"], seed=seed)
    return (
        "Over models that are only tested on scenes, the metric and the log odds on unseen "
        f"compositions of attribute and object have {found}."
    )


def draw_factor_models(table: pd.DataFrame, metric: str) -> Figure:
    """A panel a set: a metric of images against the log odds on unseen combinations.

    The colour is the share of the combinations that a model has seen; open marks are models that
    do not name both factors.

    Parameters
    ----------
    table, metric
        What `cood.analysis.topics.factor_sets.factor_model_table` returns, and for which metric.
    """
    sets = list(dict.fromkeys(table["set"]))
    figure, grid = plt.subplots(1, len(sets), figsize=(WIDTH, 4.2), squeeze=False, sharey=True)
    colours = plt.get_cmap(SHADES)
    low, high = table["share"].min(), table["share"].max()
    norm = Normalize(low, high) if high > low else Normalize(0, 1)
    for axes, name in zip(grid[0], sets, strict=True):
        for row in table[table["set"] == name].dropna(subset=["metric", "log_odds"]).itertuples():
            colour = colours(norm(row.share))
            face = colour if row.able else "none"
            style = {"markerfacecolor": face, "markeredgecolor": colour if face == "none" else EDGE}
            (drawn,) = axes.plot(row.metric, row.log_odds, "o", markersize=8, **style)
            lines = [
                f"share {row.share:.0%}",
                "names both factors" if row.able else "names not both",
            ]
            label_marks(drawn, Label(str(row.model), lines, x=[row.metric], y=[row.log_odds]))
        axes.set_title(name, fontsize=11)
        axes.set_xlabel(f"{metric_label(metric)} of images")
    grid[0][0].set_ylabel("log odds on unseen combinations")
    if high > low:
        scale = ScalarMappable(norm, SHADES)
        bar = figure.colorbar(scale, ax=grid[0], location="top", aspect=45, shrink=0.7)
        bar.set_label("share of the combinations that a model sees", fontsize=9)
        bar.ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        theme_colours(*bar.ax.findobj(QuadMesh))
    return figure


def styled_held_out(table: pd.DataFrame) -> Styler:
    """Accuracy of factor models on seen and held-out combinations for readers.

    `table` is what `cood.analysis.topics.factor_sets.held_out` returns.
    """
    shown = table.copy()
    for title, _, _ in HELD_OUT:
        estimates = table[[title, f"{title} low", f"{title} high"]].to_numpy()
        chances = table[f"{title} chance"].map(percent)
        shown[title] = [
            f"{percent(*estimate)}, chance {chance}"
            for estimate, chance in zip(estimates, chances, strict=True)
        ]
        shown = shown.drop(columns=[f"{title} {part}" for part in ("low", "high", "chance")])
    shown["share"] = shown["share"].map("{:.0%}".format)
    return styled(shown).format(precision=2, na_rep=MISSING)
