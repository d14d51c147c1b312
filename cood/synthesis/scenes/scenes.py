"""What the scenes of a factor set look like: rendered here, or read from the published file."""

from __future__ import annotations

import numpy as np

from cood.settings import FactorSet
from cood.settings.study_file import Study
from cood.synthesis.scenes import shapes3d, sprites
from cood.synthesis.scenes.originals import READERS, check_present

RENDERERS = {"shapes3d": shapes3d.render, "dsprites": sprites.render}


def pixels(study: Study, settings: FactorSet, scenes: np.ndarray) -> np.ndarray:
    """Pixels [n, size, size, 3], uint8, of scenes [n]: rendered, or read from the file."""
    table = settings.table
    if settings.file is not None:
        file = study.paths.root / settings.file
        return READERS[settings.source](file, table, scenes)
    return RENDERERS[settings.source](table.values(table.ids(scenes)), settings.size)


def check_file(study: Study, name: str) -> None:
    """Check before long work begins that the published file of a factor set is there.

    Raises
    ------
    CoodError
        If the settings name a file and it does not exist.
    """
    settings = study.factor_set(name)
    if settings.file is not None:
        check_present(study.paths.root / settings.file, settings.table)
