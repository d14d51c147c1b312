"""Drawing an evaluation set: its compositions, and each of its words alone."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd

from cood.files import write_table
from cood.settings.study_file import Study
from cood.splits import EVALUATION, ISOLATED
from cood.synthesis.drawing.draw import check_words, draw_many
from cood.synthesis.image_files import save_images
from cood.synthesis.manifests import KEPT, image_name
from cood.vocabulary import ANY_OBJECT

GENERATOR = "icons"


def draw_icon_set(study: Study, name: str, cores: int = 1) -> pd.DataFrame:
    """Draw a set: its compositions and its isolated words; return the manifest.

    Raises
    ------
    StudyError
        If the study has no such set of drawings.
    """
    table = draw_compositions(study, name, cores)
    draw_isolated(study, name, cores)
    return table


def draw_compositions(study: Study, name: str, cores: int = 1) -> pd.DataFrame:
    """Draw every composition of a set, write the PNG files and then the manifest; return it.

    Image k of a composition has the seed (study seed, stream, composition id, k), so it does not
    depend on the number of cores or of images.
    """
    settings = study.drawings(name)
    manifest = study.paths.manifest(name)
    words = study.words
    check_words(words.attributes, words.objects)
    rows = [
        {
            "image": image_name(f"{words.attributes[a]} {words.objects[o]}", f"{k}.png"),
            "attribute": words.attributes[a],
            "object": words.objects[o],
            "composition": id_,
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
    table["bytes"] = write_drawings(manifest.parent, settings.size, table, seeds, cores)
    write_table(table, manifest)
    return table


def image_seed(study_seed: int, composition: int, k: int) -> tuple[int, ...]:
    """Seed of image k of a composition of an evaluation set."""
    return (study_seed, EVALUATION, composition, k)


def draw_isolated(study: Study, name: str, cores: int = 1) -> pd.DataFrame:
    """Draw every word of a set alone, write the PNG files and then their table; return it.

    A row shows an attribute on a plain body, or an object without an attribute; the column of the
    other word is empty.
    """
    settings = study.drawings(name)
    path = study.paths.isolated(name)
    words = study.words
    shown = [("attributes", a, "", f"{a} {ANY_OBJECT}") for a in words.attributes]
    shown += [("objects", "", o, o) for o in words.objects]
    rows = [
        {
            # A word may be an attribute and an object, as "orange" is: each kind has its folder.
            "image": f"isolated/{kind}/{attribute or object_}/{k}.png",
            "attribute": attribute,
            "object": object_,
            "prompt": prompt,
            "seed": k,
            "generator": GENERATOR,
            "status": KEPT,
        }
        for kind, attribute, object_, prompt in shown
        for k in range(settings.isolated_images)
    ]
    table = pd.DataFrame(rows)
    seeds = [isolated_seed(study.seed, k) for k in table["seed"]]
    table["bytes"] = write_drawings(path.parent, settings.size, table, seeds, cores)
    write_table(table, path)
    return table


def isolated_seed(study_seed: int, k: int) -> tuple[int, ...]:
    """Seed of image k of an isolated word, the same for every word.

    So all words share their backgrounds and places, and all attributes their bodies: image k of
    two words differs in the word alone.
    """
    return (study_seed, ISOLATED, k)


def write_drawings(
    folder: Path, size: int, table: pd.DataFrame, seeds: Sequence[tuple[int, ...]], cores: int
) -> pd.Series:
    """Draw and write the images that a table lists; return the sizes of their files.

    Parameters
    ----------
    folder, size
        Where the images are written, and their side in pixels.
    table
        Has the columns `image`, `attribute` and `object`.
    seeds
        Seed of each image, as `draw_many` takes them.
    cores
        Number of processes.
    """
    rows = table[["image", "attribute", "object"]].assign(seed=seeds)
    parts = [part for _, part in rows.groupby("object", sort=False)]
    write_part = partial(_write_part, folder, size)
    if cores == 1:
        sizes = [write_part(part) for part in parts]
    else:
        with ProcessPoolExecutor(cores) as pool:
            sizes = list(pool.map(write_part, parts))
    return pd.concat(sizes)


def _write_part(folder: Path, size: int, rows: pd.DataFrame) -> pd.Series:
    pairs = list(zip(rows["attribute"], rows["object"], strict=True))
    pixels = draw_many(pairs, rows["seed"].tolist(), size)
    return pd.Series(save_images(folder, rows["image"], pixels), index=rows.index)
