"""Nearest classes: memory of the running top-k against the whole matrix."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator

import numpy as np

from cood.evaluation.common.nearest import nearest

IMAGES, CLASSES, WIDTH = 20_000, 20_000, 64


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Peak memory above the input, and time."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((IMAGES, WIDTH)).astype(np.float32)
    texts = rng.standard_normal((CLASSES, WIDTH)).astype(np.float32)
    tracemalloc.start()
    start = time.perf_counter()
    nearest(images, texts, 5)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    whole = 4 * IMAGES * CLASSES
    yield (
        f"5 nearest of {CLASSES} classes for {IMAGES} images",
        f"{peak / 1e6:.0f} MB, {seconds:.1f} s",
        f"whole matrix: {whole / 1e6:.0f} MB",
        f"{whole / peak:.1f}",
    )
