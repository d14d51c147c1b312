"""Embeddings of image files, in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cood.models.clip import ImageEncoder
from cood.synthesis.image_files import load_image

IMAGE_BATCH = 256


def embed_images(
    encoder: ImageEncoder, folder: Path, images: Sequence[str], readers: int = 1
) -> np.ndarray:
    """Un-normalised float32 embeddings [n, d] of the image files `images` in `folder`.

    `readers` threads open and preprocess the images of the next batch while one is embedded; the
    result does not depend on their number.

    Raises
    ------
    ArtefactError
        If an image is missing or damaged.
    """
    batches = _pixel_batches(encoder, folder, images, readers)
    return np.concatenate([embed_pixels(encoder, pixels) for pixels in batches])


def _pixel_batches(
    encoder: ImageEncoder, folder: Path, images: Sequence[str], readers: int
) -> Iterator[torch.Tensor]:
    """Batches of preprocessed images [n, 3, size, size], in order; two at most are in memory."""

    def read(names: Sequence[str]) -> list[torch.Tensor]:
        return [encoder.preprocess(load_image(folder, name)) for name in names]

    # A part of a batch for each thread: handing over every image costs a fifth of its embedding.
    size = -(-IMAGE_BATCH // readers)
    # Threads are enough, as Pillow and torch release Python's lock; processes would need shared
    # memory, of which containers and clusters often give little.
    pool = ThreadPoolExecutor(readers)
    try:
        ahead: deque[list[Future[list[torch.Tensor]]]] = deque()
        for start in range(0, len(images), IMAGE_BATCH):
            names = images[start : start + IMAGE_BATCH]
            parts = [names[first : first + size] for first in range(0, len(names), size)]
            ahead.append([pool.submit(read, part) for part in parts])
            if len(ahead) > 1:
                yield _joined(ahead.popleft())
        while ahead:
            yield _joined(ahead.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _joined(parts: Sequence[Future[list[torch.Tensor]]]) -> torch.Tensor:
    return torch.stack([image for part in parts for image in part.result()])


@torch.inference_mode()
def embed_pixels(encoder: ImageEncoder, pixels: torch.Tensor) -> np.ndarray:
    """Un-normalised float32 embeddings [n, d] of preprocessed images [n, 3, size, size].

    In the precision that the weights are in, single for all that is loaded here: half precision
    would be faster on a GPU, but its embeddings differ between kinds of GPU.
    """
    parts = [encoder.encode_image(_moved(encoder, part)) for part in pixels.split(IMAGE_BATCH)]
    return torch.cat(parts).float().cpu().numpy()


def _moved(encoder: ImageEncoder, pixels: torch.Tensor) -> torch.Tensor:
    if encoder.device.type == "cuda":
        # Out of memory that the GPU may read by itself: twice as fast.
        return pixels.pin_memory().to(encoder.device, non_blocking=True)
    return pixels.to(encoder.device)


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
