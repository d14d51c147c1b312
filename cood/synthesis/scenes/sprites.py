"""Sprites like those of dSprites: a white square, ellipse or heart on black, without grey."""

from __future__ import annotations

import numpy as np

# At 64 pixels the 32 positions are a pixel apart and the largest sprite just stays in the picture.
REACH = 15.5 / 64  # of the centre from the middle of the picture
RADIUS = 15.5 / 64  # of the circle that holds a sprite of scale 1


def render(values: np.ndarray, size: int) -> np.ndarray:
    """Draw sprites.

    Parameters
    ----------
    values
        Shape (1 square, 2 ellipse, 3 heart), scale, orientation in radians, and position x and
        y between 0 and 1 [n, 5].
    size
        Pixels a side.

    Returns
    -------
    numpy.ndarray
        Pixels [n, size, size, 3], uint8, 0 or 255.
    """
    pixels = np.empty((len(values), size, size, 3), dtype=np.uint8)
    steps = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    for row, (shape, scale, orientation, across, down) in enumerate(values.astype(np.float32)):
        x = (steps - REACH * (2 * across - 1))[None, :] / (scale * RADIUS)
        y = (steps - REACH * (2 * down - 1))[:, None] / (scale * RADIUS)
        cos, sin = np.cos(orientation), np.sin(orientation)
        inside = _INSIDE[int(shape)](cos * x + sin * y, cos * y - sin * x)
        pixels[row] = np.where(inside, 255, 0)[..., None]
    return pixels


def _square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(x), np.abs(y)) <= np.sqrt(0.5)


def _ellipse(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return x**2 + (2 * y) ** 2 <= 1


def _heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # (u^2 + v^2 - 1)^3 = u^2 v^3 with v upwards, moved and shrunk into the unit circle.
    u, v = 1.24 * x, 0.06 - 1.24 * y
    return (u**2 + v**2 - 1) ** 3 <= u**2 * v**3


_INSIDE = {1: _square, 2: _ellipse, 3: _heart}
