"""Image files of a set: reading and writing them, and their hashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from cood.errors import ArtefactError
from cood.files import atomic, sha256
from cood.synthesis.decoding import decode

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
    | {".avif", ".jp2"}
)
READERS = 4  # threads that wait for files that are hashed
COMPRESSION = 1  # of PNG files: twice as fast to write as the default, and a tenth larger


def load_image(folder: Path, image: str) -> Image.Image:
    """Open one image of a set as RGB, by the rules of `cood.synthesis.decoding`.

    Raises
    ------
    ArtefactError
        If the file is missing, damaged or refused by these rules.
    """
    try:
        return decode(folder / image).image
    except Exception as error:  # decoders raise errors of many kinds for damaged files
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


def _unreadable(path: Path, error: Exception) -> ArtefactError:
    return ArtefactError(
        f"image {path} cannot be read ({error}); delete it and run `nox -s reproduce`, which "
        "makes it again"
    )
