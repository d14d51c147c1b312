"""The classes nearest to each image, without ever holding all similarities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cood.device_arrays import Array, device_for, finite_rows, is_tensor, on_host
from cood.evaluation.common.nearest_on_device import (
    nearest_of_units,
    refuse_infinite,
    unit_rows,
)

if TYPE_CHECKING:
    import torch

NORMALISED = 2**16  # numbers normalised at a time: small enough for a processor's cache


def normalise(vectors: Array) -> Array:
    """Vectors [..., d] of unit length, float32; one of zeros stays zero. A tensor stays [n, d]."""
    if is_tensor(vectors):
        return unit_rows(vectors, vectors.device, name="vectors")
    shape = np.shape(vectors)
    vectors = np.asarray(vectors).reshape(-1, shape[-1])
    unit = np.empty(vectors.shape, dtype=np.float32)
    # Sums depend on the order in memory, to the last bit: only rows as they lie there are divided.
    together = NORMALISED if vectors.flags.c_contiguous else vectors.size
    step = max(1, together // max(1, vectors.shape[1]))
    for start in range(0, len(vectors), step):
        rows = vectors[start : start + step]
        largest = np.abs(rows).max(axis=1, keepdims=True, initial=0).astype(np.float64)
        # Divided by the largest first: squares of very large or small values leave float32.
        scaled = (rows / np.where(largest == 0, 1, largest)).astype(np.float32)
        length = np.linalg.norm(scaled, axis=1, keepdims=True)
        np.divide(scaled, np.where(length == 0, 1, length), out=unit[start : start + step])
    return unit.reshape(shape)


def nearest(
    images: np.ndarray, texts: np.ndarray, k: int = 5, *, rows: int = 4096, columns: int = 4096
) -> np.ndarray:
    """Indices [n, k] of the k texts with the highest cosine, best first.

    Equal similarities go to the lower index; equal texts may differ in the last bit of it. Many
    similarities are computed on the GPU if there is one (`nearest_of_units`), with the same
    answers but where two similarities are equal to within rounding.

    Parameters
    ----------
    images
        Image embeddings [n, d].
    texts
        Text embeddings [C, d], one a class.
    k
        How many; at most C.
    rows, columns
        Images and classes taken at a time: a running top-k needs ``rows * (columns + k)`` floats,
        not n * C.

    Raises
    ------
    ValueError
        If the widths differ or a value is not finite.
    """
    device = device_for(len(images) * texts.size)
    return Classes.of(texts, device).nearest(images, k, rows=rows, columns=columns)


@dataclass(frozen=True)
class Classes:
    """Texts that images are compared with more than once.

    Attributes
    ----------
    unit
        Unit texts [C, d], of NumPy, or of torch on a GPU, where similarities are then computed.
    """

    unit: Array

    @classmethod
    def of(cls, texts: Array, device: torch.device | None = None) -> Classes:
        """Scale texts [C, d] to unit length, on a device if one is given or they are on one.

        Raises
        ------
        ValueError
            If a value is not finite.
        """
        if device is None and isinstance(texts, np.ndarray):
            refuse_infinite("texts", finite_rows(texts))
            return cls(normalise(texts))
        return cls(unit_rows(texts, device or texts.device))

    def nearest(
        self, images: Array, k: int = 5, *, rows: int = 4096, columns: int = 4096
    ) -> np.ndarray:
        """Indices [n, k] of the texts nearest to images [n, d], as `nearest` gives them."""
        if images.shape[1] != self.unit.shape[1]:
            raise ValueError(
                f"images have {images.shape[1]} dimensions and texts {self.unit.shape[1]}"
            )
        if not isinstance(self.unit, np.ndarray):
            return nearest_of_units(images, self.unit, k)
        images = on_host(images)
        refuse_infinite("images", finite_rows(images))
        images, k = normalise(images), min(k, len(self.unit))
        classes = np.empty((len(images), k), dtype=np.int64)
        for start in range(0, len(images), rows):
            chunk = images[start : start + rows]
            best = np.empty((len(chunk), 0), dtype=np.float32)
            ids = np.empty((len(chunk), 0), dtype=np.int64)
            for first in range(0, len(self.unit), columns):
                scores = chunk @ self.unit[first : first + columns].T
                here = top(scores, min(k, scores.shape[1]))
                best = np.hstack([best, np.take_along_axis(scores, here, axis=1)])
                ids = np.hstack([ids, first + here])
                order = top(best, min(k, best.shape[1]))
                best = np.take_along_axis(best, order, axis=1)
                ids = np.take_along_axis(ids, order, axis=1)
            classes[start : start + rows] = ids
        return classes


def top(scores: np.ndarray, k: int) -> np.ndarray:
    """Columns [n, k] of the k highest scores [n, C] of each row, best first."""
    # k passes of argmax: cheaper than a sort for small k, and ties go to the lower index.
    order = np.empty((len(scores), k), dtype=np.int64)
    taken = np.empty((len(scores), k), dtype=scores.dtype)
    for rank in range(k):
        best = order[:, rank, None] = scores.argmax(axis=1)[:, None]
        taken[:, rank, None] = np.take_along_axis(scores, best, axis=1)
        np.put_along_axis(scores, best, -np.inf, axis=1)
    np.put_along_axis(scores, order, taken, axis=1)  # cheaper than a copy of all
    return order
