"""The sections of a study file, typed: what each setting is, and which values it may take."""

from cood.settings.base import Name, Settings, Share, WordList
from cood.settings.models import FILE, Captions, Checkpoint, FactorTraining, Model, Recipe, Training
from cood.settings.sets import (
    PUBLISHED_SIZE,
    SOURCES,
    BroughtSet,
    DiffusionSet,
    FactorSet,
    FolderSet,
    IconSet,
    IdSet,
    ImageSet,
    ReleaseSet,
)
from cood.settings.stages import (
    BASELINES,
    FACTORS,
    NOVELTY,
    OF_TRAINING,
    Corpus,
    Evaluation,
    Metrics,
    Neighbours,
    Probing,
    Verification,
)
from cood.settings.whole import Study

__all__ = [
    "BASELINES",
    "FACTORS",
    "FILE",
    "NOVELTY",
    "OF_TRAINING",
    "PUBLISHED_SIZE",
    "SOURCES",
    "BroughtSet",
    "Captions",
    "Checkpoint",
    "Corpus",
    "DiffusionSet",
    "Evaluation",
    "FactorSet",
    "FactorTraining",
    "FolderSet",
    "IconSet",
    "IdSet",
    "ImageSet",
    "Metrics",
    "Model",
    "Name",
    "Neighbours",
    "Probing",
    "Recipe",
    "ReleaseSet",
    "Settings",
    "Share",
    "Study",
    "Training",
    "Verification",
    "WordList",
]
