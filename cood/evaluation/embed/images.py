"""Embeddings of images: of files, or of pixels that are decoded already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log2
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cood.evaluation.embed.overlap import Lane, lane_of, overlapped
from cood.evaluation.embed.precision import AUTO, HALF, SINGLE, computing, resolve
from cood.evaluation.embed.preprocessing import SplitPreprocessing
from cood.evaluation.embed.sources import Source, image_files
from cood.models.clip import ImageEncoder

IMAGE_BATCH = 256  # on a CPU: another one would change the last bits
GPU_PIXELS = 512 * 224**2  # at once on a GPU; halved if its memory is too small
LARGEST_GPU_BATCH = 1024
COPIERS = 4  # threads that copy decoded pixels: enough to feed the fastest models


@dataclass(frozen=True)
class Embedded:
    """Embeddings of images.

    Attributes
    ----------
    values
        Un-normalised, float32 [n, d].
    precision
        ``half`` or ``single``.
    again
        Number of rows that were not finite in half precision, and were embedded in single.
    """

    values: np.ndarray
    precision: str = SINGLE
    again: int = 0


def embed_images(
    encoder: ImageEncoder,
    folder: Path,
    images: Sequence[str],
    readers: int = 1,
    precision: str = AUTO,
    say: Callable[[str], None] = print,
) -> np.ndarray:
    """Un-normalised float32 embeddings [n, d] of the image files `images` in `folder`.

    `readers` threads open and preprocess the images of the next batches while one is embedded; the
    result does not depend on their number. Where many models with the same preprocessing embed the
    same images, decode them once (`cood.evaluation.embed.pixels`) and use `embed_source`.

    Parameters
    ----------
    encoder
        A CLIP or an image-only encoder, on its device.
    folder, images
        The files.
    readers
        Number of threads.
    precision
        ``auto``: half on a GPU, single on a CPU; ``half`` or ``single``.
    say
        Called with a line if a batch does not fit into the memory of the GPU.

    Raises
    ------
    ArtefactError
        If an image is missing or damaged.
    StudyError
        If half precision is asked for without a GPU.
    """
    source, parts = image_files(encoder, folder, images)
    return embed_source(
        encoder, source, parts, precision=precision, readers=readers, say=say
    ).values


def embed_source(
    encoder: ImageEncoder,
    source: Source,
    parts: SplitPreprocessing | None,
    *,
    precision: str = AUTO,
    readers: int = COPIERS,
    say: Callable[[str], None] = print,
    lane: Lane | None = None,
) -> Embedded:
    """Embed the rows of a source: reading, copying and computing at the same time.

    To embed some of the rows only, pass ``source.rows(numbers)``.

    Parameters
    ----------
    encoder
        A CLIP or an image-only encoder, on its device.
    source
        Decoded pixels (`PixelRows` of memory maps, as `cood.evaluation.embed.pixels` opens them)
        or image files.
    parts
        ``split(encoder.preprocess)``, whose arithmetic turns uint8 pixels into the model's input on
        its device; None if the rows of the source are that input already.
    precision, readers, say
        As in `embed_images`; `readers` threads read the source.
    lane
        How batches get to the device; by default that of the encoder's device.

    Raises
    ------
    StudyError
        If half precision is asked for without a GPU.
    """
    precision = resolve(precision, encoder.device)
    lane = lane or lane_of(encoder.device)
    if not len(source):
        return Embedded(np.empty((0, 0), np.float32), precision)
    values = _embed(encoder, source, parts, precision, readers, say, lane)
    if precision != HALF:
        return Embedded(values, precision)
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(wrong):
        rest = source.rows(wrong)
        values[wrong] = _embed(encoder, rest, parts, SINGLE, readers, say, lane)
    return Embedded(values, precision, len(wrong))


def _embed(
    encoder: ImageEncoder,
    source: Source,
    parts: SplitPreprocessing | None,
    precision: str,
    readers: int,
    say: Callable[[str], None],
    lane: Lane,
) -> np.ndarray:
    values: list[np.ndarray] = []
    done = 0

    def forward(rows: torch.Tensor) -> torch.Tensor:
        return encoder.encode_image(rows if parts is None else parts.normalise(rows)).float()

    def write(start: int, results: np.ndarray) -> None:
        nonlocal done
        if not values:
            values.append(np.empty((len(source), results.shape[1]), np.float32))
        values[0][start : start + len(results)] = results
        done = start + len(results)

    batch = batch_of(encoder.device, source.shape)
    with computing(precision, encoder.device):
        while done < len(source):
            try:
                overlapped(source, forward, write, lane, batch=batch, readers=readers, first=done)
            except torch.OutOfMemoryError:
                if batch == 1:
                    raise
                batch //= 2
                say(f"the memory of the GPU is too small; going on with {batch} images at once")
                if encoder.device.type == "cuda":
                    torch.cuda.empty_cache()
    return values[0]


def batch_of(device: torch.device, shape: tuple[int, ...]) -> int:
    """How many images of a shape go through a model at once."""
    if device.type != "cuda":
        return IMAGE_BATCH
    pixels = int(np.prod(shape)) // 3
    return min(LARGEST_GPU_BATCH, 2 ** max(0, floor(log2(GPU_PIXELS / pixels))))


def embed_pixels(encoder: ImageEncoder, pixels: torch.Tensor, precision: str = AUTO) -> np.ndarray:
    """Un-normalised float32 embeddings [n, d] of preprocessed images [n, 3, size, size]."""
    return embed_source(encoder, _Tensors(pixels), None, precision=precision).values


@dataclass(frozen=True)
class _Tensors:
    """Preprocessed images in memory, as a source."""

    pixels: torch.Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.pixels.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, start: int, out: np.ndarray) -> None:
        out[:] = self.pixels[start : start + len(out)].numpy()

    def rows(self, chosen: np.ndarray) -> _Tensors:
        return _Tensors(self.pixels[torch.from_numpy(chosen)])


def average(images: np.ndarray, shown: pd.Series, words: Sequence[str]) -> np.ndarray:
    """Mean of the unit embeddings of each word's images, as texts are averaged over templates.

    Parameters
    ----------
    images
        Embeddings [n, d].
    shown
        Word [n] that each image shows; rows of other words are left out.
    words
        The words; each must be shown at least once.

    Returns
    -------
    ndarray of float32, shape (len(words), d)
        Un-normalised: its length says how much the images of a word agree.
    """
    unit = torch.nn.functional.normalize(torch.from_numpy(images), dim=-1).numpy()
    return np.stack([unit[(shown == word).to_numpy()].mean(axis=0) for word in words])
