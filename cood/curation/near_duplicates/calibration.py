"""From which similarity on two images count as the same: altered copies, and pairs known to be."""

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

from cood.curation.near_duplicates.references import read_vectors
from cood.errors import ArtefactError, CoodError
from cood.evaluation.embed.images import IMAGE_BATCH, embed_pixels
from cood.models.loading import Clip
from cood.synthesis.drawing.icon_sets import load_image

COPIED = 200  # images of a set that are altered, for the threshold
PATHS, ROWS = ("image", "copy"), ("file", "row", "copy_file", "copy_row")


class Pairs(NamedTuple):
    """Cosines [n] of the pairs that could be compared, and why the others could not."""

    similarities: np.ndarray
    problems: list[str]


def copy_similarities(
    clip: Clip, folder: Path, manifest: pd.DataFrame, images: np.ndarray
) -> np.ndarray:
    """Cosines of altered copies of a set's images with the images themselves, [3 n].

    Up to `COPIED` images, evenly over the set, each compressed (JPEG), cropped and made smaller.

    Parameters
    ----------
    clip
        The model.
    folder, manifest, images
        Of the set: where it lies, the rows that were kept, their embeddings [rows, d].
    """
    chosen = np.unique(np.linspace(0, len(manifest) - 1, COPIED).round().astype(int))
    copies = [
        copy
        for image in manifest["image"].iloc[chosen]
        for copy in altered(load_image(folder, image))
    ]
    vectors = embed_pixels(clip, torch.stack([clip.preprocess(copy) for copy in copies]))
    return _cosines(vectors, images[np.repeat(chosen, len(copies) // len(chosen))])


def altered(picture: Image.Image) -> list[Image.Image]:
    """What becomes of an image on its way through the web, as one would still call it the same."""
    packed = io.BytesIO()
    picture.save(packed, format="jpeg", quality=50)
    width, height = picture.size
    edge = (width // 20, height // 20, width - width // 20, height - height // 20)
    smaller = (max(1, width // 2), max(1, height // 2))
    resized = picture.resize(smaller, Image.Resampling.BICUBIC)
    return [Image.open(packed).convert("RGB"), picture.crop(edge), resized]


def pair_similarities(clip: Clip, file: Path, root: Path) -> Pairs:
    """Cosines of the pairs of images that a table says are the same.

    Parameters
    ----------
    clip
        The model that embeds the images, where the table names images.
    file
        Parquet or CSV: the columns `image` and `copy` hold paths of images; or `file`, `row`,
        `copy_file` and `copy_row` files of embeddings and rows in them.
    root
        The project folder, from where the paths are seen.

    Raises
    ------
    CoodError
        If the table cannot be read, has other columns, or no pair of it can be compared.
    """
    where = f"neighbours.pairs: {file}"
    try:
        table = pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n")[0]
        raise CoodError(
            f"{where} cannot be read ({reason}); a parquet or CSV file is needed"
        ) from error
    if set(PATHS) <= set(table.columns):
        found = _of_images(clip, table.select(PATHS).rows(), root)
    elif set(ROWS) <= set(table.columns):
        found = _of_rows(table.select(ROWS).to_pandas(), root)
    else:
        raise CoodError(
            f"{where} needs the columns {', '.join(PATHS)}, or {', '.join(ROWS)}, and has "
            f"{', '.join(table.columns)}"
        )
    if not len(found.similarities):
        first = found.problems[0] if found.problems else "it is empty"
        raise CoodError(f"{where}: no pair can be compared; {first}")
    return found


def _of_images(clip: Clip, pairs: list[tuple[str, str]], root: Path) -> Pairs:
    found, problems = [np.empty(0)], list[str]()
    for start in range(0, len(pairs), IMAGE_BATCH):
        ready = []
        for pair in pairs[start : start + IMAGE_BATCH]:
            try:
                ready.append([clip.preprocess(load_image(root, str(name))) for name in pair])
            except ArtefactError as error:
                problems.append(str(error).partition(";")[0])
        if ready:
            sides = [torch.stack(list(side)) for side in zip(*ready, strict=True)]
            found.append(_cosines(*(embed_pixels(clip, side) for side in sides)))
    return Pairs(np.concatenate(found), problems)


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
    lacking = len(table) - len(both)
    if lacking and not problems:
        problems.append(f"{lacking} pairs name rows that their files do not have")
    if not both:
        return Pairs(np.empty(0), problems)
    one, other = (np.stack(side) for side in zip(*both, strict=True))
    return Pairs(_cosines(one, other), problems)


def _picked(file: str, rows: pd.Series) -> Iterator[tuple[int, np.ndarray]]:
    """Position in the table and vector of each wanted row that the file has."""
    passed = 0
    for batch in read_vectors(file):
        here = rows[(rows >= passed) & (rows < passed + len(batch))]
        for k, row in here.items():
            yield int(str(k)), batch[row - passed]
        passed += len(batch)


def _cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.einsum("nd,nd->n", one, other) / np.maximum(lengths, 1e-12)
