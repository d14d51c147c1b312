"""The sections of a study file, typed: what each setting is, and which values it may take."""

from cood.settings.base import Name, Settings, Share, WordList
from cood.settings.consistency import NOTEBOOK_NEEDS
from cood.settings.curation import Corpus, NearDuplicates, Verification
from cood.settings.evaluation import (
    BASELINES,
    LARGEST_LOGISTIC,
    DimensionSwap,
    Evaluation,
    Interventions,
    RepresentationMetrics,
    Retrieval,
)
from cood.settings.image_encoders import (
    UNTRAINED,
    ImageEncoderSettings,
    ImageEncoderTraining,
    PublishedImageEncoder,
    UntrainedImageEncoder,
)
from cood.settings.models import (
    Captions,
    Checkpoint,
    FactorTraining,
    Model,
    NullModel,
    Recipe,
    Schedule,
    Training,
)
from cood.settings.sets import (
    PUBLISHED_SIZE,
    SOURCES,
    DiffusionSet,
    ExternalSet,
    FactorSet,
    FolderSet,
    IconSet,
    IdSet,
    ImageSet,
    ReleaseSet,
)
from cood.settings.study import Study

__all__ = [
    "BASELINES",
    "LARGEST_LOGISTIC",
    "NOTEBOOK_NEEDS",
    "PUBLISHED_SIZE",
    "SOURCES",
    "UNTRAINED",
    "Captions",
    "Checkpoint",
    "Corpus",
    "DiffusionSet",
    "DimensionSwap",
    "Evaluation",
    "ExternalSet",
    "FactorSet",
    "FactorTraining",
    "FolderSet",
    "IconSet",
    "IdSet",
    "ImageEncoderSettings",
    "ImageEncoderTraining",
    "ImageSet",
    "Interventions",
    "Model",
    "Name",
    "NearDuplicates",
    "NullModel",
    "PublishedImageEncoder",
    "Recipe",
    "ReleaseSet",
    "RepresentationMetrics",
    "Retrieval",
    "Schedule",
    "Settings",
    "Share",
    "Study",
    "Training",
    "UntrainedImageEncoder",
    "Verification",
    "WordList",
]
