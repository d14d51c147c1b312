"""Nearest training images: speed, memory and recall of codes, against all comparisons."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cood.curation.near_duplicates.index import nearest, survey

VECTORS, DIMENSIONS, QUERIES = 100_000, 512, 1_000
CENTRES = 5_000  # around which the vectors lie
Row = tuple[str, str, str, str]


def rows() -> Iterator[Row]:
    """Queries a second and memory of the index, building not counted."""
    with tempfile.TemporaryDirectory(prefix="cood-") as name:
        folder = Path(name)
        queries = _write(folder / "vectors.npy")
        found, building, seconds, size = _search(folder, queries, small=0)
        exact, _, slow, whole = _search(folder, queries, small=VECTORS)
    recall = float(np.mean(found == exact))
    yield (
        f"nearest of {VECTORS:,} x {DIMENSIONS} vectors to {QUERIES:,} images, by codes",
        f"{seconds:.1f} s, index of {size:.0f} MB built in {building:.0f} s, "
        f"the nearest found for {recall:.1%}",
        f"all comparisons: {slow:.1f} s, {whole:.0f} MB",
        f"{slow / seconds:.1f}",
    )


def _write(path: Path) -> np.ndarray:
    """Make the file, in half precision as published embeddings are; give the queries."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CENTRES, DIMENSIONS), dtype=np.float32)
    file = np.lib.format.open_memmap(path, "w+", np.float16, (VECTORS, DIMENSIONS))
    for start in range(0, VECTORS, 50_000):
        file[start : start + 50_000] = _around(centres, rng, min(50_000, VECTORS - start))
    file.flush()
    return _around(centres, rng, QUERIES)


def _around(centres: np.ndarray, rng: np.random.Generator, n: int) -> np.ndarray:
    noise = rng.standard_normal((n, DIMENSIONS), dtype=np.float32)
    return centres[rng.integers(CENTRES, size=n)] + 0.7 * noise


def _search(
    folder: Path, queries: np.ndarray, small: int
) -> tuple[np.ndarray, float, float, float]:
    """Rows found, seconds to build and then to search, and the size of the index in MB."""
    file, kept = str(folder / "vectors.npy"), folder / f"kept-{small}"
    counts, times = dict(survey([file], DIMENSIONS)[["file", "vectors"]].to_numpy()), []
    for _ in range(2):  # the second time with the index that is there
        start = time.perf_counter()
        found = nearest(counts, queries, kept, lambda text: None, small)
        times.append(time.perf_counter() - start)
    (index,) = kept.iterdir()
    return found.row, times[0] - times[1], times[1], index.stat().st_size / 1e6
