"""Drawing: images a second on one core."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from cood.settings.study_file import load_study
from cood.synthesis.drawing.draw import draw_many

WANTED = 1000.0  # images a second on one core
IMAGES = 3000


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Speed at the size of the study `mini`, over its whole vocabulary."""
    words = load_study("mini").words
    ids = np.random.default_rng(0).integers(words.size, size=IMAGES)
    pairs = [
        (words.attributes[words.attribute_of(i)], words.objects[words.object_of(i)]) for i in ids
    ]
    seeds = [(0, k) for k in range(IMAGES)]
    draw_many(pairs, seeds)  # fills the cache of glyphs
    start = time.process_time()
    draw_many(pairs, seeds)
    speed = IMAGES / (time.process_time() - start)
    yield (
        "draw at 64 px",
        f"{speed:.0f} images/s a core",
        f"at least {WANTED:.0f}",
        f"{speed / WANTED:.2f}",
    )
