"""Nearest neighbours among the embeddings of training images.

Up to `SMALL` vectors are compared one by one. More are cut into cells and shortened to codes of
some 64 bytes (IVF-PQ); of the best `CANDIDATES` by code, the vectors themselves are then read from
the files again, so that the similarity that is given is always the true one.
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

from cood.curation.caption_search.caption_files import size_of
from cood.curation.near_duplicates.references import read_vectors
from cood.errors import CoodError
from cood.files import atomic

SMALL = 200_000  # vectors, of which an index is as fast as it need be
CANDIDATES = 64
PER_CELL = 40  # vectors that a cell is learnt from
PROBED = 16  # of this many cells one is searched
CODE = 64  # bytes of a code at most, each for four dimensions or more


@dataclass(frozen=True)
class Nearest:
    """The nearest vector to each of n others.

    Attributes
    ----------
    similarity
        Cosine [n].
    file, row
        Its file, as a number in the list of files [n], and its row there [n].
    """

    similarity: np.ndarray
    file: np.ndarray
    row: np.ndarray


def survey(files: Sequence[str], d: int) -> pd.DataFrame:
    """What is in each file of references: `file`, `vectors`, and `problem` if it cannot be used.

    Parameters
    ----------
    files
        See `read_vectors`.
    d
        Dimensions that their vectors must have.
    """
    rows = []
    for file in files:
        vectors, problem = 0, ""
        try:
            for batch in read_vectors(file):
                if batch.shape[1] != d:
                    raise CoodError(
                        f"neighbours.references: {file} holds vectors of {batch.shape[1]} "
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
        How many vectors each has, as `survey` counts; all have the dimensions of the queries.
    queries
        Of shape [n, d]; their lengths do not matter.
    folder
        Where the index is kept, until a file changes.
    small
        Number of vectors up to which all are compared.

    Raises
    ------
    CoodError
        If a file cannot be read, or there is no vector.
    """
    if not sum(files.values()):
        raise CoodError("neighbours.references: there is no vector in the files")
    unit = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-12)
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
    """The index of the files, read or built."""
    import faiss

    about = [d, small, *((file, *size_of(file)) for file in files)]
    digest = hashlib.sha256(repr(about).encode()).hexdigest()[:12]
    path = folder / f"index-{digest}.faiss"
    if path.is_file():
        try:
            return faiss.read_index(str(path))
        except RuntimeError:  # cut off
            say(f"{path} is damaged; built again")
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
    """An IVF-PQ index without vectors, learnt from some that lie evenly over the files."""
    import faiss

    cells = max(1, round(math.sqrt(total)))
    bits = min(8, int(math.log2(total / PER_CELL)))
    code = max(n for n in range(1, min(CODE, max(1, d // 4)) + 1) if d % n == 0)
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
    """The nearest of the candidates `places` [n, k] and its similarity, by the vectors in files."""
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
            found = np.einsum("nd,nd->n", unit[query[here]], batch[wanted[here] - passed])
            for i, similarity, where in zip(query[here], found, wanted[here], strict=True):
                if similarity > best[i]:
                    best[i], place[i] = similarity, where
            passed += len(batch)
    return place, best
