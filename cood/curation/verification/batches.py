"""Filling batches of images and questions by their number of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cood.curation.verification.verifier import Verifier, inputs_of
from cood.synthesis.decoding import size_of


def fill_batches(shared: np.ndarray, own: np.ndarray, room: int) -> list[np.ndarray]:
    """Divide rows into batches of at most `room` tokens, padding included.

    The rows of a batch have the same number of shared tokens. The longest come first, so that a
    lack of memory shows at once. A row that is longer than `room` is a batch by itself.

    Parameters
    ----------
    shared
        Number of tokens [n] of each image; rows with a negative number are batches by themselves.
    own
        Number of tokens [n] of the questions about it; they are padded to the longest of a batch.
    room
        In tokens.

    Examples
    --------
    >>> [batch.tolist() for batch in fill_batches(np.array([4, 9, 4]), np.array([1, 1, 2]), 12)]
    [[1], [2, 0]]
    """
    order = np.lexsort((np.arange(len(own)), -own, -shared))
    batches: list[list[int]] = []
    for row in order:
        if batches and shared[row] >= 0:
            first = batches[-1][0]  # the longest
            padded = (len(batches[-1]) + 1) * (shared[first] + own[first])
            if shared[row] == shared[first] and padded <= room:
                batches[-1].append(int(row))
                continue
        batches.append([int(row)])
    return [np.array(batch) for batch in batches]


def batches_by_length(
    verifier: Verifier,
    files: Sequence[Path],
    questions: Sequence[Sequence[str]],
    room: int,
) -> list[np.ndarray]:
    """Rows of each batch, for images in files and lists of questions about each of them.

    Only the heads of the files are read. An image that cannot be read is a batch by itself.
    """
    tokens: dict[tuple[int, int] | None, int] = {None: -1}
    sizes = [size_of(file) for file in files]
    for size in sizes:
        if size is not None and size not in tokens:
            inputs = inputs_of(verifier, [Image.new("RGB", size)], [""])
            tokens[size] = inputs["input_ids"].shape[1]
    encode = verifier.processor.tokenizer.encode
    own = [sum(len(encode(text)) for text in asked) for asked in zip(*questions, strict=True)]
    return fill_batches(np.array([tokens[size] for size in sizes]), np.array(own), room)
