"""Images of a data set, and a map of the compositions that are held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from PIL import ImageOps

from cood.errors import NotebookError
from cood.report.plots.svg import fix_colours
from cood.settings.study_file import Study
from cood.splits import core, times_seen
from cood.synthesis.image_files import load_image

CORE_COLOUR = "#e9a23b"
GAP = 14  # pixels above each image, for its name
MARGIN = 4  # pixels between columns
LARGEST = 96  # pixels a side
MOST_NAMES = 150  # of objects, which fit under a map
LEGEND_WIDTH = 7.2  # inches
CAPTION_LETTERS = 22  # in a line under a scene


def gallery(
    folder: Path, manifest: pd.DataFrame, attributes: Sequence[str], rows: int, columns: int
) -> Figure:
    """A row an attribute, and in it up to `columns` images, each with the name of its object.

    Images are cropped to a square and scaled down where necessary.

    Parameters
    ----------
    folder, manifest
        Of the set; the first images are taken, each of another object.
    attributes
        At most `rows` of these get a row, evenly spaced, if they have an image.
    rows, columns
        Number of rows, and of images in a row.

    Raises
    ------
    NotebookError
        If `rows` or `columns` is below 1.
    """
    _check_grid(rows=rows, columns=columns)
    attributes = attributes[:: -(-len(attributes) // rows)]
    by_attribute = {
        attribute: manifest[manifest["attribute"] == attribute].drop_duplicates("object")[:columns]
        for attribute in attributes
    }
    attributes = [attribute for attribute, row in by_attribute.items() if len(row)]
    samples = [by_attribute[attribute] for attribute in attributes]
    side = min(LARGEST, *load_image(folder, samples[0]["image"].iloc[0]).size)
    wide, high = side + MARGIN, side + GAP
    # One image of all: hundreds of axes would take a minute to lay out. Gaps are transparent.
    mosaic = np.zeros((high * len(samples), wide * columns, 4), np.uint8)
    figure, axes = plt.subplots(figsize=(columns * 0.9 + 1.3, len(samples) * 1.03))
    for i, row in enumerate(samples):
        for k, (file, object_) in enumerate(zip(row["image"], row["object"], strict=True)):
            top, left = i * high + GAP, k * wide
            image = load_image(folder, file)
            if image.size != (side, side):
                image = ImageOps.fit(image, (side, side))
            mosaic[top : top + side, left : left + side] = np.asarray(image.convert("RGBA"))
            name = axes.text(left + side / 2, top - 2, object_, ha="center", va="bottom")
            name.set(fontsize=7, parse_math=False)  # dollar signs in a name are no formula
    axes.imshow(mosaic, interpolation="nearest")
    axes.set_yticks(
        [i * high + GAP + side / 2 for i in range(len(samples))], attributes, fontsize=9
    )
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return figure


def _check_grid(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise NotebookError(f"parameter {name}: got {number}; set it to 1 or more")


def draw_map(study: Study) -> Figure:
    """Attributes by objects, coloured by how many models see the composition in training.

    A study that trains no model has no core.
    """
    words = study.words
    in_core = np.isin(np.arange(words.size), core(study)) & bool(study.trained)
    grid = np.ma.masked_array(times_seen(study), in_core).reshape(len(words.attributes), -1)
    width = 1.8 + 0.17 * min(len(words.objects), MOST_NAMES)
    size = (max(LEGEND_WIDTH, width), 2.0 + 0.2 * len(words.attributes))
    figure, axes = plt.subplots(figsize=size)
    colours = plt.get_cmap("Blues").with_extremes(bad=CORE_COLOUR)
    drawn = axes.imshow(
        grid,
        cmap=colours,
        vmin=0,
        vmax=max(1, len(study.trained)),
        aspect="auto",
        interpolation="nearest",
    )
    if len(words.objects) <= MOST_NAMES:
        axes.set_xticks(range(len(words.objects)), words.objects, rotation=90, fontsize=7)
    else:
        axes.set_xlabel(f"{len(words.objects):,} objects")
    axes.set_yticks(range(len(words.attributes)), words.attributes, fontsize=7)
    axes.grid(visible=False)
    whole = MaxNLocator(integer=True)
    figure.colorbar(drawn, ax=axes, label="models that see it in training", ticks=whole)
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
