"""Which preprocessing each model of a study has, known before any model is made or loaded."""

from __future__ import annotations

from cood.catalogue.preprocessing import Preprocessing, of_checkpoint, of_folder, of_tower
from cood.catalogue.sources import local_path
from cood.settings.image_encoders import SavedImageEncoder, UntrainedImageEncoder
from cood.settings.models import Checkpoint, NullModel, Training
from cood.settings.study import Study


def preprocessing_of(study: Study, model: str) -> Preprocessing | None:
    """The preprocessing of a model of `all_models`, as far as the study file says it.

    None if it does not: for published image-only encoders, repositories of the hub that open_clip
    does not list, folders that cannot be read yet, and models of factor sets. Such a model decodes
    the images by itself.
    """
    settings = study.embedded.get(model) or study.embedded_image_encoders.get(model)
    if isinstance(settings, Training):
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
    """The models that share each preprocessing, and so the pixels of `sets` and `id_sets`.

    Models of unknown preprocessing are in none, nor are those of factor sets, of which each embeds
    one set.
    """
    models: dict[Preprocessing, list[str]] = {}
    for model in (*study.embedded, *study.embedded_image_encoders):
        preprocessing = preprocessing_of(study, model)
        if preprocessing is not None:
            models.setdefault(preprocessing, []).append(model)
    return models
