"""Drawing an object with an attribute, or either alone, on a background independent of both."""

import math
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cood.errors import unknown
from cood.synthesis.drawing.icons import (
    SHARE,
    Icon,
    UnknownNameError,
    bodies,
    get_icon,
    glyph_box,
    glyph_mask,
    glyph_rim,
)
from cood.synthesis.drawing.painting import PAINTERS, Painter, neutral

# Textures need this many pixels; smaller images are drawn at this size and reduced.
DRAWN = 64
SMALLEST = 16
# Grays that differ from white and black, so that the outline is visible on objects of both.
LIGHT, DARK = (194, 194, 194), (64, 64, 64)
TURN = math.radians(10)  # an object is turned by at most this, either way
ROOM = 0.88  # of the side of an image, for the object


def draw(
    object_: str, attribute: str, rng: np.random.Generator, size: int = DRAWN
) -> NDArray[np.uint8]:
    """Draw an object with an attribute on a random background.

    The generator draws first the background, then glyph and place, then the attribute, so that
    equal generators give equal backgrounds, and equal masks for equal objects.

    Parameters
    ----------
    object_ : str
        An object of `icons.icons`; if empty, the attribute is shown alone, on one of
        `icons.bodies`.
    attribute : str
        A key of `painting.PAINTERS`; if empty, the object is shown alone, painted by
        `painting.neutral`.
    rng : numpy.random.Generator
        Source of all randomness.
    size : int
        Side of the picture in pixels, at least 16.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
        The picture.

    Raises
    ------
    UnknownNameError
        If there is no such object or attribute; a ``ValueError`` that names the closest ones.
    ValueError
        If the size is too small.
    """
    icon, paint = _icon(object_), _painter(attribute) if attribute else neutral
    side = _drawn_side(size)
    picture = _background(rng, side)
    background = np.asarray(picture)
    mask, rim = _place(icon, rng, side)
    # The outline depends on the background alone, so it says nothing about the attribute.
    picture.paste(DARK if background.mean() > 127 else LIGHT, mask=rim)
    picture.paste(Image.fromarray(paint(rng, background, mask)), mask=mask)
    return _reduced(picture, size)


def check_words(attributes: Iterable[str], objects: Iterable[str]) -> None:
    """Check before long work begins that every word can be drawn.

    Parameters
    ----------
    attributes, objects : iterables of str
        The words of a study.

    Raises
    ------
    UnknownNameError
        If a word has no painter or no icon.
    MissingFontError, MissingGlyphError
        If the drawing of an object is not on this machine.
    """
    for attribute in attributes:
        _painter(attribute)
    for icon in (*map(get_icon, objects), bodies()):
        for design, glyph in icon.glyphs:
            glyph_mask(design, glyph, SMALLEST)


def draw_background(rng: np.random.Generator, size: int = DRAWN) -> NDArray[np.uint8]:
    """Draw only the background that `draw` takes with an equal generator.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    size : int
        Side of the picture in pixels, at least 16.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)
        The background.
    """
    return _reduced(_background(rng, _drawn_side(size)), size)


def draw_mask(
    object_: str, rng: np.random.Generator, size: int = DRAWN
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw only where `draw` puts the object with an equal generator.

    Parameters
    ----------
    object_ : str
        As in `draw`.
    rng : numpy.random.Generator
        Source of all randomness.
    size : int
        Side of the picture in pixels, at least 16.

    Returns
    -------
    mask, rim : ndarrays of uint8, shape (size, size)
        The painted object, and the object with its outline; 255 inside, 0 outside.
    """
    icon = _icon(object_)
    side = _drawn_side(size)
    _background(rng, side)
    mask, rim = _place(icon, rng, side)
    return _reduced(mask, size), _reduced(rim, size)


def draw_many(
    pairs: Sequence[tuple[str, str]], seeds: Sequence[tuple[int, ...]], size: int = DRAWN
) -> NDArray[np.uint8]:
    """Draw one picture for each pair, each from its own seed.

    Parameters
    ----------
    pairs : sequence of (attribute, object)
        What to draw, as in `draw`.
    seeds : sequence of tuples of int
        Seed words of each picture; equal words give equal bytes in any order or batch.
    size : int
        Side of the pictures in pixels.

    Returns
    -------
    ndarray of uint8, shape (n, size, size, 3)
        The pictures, in the order of `pairs`.

    Raises
    ------
    ValueError
        If `pairs` and `seeds` differ in length.
    """
    if len(pairs) != len(seeds):
        raise ValueError(f"{len(pairs)} pairs but {len(seeds)} seeds; give one seed per pair")
    pictures = np.empty((len(pairs), size, size, 3), np.uint8)
    for picture, (attribute, object_), seed in zip(pictures, pairs, seeds, strict=True):
        picture[:] = draw(object_, attribute, np.random.default_rng(seed), size)
    return pictures


def _icon(object_: str) -> Icon:
    return get_icon(object_) if object_ else bodies()


def _painter(attribute: str) -> Painter:
    if attribute not in PAINTERS:
        raise UnknownNameError(unknown("attribute that can be painted", attribute, PAINTERS))
    return PAINTERS[attribute]


def _drawn_side(size: int) -> int:
    if size < SMALLEST:
        raise ValueError(f"size {size} is too small to show an object; use {SMALLEST} or more")
    return max(size, DRAWN)


def _reduced(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    if picture.width != size:
        picture = picture.resize((size, size), Image.Resampling.BOX)
    return np.asarray(picture)


def _background(rng: np.random.Generator, side: int) -> Image.Image:
    cells = int(rng.integers(3, 6))
    # A lightness and a muted hue for the whole image, with soft spots of both on it.
    base = rng.uniform(55, 200) + rng.uniform(-22, 22, 3)
    spots = base + rng.normal(0, 16, (cells, cells, 1)) + rng.normal(0, 13, (cells, cells, 3))
    small = Image.fromarray(spots.clip(0, 255).astype(np.uint8))
    return small.resize((side, side), Image.Resampling.BICUBIC)


@cache
def _resolution(side: int) -> int:
    return 128 * math.ceil(side / 96)


def _place(icon: Icon, rng: np.random.Generator, side: int) -> tuple[Image.Image, Image.Image]:
    design, glyph = icon.glyphs[int(rng.integers(len(icon.glyphs)))]
    share, turn, flip, x, y = rng.random(5)
    resolution = _resolution(side)
    angle = TURN * (2 * turn - 1)
    cos, sin = math.cos(angle), math.sin(angle)
    width, height = glyph_box(design, glyph, resolution)
    # A margin keeps the outline inside the frame however the glyph is turned.
    room = side * ROOM
    across = width * cos + height * abs(sin)
    down = width * abs(sin) + height * cos
    longest = SHARE * resolution
    scale = min((0.7 + 0.25 * share) * side / longest, room / across, room / down)
    middle_x = side / 2 + (x - 0.5) * (room - across * scale)
    middle_y = side / 2 + (y - 0.5) * (room - down * scale)
    # PIL takes the map from image to raster: x' = a x + b y + c, y' = d x + e y + f.
    mirror = -1 if flip < 0.5 else 1
    a, b = mirror * cos / scale, mirror * sin / scale
    d, e = -sin / scale, cos / scale
    half = resolution / 2
    c, f = half - a * middle_x - b * middle_y, half - d * middle_x - e * middle_y
    mask, rim = (
        raster(design, glyph, resolution).transform(
            (side, side), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
        )
        for raster in (glyph_mask, glyph_rim)
    )
    return mask, rim
