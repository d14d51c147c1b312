"""The nearest training image to each image of the sets, and which are as near as copies."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from cood.errors import CoodError, StudyError
from cood.evaluation.embedding import embed_pixels, load_model
from cood.files import read_tensors, write_table, write_tensors
from cood.models.loading import Clip
from cood.models.training import draw_tensors
from cood.settings import Neighbours
from cood.study import Study
from cood.synthesis.compositions import TRAINING, training_captions
from cood.synthesis.novelty.neighbours import nearest
from cood.synthesis.novelty.reading import find_files
from cood.synthesis.novelty.references import IMAGES, READERS
from cood.synthesis.sets import load_image, read_manifest

COPIED = 200  # images of a set that are altered, for the threshold
COLUMNS = ["set", "image", "composition", "similarity", "file", "row", "threshold", "problem"]


def find_neighbours(study: Study, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Find the nearest reference to each kept image of all sets, write the table and return it.

    A row an image, found in its manifest by `set` and `image`: `similarity` is the cosine to the
    nearest reference, which is row `row` of `file`. `threshold` is what the given share of altered
    copies of the set's own images reach: from there on, an image counts as known. A model that
    cannot be had leaves a row with the reason in `problem`.
    """
    settings = study.neighbours
    if settings is None:
        raise StudyError("neighbours: the study file has no such section")
    clip = load_model(study, settings.model, say)
    if isinstance(clip, str):
        table = pd.DataFrame([{"problem": clip}]).reindex(columns=COLUMNS)
    else:
        table = pd.concat(_searched(study, settings, clip, say), ignore_index=True)
    write_table(table, study.paths.neighbours)
    return table


def _searched(
    study: Study, settings: Neighbours, clip: Clip, say: Callable[[str], None]
) -> Iterator[pd.DataFrame]:
    folder = study.paths.neighbours.parent
    files = _references(study, settings, clip, folder, say)
    for name in study.sets:
        manifest = read_manifest(study, name)
        images = read_tensors(study.paths.embeddings(settings.model, name))[0][IMAGES]
        if len(images) != len(manifest):
            raise CoodError(f"embeddings of {name} are out of date; run `nox -s reproduce`")
        say(f"{name}: looking for the nearest to {len(images):,} images")
        found = nearest(files, images, folder, say)
        copies = copy_similarities(clip, study.paths.manifest(name).parent, manifest, images)
        shown = [Path(file).name for file in files]
        yield pd.DataFrame(
            {
                "set": name,
                "image": manifest["image"],
                "composition": manifest["composition"],
                "similarity": found.similarity,
                "file": [shown[k] for k in found.file],
                "row": found.row,
                "threshold": np.quantile(copies, 1 - settings.copies_found),
                "problem": "",
            }
        )


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
    originals = images[np.repeat(chosen, len(copies) // len(chosen))]
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(originals, axis=1)
    return np.einsum("nd,nd->n", vectors, originals) / lengths


def altered(picture: Image.Image) -> list[Image.Image]:
    """What becomes of an image on its way through the web, as one would still call it the same."""
    packed = io.BytesIO()
    picture.save(packed, format="jpeg", quality=50)
    width, height = picture.size
    edge = (width // 20, height // 20, width - width // 20, height - height // 20)
    smaller = (max(1, width // 2), max(1, height // 2))
    resized = picture.resize(smaller, Image.Resampling.BICUBIC)
    return [Image.open(packed).convert("RGB"), picture.crop(edge), resized]


def _references(
    study: Study, settings: Neighbours, clip: Clip, folder: Path, say: Callable[[str], None]
) -> list[str]:
    if settings.references is not None:
        return find_files(settings.references, study.paths.root, tuple(READERS))
    training = study.trained[settings.model]
    ids = training_captions(study, training)["composition"].to_numpy()
    say(f"{settings.model}: drawing its {len(ids):,} training images again")
    pixels = draw_tensors(study, clip, ids, (TRAINING, training.seed))
    path = folder / "training.safetensors"
    write_tensors({IMAGES: embed_pixels(clip, pixels)}, path, {"model": settings.model})
    return [str(path)]
