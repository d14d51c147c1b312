"""Image files: whether they can be used, their pixels as RGB, and writing them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from cood.errors import ArtefactError
from cood.files import atomic, sha256

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
LARGEST_16_BIT = 2**16 - 1
READERS = 4  # threads that wait for files that are hashed
COMPRESSION = 1  # of PNG files: twice as fast to write as the default, and a tenth larger


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
        values = np.asarray(picture).astype(np.int64).clip(0, LARGEST_16_BIT)
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return picture.convert("RGB")


def load_image(folder: Path, image: str) -> Image.Image:
    """Open one image of a set as RGB.

    Raises
    ------
    ArtefactError
        If the file is missing or damaged.
    """
    try:
        with Image.open(folder / image) as picture:
            return to_rgb(picture)
    except (OSError, ValueError) as error:
        raise _unreadable(folder / image, error) from error


def hashes(folder: Path, images: Sequence[str]) -> list[str]:
    """SHA-256 of the file of each image of a set.

    Raises
    ------
    ArtefactError
        If a file is missing or cannot be read.
    """

    def hash_of(image: str) -> str:
        try:
            return sha256(folder / image)
        except OSError as error:
            raise _unreadable(folder / image, error) from error

    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(hash_of, images))


def save_images(folder: Path, images: Iterable[str], pixels: Iterable[np.ndarray]) -> list[int]:
    """Write arrays [height, width, 3] as PNG files in `folder`; return the sizes of the files."""
    sizes = []
    for image, array in zip(images, pixels, strict=True):
        path = folder / image
        with atomic(path) as temporary:
            Image.fromarray(array).save(temporary, format="png", compress_level=COMPRESSION)
        sizes.append(path.stat().st_size)
    return sizes


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
    except Exception as error:  # decoders raise errors of many kinds for damaged files
        return f"damaged: {' '.join(str(error).split())[:100]}"
    return None


def _unreadable(path: Path, error: Exception) -> ArtefactError:
    return ArtefactError(
        f"image {path} cannot be read ({error}); delete it and run `nox -s reproduce`, which "
        "makes it again"
    )
