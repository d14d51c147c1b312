"""Painters: a function for each attribute, which fills a square with its appearance.

A painter takes the random generator, the background and the object's mask, and returns an image
of the same size, of which only the part under the mask is visible. Colours that an attribute does
not determine are random.
"""

import math
from collections.abc import Callable
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cood.synthesis.drawing import textures
from cood.synthesis.drawing.colours import (
    COLOURS,
    Pixels,
    any_colour,
    dark_and_light,
    mix,
    ramp,
    rgb,
    tinted,
)

Painter = Callable[[np.random.Generator, Pixels, Image.Image], Pixels]
# Half-way between the two grays of the outline, to contrast with both; far from white and black.
NEUTRAL = 129


@cache
def _axes(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Columns and rows in pixels of a picture of 64 pixels a side."""
    rows, columns = np.mgrid[:side, :side].astype(np.float32) * (64 / side)
    return columns, rows


def _turned(
    rng: np.random.Generator, side: int, turn: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Axes turned by a random angle up to `turn`, with random origin."""
    x, y = _axes(side)
    angle, left, top = rng.random(3)
    angle = turn * (2 * angle - 1)
    cos, sin = math.cos(angle), math.sin(angle)
    return cos * x - sin * y + 32 * left, sin * x + cos * y + 32 * top


def _fraction(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Part after the point, the same as ``values % 1`` in a twentieth of the time."""
    return values - np.floor(values)


def _plain(colour: str, rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    hue, saturation, value = (rng.uniform(low, high) for low, high in COLOURS[colour])
    flat = np.empty_like(background)
    flat[:] = rgb(hue / 360, saturation, value).astype(np.uint8)
    return flat


def neutral(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    """Paint an object without an attribute: always the same gray, which is no attribute here."""
    return np.full_like(background, NEUTRAL)


def _striped(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    across, _ = _turned(rng, mask.width, math.pi / 2)
    period = rng.uniform(8.5, 11)
    wave = np.abs(_fraction(across / period) - 0.5) * period - period / 4
    return mix(wave + 0.5, *dark_and_light(rng))


def _checkered(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    x, y = _turned(rng, mask.width, math.pi / 8)
    square = rng.uniform(7, 8.5)
    board = np.sin(math.pi * x / square) * np.sin(math.pi * y / square)
    return mix(0.5 + 4 * board, *dark_and_light(rng))


def _dotted(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    x, y = _turned(rng, mask.width, math.pi / 4)
    pitch = rng.uniform(8.5, 10)
    row = y / pitch
    odd = _fraction(np.floor(row) / 2)
    distance = np.hypot(_fraction(x / pitch + odd) - 0.5, _fraction(row) - 0.5) * pitch
    ground, dots = dark_and_light(rng)
    if rng.random() < 0.5:
        ground, dots = dots, ground
    return mix(0.31 * pitch - distance + 0.5, ground, dots)


def _floral(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    marks = textures.window(textures.flowers(), rng, mask.width).astype(np.float32) / 255
    hue, petal_hue, tone = rng.random(3)
    ground = rgb(hue, 0.12, 1.0) if tone < 0.6 else rgb(hue, 0.6, 0.25)
    petals = rgb(0.78 + 0.27 * petal_hue, 0.75, 0.95)
    tones = np.stack([petals, rgb(0.14, 0.9, 1.0), rgb(0.33, 0.7, 0.55)]) - ground
    return (ground + marks @ tones).clip(0, 255).astype(np.uint8)


def _blue_plaid(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    x, y = _turned(rng, mask.width, math.pi / 8)
    pitch = rng.uniform(14, 17)
    share = np.zeros(x.shape, np.float32)
    lines = np.zeros(x.shape, np.float32)
    for axis in (x, y):
        place = axis % pitch
        share += 0.5 * (place < pitch / 2)
        lines = np.maximum(lines, np.abs(place - 0.75 * pitch) < 0.9)
    blue = rng.uniform(0.59, 0.64)
    cloth = mix(share, rgb(blue, 0.25, 1.0), rgb(blue, 1.0, 0.4))
    return mix(0.75 * lines, cloth, np.full(3, 255, np.float32))


def _brick(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    gray = textures.window(textures.bricks(), rng, mask.width, math.pi / 12)
    hue = rng.uniform(0.015, 0.045)
    colours = ramp(
        (0, rgb(hue, 0.8, 0.35)), (180, rgb(hue, 0.65, 0.82)), (235, (222, 214, 204)),
        (255, (222, 214, 204)),
    )  # fmt: skip
    return tinted(gray, colours)


def _wooden(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    gray = textures.window(textures.planks(), rng, mask.width)
    hue, value = rng.uniform(0.075, 0.095), rng.uniform(0.8, 0.95)
    colours = ramp((0, (45, 24, 8)), (60, rgb(hue, 0.75, 0.5)), (255, rgb(hue, 0.5, value)))
    return tinted(gray, colours)


def _cobblestone(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    gray = textures.window(textures.cobblestones(), rng, mask.width)
    hue, saturation = rng.random(2)
    colours = ramp((0, (25, 24, 23)), (255, rgb(hue, 0.12 * saturation, 0.95)))
    return tinted(gray, colours)


def _furry(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    gray = textures.window(textures.fur(), rng, mask.width, math.pi / 5)
    colour = any_colour(rng)
    colours = ramp((0, colour * 0.25), (130, colour * 0.75), (255, 0.55 * colour + 115))
    return tinted(gray, colours)


def _wicker(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    gray = textures.window(textures.weave(), rng, mask.width, math.pi / 6)
    hue = rng.uniform(0.08, 0.115)
    colours = ramp((0, (40, 22, 6)), (140, rgb(hue, 0.7, 0.62)), (255, rgb(hue, 0.35, 1.0)))
    return tinted(gray, colours)


def _chrome(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    side = mask.width
    height = np.asarray(mask.filter(ImageFilter.GaussianBlur(side / 22)), np.float32) / 255
    slope_y, slope_x = np.gradient(height, 64 / side)
    _, y = _axes(side)
    look = y / 64 + 3.2 * slope_y + 1.6 * slope_x + rng.uniform(-0.1, 0.1)
    tint = rng.uniform(0.9, 1.0)
    return tinted((255 * look.clip(0, 1)).astype(np.uint8), _sky(round(20 * tint)))


@cache
def _sky(tint: int) -> Pixels:
    """Colours a mirror reflects from top to bottom: sky, dark horizon, bright floor."""
    cool = np.array([tint / 20, 0.5 + tint / 40, 1.0])
    stops = ((0, 250), (40, 150), (85, 235), (118, 255), (126, 40), (150, 70), (185, 215),
             (215, 120), (255, 245))  # fmt: skip
    return ramp(*((at, gray * cool) for at, gray in stops))


def _cracked(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    gray = textures.window(textures.cracks(), rng, mask.width)
    colour = any_colour(rng)
    colours = ramp((0, 0.85 * colour + 30), (110, 0.3 * colour), (255, (8, 5, 4)))
    return tinted(gray, colours)


def _wet(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    gray = textures.window(textures.drops(), rng, mask.width, math.pi / 12)
    colour = 0.8 * any_colour(rng)
    colours = ramp((0, 0.1 * colour), (128, colour), (205, 0.45 * colour + 135), (255, (255,) * 3))
    return tinted(gray, colours)


def _moss_covered(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    gray = textures.window(textures.moss(), rng, mask.width)
    hue = rng.uniform(0.21, 0.27)
    warm = rng.uniform(0.75, 1.0)
    stone = np.array([1.0, 0.5 + 0.5 * warm, warm])
    colours = ramp(
        (0, 85 * stone), (70, 165 * stone), (92, rgb(hue + 0.03, 0.9, 0.2)),
        (150, rgb(hue, 0.85, 0.48)), (255, rgb(hue - 0.04, 0.75, 0.9)),
    )  # fmt: skip
    return tinted(gray, colours)


def _transparent(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    side = mask.width
    inside = np.asarray(mask.filter(ImageFilter.GaussianBlur(side / 40)), np.float32) / 255
    across, _ = _turned(rng, side, math.pi / 12)
    streaks = np.abs((across + _axes(side)[1] * 0.7) % 26 - 6) < 2.2
    gloss = 0.1 + 0.75 * (0.95 - inside).clip(0, 0.6) + 0.45 * streaks
    return mix(gloss, background.astype(np.float32), np.full(3, 255, np.float32))


def _colorful(rng: np.random.Generator, background: Pixels, mask: Image.Image) -> Pixels:
    gray = textures.window(textures.swirl(), rng, mask.width)
    return tinted(gray, np.roll(_rainbow(), int(rng.integers(256)), axis=0))


@cache
def _rainbow() -> Pixels:
    # Three turns of the colour circle in the range of the texture.
    return np.stack([rgb(3 * value / 256, 0.95, 1.0) for value in range(256)]).astype(np.uint8)


PAINTERS: dict[str, Painter] = {
    **{colour: partial(_plain, colour) for colour in COLOURS},
    "striped": _striped,
    "checkered": _checkered,
    "dotted": _dotted,
    "floral": _floral,
    "blue plaid": _blue_plaid,
    "brick": _brick,
    "wooden": _wooden,
    "cobblestone": _cobblestone,
    "furry": _furry,
    "wicker": _wicker,
    "chrome": _chrome,
    "cracked": _cracked,
    "wet": _wet,
    "moss covered": _moss_covered,
    "transparent": _transparent,
    "colorful": _colorful,
}
