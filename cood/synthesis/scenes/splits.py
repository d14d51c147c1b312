"""Which scenes of a factor set are tested, and which compositions of it models are trained on."""

from __future__ import annotations

import numpy as np

from cood.settings import FactorTraining
from cood.settings.study_file import Study
from cood.splits import (
    FACTOR_DRAW,
    FACTOR_SCENES,
    FACTOR_SPLIT,
    FACTOR_TRAINING,
    core_of,
    draw_seen,
)

PARTNERS = 1  # with how many others each word occurs at least: some factors have but three words


def evaluation_scenes(study: Study, name: str) -> np.ndarray:
    """Scenes [n] of a factor set, each at most once, in the order of the manifest."""
    settings = study.factor_set(name)
    rng = np.random.default_rng((study.seed, FACTOR_SCENES))
    return rng.choice(settings.table.size, settings.images, replace=False)


def training_scenes(study: Study, settings: FactorTraining) -> np.ndarray:
    """Scenes [n] that a factor model is trained on, each at most once.

    They show only compositions that the model may see, and none of them is a test image.
    """
    set_ = study.factor_set(settings.set)
    table = set_.table
    allowed = np.isin(table.compositions(table.ids(np.arange(table.size))), seen(study, settings))
    allowed[evaluation_scenes(study, settings.set)] = False
    rng = np.random.default_rng((study.seed, FACTOR_TRAINING, settings.seed))
    return rng.choice(np.flatnonzero(allowed), settings.images, replace=False)


def core(study: Study, name: str) -> np.ndarray:
    """Ids of the compositions of a factor set that no factor model is trained on."""
    words = study.factor_set(name).table.pair_words
    return core_of(words, study.core, (study.seed, FACTOR_SPLIT))


def seen(study: Study, settings: FactorTraining) -> np.ndarray:
    """Ids of the compositions that a factor model is trained on: a draw of its own, by its seed."""
    words = study.factor_set(settings.set).table.pair_words
    seed = (study.seed, FACTOR_DRAW, settings.seed)
    return draw_seen(words, core(study, settings.set), settings.share, PARTNERS, seed)
