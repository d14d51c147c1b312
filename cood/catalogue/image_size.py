"""Image sizes as the configurations of open_clip have them: one number, or height and width."""

from __future__ import annotations

import math
from collections.abc import Sequence

USUAL_SIZE = 224  # of open_clip, where a configuration gives none


def resolution(size: int | Sequence[int]) -> float:
    """Pixels a side of a square image; of another, those of a square of the same area.

    Examples
    --------
    >>> resolution(224), resolution([64, 144])
    (224, 96.0)
    """
    height, width = sides(size)
    return height if height == width else math.sqrt(height * width)


def sides(size: int | Sequence[int]) -> tuple[int, int]:
    """Height and width of an image size as open_clip has it: one number, or both."""
    if isinstance(size, int):
        return size, size
    height, width = size
    return height, width
