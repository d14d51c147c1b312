"""Reading embeddings of training images from npy, safetensors and parquet files, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open

from cood.errors import CoodError

BATCH = 50_000  # vectors at a time
IMAGES = "images"  # the tensor that is read if a file holds several
SHORTEST = 1e-12  # length by which a shorter vector is divided
FAULTS = (OSError, ValueError, TypeError, KeyError, SafetensorError, pa.ArrowException)


def read_vectors(file: str) -> Iterator[np.ndarray]:
    """Vectors of a file as float32 of length one, [n, d], at most `BATCH` at a time.

    Of a safetensors file the tensor `images` is read, or its only matrix; of a parquet file the
    first column of lists of numbers. Numbers that are not finite become zero. Zero vectors stay
    zero, and so are near to no other.

    Raises
    ------
    CoodError
        If the file holds no such vectors, or is missing or damaged.
    """
    try:
        for raw in READERS[Path(file).suffix](file):
            batch = np.nan_to_num(np.asarray(raw, dtype=np.float32), posinf=0, neginf=0)
            yield batch / np.maximum(np.linalg.norm(batch, axis=1, keepdims=True), SHORTEST)
    except FAULTS as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise CoodError(
            f"near_duplicates.references: {file} cannot be read ({reason}); give embeddings of "
            f"images as a matrix in a file {', '.join(READERS)}"
        ) from error


def _npy(file: str) -> Iterator[np.ndarray]:
    matrix = np.load(file, mmap_mode="r", allow_pickle=False)
    if matrix.ndim != 2:
        raise ValueError(f"no matrix, but of shape {list(matrix.shape)}")
    for start in range(0, len(matrix), BATCH):
        yield matrix[start : start + BATCH]


def _safetensors(file: str) -> Iterator[np.ndarray]:
    with safe_open(file, "numpy") as tensors:
        names = [key for key in tensors.keys() if len(tensors.get_slice(key).get_shape()) == 2]  # noqa: SIM118
        name = IMAGES if IMAGES in names else names[0] if len(names) == 1 else None
        if name is None:
            raise ValueError(f"no tensor {IMAGES!r}, and {len(names)} matrices of other names")
        part = tensors.get_slice(name)
        n = part.get_shape()[0]
        for start in range(0, n, BATCH):
            # Unlike NumPy, it refuses an end beyond the last row.
            yield part[start : min(start + BATCH, n)]


def _parquet(file: str) -> Iterator[np.ndarray]:
    with pq.ParquetFile(file) as table:
        lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
        names = [
            field.name
            for field in table.schema_arrow
            if any(is_(field.type) for is_ in lists) and pa.types.is_floating(field.type.value_type)
        ]
        if not names:
            raise ValueError("no column of lists of numbers")
        for batch in table.iter_batches(BATCH, columns=names[:1]):
            column = batch.column(0)
            lengths = pc.list_value_length(column).unique().to_pylist()
            if len(lengths) != 1 or lengths[0] is None:
                raise ValueError(f"column {names[0]}: lists of different lengths, or none")
            yield column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)


READERS: dict[str, Callable[[str], Iterator[np.ndarray]]] = {
    ".npy": _npy,
    ".safetensors": _safetensors,
    ".parquet": _parquet,
}
