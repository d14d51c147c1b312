"""Which preprocessing each model of a study has, known before any model is made or loaded."""

from __future__ import annotations

from pathlib import Path

from cood.catalogue.preprocessing import Preprocessing, of_checkpoint, of_folder, of_tower
from cood.catalogue.sources import local_path
from cood.files import read_json
from cood.settings.image_encoders import SavedImageEncoder, UntrainedImageEncoder
from cood.settings.models import Checkpoint, FactorTraining, NullModel, Training
from cood.settings.study import Study

MADE = "made"  # key of the record of pixels: how often they were made
COMPLETE = "complete"  # file in the folder of pixels when all are there


def preprocessing_of(study: Study, model: str) -> Preprocessing | None:
    """The preprocessing of a model of `all_models`, as far as the study file says it.

    None if it does not: for published image-only encoders, repositories of the hub that open_clip
    does not list, and folders that cannot be read yet. Such a model decodes the images by itself.
    """
    clips = {**study.embedded, **study.factor_models}
    settings = clips.get(model) or study.embedded_image_encoders.get(model)
    if isinstance(settings, Training | FactorTraining):
        return of_tower(settings.image_tower)
    if isinstance(settings, NullModel):
        if settings.image_tower is not None:
            return of_tower(settings.image_tower)
        return of_checkpoint(str(settings.architecture))
    if isinstance(settings, SavedImageEncoder):
        return of_tower(settings.training.image_tower)
    if isinstance(settings, UntrainedImageEncoder):
        return of_tower(settings.untrained)
    return _of_checkpoint(study, settings) if isinstance(settings, Checkpoint) else None


def _of_checkpoint(study: Study, settings: Checkpoint) -> Preprocessing | None:
    if settings.architecture is not None:
        return of_checkpoint(settings.architecture)
    folder = local_path(settings.checkpoint)
    if folder is not None:
        return of_folder(study.paths.root / folder.expanduser())
    return of_checkpoint(settings.catalogue_name)


def models_by_preprocessing(study: Study) -> dict[Preprocessing, list[str]]:
    """The models of each preprocessing of a study; those of unknown preprocessing are in none."""
    models: dict[Preprocessing, list[str]] = {}
    for model in study.all_models:
        preprocessing = preprocessing_of(study, model)
        if preprocessing is not None:
            models.setdefault(preprocessing, []).append(model)
    return models


def preprocessed_sets(study: Study, name: str) -> list[str]:
    """Sets that some model embeds whose preprocessing has this name."""
    by_name = {p.name: models for p, models in models_by_preprocessing(study).items()}
    return list(dict.fromkeys(s for model in by_name[name] for s in study.sets_of(model)))


def embeddings_of(study: Study, preprocessing: str) -> list[Path]:
    """Files of the embeddings by all models of a preprocessing."""
    models = {p.name: models for p, models in models_by_preprocessing(study).items()}
    return [
        study.paths.embeddings(model, set_)
        for model in models[preprocessing]
        for set_ in study.sets_of(model)
    ]


def times_made(study: Study, preprocessing: str) -> int:
    """How often the pixels of a preprocessing will have been made when what is needed is there.

    Once more than the record says if they were removed and a model lacks its embeddings. A change
    of this number lets the pipeline make them again.
    """
    paths = study.paths
    record = paths.pixels_record(preprocessing)
    made = int(read_json(record)[MADE]) if record.is_file() else 0
    there = (paths.pixels(preprocessing) / COMPLETE).is_file()
    missing = any(not file.is_file() for file in embeddings_of(study, preprocessing))
    return made + 1 if (missing and not there) or not made else made
