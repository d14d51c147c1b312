"""The stage `embed`: all sets of a model, whose weights are loaded once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pandas as pd

from cood.errors import MissingModelError, UnusableModelError
from cood.evaluation.embed.evaluation_sets import (
    embed_evaluation_set,
    embed_id_set,
    vocabulary_texts,
)
from cood.evaluation.embed.factor_sets import embed_factor_set
from cood.evaluation.embed.image_encoders import encode_set
from cood.evaluation.embed.job import job_of
from cood.evaluation.embed.loading import load_clip, load_encoder
from cood.evaluation.embed.metadata import Embeddings
from cood.evaluation.embed.pixels import remove_used
from cood.evaluation.embed.store import weights_hash
from cood.files import FINAL, write_tensors
from cood.models.clip import Clip
from cood.models.image_encoders import ImageOnlyEncoder
from cood.settings import Checkpoint, PublishedImageEncoder
from cood.settings.preprocessing import preprocessing_of
from cood.settings.study_file import Study
from cood.synthesis.manifests import read_factor_manifest, read_manifest

Say = Callable[[str], None]


def embed_model(study: Study, model: str, say: Say = print, cores: int = 1, code: str = "") -> None:
    """Embed with one model all sets that `study.sets_of` names, a file each.

    The model is one of `all_models` of the study. What a file holds is said by
    `embed_evaluation_set`, `embed_id_set`, `embed_factor_set` and `encode_set`; the metadata says
    which checkpoint, preprocessing, tokeniser, templates and manifest it was made with, and has the
    `weights_sha256` of weights that were made elsewhere. A model whose weights cannot be loaded, or
    whose embeddings no score can be computed from, leaves files without tensors, whose metadata
    hold the reason as `missing`.

    Parameters
    ----------
    study
        The study.
    model
        Name of the model.
    say
        Called with a line before each set.
    cores
        Threads that decode images where there are no pixels of the model's preprocessing (see
        `cood.evaluation.embed.pixels`); the result does not depend on their number.
    code
        Fingerprint of the stage: embeddings that other code made are not used again (see
        `cood.evaluation.embed.store`).

    Raises
    ------
    StudyError
        If the study has no such model, or asks for half precision without a GPU.
    ArtefactError
        If a manifest, an image, or a model that is trained here is missing or damaged.
    """
    manifests = {set_: _manifest(study, set_) for set_ in study.sets_of(model)}
    parts = _encode if model in study.embedded_image_encoders else _embed
    try:
        for set_, embeddings in parts(study, model, manifests, say, cores, code):
            path = study.paths.embeddings(model, set_)
            write_tensors(embeddings.stored, path, embeddings.metadata)
    except MissingModelError as error:
        say(f"{model}: left out: {error}")
        reason = {"missing": str(error)}
        if isinstance(error, UnusableModelError):  # another try would give the same
            reason[FINAL] = "true"
        for set_ in manifests:
            write_tensors({}, study.paths.embeddings(model, set_), reason)
    preprocessing = preprocessing_of(study, model)
    if preprocessing is not None:
        remove_used(study, preprocessing.name)


def _manifest(study: Study, set_: str) -> pd.DataFrame:
    if set_ in study.factor_sets:
        return read_factor_manifest(study, set_)
    return read_manifest(study, set_)


def _embed(
    study: Study,
    model: str,
    manifests: Mapping[str, pd.DataFrame],
    say: Say,
    readers: int,
    code: str,
) -> Iterator[tuple[str, Embeddings]]:
    """Embeddings of each set, by a CLIP."""
    clip = load_clip(study, model, say)
    content = _content(study, model, clip)
    job = job_of(study, model, clip, say, readers, code)
    # Once for all evaluation sets; a model of a factor set has none.
    texts = vocabulary_texts(job, clip) if set(manifests) & set(study.sets) else None
    for set_, manifest in manifests.items():
        say(f"{model}: embedding {len(manifest)} images of {set_}")
        if set_ in study.factor_sets:
            yield set_, embed_factor_set(job, clip, set_, manifest).about(content)
        elif texts is None or set_ in study.id_sets:
            yield set_, embed_id_set(job, clip, set_, manifest).about(content)
        else:
            yield set_, embed_evaluation_set(job, clip, set_, manifest, texts).about(content)


def _encode(
    study: Study,
    model: str,
    manifests: Mapping[str, pd.DataFrame],
    say: Say,
    readers: int,
    code: str,
) -> Iterator[tuple[str, Embeddings]]:
    """Embeddings of each set, by an image-only encoder."""
    encoder = load_encoder(study, model, say)
    content = _content(study, model, encoder)
    job = job_of(study, model, encoder, say, readers, code)
    for set_, manifest in manifests.items():
        say(f"{model}: embedding {len(manifest)} images of {set_}")
        yield set_, encode_set(job, encoder, set_, manifest).about(content)


def _content(study: Study, model: str, encoder: Clip | ImageOnlyEncoder) -> dict[str, str]:
    """What tells weights apart that were made elsewhere, and may change under the same name."""
    settings = {**study.models, **study.image_encoders}.get(model)
    if not isinstance(settings, Checkpoint | PublishedImageEncoder):
        return {}
    return {"weights_sha256": weights_hash(encoder.model)}
