"""Stages that train models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cood.settings import PublishedImageEncoder, saved_names
from cood.settings.study_file import Study
from cood.stages.stage import MAKE, Resources, Stage, dumped, each, original, words

CLIP_FILES = ("open_clip_config.json", "open_clip_model.safetensors")
TRAINED_FILES = (*CLIP_FILES, "training.parquet", "captions.parquet")
MOMENTS = "moments.safetensors"  # embeddings during training, which `training_dynamics` reads
IMAGE_ENCODER_FILES = ("config.json", "model.safetensors")
# Small models keep no GPU busy: starting its work takes longer than the work, so that several of
# them on one GPU are done as fast as one.
SMALL = Resources(gpu=1)


def weights(study: Study, model: str | None) -> list[Path]:
    """File of the weights of a model that is made here; none for other models."""
    encoder = study.embedded_image_encoders.get(str(model))
    if encoder is not None and not isinstance(encoder, PublishedImageEncoder):
        return [study.paths.model(str(model)) / IMAGE_ENCODER_FILES[1]]
    if model in study.trained or model in study.factor_models:
        return [study.paths.model(str(model)) / CLIP_FILES[1]]
    return []


def gpu_eighths(study: Study, stage: Stage, *keys: str) -> int:
    """Eighths of a GPU that a job takes: those of its stage, but few for a small model."""
    small = stage.resources.gpu and weights(study, keys[0] if keys else None)
    return SMALL.gpu if small else stage.resources.gpu


def _files(study: Study, model: str, names: tuple[str, ...]) -> list[Path]:
    return [study.paths.model(model) / name for name in names]


def _image_encoder_files(study: Study, name: str) -> list[Path]:
    names = saved_names(name) if name in study.trained_image_encoders else [name]
    return [path for encoder in names for path in _files(study, encoder, IMAGE_ENCODER_FILES)]


def _image_encoder_settings(study: Study, model: str) -> list[Any]:
    encoder = study.own_image_encoders[model]
    if model not in study.trained_image_encoders:
        return [dumped(encoder)]
    return [*words(study), study.core, dumped(encoder), study.drawings().size]


TRAINING = (
    Stage(
        name="train",
        entry="cood.models.training.clip:train_model",
        jobs=lambda study: each(study.trained),
        outputs=lambda study, model: _files(study, model, (*TRAINED_FILES, MOMENTS)),
        settings=lambda study, model: [
            *words(study),
            study.core,
            dumped(study.trained[model]),
            study.drawings().size,
            study.evaluation.templates[0],
        ],
        does="trains a small CLIP on captioned drawings of its own",
        writes="weights, captions, loss and embeddings during training",
        progress="train",
        title="Train the small CLIPs",
        keys=("model",),
        passes=("say",),
        panel=MAKE,
        uses_torch=True,
        resources=SMALL,
    ),
    Stage(
        name="train_image_encoder",
        entry="cood.models.training.image_encoder:train_image_encoder",
        jobs=lambda study: each(study.own_image_encoders),
        outputs=_image_encoder_files,
        settings=_image_encoder_settings,
        does="trains an image encoder without texts and saves it at four durations, or makes an "
        "untrained one",
        writes="weights",
        progress="train image encoder",
        title="Train the image-only encoders",
        keys=("model",),
        passes=("say",),
        rules=("train_image_encoder", "make_image_encoder"),
        panel=MAKE,
        uses_torch=True,
        resources=SMALL,
    ),
    Stage(
        name="train_factor_model",
        entry="cood.models.training.factor_clip:train_factor_model",
        jobs=lambda study: each(study.factor_models),
        outputs=lambda study, model: _files(study, model, TRAINED_FILES),
        settings=lambda study, model: [
            study.seed,
            study.core,
            dumped(study.factor_models[model]),
            dumped(study.factor_sets[study.factor_models[model].set]),
        ],
        places=lambda study, model: [original(study, study.factor_models[model].set)],
        does="trains a small CLIP on captioned scenes of a factor set",
        writes="weights, captions and loss",
        progress="train factor model",
        title="Train on the factor sets",
        keys=("model",),
        passes=("say",),
        panel=MAKE,
        uses_torch=True,
        resources=SMALL,
    ),
)
