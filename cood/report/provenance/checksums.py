"""Seeds and checksums that identify a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cood.files import read_table
from cood.settings import IconSet, PublishedImageEncoder
from cood.settings.study_file import Study
from cood.synthesis.manifests import KEPT

STUDY_DRAWS = "splits, images, captions, prompts, queries, shuffles, rotations and resamples"
MODEL_DRAWS = "initial weights, training drawings and their captions, order of batches"
IMAGE_ENCODER_DRAWS = "initial weights, training drawings, order of batches"
MISSING = "missing"
DIGITS = 16  # of a checksum
BLOCK = 1 << 20  # bytes that are read at a time


def seeds(study: Study) -> pd.DataFrame:
    """Table of `what`, `seed` and `draws`: every seed in a study file, and what it determines."""
    rows = [("study", study.seed, STUDY_DRAWS)]
    recipes = {**study.trained, **study.factor_models}
    rows += [(f"model {name}", recipe.seed, MODEL_DRAWS) for name, recipe in recipes.items()]
    rows += [
        (f"image encoder {name}", recipe.seed, IMAGE_ENCODER_DRAWS)
        for name, recipe in study.own_image_encoders.items()
    ]
    return pd.DataFrame(rows, columns=["what", "seed", "draws"])


def checksums(study: Study) -> pd.DataFrame:
    """Table of `what`, `file` (in the results of the study) and `sha256`, its first 16 digits.

    These are the tables of scores, models, image encoders and sets, the images of drawn sets (all
    images of a set together, in the order of the manifest), and the weights of trained models.
    Imported images may be hundreds of gigabytes, so only their table is included; checkpoints are
    identified by their revision in `models.parquet`. A file that does not exist is `missing`.
    """
    paths = study.paths
    files = [("scores", paths.scores), ("models", paths.models)]
    if study.image_encoders:
        files.append(("image encoders", paths.image_encoders))
    if study.factor_sets:
        files.append(("scores on the factor sets", paths.factor_scores))
    sets = [*study.sets, *study.id_sets, *study.factor_sets]
    files += [(f"table of the set {name}", paths.manifest(name)) for name in sets]
    trained = [*study.trained, *study.factor_models]
    files += [
        (f"weights of {name}", paths.model(name) / "open_clip_model.safetensors")
        for name in trained
    ]
    files += [
        (f"weights of {name}", paths.model(name) / "model.safetensors")
        for name, encoder in study.embedded_image_encoders.items()
        if not isinstance(encoder, PublishedImageEncoder)
    ]
    rows = [(what, _inside(paths.results, file), digest([file])) for what, file in files]
    for name, settings in study.sets.items():
        if isinstance(settings, IconSet) and paths.manifest(name).is_file():
            images = _images(paths.manifest(name))
            where = f"{_inside(paths.results, paths.manifest(name).parent)}/"
            rows.append((f"images of the set {name}", where, digest(images)))
    return pd.DataFrame(rows, columns=["what", "file", "sha256"])


def digest(files: Iterable[Path]) -> str:
    """First 16 digits of the SHA-256 of several files together; `missing` if any is missing."""
    checksum = hashlib.sha256()
    for file in files:
        if not file.is_file():
            return MISSING
        with file.open("rb") as content:
            while block := content.read(BLOCK):
                checksum.update(block)
    return checksum.hexdigest()[:DIGITS]


def _images(manifest: Path) -> list[Path]:
    table = read_table(manifest)
    return [manifest.parent / image for image in table.loc[table["status"] == KEPT, "image"]]


def _inside(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()
