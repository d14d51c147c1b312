"""Loading the models of a study."""

from __future__ import annotations

from collections.abc import Callable

from cood.errors import CoodError, MissingModelError
from cood.models.image_encoders import Tower, load_image_encoder
from cood.models.loading import Clip, load, local
from cood.models.null_models import null_model
from cood.settings import Checkpoint, NullModel, PublishedImageEncoder
from cood.settings.study_file import Study


def load_clip(study: Study, model: str, say: Callable[[str], None]) -> Clip:
    """Load a CLIP of the study: trained here, a checkpoint or a null model.

    Raises
    ------
    MissingModelError
        If a checkpoint or a null model cannot be loaded, with the reason.
    ArtefactError
        If a model that is trained here is missing or damaged.
    """
    settings = study.embedded.get(model)
    if not isinstance(settings, Checkpoint | NullModel):
        return load(local(study.paths.model(model)))
    try:
        if isinstance(settings, NullModel):
            return null_model(settings)
        return load(settings.checkpoint, architecture=settings.architecture, say=say)
    except CoodError as error:
        raise MissingModelError(str(error)) from error


def load_encoder(study: Study, name: str, say: Callable[[str], None]) -> Tower:
    """Load an image-only encoder of the study: made here, or published.

    Raises
    ------
    MissingModelError
        If a published encoder cannot be loaded, with the reason.
    ArtefactError
        If an encoder that is made here is missing or damaged.
    """
    settings = study.tower(name)
    if not isinstance(settings, PublishedImageEncoder):
        return load_image_encoder(local(study.paths.model(name)))
    try:
        return load_image_encoder(settings.encoder, architecture=settings.architecture, say=say)
    except CoodError as error:
        raise MissingModelError(str(error)) from error
