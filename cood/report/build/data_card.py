"""The page *Data card* of a study whose images were not drawn by this project."""

from __future__ import annotations

from cood.files import read_table
from cood.report.topics.dataset import ICONS, describe_kept
from cood.settings.study_file import Study
from cood.synthesis.decoding import LARGEST, THINNEST

UNSTATED = "not stated (`licence:` in the study file)"

RULES = (
    "An image is read as a viewer shows it: turned as its EXIF orientation says, transparent parts "
    "on white, the first of several frames or pages, 16 bits a channel reduced to 8, CMYK and "
    f"palettes as RGB, without colour profiles. Images of more than {LARGEST:,} pixels, images "
    f"more than {THINNEST} times as long as wide, and pixels that are floating-point numbers are "
    "dropped. [](odd-inputs.md) has all rules."
)


def has_drawings(study: Study) -> bool:
    """Whether a set of a study is drawn by this project, which the page of the book describes."""
    return any(settings.source == ICONS for settings in study.sets.values())


def data_card(study: Study) -> str:
    """Page about the sets of a study, as MyST: source, images and licence of each.

    Parameters
    ----------
    study
        The study, whose sets were made.
    """
    parts = [f"# Data card: {', '.join(study.sets)}", "These images were not made by this project."]
    for name, settings in study.sets.items():
        table = read_table(study.table(name))
        pairs = table.loc[table["composition"] >= 0, "composition"].nunique()
        licence = " ".join((getattr(settings, "licence", None) or UNSTATED).split())
        parts += [
            f"## {name}",
            f"- Source: `{settings.source}`.\n"
            f"- Images: {describe_kept(table)}\n"
            f"- Compositions: {pairs:,} of {study.words.size:,} possible ones have an image.\n"
            f"- Licence: {licence}.",
        ]
    parts.append(
        f"{RULES} "
        "`cood export` writes a set with a longer card. [](executed/dataset.ipynb) shows examples."
    )
    return "\n\n".join(parts) + "\n"
