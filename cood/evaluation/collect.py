"""The scores of a study: of each model, and all of them joined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cood.evaluation.accuracy.in_distribution import score_in_distribution
from cood.evaluation.accuracy.zero_shot import COLUMNS, score
from cood.files import atomic, read_table, read_tensors, write_table
from cood.settings import BASELINES, Training
from cood.settings.study_file import Study
from cood.splits import seen, splits
from cood.synthesis.manifests import read_manifest

# Settings that no score hangs on.
NOT_SCORED = {"name", "corpora", "neighbours", "factor_sets", "factor_models", "notebooks"}
SIZES = ("parameters", "embed_dim", "width", "resolution")


def score_model(study: Study, model: str) -> pd.DataFrame:
    """Score one model on every set, write `scores/<model>.parquet` and return it."""
    tables = []
    for set_ in study.sets:
        tensors, metadata = read_tensors(study.paths.embeddings(model, set_))
        if "missing" in metadata:
            tables.append(missing(model, set_, metadata["missing"]))
            continue
        truth = read_manifest(study, set_)["composition"].to_numpy()
        tables.append(
            score(
                *(model, set_, tensors, truth, members(study, model)),
                *(study.words, study.evaluation, study.seed),
            )
        )
    for set_ in study.id_sets:
        tensors, metadata = read_tensors(study.paths.embeddings(model, set_))
        if "missing" in metadata:
            tables.append(missing(model, set_, metadata["missing"]))
            continue
        _, classes = np.unique(read_manifest(study, set_)["class"], return_inverse=True)
        given = (study.evaluation, study.seed)
        tables.append(score_in_distribution(model, set_, tensors, classes, *given))
    table = pd.concat(tables, ignore_index=True)
    write_table(table, study.paths.model_accuracy(model))
    return table


def collect(study: Study) -> None:
    """Join what each model and baseline scored, and what is known of each model.

    What is untrained has scores, but is no model: `models.parquet` leaves it out.
    `scores.parquet` leaves out how long each score took, so that the same study on the same
    machine gives the same table. The settings that it was made with are written beside it, so
    that runs can be compared when the study file has changed.
    """
    files = [study.paths.model_accuracy(name) for name in [*study.embedded, BASELINES]]
    files += [study.paths.model_dimension_swap(name) for name in study.models]
    files += [study.paths.model_representation_metrics(name) for name in study.embedded]
    files += [study.paths.model_linear_probe(name) for name in study.probed]
    joined = pd.concat(map(read_table, files), ignore_index=True).drop(columns="seconds")
    write_table(joined, study.paths.scores)
    write_table(pd.DataFrame([_known(study, name) for name in study.models]), study.paths.models)
    with atomic(study.paths.settings) as temporary:
        temporary.write_text(study.model_dump_json(indent=1, exclude=NOT_SCORED) + "\n")
    if study.image_encoders:
        towers = [_known_image_encoder(study, name) for name in study.image_encoders]
        write_table(pd.DataFrame(towers), study.paths.image_encoders)


def members(study: Study, model: str) -> dict[str, np.ndarray]:
    """Composition ids of each split; `seen` is what the model itself was trained on."""
    split = splits(study)
    found = {str(name): np.flatnonzero(split == name) for name in dict.fromkeys(split)}
    settings = study.embedded_model(model)
    if isinstance(settings, Training):
        found["seen"] = np.sort(seen(study, settings.share))
    return found


def missing(model: str, set_: str, reason: str) -> pd.DataFrame:
    """One row with the reason for which a model could not be had."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    row |= {"model": model, "set": set_, "n": 0, "note": reason}
    row |= dict.fromkeys(("split", "group", "space", "metric", "variant"), "")
    return pd.DataFrame([row])[list(COLUMNS)]


def _known(study: Study, name: str) -> dict[str, Any]:
    settings = study.models[name]
    known, made_with, measured = _made_with(study, name, ("revision", "preprocessing", "tokeniser"))
    if not isinstance(settings, Training):
        return known | {"kind": "checkpoint"} | settings.facts | made_with | measured
    return (
        known
        | made_with
        | measured
        | {
            "kind": "trained here",
            "family": settings.family,
            "architecture": settings.architecture,
            "share": settings.share,
            "compositions": len(seen(study, settings.share)),
            "images": settings.images,
            "epochs": settings.epochs,
            "loss": settings.loss,
            "seed": settings.seed,
        }
    )


def _known_image_encoder(study: Study, name: str) -> dict[str, Any]:
    settings = study.image_encoders[name]
    known, made_with, measured = _made_with(study, name, ("revision", "preprocessing"))
    kind = "trained here" if name in study.own_image_encoders else "checkpoint"
    return known | {"kind": kind} | settings.facts | made_with | measured


def _made_with(
    study: Study, name: str, keys: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, str], dict[str, float]]:
    """What the embeddings say: whose they are, what they were made with, and its sizes."""
    _, metadata = read_tensors(study.paths.embeddings(name, next(iter(study.sets))))
    known = {"model": name, "missing": metadata.get("missing", "")}
    measured = {key: float(metadata[key]) for key in SIZES if key in metadata}
    return known, {key: metadata.get(key, "") for key in keys}, measured
