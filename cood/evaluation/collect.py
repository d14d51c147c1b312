"""The scores of all models of a study, joined, and the facts about each model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cood.evaluation.common.score_table import JOINED_SCORES, concat, write_scores
from cood.evaluation.embeddings import read_metadata
from cood.files import atomic, read_table, write_table
from cood.settings import BASELINES, PublishedImageEncoder, Training
from cood.settings.study_file import Study
from cood.splits import seen

# Settings that change no score.
NOT_SCORED = {
    "name",
    "corpora",
    "near_duplicates",
    "factor_sets",
    "factor_design",
    "factor_models",
    "notebooks",
}
# Metadata of embeddings in half precision: see `cood.evaluation.embed.job.describe_precision`.
AGREEMENT = ("image_cosine", "text_cosine", "same_answers")
WEIGHTS = "weights_sha256"  # metadata of weights that were made elsewhere
SIZES = ("parameters", "embed_dim", "width", "resolution")
NOTES = "notes"  # column, and key of the metadata of embeddings
TRAINED_HERE, CHECKPOINT = "trained here", "checkpoint"


def collect(study: Study) -> None:
    """Join the scores of all models and baselines, and describe each model.

    `models.parquet` holds no null models, but their scores are joined. A model that is trained here
    has all settings of its training there, with the number of `compositions` that it sees, and of
    images that it is shown (`samples_seen`). Of weights that were made elsewhere there is the
    `weights_sha256`. Of each model there is the `precision` of its
    embeddings and, for half precision, the number of images and texts that were `embedded_again`
    in single precision, the smallest cosine with single precision in samples of the images and
    texts of each set, and the smallest share of `same_answers`. If any model has `notes`, which a
    reader of its scores must know, they are a column.

    The joined tables leave out how long each score took, so that the same study on the same machine
    gives the same table. The settings of the study are written to the same folder, so that runs can
    be compared after the study file has changed. Scores on the factor sets are a table of their
    own, if any model is tested on them.
    """
    files = [study.paths.model_accuracy(name) for name in [*study.embedded, BASELINES]]
    files += [study.paths.model_dimension_swap(name) for name in study.models]
    files += [study.paths.model_representation_metrics(name) for name in study.embedded]
    files += [study.paths.model_linear_probe(name) for name in study.probed]
    _join(files, study.paths.scores)
    if study.on_factor_sets:
        scored = map(study.paths.model_factor_scores, study.on_factor_sets)
        _join(scored, study.paths.factor_scores)
    write_table(_table([_model(study, name) for name in study.models]), study.paths.models)
    with atomic(study.paths.settings) as temporary:
        temporary.write_text(scored_settings(study))
    if study.image_encoders:
        encoders = [_image_encoder(study, name) for name in study.embedded_image_encoders]
        write_table(_table(encoders), study.paths.image_encoders)


def scored_settings(study: Study) -> str:
    """The settings of a study that its joined scores depend on, as JSON."""
    return study.model_dump_json(indent=1, exclude=NOT_SCORED) + "\n"


def _join(files: Iterable[Path], path: Path) -> None:
    tables = (read_table(file).drop(columns="seconds") for file in files)
    write_scores(concat(tables, JOINED_SCORES), path, JOINED_SCORES)


def _model(study: Study, name: str) -> dict[str, Any]:
    settings = study.models[name]
    facts, origin, sizes = _origin(study, name, ("revision", "preprocessing", "tokeniser"))
    if not isinstance(settings, Training):
        return facts | {"kind": CHECKPOINT} | settings.facts | origin | sizes
    training = {
        "kind": TRAINED_HERE,
        "family": settings.family,
        "architecture": settings.towers.architecture,
        "replicate_of": study.replicate_of(name),
        **settings.model_dump(exclude={"moments"}),
        "compositions": len(seen(study, settings)),
        "samples_seen": settings.steps * settings.batch,
    }
    return facts | origin | sizes | training


def _image_encoder(study: Study, name: str) -> dict[str, Any]:
    settings = study.embedded_image_encoder(name)
    facts, origin, sizes = _origin(study, name, ("revision", "preprocessing"))
    kind = CHECKPOINT if isinstance(settings, PublishedImageEncoder) else TRAINED_HERE
    return facts | {"kind": kind} | settings.facts | origin | sizes


def _origin(
    study: Study, name: str, keys: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, float]]:
    """From the metadata of embeddings: whose they are, what they were made with, and sizes."""
    by_set = {set_: read_metadata(study, name, set_) for set_ in study.sets_of(name)}
    about = list(by_set.values())
    metadata = next((one for one in about if "missing" not in one), about[0])
    facts = {"model": name, "missing": metadata.get("missing", "")} | _notes(by_set)
    sizes = {key: float(metadata[key]) for key in SIZES if key in metadata}
    origin = {key: metadata.get(key, "") for key in keys}
    origin |= {key: metadata[key] for key in [WEIGHTS] if key in metadata}
    return facts, origin | _precision(about), sizes


def _notes(by_set: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What a reader of the scores of a model must know, each sentence once; empty if nothing."""
    notes: list[str] = []
    whole = any("missing" not in metadata for metadata in by_set.values())
    for set_, metadata in by_set.items():
        notes += json.loads(metadata.get("notes", "[]"))
        if whole and "missing" in metadata:
            notes.append(f"{set_} is left out: {metadata['missing']}")
    return {NOTES: "; ".join(dict.fromkeys(notes))} if notes else {}


def _table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """A row a model; there are notes only if a model has some."""
    table = pd.DataFrame(rows)
    return table.fillna({NOTES: ""}) if NOTES in table else table


def _precision(about: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Precision of the embeddings, and how far it agrees with single precision in the worst set."""
    known = [metadata for metadata in about if "precision" in metadata]
    if not known:
        return {"precision": ""}
    again = sum(int(metadata["embedded_again"]) for metadata in known)
    agreement = {
        key: min(float(metadata[key]) for metadata in known if key in metadata)
        for key in AGREEMENT
        if any(key in metadata for metadata in known)
    }
    return {"precision": known[0]["precision"], "embedded_again": again, **agreement}
