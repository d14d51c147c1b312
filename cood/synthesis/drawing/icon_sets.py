"""Writing an evaluation set: PNG files and their manifest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cood.errors import ArtefactError
from cood.files import atomic, read_table, write_table
from cood.settings.study_file import Study
from cood.splits import EVALUATION, splits
from cood.synthesis.drawing.draw import check_words, draw_many
from cood.synthesis.image_files import to_rgb

GENERATOR = "icons"
KEPT, FAILED = "kept", "failed"  # how `status` begins; anything else says why an image was dropped


def draw_set(study: Study, name: str, cores: int = 1) -> pd.DataFrame:
    """Draw every composition of a set, write the PNG files, then the manifest, and return it.

    Image k of a composition has the seed (study seed, stream, composition id, k), so it is the
    same whatever the number of cores or of images.
    """
    settings = study.drawings(name)
    manifest = study.paths.manifest(name)
    split = splits(study)
    words = study.words
    check_words(words.attributes, words.objects)
    rows = [
        {
            "image": image_name(f"{words.attributes[a]} {words.objects[o]}", f"{k}.png"),
            "attribute": words.attributes[a],
            "object": words.objects[o],
            "composition": id_,
            "split": split[id_],
            "prompt": f"{words.attributes[a]} {words.objects[o]}",
            "seed": k,
            "generator": GENERATOR,
            "status": KEPT,
        }
        for id_ in range(words.size)
        for a, o in [(words.attribute_of(id_), words.object_of(id_))]
        for k in range(settings.images_per_composition)
    ]
    table = pd.DataFrame(rows)
    pairs = zip(table["composition"], table["seed"], strict=True)
    seeds = [image_seed(study.seed, composition, k) for composition, k in pairs]
    table["bytes"] = write_images(manifest.parent, settings.size, table, seeds, cores)
    write_table(table, manifest)
    return table


def image_seed(study_seed: int, composition: int, k: int) -> tuple[int, ...]:
    """Seed of image k of a composition of an evaluation set."""
    return (study_seed, EVALUATION, composition, k)


def write_images(
    folder: Path, size: int, table: pd.DataFrame, seeds: Sequence[tuple[int, ...]], cores: int
) -> pd.Series:
    """Draw and write the images that a table lists, and give the sizes of their files.

    Parameters
    ----------
    folder, size
        Where the images go, and their side in pixels.
    table
        Has the columns `image`, `attribute` and `object`.
    seeds
        Seed of each image, as `draw_many` takes them.
    cores
        Number of processes.
    """
    rows = table[["image", "attribute", "object"]].assign(seed=seeds)
    parts = [part for _, part in rows.groupby("object", sort=False)]
    work = partial(_write_part, folder, size)
    if cores == 1:
        sizes = [work(part) for part in parts]
    else:
        with ProcessPoolExecutor(cores) as pool:
            sizes = list(pool.map(work, parts))
    return pd.concat(sizes)


def read_manifest(study: Study, name: str) -> pd.DataFrame:
    """Rows of a set that were kept, by its verification too if there is one."""
    study.set_or_id_set(name)
    table = read_table(study.table(name))
    return table[table["status"] == KEPT].reset_index(drop=True)


def damaged_image(table: Path) -> str | None:
    """First kept image of a table that is missing or has not the size it was written with.

    The table is a manifest, that of the isolated words beside it, or that of a shard.
    """
    rows = read_table(table)
    kept = rows.loc[rows["status"] == KEPT, ["image", "bytes"]]
    for image, size in kept.itertuples(index=False):
        path = table.parent / image
        if not path.is_file() or path.stat().st_size != size:
            return image
    return None


def failed_image(table: Path) -> str | None:
    """First image of a table that could not be made, with the reason: it is worth another try."""
    rows = read_table(table)
    failed = rows.loc[rows["status"].str.startswith(FAILED), ["image", "status"]]
    for image, status in failed.itertuples(index=False):
        return f"image {image} {status}"
    return None


def image_name(words: str, file: str) -> str:
    """Path of an image in its set: ``attribute object/file``; a slash in a word is no folder."""
    return f"{words.replace('/', '_')}/{file}"


def load_image(folder: Path, image: str) -> Image.Image:
    """Open one image of a set as RGB."""
    try:
        with Image.open(folder / image) as picture:
            return to_rgb(picture)
    except (OSError, ValueError) as error:
        raise ArtefactError(
            f"image {folder / image} cannot be read ({error}); delete it and run "
            "`nox -s reproduce`: its set is drawn again"
        ) from error


def save_images(folder: Path, images: Iterable[str], pixels: Iterable[np.ndarray]) -> list[int]:
    """Write arrays [height, width, 3] as PNG files in `folder`; give the files' sizes."""
    sizes = []
    for image, array in zip(images, pixels, strict=True):
        path = folder / image
        with atomic(path) as temporary:
            # Level 1: twice as fast to write, a tenth larger.
            Image.fromarray(array).save(temporary, format="png", compress_level=1)
        sizes.append(path.stat().st_size)
    return sizes


def _write_part(folder: Path, size: int, rows: pd.DataFrame) -> pd.Series:
    pairs = list(zip(rows["attribute"], rows["object"], strict=True))
    pixels = draw_many(pairs, rows["seed"].tolist(), size)
    return pd.Series(save_images(folder, rows["image"], pixels), index=rows.index)
