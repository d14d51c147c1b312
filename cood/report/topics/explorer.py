"""The explorer: its data as scripts and sheets of thumbnails, and the part of a page that it fills.

A page that is opened as a file cannot fetch data, but it can load scripts and images. So the data
are a script that names the words, models and images, one script a model, and one sheet of
thumbnails an attribute. `book/_static/explorer.js` reads them.
"""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from cood.analysis.topics.explorer import ModelAnswers, Sample
from cood.report.model_settings import model_lines
from cood.report.plots.style import WIDTH
from cood.report.plots.svg import Label, label_marks
from cood.report.tables import output
from cood.settings.study_file import Study
from cood.splits import core
from cood.synthesis.image_files import load_image
from cood.vocabulary import Vocabulary

MOST_BYTES = 3_000_000  # of all data
SIDE = 64  # pixels of a thumbnail
QUALITIES = (60, 45, 30, 20, 10)  # of thumbnails: the first that keeps the data within the bound
WIDTHS = {1: np.uint8, 2: np.uint16, 4: np.uint32}  # bytes of an id


def save_data(
    study: Study,
    set_: str,
    files: Sequence[str],
    sample: Sample,
    models: pd.DataFrame,
    answers: Mapping[str, ModelAnswers],
) -> int:
    """Save the data of the explorer as files of the running notebook, and return their size.

    Parameters
    ----------
    study, set_
        Whose images.
    files
        Image files of the set, by the rows of its manifest.
    sample
        The images that are shown.
    models
        Table of the models of the study.
    answers
        To these images, by model.
    """
    words = study.words
    scripts: dict[str, object] = {"index": index(study, sample, models, answers)}
    for i, own in enumerate(answers.values()):
        scripts[f"model-{i}"] = pack(own, words.size, len(words.attributes), len(words.objects))
    size = 0
    for name, value in scripts.items():
        text = f"explorerData({json.dumps(name)}, {json.dumps(value, ensure_ascii=False)});\n"
        output(f"{name}.mjs").write_text(text, encoding="utf-8")
        size += len(text.encode())
    folder = study.paths.manifest(set_).parent
    sheets = draw_sheets(folder, files, sample, MOST_BYTES - size)
    for i, sheet in enumerate(sheets):
        output(f"sheet-{i}.webp").write_bytes(sheet)
    return size + sum(map(len, sheets))


def index(
    study: Study, sample: Sample, models: pd.DataFrame, answers: Mapping[str, ModelAnswers]
) -> dict[str, object]:
    """What the script needs besides answers: words, the grid, its images, and the models."""
    words, lines = study.words, model_lines(models)
    first = next(iter(answers.values()))
    return {
        "attributes": words.attributes,
        "objects": words.objects,
        "rows": sample.attributes.tolist(),
        "columns": sample.objects.tolist(),
        "counts": sample.counts.ravel().tolist(),
        "core": core(study).tolist() if study.trained else [],
        "side": SIDE,
        "most": int(sample.counts.max()),
        "top": first.pairs.shape[1],
        "start": {"model": median_model(sample, answers)},
        "bytes": {
            "pair": id_bytes(words.size),
            "attribute": id_bytes(len(words.attributes)),
            "object": id_bytes(len(words.objects)),
        },
        "models": [
            {"name": name, "about": ", ".join(lines[name]), "trained": name in study.trained}
            for name in answers
        ],
    }


