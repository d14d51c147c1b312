"""Null models, other ways to score, and confounders of the correlations with accuracy."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cood.analysis.canonical_variants import AS_THEY_ARE, PROJECTIONS, usual
from cood.analysis.metric_correlations import bounds
from cood.analysis.results import Results, percent
from cood.analysis.topics.null_models.against_null import HIGHER, LOWER
from cood.analysis.topics.null_models.confounders import OUTCOME, lost
from cood.analysis.topics.null_models.rank_stability import (
    USUAL,
    scorings,
    template_way,
)
from cood.metrics.registry import metric_label
from cood.report.plots.outcomes import CERTIFIED
from cood.report.plots.style import SPACES, WIDTH
from cood.report.tables.certificates import certificate_column
from cood.report.tables.formatting import format_estimate, metric_names
from cood.vocabulary import named_attributes

NEAR = 0.9  # share of the distance from chance to the median trained model
DISTANCE = 0.05  # of the median trained model from chance, below which a metric is not compared
NULL_COLOUR = "0.1"
LEGEND = {
    "trained": {"marker": "o", "color": "0.5", "alpha": 0.6},
    "randomly initialised": {"marker": "D", "color": NULL_COLOUR, "markersize": 5},
    "shuffled labels": {"marker": "|", "color": "0.6", "markersize": 11, "mew": 2},
}


def plot_against_null_models(
    results: Results,
    metrics: Sequence[str],
    split: str,
    certified: Sequence[tuple[str, str]] = (),
) -> Figure:
    """A column a space, a row a metric: a dot a trained model, a diamond a null model.

    A grey line is the median value under shuffled labels. Null models are randomly initialised.
    `certified` has the spaces and metrics with a certificate, which are marked.
    """
    scores = usual(results, metrics).scores
    here = scores[(scores["set"] == results.set) & (scores["split"] == split)]
    names = [name for name in metrics if name in set(here["metric"])]
    figure, grid = plt.subplots(1, 2, figsize=(WIDTH, 1.6 + 0.34 * len(names)))
    for axes, (space, colour) in zip(grid, SPACES.items(), strict=True):
        for row, metric in enumerate(names):
            rows = here[(here["space"] == space) & (here["metric"] == metric)]
            trained = rows.loc[rows["model"].isin(results.models["model"]), "value"]
            null = rows.loc[rows["model"].isin(results.study.null_models), "value"]
            axes.plot([rows["chance"].median()] * 2, [row - 0.32, row + 0.32], color="0.6", lw=2)
            axes.plot(trained, [row] * len(trained), "o", color=colour, alpha=0.45, markersize=6)
            style = {"color": NULL_COLOUR, "markersize": 5, "mec": "white", "mew": 0.7}
            axes.plot(null, [row] * len(null), "D", **style)
        axes.set_xlabel(f"{space}s")
        axes.set_xlim(-0.05, 1.05)
        axes.grid(axis="y", visible=False)
        marked = [metric_label(n) + CERTIFIED * ((space, n) in certified) for n in names]
        axes.set_yticks(range(len(names)), marked, fontsize=9)
        axes.set_ylim(len(names) - 0.4, -0.6)
    for label, style in LEGEND.items():
        grid[0].plot([], [], linestyle="", label=label, **style)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def describe_null_accuracy(scores: pd.DataFrame) -> str:
    """Accuracy of each null model with its interval, and whether chance lies in it, as sentences.

    `scores` is what `untrained_scores` of `cood.analysis.topics.null_models.against_null` returns.
    """
    if scores.empty:
        return "The study has no null models (`null_models:` in a study file)."
    listed = [f"{row.Index} {percent(row.value, row.low, row.high)}" for row in scores.itertuples()]
    inside = ((scores["low"] <= scores["chance"]) & (scores["chance"] <= scores["high"])).sum()
    return (
        f"{'; '.join(listed)}. Chance is {percent(scores['chance'].mean())}, and lies within the "
        f"interval of {inside} of {len(scores)} null models."
    )


def describe_training_effect(comparison: pd.DataFrame) -> str:
    """How many metrics training raises and lowers, as a sentence.

    `comparison` is what `against_untrained` returns.
    """
    if comparison.empty:
        return "Without null models, the effect of training is unknown."
    reading = comparison["reading"]
    text = (
        f"Of {len(comparison)} pairs of a metric and a space, training raises "
        f"{(reading == HIGHER).sum()} significantly and lowers {(reading == LOWER).sum()} "
        "significantly"
    )
    rest = comparison[~reading.isin([HIGHER, LOWER])]
    return f"{text}; no significant change: {_listed(rest)}." if len(rest) else f"{text}."


def describe_reached_metrics(comparison: pd.DataFrame) -> str:
    """Which metrics a null model nearly reaches, as sentences.

    That is at least `NEAR` of the distance from shuffled labels to the median trained model, for
    metrics of which this distance is more than `DISTANCE`.
    """
    if comparison.empty:
        return "Without null models, it is unknown which metrics they would reach."
    distance = comparison["median"] - comparison["chance"]
    compared = comparison[(distance > DISTANCE).to_numpy()]
    if compared.empty:
        return f"No metric lies more than {DISTANCE:g} above its value under shuffled labels."
    share = (compared["untrained_highest"] - compared["chance"]) / distance[compared.index]
    near = compared[share >= NEAR]
    base = (
        f"{len(compared)} pairs of a metric and a space that lie more than {DISTANCE:g} above "
        "their value under shuffled labels"
    )
    way = f"{100 * NEAR:.0f} % of the distance from there to the median trained model"
    if near.empty:
        return f"For none of the {base}, a null model covers {way}."
    return (
        f"For {len(near)} of the {base}, a null model covers at least {way}: {_listed(near)}. "
        "A high value of these metrics is no evidence of learning."
    )


def null_model_table(
    comparison: pd.DataFrame, certificate: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What `against_untrained` returns, for readers, with the certificate of each metric."""
    ranges = comparison[["median", "lowest", "highest"]].to_numpy(float)
    means = comparison[["mean", "low", "high"]].to_numpy(float)
    return pd.DataFrame(
        {
            "metric": comparison["metric"].map(metric_label),
            "space": comparison["space"],
            "certificate": certificate_column(comparison, certificate),
            "shuffled labels": comparison["chance"],
            "null models": _ranges(comparison, ["untrained_lowest", "untrained_highest"]),
            "trained: median (range)": [f"{m:.2f} ({a:.2f} to {b:.2f})" for m, a, b in ranges],
            "trained: mean": [format_estimate(*mean) for mean in means],
            "effect of training": comparison["reading"],
        }
    )


