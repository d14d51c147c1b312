"""The similarity of duplicates: that of altered copies, and of pairs listed as duplicates."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import torch
from PIL import Image

from cood.curation.near_duplicates.references import SHORTEST, read_vectors
from cood.errors import ArtefactError, CoodError
from cood.evaluation.embed.images import IMAGE_BATCH, embed_pixels
from cood.evaluation.embed.precision import AUTO
from cood.models.clip import Clip
from cood.synthesis.decoding import decode
from cood.synthesis.image_files import load_image

COPIED = 200  # images of a set of which altered copies are made
JPEG_QUALITY = 50
EDGE = 20  # a crop leaves out this fraction of each side

PATHS, ROWS = ("image", "copy"), ("file", "row", "copy_file", "copy_row")


class Pairs(NamedTuple):
    """Cosines [n] of the pairs that could be compared, and why others could not."""

    similarities: np.ndarray
    problems: list[str]


def copy_similarities(
    clip: Clip, folder: Path, manifest: pd.DataFrame, images: np.ndarray, precision: str = AUTO
) -> np.ndarray:
    """Cosines of altered copies of a set's images with the images themselves, [3 n].

    Of up to `COPIED` images, evenly over the set, copies are compressed (JPEG), cropped or reduced.

    Parameters
    ----------
    clip
        The model.
    folder, manifest, images
        Folder of the set, rows of its kept images, and their embeddings [rows, d].
    precision
        That of these embeddings.
    """
    chosen = np.unique(np.linspace(0, len(manifest) - 1, COPIED).round().astype(int))
    copies = [
        copy
        for image in manifest["image"].iloc[chosen]
        for copy in altered(load_image(folder, image))
    ]
    pixels = torch.stack([clip.preprocess(copy) for copy in copies])
    vectors = embed_pixels(clip, pixels, precision)
    return _cosines(vectors, images[np.repeat(chosen, len(copies) // len(chosen))])


def altered(picture: Image.Image) -> list[Image.Image]:
    """Copies of an image as they occur on the web: compressed, cropped, reduced."""
    packed = io.BytesIO()
    picture.save(packed, format="jpeg", quality=JPEG_QUALITY)
    width, height = picture.size
    across, down = width // EDGE, height // EDGE
    cropped = picture.crop((across, down, width - across, height - down))
    smaller = (max(1, width // 2), max(1, height // 2))
    reduced = picture.resize(smaller, Image.Resampling.BICUBIC)
    packed.seek(0)
    return [decode(packed).image, cropped, reduced]


def pair_similarities(clip: Clip, file: Path, root: Path, precision: str = AUTO) -> Pairs:
    """Cosines of the pairs of images that a table lists as duplicates.

    Parameters
    ----------
    clip
        The model that embeds the images, where the table names images.
    file
        Parquet or CSV: the columns `image` and `copy` hold paths of images; or `file`, `row`,
        `copy_file` and `copy_row` files of embeddings and rows in them.
    root
        The project folder, to which the paths are relative.
    precision
        In which images are embedded.

    Raises
    ------
    CoodError
        If the table cannot be read, has other columns, or no pair of it can be compared.
    """
    where = f"near_duplicates.pairs: {file}"
    try:
        table = pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n")[0]
        raise CoodError(
            f"{where} cannot be read ({reason}); a parquet or CSV file is needed"
        ) from error
    if set(PATHS) <= set(table.columns):
        pairs = _of_images(clip, table.select(PATHS).rows(), root, precision)
    elif set(ROWS) <= set(table.columns):
        pairs = _of_rows(table.select(ROWS).to_pandas(), root)
    else:
        raise CoodError(
            f"{where} needs the columns {', '.join(PATHS)}, or {', '.join(ROWS)}, and has "
            f"{', '.join(table.columns)}"
        )
    if not len(pairs.similarities):
        first = pairs.problems[0] if pairs.problems else "it is empty"
        raise CoodError(f"{where}: no pair can be compared; {first}")
    return pairs


def _of_images(clip: Clip, pairs: list[tuple[str, str]], root: Path, precision: str) -> Pairs:
    cosines, problems = [np.empty(0)], list[str]()
    for start in range(0, len(pairs), IMAGE_BATCH):
        ready = []
        for pair in pairs[start : start + IMAGE_BATCH]:
            try:
                ready.append([clip.preprocess(load_image(root, str(name))) for name in pair])
            except ArtefactError as error:
                problems.append(str(error).partition(";")[0])
        if ready:
            sides = [torch.stack(list(side)) for side in zip(*ready, strict=True)]
            originals, copies = (embed_pixels(clip, side, precision) for side in sides)
            cosines.append(_cosines(originals, copies))
    return Pairs(np.concatenate(cosines), problems)


def _of_rows(table: pd.DataFrame, root: Path) -> Pairs:
    sides, problems = [], list[str]()
    for columns in (["file", "row"], ["copy_file", "copy_row"]):
        vectors: list[np.ndarray | None] = [None] * len(table)
        for name, rows in table.groupby(columns[0], sort=False)[columns[1]]:
            try:
                for k, vector in _picked(str(root / str(name)), rows):
                    vectors[k] = vector
            except CoodError as error:
                problems.append(str(error).partition(";")[0])
        sides.append(vectors)
    both = [(a, b) for a, b in zip(*sides, strict=True) if a is not None and b is not None]
    missing = len(table) - len(both)
    if missing and not problems:
        problems.append(f"{missing} pairs name rows that their files do not have")
    if not both:
        return Pairs(np.empty(0), problems)
    originals, copies = (np.stack(side) for side in zip(*both, strict=True))
    return Pairs(_cosines(originals, copies), problems)


def _picked(file: str, rows: pd.Series) -> Iterator[tuple[int, np.ndarray]]:
    """Position in the table, and vector, of each of the rows that the file has."""
    passed = 0
    for batch in read_vectors(file):
        here = rows[(rows >= passed) & (rows < passed + len(batch))]
        for k, row in here.items():
            yield int(str(k)), batch[row - passed]
        passed += len(batch)


def _cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return np.einsum("nd,nd->n", left, right) / np.maximum(lengths, SHORTEST)
