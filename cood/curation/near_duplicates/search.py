"""Finding the nearest training image to each image of the sets, and near duplicates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

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
from cood.evaluation.embeddings import read_embeddings, read_metadata
from cood.files import find_files, write_table, write_tensors
from cood.models.clip import Clip
from cood.models.training.clip import draw_tensors
from cood.settings import NearDuplicates
from cood.settings.study_file import Study
from cood.splits import TRAINING
from cood.synthesis.manifests import read_manifest
from cood.training_set import training_captions

COLUMNS = [
    "set",
    "image",
    "composition",
    "similarity",
    "file",
    "row",
    "threshold",
    "of_copies",
    "of_pairs",
    "problem",
]


def find_near_duplicates(study: Study, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Find the nearest reference to each kept image of all sets, write the table and return it.

    The table has a row for each image, identified by `set` and `image`. `similarity` is the cosine
    to the nearest reference, row `row` of `file`. `of_copies` is the similarity that a share
    `copies_found` of altered copies of the set's images reaches, and `of_pairs` that of the pairs
    listed as duplicates, NaN without any. An image whose similarity reaches the `threshold`, the
    lower of the two, is a near duplicate. If the model or the references cannot be loaded, there is
    a row with the reason in `problem`. A second table lists the files of references.

    Raises
    ------
    StudyError
        If the study has no section `near_duplicates`.
    CoodError
        If embeddings are out of date, or `pairs` cannot be read.
    """
    settings = study.near_duplicates
    if settings is None:
        raise StudyError("near_duplicates: the study file has no such section")
    root = study.paths.root
    files = pd.DataFrame(columns=["file", "kind", "used", "problem"])
    missing = read_metadata(study, settings.model, next(iter(study.sets))).get("missing")
    if missing is not None:
        tables = [pd.DataFrame([{"problem": missing}])]
    else:
        clip = load_clip(study, settings.model, say)
        counts, files = _counted(study, settings, clip, say)
        pairs = None
        if settings.pairs is not None:
            file = root / Path(settings.pairs).expanduser()
            pairs = pair_similarities(clip, file, root, study.precision)
            problems = pairs.problems
            files.loc[len(files)] = {
                "file": settings.pairs,
                "kind": "pairs",
                "used": len(pairs.similarities),
                "problem": f"{len(problems)} problems; {problems[0]}" if problems else "",
            }
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
    """Number of vectors of each usable file of references, and a row for every file."""
    places = _references(study, settings, clip, study.paths.near_duplicates.parent, say)
    first = next(iter(study.sets))
    width = read_embeddings(study, settings.model, first).tensors[IMAGES].shape[1]
    surveyed = survey(places, width)
    for problem in surveyed.loc[surveyed["problem"] != "", "problem"]:
        say(f"skipped: {problem}")
    usable = surveyed[surveyed["problem"] == ""]
    counts = dict(zip(usable["file"], usable["vectors"].tolist(), strict=True))
    table = surveyed.rename(columns={"vectors": "used"}).assign(kind="references")
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
        images = read_embeddings(study, settings.model, name).tensors[IMAGES]
        if len(images) != len(manifest):
            raise CoodError(f"the embeddings of {name} are out of date; run `nox -s reproduce`")
        say(f"{name}: searching the nearest to {len(images):,} images")
        neighbours = nearest(counts, images, folder, say)
        own = study.paths.manifest(name).parent
        copies = copy_similarities(clip, own, manifest, images, study.precision)
        of_copies = np.quantile(copies, lowest)
        shown = [Path(file).name for file in counts]
        yield pd.DataFrame(
            {
                "set": name,
                "image": manifest["image"],
                "composition": manifest["composition"],
                "similarity": neighbours.similarity,
                "file": [shown[k] for k in neighbours.file],
                "row": neighbours.row,
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
    vectors = embed_pixels(clip, pixels, study.precision)
    write_tensors({IMAGES: vectors}, path, {"model": settings.model})
    return [str(path)]
