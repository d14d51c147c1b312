"""Image files of any kind: whether they can be used, and their pixels as RGB."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def to_rgb(picture: Image.Image) -> Image.Image:
    """Decode an image of any mode as 8-bit RGB; of an animation, its first frame.

    Raises
    ------
    OSError, ValueError
        If it is damaged, or holds numbers of unknown range. Damaged files raise others too.
    """
    if picture.mode == "F":
        raise ValueError("its pixels are floating-point numbers, of unknown range")
    if picture.mode.startswith("I"):
        # 16 bits, which `convert` would clip at 255 rather than scale.
        values = np.asarray(picture).astype(np.int64).clip(0, 2**16 - 1)
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return picture.convert("RGB")


def fault(path: Path) -> str | None:
    """Why a file cannot be used as an image, after decoding all of it; None if it can.

    An image of so many pixels that it would fill the memory is not decoded.
    """
    if not path.stat().st_size:
        return "empty file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                to_rgb(picture)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return f"too large: more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    except UnidentifiedImageError:
        return "not an image"
    except Exception as error:  # decoders of damaged files raise all sorts
        return f"damaged: {' '.join(str(error).split())[:100]}"
    return None
