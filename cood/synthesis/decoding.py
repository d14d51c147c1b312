"""From an image file to RGB pixels: the one place that opens image files, and its rules.

An image is what its viewer shows. The content of a file decides its format, not its name.

- It is turned as its EXIF orientation says. That of XMP data is not heeded, as in browsers.
- Transparent parts are laid on white.
- Of an animation or of several pages, the first is taken.
- Of 16 bits a channel, the upper 8 are taken. CMYK and palettes become RGB. Colour profiles are not
  applied.
- Files of more than `LARGEST` pixels, images more than `THINNEST` times as long as wide, which
  would fill the memory when they are resized, and numbers of unknown range are refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

# Not EPS and the like, which Pillow would have other programs draw.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "TIFF", "WEBP")
LARGEST = 89_478_485  # pixels; the bound of Pillow, above which it warns
THINNEST = 100  # a preprocessing that makes the short side 224 makes the long one 22,400
LARGEST_16_BIT = 2**16 - 1
WHITE = (255, 255, 255)
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a tag of TIFF, and its value for black that grows
BITS, BYTE = 258, 8  # a tag of TIFF: of each channel
PLANES = ("R", "G", "B", "A", "L")  # raw modes of one byte
TURNED = "turned as its orientation says"
ON_WHITE = "transparent parts laid on white"
FIRST = "first of several frames or pages"
REDUCED = "16 bits a channel reduced to 8"
INKS = "CMYK converted to RGB"
# What makes an image of each orientation upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow stretches grey of 2 and 4 bits to 8, and takes the upper byte of RGB of 16 bits, but
# leaves the colour that stands for transparent as it is written.
STRETCHED = {"L;2": 85, "L;4": 17}
DEEP_RGB = "RGB;16B"
XMP = ("XML:com.adobe.xmp", "xmp")
SMALL_RGB = "BGR;16"  # of BMP: 16 bits for the three channels


class UnusableImage(ValueError):
    """Why a file is not used as an image: the kind of reason, a colon and details."""


@dataclass(frozen=True)
class Decoded:
    """An image in RGB, and which rules changed its pixels."""

    image: Image.Image
    notes: tuple[str, ...]


def decode(file: Path | IO[bytes]) -> Decoded:
    """Decode an image file by the rules of this module.

    Raises
    ------
    UnusableImage
        If it is no image, too large, too thin, or holds numbers of unknown range.
    Exception
        Of any kind, by the decoders, if it is damaged.
    """
    try:
        with _opened(file) as picture:
            _check_size(picture.size)
            kind = _raw_mode(picture)
            # Pillow turns a TIFF file when it loads it.
            _drop_xmp(picture)
            turned = _tag(picture, ExifTags.Base.Orientation)
            picture.load()
            turn = TURNS.get(_orientation(picture))
            image, own = _rgb(picture, kind)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large() from error
    except UnidentifiedImageError as error:
        raise UnusableImage("not an image") from error
    if turn is not None:
        image = image.transpose(turn)
    image.info.clear()  # else others, such as transformers, would turn it again
    return Decoded(image, (*([TURNED] if turn is not None or turned in TURNS else []), *own))


def fault_and_changes(path: Path) -> tuple[str | None, tuple[str, ...]]:
    """Why a file cannot be used as an image (None if it can), and what changes it."""
    if not path.stat().st_size:
        return "empty file", ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            changes = decode(path).notes
            return None, (FIRST, *changes) if _several(path) else changes
    except UnusableImage as error:
        return str(error), ()
    except Exception as error:  # decoders raise errors of many kinds for damaged files
        return f"damaged: {' '.join(str(error).split())[:100]}", ()


def size_of(path: Path) -> tuple[int, int] | None:
    """Width and height of an upright image, of its head alone; None if that cannot be read."""
    try:
        with _opened(path) as picture:
            # The orientation of a PNG file may follow the pixels. It is not looked for.
            known = picture.format != "PNG" or "exif" in picture.info
            lies = known and _orientation(picture) in (5, 6, 7, 8) and picture.format != "TIFF"
            return picture.size[::-1] if lies else picture.size
    except Exception:  # as in `fault_and_changes`
        return None


def xmp_of(path: Path) -> bytes | None:
    """The XMP data of a WebP or JPEG file; None if there are none.

    Raises
    ------
    OSError
        If the file is missing, or no image.
    """
    with _opened(path) as picture:
        return picture.info.get("xmp")


@contextmanager
def _opened(file: Path | IO[bytes]) -> Iterator[Image.Image]:
    # Not by its name: Pillow 13 maps uncompressed files into memory then, with the sides exchanged
    # in TIFF files that lie on their side.
    with (
        file.open("rb") if isinstance(file, Path) else nullcontext(file) as content,
        Image.open(content, formats=_formats()) as picture,
    ):
        yield picture


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)  # as Pillow was built


def _check_size(size: tuple[int, int]) -> None:
    short, long = sorted(size)
    if short * long > LARGEST:
        raise _too_large()
    if not short:
        raise UnusableImage("damaged: it has no pixels")
    if long > THINNEST * short:
        raise UnusableImage(
            f"too thin: {size[0]} x {size[1]} pixels, more than {THINNEST} times as long as wide"
        )


def _too_large() -> UnusableImage:
    return UnusableImage(f"too large: more than {LARGEST:,} pixels")


def _raw_mode(picture: Image.Image) -> str:
    """How the pixels are stored in the file, as Pillow names it."""
    tiles = getattr(picture, "tile", [])
    mode = tiles[0][3] if tiles else ""
    return str(mode[0] if isinstance(mode, tuple) and mode else mode)


def _several(path: Path) -> bool:
    # Opened anew, as looking for more frames may leave a damaged one open.
    try:
        with _opened(path) as picture:
            return bool(getattr(picture, "is_animated", False))
    except Exception:  # what follows the first image is damaged, and is not used
        return True


def _orientation(picture: Image.Image) -> int:
    """From 1 to 8; 1, which is upright, for any other value."""
    _drop_xmp(picture)  # PNG files may have them after the pixels
    try:
        value = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # viewers do not turn an image whose EXIF data cannot be read
        return 1
    return value if isinstance(value, int) and value in TURNS else 1


def _drop_xmp(picture: Image.Image) -> None:
    """Drop XMP data, from which Pillow would take an orientation where EXIF has none."""
    for key in XMP:
        picture.info.pop(key, None)


def _tag(picture: Image.Image, number: int) -> int | None:
    """A tag of a TIFF file; None if it is none, or has none of that number."""
    try:
        return getattr(picture, "tag_v2", {}).get(number)
    except Exception:  # as in `_orientation`
        return None


def _rgb(picture: Image.Image, kind: str) -> tuple[Image.Image, list[str]]:
    """A loaded image as 8-bit RGB before white, and the rules that changed it."""
    if picture.mode == "F":
        raise UnusableImage("unknown range: its pixels are floating-point numbers")
    depth = _tag(picture, BITS)
    if kind in PLANES and max(depth if isinstance(depth, tuple) else (depth or 0,)) > BYTE:
        raise UnusableImage("unknown range: planes of more than 8 bits, which Pillow cuts")
    deep = picture.mode.startswith("I;16") or ("16" in kind and kind != SMALL_RGB)
    notes = [REDUCED] if deep else []
    if picture.mode.startswith("I"):
        if "12" in kind or (picture.mode == "I" and (not deep or kind.endswith("S"))):
            raise UnusableImage("unknown range: its pixels are not numbers of 8 or 16 bits")
        grey, hidden = _of_numbers(picture)
        return grey, [*notes, ON_WHITE] if hidden else notes
    notes += [INKS] if picture.mode == "CMYK" else []
    if not picture.has_transparency_data:
        return picture.convert("RGB"), notes
    key = picture.info.get("transparency")
    if isinstance(key, int) and kind in STRETCHED:
        picture.info["transparency"] = key * STRETCHED[kind]
    elif isinstance(key, tuple) and kind == DEEP_RGB:
        picture.info["transparency"] = tuple(value >> 8 for value in key)
    image = picture.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return image.convert("RGB"), notes
    white = Image.new("RGB", image.size, WHITE)
    white.paste(image, mask=alpha)
    return white, [*notes, ON_WHITE]


def _of_numbers(picture: Image.Image) -> tuple[Image.Image, bool]:
    """Grey of 16 bits, which `convert` would clip rather than scale, and if any is transparent."""
    values = np.asarray(picture)
    if _tag(picture, PHOTOMETRIC) == WHITE_IS_ZERO:  # which Pillow heeds up to 8 bits only
        values = LARGEST_16_BIT - values
    grey = (values.astype(np.int64) >> 8).astype(np.uint8)
    key = picture.info.get("transparency")
    hidden = values == key if isinstance(key, int) else np.zeros(values.shape, bool)
    image = Image.fromarray(np.where(hidden, np.uint8(255), grey))
    return image.convert("RGB"), bool(hidden.any())
