"""Colours: the named ones, random ones, ramps and blends."""

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

# Ranges of hue in degrees, saturation and value.
COLOURS = {
    "red": ((-7, 5), (0.85, 1.0), (0.72, 0.95)),
    "orange": ((22, 33), (0.9, 1.0), (0.92, 1.0)),
    "yellow": ((51, 58), (0.8, 1.0), (0.92, 1.0)),
    "green": ((105, 140), (0.7, 1.0), (0.45, 0.75)),
    "blue": ((212, 235), (0.8, 1.0), (0.65, 1.0)),
    "purple": ((268, 288), (0.65, 0.95), (0.45, 0.72)),
    "pink": ((325, 345), (0.35, 0.58), (0.97, 1.0)),
    "white": ((0, 360), (0.0, 0.03), (0.95, 1.0)),
    "black": ((0, 360), (0.0, 0.15), (0.02, 0.11)),
    "brown": ((18, 28), (0.65, 0.85), (0.33, 0.48)),
}


def rgb(hue: float, saturation: float, value: float) -> NDArray[np.float32]:
    """Red, green and blue from 0 to 255; the hue is in turns of the circle."""
    return 255 * np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value), np.float32)


def any_colour(rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a colour that is neither very dark nor gray."""
    hue, saturation, value = rng.random(3)
    return rgb(hue, 0.3 + 0.6 * saturation, 0.6 + 0.35 * value)


def dark_and_light(
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw two colours that contrast."""
    a, b, c, d, e = rng.random(5)
    # Half of the light colours are nearly white, as in print.
    return rgb(a, 0.5 + 0.5 * b, 0.2 + 0.35 * c), rgb(d, 0.08 if e < 0.5 else 0.55, 1.0)


def ramp(*stops: tuple[int, NDArray[np.float32] | tuple[int, int, int]]) -> Pixels:
    """Colours of the gray values 0 to 255, interpolated linearly between the stops."""
    at = [value for value, _ in stops]
    colours = np.array([colour for _, colour in stops], np.float32)
    channels = [np.interp(np.arange(256), at, channel) for channel in colours.T]
    return np.stack(channels, axis=1).clip(0, 255).astype(np.uint8)


def mix(share: NDArray[np.floating], a: NDArray[Any], b: NDArray[Any]) -> Pixels:
    """Blend: colour `a` where the share is 0, `b` where it is 1."""
    share = share.clip(0, 1).astype(np.float32)
    blend = np.empty((*share.shape, 3), np.uint8)
    # Channel by channel takes a third of the time of one operation on all three.
    for channel in range(3):
        start, end = a[..., channel], b[..., channel]
        blend[..., channel] = start + share * (end - start)
    return blend


def tinted(gray: NDArray[np.uint8], colours: Pixels) -> Pixels:
    """Replace each gray value by its colour of a ramp [256, 3]."""
    return colours.take(gray, axis=0)  # a quarter of the time of `colours[gray]`
