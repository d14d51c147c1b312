"""Loading the models of a study."""

from __future__ import annotations

from collections.abc import Callable

from cood.catalogue.sources import local_source
from cood.errors import CoodError, MissingModelError
from cood.models.clip import Clip
from cood.models.image_encoders import ImageOnlyEncoder, load_image_encoder
from cood.models.loading import load
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
        return load(local_source(study.paths.model(model)))
    try:
        if isinstance(settings, NullModel):
            return null_model(settings)
        return load(settings.checkpoint, architecture=settings.architecture, say=say)
    except CoodError as error:
        raise MissingModelError(str(error)) from error


def load_encoder(study: Study, name: str, say: Callable[[str], None]) -> ImageOnlyEncoder:
    """Load an image-only encoder of the study: made here, or published.

    Raises
    ------
    MissingModelError
        If a published encoder cannot be loaded, with the reason.
    ArtefactError
        If an encoder that is made here is missing or damaged.
    """
    settings = study.embedded_image_encoder(name)
    if not isinstance(settings, PublishedImageEncoder):
        return load_image_encoder(local_source(study.paths.model(name)))
    try:
        return load_image_encoder(settings.encoder, architecture=settings.architecture, say=say)
    except CoodError as error:
        raise MissingModelError(str(error)) from error
