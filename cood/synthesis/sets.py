"""Writing an evaluation set: PNG files and their manifest."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from cood.errors import ArtefactError
from cood.files import atomic, read_table, write_table
from cood.study import IconSet, Study
from cood.synthesis.compositions import EVALUATION, splits
from cood.synthesis.drawing import draw_many

GENERATOR = "icons"


def draw_set(study: Study, name: str, cores: int = 1) -> pd.DataFrame:
    """Draw every composition of a set, write the PNG files, then the manifest, and return it.

    Image k of a composition has the seed (study seed, stream, composition id, k), so it is the
    same whatever the number of cores or of images.
    """
    settings: IconSet = study.set(name)
    manifest = study.paths.manifest(name)
    split = splits(study)
    words = study.words
    rows = [
        {
            "image": f"{words.attributes[a]} {words.objects[o]}/{k}.png",
            "attribute": words.attributes[a],
            "object": words.objects[o],
            "composition": id_,
            "split": split[id_],
            "prompt": f"{words.attributes[a]} {words.objects[o]}",
            "seed": k,
            "generator": GENERATOR,
            "status": "kept",
        }
        for id_ in range(words.size)
        for a, o in [(words.attribute_of(id_), words.object_of(id_))]
        for k in range(settings.images_per_composition)
    ]
    table = pd.DataFrame(rows)
    parts = [part for _, part in table.groupby("object", sort=False)]
    work = partial(_write_images, manifest.parent, settings.size, study.seed)
    if cores == 1:
        sizes = [work(part) for part in parts]
    else:
        with ProcessPoolExecutor(cores) as pool:
            sizes = list(pool.map(work, parts))
    table["bytes"] = pd.concat(sizes)
    write_table(table, manifest)
    return table


def image_seed(study_seed: int, composition: int, k: int) -> tuple[int, ...]:
    """Seed of image k of a composition of an evaluation set."""
    return (study_seed, EVALUATION, composition, k)


def read_manifest(study: Study, name: str) -> pd.DataFrame:
    """Rows of a set that were kept."""
    study.set(name)
    table = read_table(study.paths.manifest(name))
    return table[table["status"] == "kept"].reset_index(drop=True)


def damaged_image(manifest: Path) -> str | None:
    """First image of a manifest that is missing or has not the size it was written with."""
    for image, size in read_table(manifest)[["image", "bytes"]].itertuples(index=False):
        path = manifest.parent / image
        if not path.is_file() or path.stat().st_size != size:
            return image
    return None


def load_image(folder: Path, image: str) -> Image.Image:
    """Open one image of a set as RGB."""
    try:
        with Image.open(folder / image) as picture:
            return picture.convert("RGB")
    except OSError as error:
        raise ArtefactError(
            f"image {folder / image} cannot be read ({error}); delete it and run "
            "`nox -s reproduce`: its set is drawn again"
        ) from error


def write_images(folder: Path, images: Iterable[str], pixels: Iterable[np.ndarray]) -> list[int]:
    """Write arrays [height, width, 3] as PNG files in `folder`; give the files' sizes."""
    sizes = []
    for image, array in zip(images, pixels, strict=True):
        path = folder / image
        with atomic(path) as temporary:
            # Level 1: twice as fast to write, a tenth larger.
            Image.fromarray(array).save(temporary, format="png", compress_level=1)
        sizes.append(path.stat().st_size)
    return sizes


def _write_images(folder: Path, size: int, study_seed: int, rows: pd.DataFrame) -> pd.Series:
    seeds = map(image_seed, repeat(study_seed), rows["composition"], rows["seed"])
    pairs = list(zip(rows["attribute"], rows["object"], strict=True))
    pixels = draw_many(pairs, list(seeds), size)
    return pd.Series(write_images(folder, rows["image"], pixels), index=rows.index)
