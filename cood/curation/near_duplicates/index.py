"""Nearest neighbours among the embeddings of training images.

Up to `SMALL` vectors are compared one by one. More are divided into cells and compressed to codes
of up to `CODE` bytes (IVF-PQ). The vectors of the best `CANDIDATES` by code are then read from the
files again, so that the similarity is always the exact one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cood.curation.near_duplicates.references import SHORTEST, read_vectors
from cood.errors import CoodError
from cood.files import atomic, size_of

SMALL = 200_000  # vectors, for which an exact index is fast enough
CANDIDATES = 64
PER_CELL = 40  # vectors that a cell is trained on
PROBED = 16  # one in so many cells is searched
CODE = 64  # most bytes of a code
PER_BYTE = 4  # fewest dimensions for each of them
BITS = 8  # most bits of a part of a code


@dataclass(frozen=True)
class Nearest:
    """The nearest vector to each of n others.

    Attributes
    ----------
    similarity
        Cosine [n].
    file, row
        Number [n] of its file in the list of files, and its row [n] in that file.
    """

    similarity: np.ndarray
    file: np.ndarray
    row: np.ndarray


def survey(files: Sequence[str], d: int) -> pd.DataFrame:
    """A row for each file of references: `file`, `vectors`, and `problem` if it cannot be used.

    Parameters
    ----------
    files
        Files that `read_vectors` can read.
    d
        Number of dimensions that their vectors must have.
    """
    rows = []
    for file in files:
        vectors, problem = 0, ""
        try:
            for batch in read_vectors(file):
                if batch.shape[1] != d:
                    raise CoodError(
                        f"near_duplicates.references: {file} holds vectors of {batch.shape[1]} "
                        f"dimensions, and those of the sets have {d}; embed both with the same "
                        "model"
                    )
                vectors += len(batch)
        except CoodError as error:
            vectors, problem = 0, str(error)
        rows.append({"file": file, "vectors": vectors, "problem": problem})
    return pd.DataFrame(rows, columns=["file", "vectors", "problem"])


def nearest(
    files: Mapping[str, int],
    queries: np.ndarray,
    folder: Path,
    say: Callable[[str], None] = print,
    small: int = SMALL,
) -> Nearest:
    """Find the nearest vector in `files` to each query.

    Parameters
    ----------
    files
        Number of vectors of each file, as `survey` counts; all as wide as the queries.
    queries
        Vectors [n, d] of any length.
    folder
        Where the index is stored, until a file changes.
    small
        Number of vectors up to which the search is exact.

    Raises
    ------
    CoodError
        If a file cannot be read, or there is no vector.
    """
    if not sum(files.values()):
        raise CoodError("near_duplicates.references: there is no vector in the files")
    unit = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), SHORTEST)
    unit = np.ascontiguousarray(unit, dtype=np.float32)
    index = _index(files, unit.shape[1], folder, say, small)
    exact = not hasattr(index, "nprobe")
    best, places = index.search(unit, 1 if exact else min(CANDIDATES, index.ntotal))
    ends = np.cumsum(list(files.values()))
    if exact:
        place, similarity = places[:, 0], best[:, 0]
    else:
        place, similarity = _refined(files, unit, places)
    file = np.searchsorted(ends, place, side="right")
    return Nearest(similarity, file, place - np.concatenate([[0], ends])[file])


def _index(
    files: Mapping[str, int], d: int, folder: Path, say: Callable[[str], None], small: int
) -> Any:
    """The index of the files, read from `folder` or built."""
    import faiss

    about = [d, small, *((file, *size_of(file)) for file in files)]
    digest = hashlib.sha256(repr(about).encode()).hexdigest()[:12]
    path = folder / f"index-{digest}.faiss"
    if path.is_file():
        try:
            return faiss.read_index(str(path))
        except RuntimeError:  # truncated
            say(f"{path} is damaged and is built again")
    total = sum(files.values())
    say(f"indexing {total:,} vectors of {len(files):,} files")
    index = faiss.IndexFlatIP(d) if total <= small else _trained(files, d, total)
    for file in files:
        for batch in read_vectors(file):
            index.add(batch)
    for old in folder.glob("index-*.faiss"):
        old.unlink()
    with atomic(path) as temporary:
        faiss.write_index(index, str(temporary))
    return index


def _trained(files: Iterable[str], d: int, total: int) -> Any:
    """An IVF-PQ index without vectors, trained on a sample spread evenly over the files."""
    import faiss

    cells = max(1, round(math.sqrt(total)))
    bits = min(BITS, int(math.log2(total / PER_CELL)))
    code = max(n for n in range(1, min(CODE, max(1, d // PER_BYTE)) + 1) if d % n == 0)
    index = faiss.IndexIVFPQ(faiss.IndexFlatIP(d), d, cells, code, bits, faiss.METRIC_INNER_PRODUCT)
    step = max(1, total // (PER_CELL * max(cells, 2**bits)))
    sample, passed = [], 0
    for file in files:
        for batch in read_vectors(file):
            sample.append(batch[-passed % step :: step])
            passed += len(batch)
    index.train(np.concatenate(sample))
    index.nprobe = max(1, cells // PROBED)
    return index


def _refined(
    files: Iterable[str], unit: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Place and similarity of the nearest of the candidates `places` [n, k], by exact cosines."""
    best = np.full(len(unit), -np.inf, dtype=np.float32)
    place = np.zeros(len(unit), dtype=np.int64)
    query, _ = np.nonzero(places >= 0)
    wanted = places[places >= 0]
    order = np.argsort(wanted, kind="stable")
    query, wanted = query[order], wanted[order]
    passed = 0
    for file in files:
        for batch in read_vectors(file):
            here = slice(*np.searchsorted(wanted, [passed, passed + len(batch)]))
            cosines = np.einsum("nd,nd->n", unit[query[here]], batch[wanted[here] - passed])
            for i, similarity, where in zip(query[here], cosines, wanted[here], strict=True):
                if similarity > best[i]:
                    best[i], place[i] = similarity, where
            passed += len(batch)
    return place, best
