"""Images of a data set, and a map of the compositions that are held out."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from textwrap import wrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from cood.errors import NotebookError
from cood.report.plots.svg import fix_colours
from cood.settings.study_file import Study
from cood.splits import core, times_seen
from cood.synthesis.image_files import load_image

CORE_COLOUR = "#e9a23b"
LARGEST = 256  # pixels a side of an enlarged picture
QUALITY = 88  # of its file, so that hundreds of them fit a page
MOST_NAMES = 150  # of objects, which fit under a map
LEGEND_WIDTH = 7.2  # inches
CAPTION_LETTERS = 22  # in a line under a scene


class Pictures(HTML):
    """Pictures of a set on a page; each can be enlarged by its script."""


def gallery(
    folder: Path,
    manifest: pd.DataFrame,
    attributes: Sequence[str],
    rows: int,
    columns: int,
    notes: Sequence[str] = (),
) -> Pictures:
    """A row an attribute, and in it up to `columns` images; each can be enlarged on the page.

    Parameters
    ----------
    folder, manifest
        Of the set; the first images are taken, each of another object.
    attributes
        At most `rows` of these get a row, evenly spaced, if they have an image.
    rows, columns
        Number of rows, and of images in a row.
    notes
        For each composition, by its id: what to say of an enlarged image.

    Raises
    ------
    NotebookError
        If `rows` or `columns` is below 1.
    """
    _check_grid(rows=rows, columns=columns)
    parts = []
    for attribute in attributes[:: -(-len(attributes) // rows)]:
        own = manifest[manifest["attribute"] == attribute].drop_duplicates("object")[:columns]
        if own.empty:
            continue
        pictures = [
            _picture(folder / row.image, attribute, row.object, _note(notes, row.composition))
            for row in own.itertuples()
        ]
        name = escape(attribute)
        parts.append(
            f'<div class="gallery-row" role="group" aria-label="{name}">'
            f'<span class="gallery-name" aria-hidden="true">{name}</span>{"".join(pictures)}</div>'
        )
    return Pictures(f'<div class="gallery">{"".join(parts)}</div>')


def _note(notes: Sequence[str], composition: int) -> str:
    return notes[composition] if len(notes) else ""


def _picture(file: Path, attribute: str, object_: str, note: str) -> str:
    """HTML of a button with a picture and its object, which the script of the pages enlarges."""
    image = load_image(file.parent, file.name).convert("RGB")
    image.thumbnail((LARGEST, LARGEST))
    encoded = io.BytesIO()
    image.save(encoded, "webp", quality=QUALITY)
    data = base64.b64encode(encoded.getvalue()).decode()
    name = escape(f"{attribute} {object_}")
    return (
        f'<button type="button" class="picture" data-note="{escape(note)}" title="{name}">'
        f'<img src="data:image/webp;base64,{data}" alt="{name}"/>'
        f'<span aria-hidden="true">{escape(object_)}</span></button>'
    )


def _check_grid(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise NotebookError(f"parameter {name}: got {number}; set it to 1 or more")


def draw_map(study: Study, manifest: pd.DataFrame) -> Figure:
    """Attributes by objects, coloured by how many models see the composition in training.

    If the study trains no model, by the number of images in `manifest`; it has no core then.
    """
    words = study.words
    in_core = np.isin(np.arange(words.size), core(study)) & bool(study.trained)
    images = np.bincount(manifest["composition"], minlength=words.size)
    values, largest = (times_seen(study), len(study.trained)) if study.trained else (images, 0)
    grid = np.ma.masked_array(values, in_core).reshape(len(words.attributes), -1)
    width = 1.8 + 0.17 * min(len(words.objects), MOST_NAMES)
    size = (max(LEGEND_WIDTH, width), 2.0 + 0.2 * len(words.attributes))
    figure, axes = plt.subplots(figsize=size)
    drawn = axes.imshow(
        grid,
        cmap=plt.get_cmap("Blues").with_extremes(bad=CORE_COLOUR),
        vmin=0,
        vmax=largest or max(1, images.max()),
        aspect="auto",
        interpolation="nearest",
    )
    if len(words.objects) <= MOST_NAMES:
        axes.set_xticks(range(len(words.objects)), words.objects, rotation=90, fontsize=8)
    else:
        axes.set_xlabel(f"{len(words.objects):,} objects")
    axes.set_yticks(range(len(words.attributes)), words.attributes, fontsize=8)
    axes.grid(visible=False)
    label = "models that see it in training" if study.trained else "images"
    figure.colorbar(drawn, ax=axes, label=label, ticks=MaxNLocator(integer=True))
    if study.trained:
        patch = Patch(color=CORE_COLOUR, label="core: seen by no model")
        legend = axes.legend(handles=[patch], loc="lower left", bbox_to_anchor=(0, 1))
        plt.setp(legend.get_texts(), fontsize=8)
        fix_colours(*legend.get_patches())
    return figure


def scenes(study: Study, manifests: Mapping[str, pd.DataFrame], columns: int) -> Figure:
    """Two rows of `columns` images from each factor set, with their captions below.

    Parameters
    ----------
    study, manifests
        The study and, by name, the manifests of its factor sets; the first images are shown.
    columns
        Number of images in a row.
    """
    _check_grid(columns=columns)
    rows = 2 * len(manifests)
    figure, grid = plt.subplots(rows, columns, figsize=(1.75 * columns, 2.55 * rows), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for k, (name, manifest) in enumerate(manifests.items()):
        folder = study.paths.manifest(name).parent
        shown = manifest.head(2 * columns)
        for axes, image, prompt in zip(
            grid[2 * k : 2 * k + 2].flat, shown["image"], shown["prompt"], strict=False
        ):
            axes.imshow(load_image(folder, image), interpolation="nearest")
            text = "\n".join(wrap(prompt, CAPTION_LETTERS))
            axes.text(0.5, -0.04, text, ha="center", va="top", fontsize=8, transform=axes.transAxes)
    return figure
