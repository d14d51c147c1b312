"""The classes nearest to each image, without ever holding all similarities."""

from __future__ import annotations

import numpy as np

from cood.devices import cuda_device, cuda_started
from cood.evaluation.common.nearest_on_device import nearest_on_device, refuse_infinite

# Products of images, classes and dimensions from which a GPU is used: seconds of one core, which is
# what starting it takes; and, once it is started, a tenth of a second.
LARGE, LARGE_FOR_STARTED = 2**37, 2**33
NORMALISED = 2**16  # numbers normalised at a time: small enough for a processor's cache


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Vectors [..., d] of unit length, float32; one of zeros stays zero."""
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
    similarities are computed on the GPU if there is one (`nearest_on_device`), with the same
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
    if images.shape[1] != texts.shape[1]:
        raise ValueError(f"images have {images.shape[1]} dimensions and texts {texts.shape[1]}")
    large = LARGE_FOR_STARTED if cuda_started() else LARGE
    if len(images) * texts.size >= large and (device := cuda_device()) is not None:
        return nearest_on_device(images, texts, k, device=device)
    for name, vectors in (("images", images), ("texts", texts)):
        refuse_infinite(name, np.isfinite(vectors).all(axis=1))
    images, texts = normalise(images), normalise(texts)
    k = min(k, len(texts))
    classes = np.empty((len(images), k), dtype=np.int64)
    for start in range(0, len(images), rows):
        chunk = images[start : start + rows]
        best = np.empty((len(chunk), 0), dtype=np.float32)
        ids = np.empty((len(chunk), 0), dtype=np.int64)
        for first in range(0, len(texts), columns):
            scores = chunk @ texts[first : first + columns].T
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
