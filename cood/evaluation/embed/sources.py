"""Where the pipeline takes its images from: pixels that are decoded already, or image files.

A source is anything with the attributes of `Source`; the pipeline asks it for rows from several
threads at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from cood.errors import CoodError
from cood.evaluation.embed.preprocessing import SplitPreprocessing, split
from cood.models.clip import ImageEncoder
from cood.synthesis.image_files import load_image

CHANNELS_FIRST = 3  # dimensions of the input of one image


class Source(Protocol):
    """Images that can be read in any order and from several threads.

    A row is uint8 [height, width, 3], or float32 [3, height, width] if it is normalised already.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row."""

    @property
    def dtype(self) -> np.dtype:
        """Type of its numbers."""

    def __len__(self) -> int:
        """Number of rows."""

    def read(self, start: int, out: np.ndarray) -> None:
        """Write the rows from `start` on into `out` [k, *shape]."""

    def rows(self, chosen: np.ndarray) -> Source:
        """The same source with some of its rows, by their number [k]."""


@dataclass(frozen=True)
class PixelRows:
    """Pixels that lie in arrays, such as memory maps, one after the other.

    Attributes
    ----------
    arrays
        Uint8 [n, height, width, 3] each, at least one.
    chosen
        Numbers of the rows of all arrays, in order; None for all of them.
    """

    arrays: tuple[np.ndarray, ...]
    chosen: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        return self.arrays[0].shape[1:]

    @property
    def dtype(self) -> np.dtype:
        """Type of its numbers."""
        return self.arrays[0].dtype

    def __len__(self) -> int:
        """Number of rows."""
        return sum(map(len, self.arrays)) if self.chosen is None else len(self.chosen)

    def read(self, start: int, out: np.ndarray) -> None:
        """Write the rows from `start` on into `out` [k, height, width, 3]."""
        ends = np.cumsum([len(array) for array in self.arrays])
        if self.chosen is not None:
            numbers = self.chosen[start : start + len(out)]
            for place, number in enumerate(numbers):
                k = int(np.searchsorted(ends, number, side="right"))
                out[place] = self.arrays[k][number - ends[k]]  # counted from the end of the array
            return
        filled = 0
        while filled < len(out):  # one copy for each array: fast, and without Python's lock
            k = int(np.searchsorted(ends, start + filled, side="right"))
            first = start + filled - (ends[k] - len(self.arrays[k]))
            part = self.arrays[k][first : first + len(out) - filled]
            out[filled : filled + len(part)] = part
            filled += len(part)

    def rows(self, chosen: np.ndarray) -> PixelRows:
        """The same pixels with some of the rows."""
        numbers = np.asarray(chosen, dtype=np.int64)
        return PixelRows(self.arrays, numbers if self.chosen is None else self.chosen[numbers])


@dataclass(frozen=True)
class ImageFiles:
    """Image files that are decoded when they are read.

    Attributes
    ----------
    folder, images
        Where the files are.
    convert
        From an RGB image of Pillow to a row.
    shape, dtype
        Of a row.
    """

    folder: Path
    images: Sequence[str]
    convert: Callable[..., np.ndarray]
    shape: tuple[int, ...]
    dtype: np.dtype

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def read(self, start: int, out: np.ndarray) -> None:
        """Decode the images from `start` on into `out` [k, *shape].

        Raises
        ------
        ArtefactError
            If an image is missing or damaged.
        CoodError
            If the preprocessing makes rows of several shapes.
        """
        for place, image in enumerate(self.images[start : start + len(out)]):
            row = self.convert(load_image(self.folder, image))
            if row.shape != self.shape:
                raise CoodError(
                    f"the preprocessing of the model makes {list(self.shape)} of one image and "
                    f"{list(row.shape)} of {image}; give one that crops or resizes to one size"
                )
            out[place] = row

    def rows(self, chosen: np.ndarray) -> ImageFiles:
        """Some of the images."""
        images = [self.images[number] for number in chosen]
        return ImageFiles(self.folder, images, self.convert, self.shape, self.dtype)


def image_files(
    encoder: ImageEncoder, folder: Path, images: Sequence[str]
) -> tuple[ImageFiles, SplitPreprocessing | None]:
    """Image files as a source for an encoder, and its preprocessing if it can be split.

    Those of a preprocessing that cannot be split are normalised where they are decoded.

    Raises
    ------
    ArtefactError
        If the first image, which then shows the shape, is missing or damaged.
    CoodError
        If the preprocessing makes no tensor [3, height, width] of it.
    """
    parts = split(encoder.preprocess)
    if parts is not None:
        pixels = ImageFiles(folder, images, parts.pixels, (*parts.shape, 3), np.dtype(np.uint8))
        return pixels, parts

    def convert(image: object) -> np.ndarray:
        made = encoder.preprocess(image)
        if not isinstance(made, torch.Tensor):
            raise CoodError(
                f"the preprocessing of the model gives {type(made).__name__} instead of a tensor; "
                "give one that ends with ToTensor"
            )
        if made.ndim != CHANNELS_FIRST:
            raise CoodError(
                f"the preprocessing of the model gives {list(made.shape)} instead of "
                "[3, height, width]"
            )
        return made.float().numpy()

    first = convert(load_image(folder, images[0])) if images else np.empty((3, 1, 1), np.float32)
    return ImageFiles(folder, images, convert, first.shape, np.dtype(np.float32)), None
