"""CLIP towers beside image-only towers: the figure and what is said of it."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from cood.analysis.results import percent
from cood.analysis.topics.accuracy import CLIP, LanguageGap
from cood.report.plots import figures
from cood.settings import UNTRAINED
from cood.settings.study_file import Study

SHOWN = {
    "ID": "linear probe, compositions it was fitted on (ID)",
    "C-OoD": "linear probe, held-out compositions (C-OoD)",
    "zero-shot C-OoD": "own texts, held-out compositions",
}
ENDS = {"value": "", "low": " low", "high": " high"}


def accuracies(table: pd.DataFrame, label: str) -> Figure:
    """Accuracy of the probes of each tower with its interval, and chance, from `image_encoder_table`.

    `label` is that of the accuracies.
    """
    parts = [
        pd.DataFrame(
            {
                "model": [f"{row.model} ({row.tower})" for row in table.itertuples()],
                "group": shown,
                **{key: table.get(f"{name}{end}") for key, end in ENDS.items()},
            }
        )
        for name, shown in SHOWN.items()
    ]
    long = pd.concat(parts, ignore_index=True)
    figure = figures.intervals(long, list(SHOWN.values()), label)
    axes = figure.axes[0]
    if table.empty:
        axes.set(title="nothing to compare", xticks=[], yticks=[])
        return figure
    chance = float(table["chance"].mean())
    axes.axvline(chance, color="0.5", linestyle=":", label="chance")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=1)
    figures.percent_axes(axes, "x")
    return figure


def reading(table: pd.DataFrame, gap: LanguageGap) -> str:
    """What the comparison at the same ID accuracy says, and whether ID accuracies overlap."""
    if table.empty:
        return "The comparison needs image-only towers."
    best = table.sort_values("C-OoD").groupby("tower", sort=False).tail(1)
    best = best.sort_values("C-OoD", ascending=False)
    named = [
        f"{row['tower']} {percent(*row[['C-OoD', 'C-OoD low', 'C-OoD high']])} ({row['model']})"
        for _, row in best.iterrows()
    ]
    said = (
        f"Held-out compositions, the best of each kind: {', '.join(named)}. Read by the same "
        f"probes at the same ID accuracy, CLIPs less image-only towers: {gap}."
    )
    if gap.image_encoder_families and not gap.inside:
        said += (
            " But no family of image-only towers has an ID accuracy within the range of the CLIPs, "
            "so this rests on a line drawn beyond what was seen, and decides nothing."
        )
    return said


def caveats(study: Study, table: pd.DataFrame) -> str:
    """What the comparison of this study cannot show, as sentences."""
    said = []
    learned = set(table["tower"]) - {CLIP, UNTRAINED}
    if study.trained_image_encoders and not table.empty:
        said.append(
            "The towers that are trained here saw the drawings that a CLIP of their share saw, and "
            "have its layers and first weights, so what they are told is what differs. But labels "
            "are a cleaner teacher than captions, some of which name one word only: with labels a "
            "tower is told both words of every drawing."
        )
    if "images alone" in learned and study.trained_image_encoders:
        said.append(
            "A tower that learns from views alone can tell two drawings apart by their background, "
            "and so need learn nothing of what stands before it."
        )
    if set(study.image_encoders) - set(study.own_image_encoders) and not table.empty:
        said.append(
            "Published towers differ from the CLIPs in their data and size too, not in language "
            "alone."
        )
    if any(CLIP in kind for kind in learned):
        said.append(
            "Towers that learned from the features of a CLIP are shown, but left out of the "
            "comparison: language has a part in them."
        )
    return " ".join(said)
