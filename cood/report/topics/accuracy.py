"""Accuracy in and out of distribution, and CLIPs against image-only encoders."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cood.analysis.in_distribution import InDistribution
from cood.analysis.results import percent
from cood.analysis.stats.correlation import Correlation
from cood.analysis.topics.accuracy import CLIP, LanguageGap
from cood.files import read_table
from cood.report.plots.intervals import interval_rows
from cood.report.plots.style import (
    DISTINCT_COLOURS,
    EDGE,
    MARKERS,
    WIDTH,
    error_lengths,
    percent_axes,
)
from cood.report.plots.svg import Label, label_marks
from cood.report.tables.correlations import trend
from cood.report.topics.dataset import describe_kept
from cood.settings import UNTRAINED
from cood.settings.study_file import Study
from cood.synthesis.manifests import KEPT
from cood.vocabulary import named_attributes

ENDS = {"": "value", " low": "low", " high": "high"}  # of columns, and what they mean
BAR = "#bcd7e8"  # colour of bars behind the dots
LEAST_MODELS = 3  # with an ID accuracy, below which a correlation is not mentioned
MANY = 40  # encoders of a kind, above which their dots are small


def describe_id_accuracy(study: Study) -> str:
    """What the reader must know to interpret the ID accuracy of a study, as a paragraph."""
    sentences = []
    for name in study.id_sets:
        manifest = read_table(study.paths.manifest(name))
        classes = manifest.loc[manifest["status"] == KEPT, "class"].nunique()
        sentences.append(
            f"The ID set {name} has images of {classes:,} ImageNet classes, and only these are "
            "offered as answers; intervals come from resampling classes. "
            f"{describe_kept(manifest)}"
        )
    if study.trained:
        sentences.append(
            "Each model has its own draw of compositions, so the images that test ID accuracy and "
            "those that test C-OoD accuracy differ between models. The points mix two relations, "
            "so no line is fitted. Of two models that see the same share of compositions, the one "
            "that learned more may be better on both sides. But of the same number of drawings, a "
            "larger share leaves fewer for each seen composition."
        )
    else:
        sentences.append(
            "ID accuracy scores objects and C-OoD accuracy scores pairs, so the two differ in the "
            "task, not only in the images. Published ImageNet accuracies use the 80 templates of "
            "OpenAI."
        )
    return " ".join(sentences)


def describe_templates(study: Study) -> str:
    """How many templates are averaged, and which of them name an attribute, as sentences."""
    templates = study.evaluation.templates
    count = f"{len(templates)} {'template' if len(templates) == 1 else 'templates'}"
    average = f"Each text embedding is an average over {count}"
    by_attribute = named_attributes(templates, study.vocabulary.attributes)
    listed = [f'"{t}" ({name})' for name, several in by_attribute.items() for t in several]
    if not listed:
        return f"{average}, none of which names an attribute of the study."
    return (
        f"{average}. Some templates name an attribute of the study, which moves every text "
        f"embedding towards that attribute: {', '.join(listed)}."
    )


def describe_result(outside: pd.DataFrame, correlation: Correlation, inside: InDistribution) -> str:
    """How well models recognise unseen compositions, against chance and ID accuracy, as sentences.

    Parameters
    ----------
    outside, inside
        C-OoD accuracy, indexed by model, as `cood.analysis.results.pick` gives it; ID accuracy.
    correlation
        Of the two, over models.
    """
    order = outside.dropna(subset=["value"]).sort_values("value")
    chance, above = percent(outside["chance"].mean()), outside["low"] > outside["chance"]
    if order.empty:
        return "No model has an accuracy on unseen compositions."
    first, last = order.iloc[0], order.iloc[-1]
    best = f"{percent(*last[['value', 'low', 'high']])}"
    if len(order) == 1:
        which = "above" if above.loc[last.name] else "not distinguishable from"
        return (
            f"C-OoD accuracy of {last.name} is {best} on n = {last['n']:,.0f} images. That is "
            f"{which} chance, the {chance} of a uniform guess."
        )
    text = (
        f"C-OoD accuracy ranges from {percent(*first[['value', 'low', 'high']])} ({first.name}) to "
        f"{best} ({last.name}), over n = {len(order)} models. A uniform guess is right in {chance} "
        f"of the cases; {above.sum()} of {len(order)} models are significantly better."
    )
    if inside.values["value"].notna().sum() < LEAST_MODELS:
        return text
    return f"{text} With ID accuracy ({inside.name}), it {trend(correlation)}: {correlation}."


def describe_variation(study: Study, noise: str) -> str:
    """How much accuracy varies between equal models, or what counts as unseen, as a sentence.

    `noise` is what `cood.report.tables.seed_noise` returns.
    """
    if not study.trained:
        return "All compositions count as unseen by decree, whatever the models were trained on."
    return f"How much C-OoD accuracy varies between models with the same settings: {noise}"


def plot_against_chance(outside: pd.DataFrame, models: pd.DataFrame, label: str) -> Figure:
    """A bar a model from 0 with its interval, the most accurate at the top, and chance.

    Parameters
    ----------
    outside
        Accuracy indexed by model: `value`, `low`, `high`, `chance`.
    models
        Table of models, whose settings the labels tell.
    label
        Of the accuracy.
    """
    order = outside.dropna(subset=["value"]).sort_values("value", ascending=False)
    values = order.reset_index(names="model").assign(group="accuracy")
    figure = interval_rows(values, ["accuracy"], label, models=models)
    axes = figure.axes[0]
    axes.barh(range(len(order)), order["value"], height=0.5, color=BAR, zorder=0)
    chance = float(order["chance"].mean())
    axes.axvline(chance, color="0.3", linestyle=":")
    axes.annotate(
        "chance",
        (chance, 1),
        (4, 3),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        fontsize=9,
        color="0.3",
    )
    axes.set_xlim(0, None)
    percent_axes(axes, "x")
    return figure


def plot_probe_accuracy(table: pd.DataFrame, label: str) -> Figure:
    """Linear probes: accuracy on compositions that they were fitted on, and on the core.

    A dot an encoder with its intervals. At the same height above the axis, one further to the left
    loses less on the core.

    Parameters
    ----------
    table
        What `cood.analysis.topics.accuracy.image_encoder_table` returns.
    label
        Of the accuracies.
    """
    figure, axes = plt.subplots(figsize=(WIDTH, 5.4))
    kinds = list(dict.fromkeys(table["trained_on"]))
    for kind, colour, marker in zip(kinds, DISTINCT_COLOURS, MARKERS, strict=False):
        is_many = (table["trained_on"] == kind).sum() > MANY
        for row in table[table["trained_on"] == kind].to_dict("records"):
            across, up = ([row[f"{side}{end}"] for end in ENDS] for side in ("ID", "C-OoD"))
            drawn = axes.errorbar(
                across[0],
                up[0],
                xerr=error_lengths(pd.Series(across, ENDS.values())),
                yerr=error_lengths(pd.Series(up, ENDS.values())),
                fmt=marker,
                color=colour,
                markeredgecolor=EDGE,
                markeredgewidth=0.6,
                markersize=5 if is_many else 8,
                elinewidth=1,
                ecolor=(colour, 0.3),
            )
            sides = {"x": f"{label}, ID", "y": f"{label}, core"}
            label_marks(drawn[0], Label(row["model"], [kind], across, up, sides))
    handles = [
        Line2D([], [], marker=marker, linestyle="", color=colour, label=kind)
        for kind, colour, marker in zip(kinds, DISTINCT_COLOURS, MARKERS, strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, title="trained on")
    chance = float(table["chance"].mean())
    axes.axhline(chance, color="0.5", linestyle=":", zorder=0)
    axes.annotate(
        "chance",
        (1, chance),
        xycoords=("axes fraction", "data"),
        fontsize=8,
        ha="right",
        va="bottom",
        color="0.35",
    )
    axes.set(
        xlabel=f"{label} of the probe, compositions that it was fitted on (ID)",
        ylabel=f"{label} of the probe, core (C-OoD)",
    )
    percent_axes(axes)
    return figure


def describe_language_gap(table: pd.DataFrame, gap: LanguageGap) -> str:
    """The difference at the same ID accuracy, and whether ID accuracies overlap, as sentences."""
    if table.empty:
        return "Without image-only encoders there is no comparison."
    best = table.sort_values("C-OoD").groupby("trained_on", sort=False).tail(1)
    best = best.sort_values("C-OoD", ascending=False)
    estimate = ["C-OoD", "C-OoD low", "C-OoD high"]
    named = [
        f"{row['trained_on']} {percent(*row[estimate])} ({row['model']})"
        for _, row in best.iterrows()
    ]
    text = (
        f"The best accuracy of each kind of model on the core: {', '.join(named)}. "
        "Difference in this accuracy between linear probes of CLIPs and of image-only encoders, at "
        f"the same ID accuracy: {gap}."
    )
    if gap.image_encoder_families and not gap.inside:
        text += (
            " No image-only encoder has an ID accuracy within the range of the CLIPs, so this "
            "difference is an extrapolation and decides nothing."
        )
    elif gap.low <= 0 <= gap.high:
        text += " The interval contains 0, so it is not shown that either kind is better."
    return text


def summarise_language_gap(table: pd.DataFrame, gap: LanguageGap) -> str:
    """The comparison of CLIPs with image-only encoders as one sentence; empty without such."""
    if table.empty:
        return ""
    return (
        "Linear probes of CLIPs minus those of image-only encoders, at the same ID accuracy, in "
        f"accuracy on the core: {gap}."
    )


def describe_limits(study: Study, table: pd.DataFrame) -> str:
    """What the comparison of CLIPs with image-only encoders cannot show, as sentences."""
    sentences = []
    kinds = set(table["trained_on"]) - {CLIP, UNTRAINED}
    if study.trained_image_encoders and not table.empty:
        sentences.append(
            "The image-only encoders that the study trains see the same drawings as a CLIP with "
            "the same share, images, skew and seed, and start from the same weights, so only the "
            "supervision differs. But labels are cleaner than captions: a label gives both words "
            "of every drawing, and some captions give only one, or a wrong one. The encoders of "
            "one run, saved after more and more of its steps, are one family."
        )
    if "images alone" in kinds and study.trained_image_encoders:
        sentences.append(
            "An encoder that learns only from views of images can tell two drawings apart by their "
            "background, so it need not learn anything about the object in the foreground."
        )
    if set(study.image_encoders) - set(study.own_image_encoders) and not table.empty:
        sentences.append(
            "Published image-only encoders also differ from the CLIPs in training data and size, "
            "not only in language."
        )
    if any(CLIP in kind for kind in kinds):
        sentences.append(
            "Encoders that were trained on the features of a CLIP are shown but left out of the "
            "comparison, because language had a part in their training."
        )
    return " ".join(sentences)
