"""Large textures, each made once from a fixed seed; a painter takes a random window of one.

Textures have `TEXELS` texels for each pixel of an image of 64 pixels a side.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

TEXELS = 2
SIDE = 512
# Largest distance, in texels, from the middle of a window to its corners.
REACH = 120


def window(
    texture: Image.Image,
    rng: np.random.Generator,
    side: int,
    turn: float = math.pi,
    zoom: tuple[float, float] = (0.85, 1.15),
) -> NDArray[np.uint8]:
    """Cut a random, turned and zoomed square out of a texture.

    Parameters
    ----------
    texture : PIL.Image.Image
        A texture of this module.
    rng : numpy.random.Generator
        Draws angle, zoom and place.
    side : int
        Side of the square in pixels.
    turn : float
        Largest angle in radians, either way.
    zoom : tuple of float
        Smallest and largest zoom; above 1 shows more of the texture.

    Returns
    -------
    ndarray of uint8, shape (side, side) or (side, side, 3)
        The window.
    """
    angle, scale, x, y = rng.random(4)
    angle = turn * (2 * angle - 1)
    scale = TEXELS * 64 / side * (zoom[0] + scale * (zoom[1] - zoom[0]))
    x, y = (REACH + place * (SIDE - 2 * REACH) for place in (x, y))
    cos, sin, half = scale * math.cos(angle), scale * math.sin(angle), side / 2
    inverse = (cos, -sin, x - (cos - sin) * half, sin, cos, y - (sin + cos) * half)
    cut = texture.transform(
        (side, side), Image.Transform.AFFINE, inverse, Image.Resampling.BILINEAR
    )
    return np.asarray(cut)


def _noise(rng: np.random.Generator, across: int, down: int) -> NDArray[np.float32]:
    """Smooth noise between 0 and 1, with that many bumps across and down."""
    grid = Image.fromarray(rng.random((down, across), np.float32))
    return np.asarray(grid.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).clip(0, 1)


def _axes() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    return columns, rows


def _gray(values: NDArray[np.floating]) -> Image.Image:
    return Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8))


def _cells(
    rng: np.random.Generator, x: NDArray[np.float32], y: NDArray[np.float32], pitch: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Cells around jittered points: distances to the nearest two, and a tone for each cell."""
    count = SIDE // pitch + 4
    jitter = rng.uniform(0.12, 0.88, (count, count, 2)).astype(np.float32)
    tones = rng.random((count, count), np.float32)
    column, row = (x // pitch).astype(int), (y // pitch).astype(int)
    nearest = np.full(x.shape, np.inf, np.float32)
    second, tone = nearest.copy(), np.zeros_like(nearest)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            i, j = (column + across) % count, (row + down) % count
            point_x = (column + across + jitter[j, i, 0]) * pitch
            point_y = (row + down + jitter[j, i, 1]) * pitch
            distance = np.hypot(x - point_x, y - point_y)
            closer = distance < nearest
            second = np.where(closer, nearest, np.minimum(second, distance))
            tone = np.where(closer, tones[j, i], tone)
            nearest = np.where(closer, distance, nearest)
    return nearest, second, tone


@cache
def cobblestones() -> Image.Image:
    """Stones with round corners, of many grays, in dark joints."""
    rng = np.random.default_rng(1)
    nearest, second, tone = _cells(rng, *_axes(), pitch=21)
    # Blurring and cutting again rounds the corners of the cells.
    cell = _gray((second - nearest > 2.6).astype(np.float32)).filter(ImageFilter.GaussianBlur(2))
    stone = ((np.asarray(cell) / 255 - 0.5) / 0.25).clip(0, 1)
    dome = (1 - (nearest / 19) ** 2).clip(0, 1)
    return _gray(0.04 + stone * (0.26 + 0.4 * tone + 0.3 * dome))


@cache
def cracks() -> Image.Image:
    """White: jagged cracks, on black."""
    rng = np.random.default_rng(2)
    x, y = _axes()
    x, y = x + 16 * _noise(rng, 56, 56) + 1, y + 16 * _noise(rng, 56, 56) + 1
    nearest, second, _ = _cells(rng, x, y, pitch=38)
    width = 1.2 + 5.5 * _noise(rng, 20, 20)
    return _gray(1.35 * (1 - (second - nearest) / width))


@cache
def fur() -> Image.Image:
    """Overlapping hairs that lie roughly the same way."""
    rng = np.random.default_rng(3)
    canvas = Image.new("L", (SIDE, SIDE), 60)
    pen = ImageDraw.Draw(canvas)
    lean = 1.6 * (_noise(rng, 9, 9) - 0.5)
    for x, y, tone, length in rng.random((15000, 4)):
        x, y = x * SIDE, y * SIDE
        angle = math.pi / 2 + lean[int(y), int(x)] + 0.35 * (tone - 0.5)
        reach = 10 + 14 * length
        tip = (x + reach * math.cos(angle), y + reach * math.sin(angle))
        pen.line((x, y, *tip), fill=int(255 * tone**1.3), width=2)
    return canvas


@cache
def weave() -> Image.Image:
    """Basket weave: bands of canes that pass over and under each other."""
    x, y = _axes()
    pitch = 20
    across, down = x / pitch, y / pitch
    over = (np.floor(across) + np.floor(down)) % 2 == 0
    along, cane = np.where(over, across, down) % 1, np.where(over, down, across) % 1
    bulge = np.sin(math.pi * along) ** 0.7
    canes = np.abs(np.sin(2 * math.pi * cane)) ** 0.6
    return _gray(0.05 + 0.95 * bulge * canes)


@cache
def planks() -> Image.Image:
    """Boards with grain along them and dark joints between them."""
    rng = np.random.default_rng(4)
    x, y = _axes()
    board = (y // 30).astype(int)
    shift = (rng.random(SIDE)[board] * SIDE).astype(int)
    rows = y.astype(int)
    columns = (x.astype(int) + shift) % SIDE
    fine, broad = _noise(rng, 8, 170)[rows, columns], _noise(rng, 5, 40)[rows, columns]
    rings = 0.5 + 0.5 * np.sin(26 * broad)
    tone = 0.3 * rng.random(SIDE)[board]
    wood = 0.25 + tone + 0.3 * rings + 0.2 * fine
    joint = (y % 30 < 3) | (columns % 200 < 3)
    return _gray(np.where(joint, 0, wood))


@cache
def bricks() -> Image.Image:
    """Courses of bricks, dark to light, in white mortar."""
    rng = np.random.default_rng(5)
    x, y = _axes()
    high, long = 17, 36
    course = (y // high).astype(int)
    along = x + (course % 2) * long / 2
    tone = rng.random((SIDE, SIDE))[course, (along // long).astype(int)]
    mortar = (y % high < 3.5) | (along % long < 3.5)
    return _gray(np.where(mortar, 1, 0.1 + 0.5 * tone + 0.12 * _noise(rng, 200, 200)))


@cache
def moss() -> Image.Image:
    """Below a third: bare stone; above: cushions of moss, the lighter the higher."""
    rng = np.random.default_rng(6)
    patches = 0.7 * _noise(rng, 22, 22) + 0.3 * _noise(rng, 60, 60)
    leaves = rng.random((SIDE // 3, SIDE // 3), np.float32)
    enlarged = Image.fromarray(leaves).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    speckle = np.asarray(enlarged)
    cover = ((patches - 0.43) / 0.035).clip(0, 1)
    stone = 0.06 + 0.2 * speckle
    cushion = 0.4 + 0.75 * (speckle - 0.25) * 0.8 + 0.5 * (patches - 0.43)
    return _gray(np.where(cover > 0.5, cushion.clip(0.38, 1), stone))


@cache
def drops() -> Image.Image:
    """Water drops: middle gray is the surface, darker and lighter are their shade and gloss."""
    rng = np.random.default_rng(7)
    canvas = Image.new("L", (SIDE, SIDE), 128)
    pen = ImageDraw.Draw(canvas)
    taken = np.zeros((SIDE, SIDE), bool)
    for x, y, kind in rng.random((9000, 3)):
        x, y, r = 16 + x * (SIDE - 32), 16 + y * (SIDE - 32), 4 + 8 * kind**2
        block = (slice(int(y - r), int(y + r) + 3), slice(int(x - r), int(x + r) + 3))
        if taken[block].any():
            continue
        taken[block] = True
        pen.ellipse((x - r, y - r, x + r, y + r), fill=40)
        inner = 0.78 * r
        pen.ellipse((x - inner, y - inner + 1, x + inner, y + inner + 1), fill=150)
        low = 0.6 * r
        pen.chord((x - low, y - low + 2, x + low, y + low + 2), 10, 170, fill=205)
        spot = max(1.6, 0.34 * r)
        pen.ellipse((x - inner / 2 - spot, y - inner / 2 - spot, x - inner / 2 + spot,
                     y - inner / 2 + spot), fill=255)  # fmt: skip
    return canvas.filter(ImageFilter.GaussianBlur(0.6))


@cache
def flowers() -> Image.Image:
    """Flowers: red marks petals, green their middles, blue leaves, black the ground."""
    rng = np.random.default_rng(8)
    canvas = Image.new("RGB", (SIDE, SIDE))
    pen = ImageDraw.Draw(canvas)
    pitch = 32

    def disc(x: float, y: float, r: float, fill: tuple[int, int, int]) -> None:
        pen.ellipse((x - r, y - r, x + r, y + r), fill=fill)

    for row in range(SIDE // pitch + 1):
        for column in range(SIDE // pitch + 1):
            dx, dy, turn, growth = rng.random(4)
            x = (column + 0.5 * (row % 2) + 0.25 * (dx - 0.5)) * pitch
            y = (row + 0.25 * (dy - 0.5)) * pitch
            r = 6.2 + 1.6 * growth
            for leaf in (0.5, 3.6):
                angle = 2 * math.pi * turn + leaf
                disc(x + 2.0 * r * math.cos(angle), y + 2.0 * r * math.sin(angle), 3.6, (0, 0, 255))
            for petal in range(5):
                angle = 2 * math.pi * (turn + petal / 5)
                disc(x + r * math.cos(angle), y + r * math.sin(angle), 0.72 * r, (255, 0, 0))
            disc(x, y, 0.55 * r, (0, 255, 0))
    return canvas


@cache
def swirl() -> Image.Image:
    """Smooth hills; as hues they show every colour within a few pixels."""
    rng = np.random.default_rng(9)
    return _gray(0.5 * _noise(rng, 16, 16) + 0.5 * _noise(rng, 28, 28))