def describe_rank_stability(table: pd.DataFrame) -> str:
    """How far the ranking of the models depends on the way to score, as sentences.

    `table` is what `cood.analysis.topics.null_models.rank_stability.stability` returns.
    """
    compared = table.dropna(subset=["tau"])
    if compared.empty:
        return "With so few models, or equal accuracies, rankings cannot be compared."
    lowest = compared.loc[compared["tau"].idxmin()]
    moved = (
        f", where {lowest['moved']} moves most, from rank {lowest['usual_rank']:g} to "
        f"{lowest['rank']:g}"
        if isinstance(lowest.get("moved"), str)
        else ""
    )
    return (
        f"Kendall's tau with the default ranking lies between {compared['tau'].min():.2f} and "
        f"{compared['tau'].max():.2f} for {len(compared)} other ways to score. It is lowest for "
        f"{lowest['way']}: {format_estimate(lowest['tau'], lowest['low'], lowest['high'])}{moved}. "
        f"The median accuracy over models ranges from {percent(compared['median'].min())} to "
        f"{percent(compared['median'].max())} between the ways to score."
    )


def describe_tau(table: pd.DataFrame, way: str) -> str:
    """Kendall's tau of one way to score with its interval, as a phrase."""
    row = table[table["way"] == way]
    if row.empty or not np.isfinite(row["tau"].iloc[0]):
        return "is not available in this study"
    return f"is {format_estimate(*row[['tau', 'low', 'high']].iloc[0])}"


def describe_template_collisions(results: Results, table: pd.DataFrame) -> str:
    """How templates that name an attribute change accuracy and ranking, as sentences.

    `table` is what `cood.analysis.topics.null_models.rank_stability.stability` returns.
    """
    default = percent(scorings(results)[USUAL]["value"].median())
    sentences = []
    for name, templates in results.study.ablations.items():
        named = named_attributes(templates, results.study.vocabulary.attributes)
        row = table[table["way"] == template_way(name, templates)]
        if named and len(row):
            median, tau = percent(row["median"].iloc[0]), row[["tau", "low", "high"]].iloc[0]
            sentences.append(
                f"With {row['way'].iloc[0]}, which names {' and '.join(named)}, the median "
                f"accuracy is {median} instead of {default}, and tau is {format_estimate(*tau)}."
            )
    return " ".join(sentences) or "None of the other templates names an attribute of the study."


