"""The embeddings of a model, set by set, and the compositions of each split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open

from cood.errors import MissingModelError
from cood.evaluation.common.half_precision import unpacked
from cood.evaluation.common.score_table import SCORES, Schema, complete, missing_model
from cood.files import read_tensors
from cood.settings import Training
from cood.settings.study_file import Study
from cood.splits import UNSEEN, core, members, seen
from cood.synthesis.manifests import read_manifest

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class SetEmbeddings:
    """The embeddings of one set by one model, float32, as `cood.evaluation.embed` writes them."""

    set: str
    tensors: Tensors
    metadata: Mapping[str, str]


def read_embeddings(study: Study, model: str, set_: str) -> SetEmbeddings:
    """The embeddings of one set by one model.

    Raises
    ------
    MissingModelError
        If the model could not be loaded when the set was embedded.
    ArtefactError
        If the file is missing or damaged.
    """
    tensors, metadata = read_tensors(study.paths.embeddings(model, set_))
    if "missing" in metadata:
        raise MissingModelError(metadata["missing"])
    return SetEmbeddings(set_, {k: unpacked(v) for k, v in tensors.items()}, metadata)


def read_metadata(study: Study, model: str, set_: str) -> dict[str, str]:
    """What the embeddings of one set by one model were made with; the embeddings are not read.

    Raises
    ------
    ArtefactError
        If the file is missing or damaged.
    """
    path = study.paths.embeddings(model, set_)
    try:
        with safe_open(path, "numpy") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError):
        return read_tensors(path)[1]  # which says what is wrong


def score_each_set(
    study: Study,
    model: str,
    sets: Iterable[str],
    score: Callable[[SetEmbeddings], pd.DataFrame],
    schema: Schema = SCORES,
) -> Iterator[pd.DataFrame]:
    """Score the embeddings of each set; one row with the reason where the model is missing.

    Parameters
    ----------
    study, model, sets
        Whose embeddings, of which sets.
    score
        Gives the rows of a set from its embeddings.
    schema
        The columns of the tables; `model` and `set` are filled in.

    Raises
    ------
    ArtefactError
        If a file of embeddings is missing or damaged.
    """
    for set_ in sets:
        try:
            table = score(read_embeddings(study, model, set_))
        except MissingModelError as error:
            table = missing_model(str(error), schema)
        yield complete(table, schema, model=model, set=set_)


def read_truth(study: Study, set_: str) -> np.ndarray:
    """Composition id [n] of each image of a set."""
    return read_manifest(study, set_)["composition"].to_numpy()


def read_classes(study: Study, id_set: str) -> np.ndarray:
    """Class [n] of each image of an ID set, numbered without gaps."""
    return np.unique(read_manifest(study, id_set)["class"], return_inverse=True)[1]


def read_class_names(study: Study, id_set: str) -> np.ndarray:
    """Name [K] of each class of an ID set."""
    return read_manifest(study, id_set).groupby("class")["object"].first().to_numpy()


def split_members(study: Study, model: str) -> dict[str, np.ndarray]:
    """Composition ids of each split of a model; all are unseen if it was not trained here."""
    settings = study.embedded_model(model)
    if not isinstance(settings, Training):
        return {UNSEEN: np.arange(study.words.size)}
    return members(study.words, core(study), seen(study, settings))
