"""What a result can be told by: the seeds it came from, and checksums of what was made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cood.files import read_table
from cood.settings import IconSet
from cood.settings.study_file import Study
from cood.synthesis.manifests import KEPT


def seeds(study: Study) -> pd.DataFrame:
    """Table of `what`, `seed` and `draws`: every seed that a study file holds, and its use."""
    rows = [
        (
            "study",
            study.seed,
            "splits, images, captions, prompts, queries, shuffles, rotations and resamples",
        )
    ]
    of_model = "first weights, what is drawn to train on, its captions, order of batches"
    recipes = {**study.trained, **study.factor_models}
    rows += [(f"model {name}", recipe.seed, of_model) for name, recipe in recipes.items()]
    of_image_encoder = "first weights, what is drawn to train on, order of batches"
    rows += [
        (f"tower {name}", tower.seed, of_image_encoder)
        for name, tower in study.own_image_encoders.items()
    ]
    return pd.DataFrame(rows, columns=["what", "seed", "draws"])


def checksums(study: Study) -> pd.DataFrame:
    """Table of `what`, `file` (in the results of the study) and `sha256`, its first 16 digits.

    The tables of scores, of models, of towers and of sets, the images of sets that are drawn (all
    in one, in the order of the manifest), and the weights of what is trained here. Images from
    elsewhere may be hundreds of gigabytes, so only their table counts; checkpoints are told by
    their revision in `models.parquet`. What was not made is `missing`.
    """
    paths = study.paths
    files = [("scores", paths.scores), ("models", paths.models)]
    if study.image_encoders:
        files.append(("image-only towers", paths.image_encoders))
    if study.factor_sets:
        files.append(("scores on the factor sets", paths.factor_scores))
    every = [*study.sets, *study.id_sets, *study.factor_sets]
    files += [(f"table of the set {name}", paths.manifest(name)) for name in every]
    trained = [*study.trained, *study.factor_models]
    files += [
        (f"weights of {name}", paths.model(name) / "open_clip_model.safetensors")
        for name in trained
    ]
    files += [
        (f"weights of {name}", paths.model(name) / "model.safetensors")
        for name in study.own_image_encoders
    ]
    rows = [(what, _inside(paths.results, file), digest([file])) for what, file in files]
    for name, settings in study.sets.items():
        if isinstance(settings, IconSet) and paths.manifest(name).is_file():
            images = _images(paths.manifest(name))
            where = f"{_inside(paths.results, paths.manifest(name).parent)}/"
            rows.append((f"images of the set {name}", where, digest(images)))
    return pd.DataFrame(rows, columns=["what", "file", "sha256"])


def digest(files: Iterable[Path]) -> str:
    """First 16 digits of the SHA-256 of files, one after the other; `missing` if one is."""
    found = hashlib.sha256()
    for file in files:
        if not file.is_file():
            return "missing"
        with file.open("rb") as content:
            while block := content.read(1 << 20):
                found.update(block)
    return found.hexdigest()[:16]


def _images(manifest: Path) -> list[Path]:
    table = read_table(manifest)
    return [manifest.parent / image for image in table.loc[table["status"] == KEPT, "image"]]


def _inside(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()
