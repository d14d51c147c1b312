"""Icon glyphs of the objects: their fonts, and their masks.

The fonts come with qtawesome and are read as plain files; neither qtawesome nor Qt is imported.
"""

import importlib.util
import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from cood.errors import CoodError, unknown

ICONS_FILE = Path(__file__).with_name("icons.yaml")
WAY_OUT = "install the icon fonts with `pip install qtawesome`"
# The glyph's longer side takes this share of the raster; the rest is room for the outline.
SHARE = 0.8
OUTLINE = 0.032


class MissingFontError(CoodError, FileNotFoundError):
    """An icon font or its charmap is not on this machine."""


class MissingGlyphError(CoodError, ValueError):
    """An icon font has no glyph of that name."""


class UnknownNameError(CoodError, ValueError):
    """There is no such object, attribute or icon design."""


@dataclass(frozen=True)
class Design:
    """An icon design: its files in qtawesome, its licence and credit."""

    name: str
    font: str
    charmap: str
    licence: str
    credit: str


@dataclass(frozen=True)
class Icon:
    """An object: the ImageNet class that it shows, if any, and its glyphs as (design, name)."""

    class_name: str
    glyphs: tuple[tuple[str, str], ...]

    @property
    def designs(self) -> frozenset[str]:
        """Designs that draw the object."""
        return frozenset(design for design, _ in self.glyphs)


@cache
def _content() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(ICONS_FILE.read_text(encoding="utf-8"))


@cache
def designs() -> dict[str, Design]:
    """Icon designs by their short key.

    Returns
    -------
    dict[str, Design]
        Key as used in ``icons.yaml`` -> design.
    """
    return {key: Design(**entry) for key, entry in _content()["designs"].items()}


@cache
def icons() -> dict[str, Icon]:
    """All objects that can be drawn.

    Returns
    -------
    dict[str, Icon]
        Object name -> its ImageNet class and glyphs, in the order of ``icons.yaml``.
    """
    return {name: _icon(entry) for name, entry in _content()["objects"].items()}


@cache
def bodies() -> Icon:
    """Plain shapes that are no object, for an attribute that is shown alone.

    Returns
    -------
    Icon
        Of no ImageNet class; its glyphs are the shapes.
    """
    return _icon(_content()["bodies"])


def get_icon(object_: str) -> Icon:
    """Look up one object.

    Parameters
    ----------
    object_ : str
        Object name, e.g. ``"dog"``.

    Returns
    -------
    Icon
        Its class name and glyphs.

    Raises
    ------
    UnknownNameError
        If there is no such object; the message names the closest ones.
    """
    objects = icons()
    if object_ not in objects:
        raise UnknownNameError(unknown("object", object_, objects))
    return objects[object_]


def _icon(entry: dict[str, Any]) -> Icon:
    glyphs = [(key, g) for key, names in entry.items() if key != "class" for g in names]
    return Icon(entry.get("class", ""), tuple(glyphs))


def fonts_folder() -> Path:
    """Folder of the icon fonts inside the installed qtawesome.

    Returns
    -------
    Path
        An existing folder.

    Raises
    ------
    MissingFontError
        If qtawesome is not installed or carries no fonts.
    """
    # find_spec of a top-level package locates it without running it, so Qt is not needed.
    spec = importlib.util.find_spec("qtawesome")
    if spec is None or not spec.submodule_search_locations:
        raise MissingFontError(f"package qtawesome is not installed; {WAY_OUT}")
    folder = Path(next(iter(spec.submodule_search_locations))) / "fonts"
    if not folder.is_dir():
        raise MissingFontError(f"qtawesome has no folder {folder}; {WAY_OUT}")
    return folder


def _find(pattern: str, what: str, design: str) -> Path:
    folder = fonts_folder()
    matches = sorted(folder.glob(pattern))
    if not matches:
        raise MissingFontError(
            f"{what} of icon design {design!r} ({pattern}) is not in {folder}; {WAY_OUT}"
        )
    return matches[-1]


def _get_design(key: str) -> Design:
    if key not in designs():
        raise UnknownNameError(unknown("icon design", key, designs()))
    return designs()[key]


@cache
def _charmap(key: str) -> dict[str, str]:
    path = _find(_get_design(key).charmap, "charmap", key)
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def _font(key: str, height: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_find(_get_design(key).font, "font", key), height)


def clear_caches() -> None:
    """Clear the cached fonts, charmaps and masks, so that the next call reads the files again."""
    for cached in (_charmap, _font, glyph_mask, glyph_rim, glyph_box):
        cached.cache_clear()


@cache
def glyph_mask(design: str, glyph: str, resolution: int) -> Image.Image:
    """Rasterise a glyph, scaled so that its longer side is the same for all glyphs.

    Parameters
    ----------
    design : str
        Key of the icon design, e.g. ``"fa"``.
    glyph : str
        Glyph name in the design's charmap.
    resolution : int
        Side of the square raster in pixels.

    Returns
    -------
    PIL.Image.Image
        Mode ``L``: 255 inside the glyph, 0 outside; centred.

    Raises
    ------
    MissingFontError
        If the font or its charmap is not there.
    MissingGlyphError
        If the design has no such glyph.
    """
    codes = _charmap(design)
    if glyph not in codes:
        close = ", ".join(get_close_matches(glyph, codes, n=3)) or "none"
        raise MissingGlyphError(
            f"icon design {design!r} has no glyph {glyph!r} (close: {close}); "
            f"correct {ICONS_FILE.name} or {WAY_OUT}"
        )
    character = chr(int(codes[glyph], 16))
    font = _font(design, 2 * resolution)
    left, top, right, bottom = map(round, font.getbbox(character))
    drawn = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(drawn).text((-left, -top), character, font=font, fill=255)
    # Fonts pad their glyphs differently; cropping makes all designs equally large.
    drawn = drawn.crop(drawn.getbbox())
    factor = SHARE * resolution / max(drawn.size)
    width, height = (max(1, round(side * factor)) for side in drawn.size)
    mask = Image.new("L", (resolution, resolution))
    corner = ((resolution - width) // 2, (resolution - height) // 2)
    mask.paste(drawn.resize((width, height), Image.Resampling.LANCZOS), corner)
    return mask


@cache
def glyph_rim(design: str, glyph: str, resolution: int) -> Image.Image:
    """Glyph widened on all sides: the area of the contrasting outline.

    Parameters
    ----------
    design, glyph, resolution
        As in `glyph_mask`.

    Returns
    -------
    PIL.Image.Image
        Mode ``L``, the same square as `glyph_mask`.
    """
    reach = 2 * max(1, round(OUTLINE * resolution)) + 1
    wide = glyph_mask(design, glyph, resolution).filter(ImageFilter.MaxFilter(reach))
    return wide.filter(ImageFilter.GaussianBlur(reach / 8))


@cache
def glyph_box(design: str, glyph: str, resolution: int) -> tuple[int, int]:
    """Width and height of a glyph in the raster of `glyph_mask`."""
    left, top, right, bottom = glyph_mask(design, glyph, resolution).getbbox() or (0, 0, 0, 0)
    return right - left, bottom - top
