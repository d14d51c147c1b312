"""Embeddings with known factors, in three geometries."""

from __future__ import annotations

import numpy as np

ATTRIBUTES, OBJECTS = 30, 40


def problem(
    geometry: str, n: int, width: int, attributes: int = ATTRIBUTES, objects: int = OBJECTS
) -> tuple[np.ndarray, np.ndarray]:
    """Codes [n, width], float32, and factors [n, 2].

    ``aligned``: the attribute in the first half of the dimensions, the object in the second, and
    noise of 0.5. ``mixed``: the sum of both and of their interaction in all dimensions, unit
    rows. ``noisy``: the same with noise of 4.
    """
    rng = np.random.default_rng((width, n))
    factors = np.stack([rng.integers(attributes, size=n), rng.integers(objects, size=n)], axis=1)
    a, o = (rng.standard_normal((size, width), dtype=np.float32) for size in (attributes, objects))
    noise = rng.standard_normal((n, width), dtype=np.float32)
    if geometry == "aligned":
        a[:, width // 2 :], o[:, : width // 2] = 0, 0
        return a[factors[:, 0]] + o[factors[:, 1]] + 0.5 * noise, factors
    codes = a[factors[:, 0]] + o[factors[:, 1]] + {"mixed": 0.5, "noisy": 4.0}[geometry] * noise
    if attributes * objects <= 10_000:
        both = rng.standard_normal((attributes, objects, width), dtype=np.float32)
        codes += 0.5 * both[factors[:, 0], factors[:, 1]]
    return codes / np.linalg.norm(codes, axis=1, keepdims=True), factors
