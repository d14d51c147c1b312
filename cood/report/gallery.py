"""Pictures of a data set: what the images look like, and which compositions are held out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cood.study import Study
from cood.synthesis.sets import load_image

SPLITS = {"shared": "#1f4e79", "partial": "#8fb8de", "unseen": "#e9a23b"}
SPLIT_NAMES = {
    "shared": "in every model's training set",
    "partial": "in some models' training sets",
    "unseen": "held out of all",
}


def gallery(
    folder: Path, manifest: pd.DataFrame, attributes: Sequence[str], columns: int
) -> Figure:
    """A row an attribute and `columns` images each, named by their objects.

    Parameters
    ----------
    folder, manifest
        Of the set; the images are taken from the top, each of another object.
    attributes
        One row each.
    columns
        Images in a row.
    """
    rows = len(attributes)
    figure, grid = plt.subplots(
        rows, columns, figsize=(columns * 0.98, rows * 1.1), squeeze=False, layout="constrained"
    )
    for line, attribute in zip(grid, attributes, strict=True):
        chosen = manifest[manifest["attribute"] == attribute].drop_duplicates("object")[:columns]
        for axes, image in zip(line, chosen.itertuples(), strict=False):
            axes.imshow(load_image(folder, image.image), interpolation="nearest")
            axes.set_title(image.object, fontsize=7, pad=2)
        for axes in line:
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(visible=False)
            axes.spines[:].set_visible(False)
        line[0].set_ylabel(attribute, rotation=0, ha="right", va="center", fontsize=9)
    return figure


def split_map(study: Study, split: np.ndarray) -> Figure:
    """Attributes by objects, coloured by split."""
    words = study.words
    order = list(SPLITS)
    grid = np.array([order.index(s) for s in split]).reshape(len(words.attributes), -1)
    # The legend needs seven inches, however few objects there are.
    size = (max(7.2, 1.8 + 0.17 * len(words.objects)), 2.0 + 0.2 * len(words.attributes))
    figure, axes = plt.subplots(figsize=size)
    colours = ListedColormap(list(SPLITS.values()))
    axes.imshow(grid, cmap=colours, vmin=-0.5, vmax=2.5, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(words.objects)), words.objects, rotation=90, fontsize=7)
    axes.set_yticks(range(len(words.attributes)), words.attributes, fontsize=7)
    axes.grid(visible=False)
    handles = [Patch(color=colour, label=SPLIT_NAMES[name]) for name, colour in SPLITS.items()]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8)
    return figure
