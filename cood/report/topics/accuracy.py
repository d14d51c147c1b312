"""Accuracy in and out of distribution, and CLIPs against image-only encoders."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from cood.analysis.results import percent
from cood.analysis.topics.accuracy import CLIP, LanguageGap
from cood.files import read_table
from cood.report.plots.intervals import interval_rows
from cood.report.plots.style import percent_axes
from cood.report.topics.dataset import describe_outcomes, image_outcomes
from cood.settings import UNTRAINED
from cood.settings.study_file import Study
from cood.synthesis.manifests import KEPT
from cood.vocabulary import named_attributes

SHOWN = {
    "ID": "linear probe, compositions that it was fitted on (ID)",
    "C-OoD": "linear probe, core (C-OoD)",
    "zero-shot C-OoD": "zero-shot, core (C-OoD)",
}
ENDS = {"value": "", "low": " low", "high": " high"}


def describe_id_accuracy(study: Study) -> str:
    """What the reader must know to interpret the ID accuracy of a study, as a paragraph."""
    sentences = []
    for name in study.id_sets:
        manifest = read_table(study.paths.manifest(name))
        classes = manifest.loc[manifest["status"] == KEPT, "class"].nunique()
        sentences.append(
            f"The ID set {name} has images of {classes:,} ImageNet classes, and only these are "
            "offered as answers; intervals come from resampling classes. "
            f"{describe_outcomes(image_outcomes(manifest))}"
        )
    if study.trained:
        sentences.append(
            "Each model has its own draw of compositions, so the images that test ID accuracy and "
            "those that test C-OoD accuracy differ between models."
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


def plot_probe_accuracy(table: pd.DataFrame, label: str) -> Figure:
    """Accuracy of the linear probes of each model with its interval, and chance.

    Parameters
    ----------
    table
        What `cood.analysis.topics.accuracy.image_encoder_table` returns.
    label
        Of the accuracies.
    """
    parts = [
        pd.DataFrame(
            {
                "model": [f"{row.model} ({row.trained_on})" for row in table.itertuples()],
                "group": group,
                **{key: table.get(f"{name}{end}") for key, end in ENDS.items()},
            }
        )
        for name, group in SHOWN.items()
    ]
    rows = pd.concat(parts, ignore_index=True)
    figure = interval_rows(rows, list(SHOWN.values()), label)
    axes = figure.axes[0]
    if table.empty:
        axes.set(title="The study has no image-only encoder", xticks=[], yticks=[])
        return figure
    chance = float(table["chance"].mean())
    axes.axvline(chance, color="0.5", linestyle=":", label="chance")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=1)
    percent_axes(axes, "x")
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
    return text


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
