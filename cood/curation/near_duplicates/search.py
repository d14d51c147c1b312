"""The nearest training image to each image of the sets, and which are as near as copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cood.curation.caption_search.caption_files import find_files
from cood.curation.near_duplicates.calibration import (
    Pairs,
    copy_similarities,
    pair_similarities,
)
from cood.curation.near_duplicates.index import nearest, survey
from cood.curation.near_duplicates.references import IMAGES, READERS
from cood.errors import CoodError, StudyError
from cood.evaluation.embed.images import embed_pixels
from cood.evaluation.embed.loading import load_clip
from cood.files import read_tensors, write_table, write_tensors
from cood.models.loading import Clip
from cood.models.training.clip import draw_tensors
from cood.settings import NearDuplicates
from cood.settings.study_file import Study
from cood.splits import TRAINING, training_captions
from cood.synthesis.drawing.icon_sets import read_manifest

COLUMNS = ["set", "image", "composition", "similarity", "file", "row", "threshold"]
COLUMNS += ["of_copies", "of_pairs", "problem"]


def find_near_duplicates(study: Study, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Find the nearest reference to each kept image of all sets, write the table and return it.

    A row an image, found in its manifest by `set` and `image`: `similarity` is the cosine to the
    nearest reference, which is row `row` of `file`. `of_copies` is what the given share of altered
    copies of the set's own images reach, `of_pairs` what that share of the pairs does that the
    study says are the same, NaN without any. From the lower of both, the `threshold`, on an image
    counts as known. A model that could not be embedded, or references that cannot be read,
    leave a row with the reason in `problem`. What was read of each file, and why others were not,
    is written beside it.
    """
    settings = study.near_duplicates
    if settings is None:
        raise StudyError("neighbours: the study file has no such section")
    root = study.paths.root
    files = pd.DataFrame(columns=["file", "kind", "used", "problem"])
    _, metadata = read_tensors(study.paths.embeddings(settings.model, next(iter(study.sets))))
    missing = metadata.get("missing")
    if missing is not None:
        tables = [pd.DataFrame([{"problem": missing}])]
    else:
        clip = load_clip(study, settings.model, say)
        counts, files = _counted(study, settings, clip, say)
        pairs = None
        if settings.pairs is not None:
            pairs = pair_similarities(clip, root / Path(settings.pairs).expanduser(), root)
            left = f"{len(pairs.problems)} problems; {pairs.problems[0]}" if pairs.problems else ""
            row = {"file": settings.pairs, "kind": "pairs", "used": len(pairs.similarities)}
            files.loc[len(files)] = {**row, "problem": left}
        if sum(counts.values()):
            tables = list(_searched(study, settings, clip, counts, pairs, say))
        else:
            reasons = [reason for reason in files["problem"] if reason] or ["there is no vector"]
            tables = [pd.DataFrame([{"problem": f"no reference can be used: {reasons[0]}"}])]
    table = pd.concat([part.reindex(columns=COLUMNS) for part in tables], ignore_index=True)
    write_table(files, study.paths.references)
    write_table(table, study.paths.near_duplicates)
    return table


def _counted(
    study: Study, settings: NearDuplicates, clip: Clip, say: Callable[[str], None]
) -> tuple[dict[str, int], pd.DataFrame]:
    """Vectors in each file of references that can be used, and a row for every file."""
    places = _references(study, settings, clip, study.paths.near_duplicates.parent, say)
    first = next(iter(study.sets))
    width = read_tensors(study.paths.embeddings(settings.model, first))[0][IMAGES].shape[1]
    found = survey(places, width)
    for problem in found.loc[found["problem"] != "", "problem"]:
        say(f"left out: {problem}")
    usable = found[found["problem"] == ""]
    counts = dict(zip(usable["file"], usable["vectors"].tolist(), strict=True))
    table = found.rename(columns={"vectors": "used"}).assign(kind="references")
    table["file"] = table["file"].str.removeprefix(f"{study.paths.root}/")
    return counts, table[["file", "kind", "used", "problem"]]


def _searched(
    study: Study,
    settings: NearDuplicates,
    clip: Clip,
    counts: dict[str, int],
    pairs: Pairs | None,
    say: Callable[[str], None],
) -> Iterator[pd.DataFrame]:
    folder, lowest = study.paths.near_duplicates.parent, 1 - settings.copies_found
    of_pairs = np.nan if pairs is None else np.quantile(pairs.similarities, lowest)
    for name in study.sets:
        manifest = read_manifest(study, name)
        images = read_tensors(study.paths.embeddings(settings.model, name))[0][IMAGES]
        if len(images) != len(manifest):
            raise CoodError(f"embeddings of {name} are out of date; run `nox -s reproduce`")
        say(f"{name}: looking for the nearest to {len(images):,} images")
        found = nearest(counts, images, folder, say)
        copies = copy_similarities(clip, study.paths.manifest(name).parent, manifest, images)
        of_copies = np.quantile(copies, lowest)
        shown = [Path(file).name for file in counts]
        yield pd.DataFrame(
            {
                "set": name,
                "image": manifest["image"],
                "composition": manifest["composition"],
                "similarity": found.similarity,
                "file": [shown[k] for k in found.file],
                "row": found.row,
                "threshold": np.fmin(of_copies, of_pairs),
                "of_copies": of_copies,
                "of_pairs": of_pairs,
                "problem": "",
            }
        )


def _references(
    study: Study, settings: NearDuplicates, clip: Clip, folder: Path, say: Callable[[str], None]
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