def median_model(sample: Sample, answers: Mapping[str, ModelAnswers]) -> str:
    """The model of median pair accuracy on the images, with which the page starts."""
    truth = np.repeat(sample.compositions.ravel(), sample.counts.ravel())
    accuracy = [(own.pairs[:, 0] == truth).mean() for own in answers.values()]
    return list(answers)[int(np.argsort(accuracy, kind="stable")[len(accuracy) // 2])]


def id_bytes(n: int) -> int:
    """Bytes that hold the ids of `n` things."""
    return int(np.min_scalar_type(n - 1).itemsize)


def pack(answers: ModelAnswers, pairs: int, attributes: int, objects: int) -> str:
    """The answers of a model as compressed bytes in base64.

    In this order: pairs rank by rank, cosines in hundredths rank by rank as signed bytes, the best
    attribute and the best object of each image, and, a byte a composition of the study, whether
    the model was trained on it.

    Parameters
    ----------
    answers
        Of one model.
    pairs, attributes, objects
        How many of each the study has.
    """
    seen = np.zeros(pairs, np.uint8)
    seen[answers.seen] = 1
    parts = (
        _ids(answers.pairs.T, pairs),
        np.round(100 * answers.cosines.T).astype(np.int8),
        _ids(answers.attributes, attributes),
        _ids(answers.objects, objects),
        seen,
    )
    data = b"".join(part.tobytes() for part in parts)
    return base64.b64encode(zlib.compress(data, 9)).decode()


def _ids(values: np.ndarray, n: int) -> np.ndarray:
    """Ids in the fewest bytes, the lowest byte first, as browsers read them."""
    return values.astype(np.dtype(WIDTHS[id_bytes(n)]).newbyteorder("<"))


def draw_sheets(folder: Path, files: Sequence[str], sample: Sample, most: int) -> list[bytes]:
    """A sheet of thumbnails for each attribute: a row an object, a column an image, as WebP.

    Parameters
    ----------
    folder, files
        Of the set; image files by the rows of its manifest.
    sample
        The images.
    most
        Bytes that all sheets have at most, unless the lowest quality needs more.
    """
    ends = sample.counts.cumsum().reshape(sample.counts.shape)
    pictures = []
    for counts, last in zip(sample.counts, ends, strict=True):
        picture = Image.new("RGB", (SIDE * int(sample.counts.max()), SIDE * len(counts)), "white")
        for row, (n, end) in enumerate(zip(counts, last, strict=True)):
            for column, image in enumerate(sample.images[end - n : end]):
                square = ImageOps.fit(load_image(folder, files[image]), (SIDE, SIDE))
                picture.paste(square, (column * SIDE, row * SIDE))
        pictures.append(picture)
    sheets: list[bytes] = []
    for quality in QUALITIES:
        sheets = [_as_webp(picture, quality) for picture in pictures]
        if sum(map(len, sheets)) <= most:
            break
    return sheets


def _as_webp(picture: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, method=4)
    return file.getvalue()


def place() -> HTML:
    """The part of the page that the script fills, and what it says without scripts."""
    return HTML(
        '<div class="explorer"><p>This part of the page needs JavaScript. The figure below and its '
        "table need none.</p></div>"
    )


def describe_choice(
    words: Vocabulary, models: pd.DataFrame, shown: Sequence[str], sample: Sample, n_images: int
) -> str:
    """Which models and images the explorer has, in a sentence.

    Parameters
    ----------
    words, models, n_images
        Vocabulary of the study, table of its models, and number of images of the set.
    shown, sample
        Names of the models, and images, that the explorer has.
    """
    n_models = len(models)
    if "missing" in models:  # why a model could not be loaded
        n_models = int((models["missing"].fillna("") == "").sum())
    text = f"The explorer has all {n_models} models"
    if len(shown) < n_models:
        text = f"The explorer has {len(shown)} of {n_models} models, spread evenly over accuracy,"
    grid, n_shown = sample.compositions, len(sample.images)
    if n_shown == n_images:
        return f"{text} and all {n_images:,} images of {words.size:,} compositions."
    return (
        f"{text} and {n_shown:,} of {n_images:,} images, so that the page stays small: those of "
        f"{grid.shape[0]:,} of {len(words.attributes):,} attributes with {grid.shape[1]:,} of "
        f"{len(words.objects):,} objects, at most {int(sample.counts.max())} a composition."
    )


def describe_seen_marks(study: Study) -> str:
    """What is marked as seen, in a sentence."""
    if not study.trained:
        return (
            "The training data of these models are not controlled, so that no composition is "
            "marked as seen: all count as unseen."
        )
    text = (
        "A dot marks a composition that the model was trained on, and a cross one of the core, "
        "which no model was trained on."
    )
    if len(study.trained) < len(study.models):
        text += " Published models have no dots: for them all compositions count as unseen."
    return text


def draw_grid(table: pd.DataFrame) -> Figure:
    """Attributes by objects, coloured by mean pair accuracy of the models that saw them not.

    `table` is that of `cood.analysis.topics.explorer.composition_table`.
    """
    grid = table.pivot(index="attribute", columns="object", values="pair_unseen")
    grid = grid.reindex(table["attribute"].unique())[table["object"].unique()]
    height = 2.2 + 0.2 * len(grid)
    figure, axes = plt.subplots(figsize=(max(WIDTH, 2.2 + 0.22 * grid.shape[1]), height))
    values = np.ma.masked_invalid(100 * grid.to_numpy())
    drawn = axes.pcolormesh(values, cmap="cividis", vmin=0)
    label_marks(
        drawn,
        *(
            Label(f"{attribute} {object_}", ["no value" if np.isnan(v) else f"{100 * v:.0f} %"])
            for attribute, row in grid.iterrows()
            for object_, v in row.items()
        ),
    )
    axes.set_xticks(np.arange(grid.shape[1]) + 0.5, grid.columns, rotation=90, fontsize=7)
    axes.set_yticks(np.arange(len(grid)) + 0.5, grid.index, fontsize=7)
    axes.invert_yaxis()
    axes.grid(visible=False)
    figure.colorbar(drawn, ax=axes, label="pair accuracy where unseen (%)")
    return figure