def describe_widths(results: Results) -> str:
    """Which embedding widths a study has, and the width to which all are reduced, as sentences."""
    widths = results.models.get("embed_dim", pd.Series(dtype=float)).dropna().astype(int)
    listed = ", ".join(map(str, sorted(widths.unique()))) or "unknown"
    if widths.nunique() == 1:
        text = f"All models of this study have embeddings of width {listed}, so width confounds "
        text += "no correlation."
    else:
        text = f"The embeddings of this study differ in width: {listed}."
    fixed = results.study.representation_metrics.fixed_width
    if fixed is None:
        return f"{text} No other width was computed, as `fixed_width:` is not set."
    text += f" All embeddings were also reduced to {fixed} dimensions"
    if widths.nunique() == 1:
        return f"{text}, to see whether the coefficients depend on the number of dimensions."
    return f"{text}."


def describe_width_changes(table: pd.DataFrame, coefficient: str) -> str:
    """How far coefficients at the fixed width differ from those at full width, as a phrase.

    `table` is what `cood.analysis.canonical_variants.at_width` returns.
    """
    keys = ["space", "metric"]
    full = table[table["way"] == AS_THEY_ARE].set_index(keys)[coefficient]
    parts = []
    for _, rows in table[table["way"] != AS_THEY_ARE].groupby("way", sort=False):
        change = (rows.set_index(keys)[coefficient] - full).abs().dropna()
        if change.empty:
            continue
        space, metric = change.idxmax()
        kind, width = PROJECTIONS[rows["projection"].iloc[0]], rows["width"].iloc[0]
        parts.append(
            f"with {kind} ({width} dimensions), the median coefficient changes by "
            f"{change.median():.2f}, and that of {metric_label(metric)} of {space}s changes "
            f"most, by {change.max():.2f}"
        )
    return "; ".join(parts) or "no coefficient can be compared"


def describe_confounders(table: pd.DataFrame, coefficient: str) -> str:
    """How each confounder correlates with C-OoD log odds, as sentences.

    `table` is what `cood.analysis.topics.null_models.confounders.correlate_controls` returns.
    """
    if table.empty:
        return "No size of the models is known and varies among enough of them."
    columns = [coefficient, *bounds(coefficient)]
    parts = []
    for _, row in table[table["metric"] == OUTCOME].iterrows():
        text = f"{row['control']} {format_estimate(*row[columns])}"
        if row["alike"] >= row["n"] - 2:
            text += f" (but {row['alike']} of {row['n']} models share one value)"
        parts.append(text)
    return f"{coefficient.capitalize()} correlation with C-OoD log odds: {'; '.join(parts)}."


def describe_robust_coefficients(table: pd.DataFrame, coefficient: str) -> str:
    """Which coefficients stay significant whatever confounder is held fixed, as sentences.

    `table` is what `correlate_given_each` in `cood.analysis.topics.null_models.confounders` gives.
    """
    rows = lost(table, coefficient, bounds(coefficient))
    if rows.empty:
        return "No coefficient is significant to begin with."
    kept = rows[rows["lost_given"] == ""]
    text = (
        f"Of {len(rows)} significant coefficients, {len(kept)} stay significant whichever single "
        "confounder is held fixed"
    )
    text += f": {_listed(kept)}." if len(kept) else "."
    confounders = rows["lost_given"].str.split(", ").explode()
    counts = confounders[confounders != ""].value_counts()
    if len(counts):
        listed = ", ".join(f"{name} {n}" for name, n in counts.items())
        text += f" Number of coefficients that lose significance, by confounder: {listed}."
    return text


def describe_omitted_confounders(names: Collection[str]) -> str:
    """Which confounders cannot be held fixed, and why, as a sentence."""
    if not names:
        return "All sizes of the models that are known vary, and can be held fixed."
    return (
        "Not held fixed, because they do not vary, are known for few models, or rank the models "
        f"like another confounder: {', '.join(names)}."
    )


def _listed(rows: pd.DataFrame) -> str:
    return ", ".join(metric_names(rows))


def _ranges(table: pd.DataFrame, columns: list[str]) -> list[str]:
    return [
        " to ".join(dict.fromkeys((f"{a:.2f}", f"{b:.2f}")))
        for a, b in table[columns].to_numpy(float)
    ]
