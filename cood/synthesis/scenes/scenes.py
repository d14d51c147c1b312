"""Which scenes a study shows, what they look like, and which combinations models are shown."""

from __future__ import annotations

import numpy as np

from cood.settings import FactorSet, FactorTraining
from cood.settings.study_file import Study
from cood.splits import (
    FACTOR_SCENES,
    FACTOR_SPLIT,
    FACTOR_TRAINING,
    split_by,
    training_order,
)
from cood.synthesis.scenes import shapes3d, sprites
from cood.synthesis.scenes.originals import READERS

RENDERERS = {"shapes3d": shapes3d.render, "dsprites": sprites.render}


def pixels(study: Study, settings: FactorSet, scenes: np.ndarray) -> np.ndarray:
    """Pixels [n, size, size, 3], uint8, of scenes [n]: drawn, or read from the published file."""
    table = settings.table
    if settings.file is not None:
        file = study.paths.root / settings.file
        return READERS[settings.source](file, table, scenes)
    return RENDERERS[settings.source](table.values(table.ids(scenes)), settings.size)


def evaluation_scenes(study: Study, name: str) -> np.ndarray:
    """Scenes [n] of a factor set, each at most once, in the order of the manifest."""
    settings = study.factor_set(name)
    rng = np.random.default_rng((study.seed, FACTOR_SCENES))
    return rng.choice(settings.table.size, settings.images, replace=False)


def training_scenes(study: Study, settings: FactorTraining) -> np.ndarray:
    """Scenes [n] that a factor model is trained on, each at most once, none of them tested.

    They show only compositions that it may see.
    """
    set_ = study.factor_set(settings.set)
    table = set_.table
    allowed = np.isin(table.compositions(table.ids(np.arange(table.size))), seen(study, settings))
    allowed[evaluation_scenes(study, settings.set)] = False
    rng = np.random.default_rng((study.seed, FACTOR_TRAINING, settings.seed))
    return rng.choice(np.flatnonzero(allowed), settings.images, replace=False)


def seen(study: Study, settings: FactorTraining) -> np.ndarray:
    """Ids of the compositions that a factor model is trained on."""
    order = _order(study, settings.set)
    words = study.factor_set(settings.set).table.pair_words
    return order[: round(settings.share * words.size)]


def splits(study: Study, name: str) -> np.ndarray:
    """Split of each composition of a factor set, over the models trained on it."""
    shares = [m.share for m in study.factor_models.values() if m.set == name]
    return split_by(_order(study, name), study.factor_set(name).table.pair_words.size, shares)


def check_file(study: Study, name: str) -> None:
    """Make sure that the published file of a factor set is there, before long work begins."""
    settings = study.factor_set(name)
    if settings.file is not None and not (study.paths.root / settings.file).is_file():
        pixels(study, settings, np.array([0]))  # says where to get it


def _order(study: Study, name: str) -> np.ndarray:
    words = study.factor_set(name).table.pair_words
    return training_order(words, study.held_out, study.seed, FACTOR_SPLIT)
