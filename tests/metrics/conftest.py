"""Codes with known structure, shared by the tests of the metrics."""

from functools import cache

import numpy as np
import pytest

ATTRIBUTES, OBJECTS, ROWS = 30, 40, 5000


@cache
def _published(width):
    """The problem on which published implementations were run; unit rows in single precision.

    Attribute, object, half their interaction and half noise, all Gaussian; every composition has
    four rows, the rest are drawn.
    """
    rng = np.random.default_rng(0)
    compositions = ATTRIBUTES * OBJECTS
    drawn = rng.integers(0, compositions, ROWS - 4 * compositions)
    which = rng.permutation(np.r_[np.repeat(np.arange(compositions), 4), drawn])
    factors = np.stack(np.divmod(which, OBJECTS), axis=1)
    rng = np.random.default_rng([0, width, 0])
    attribute = rng.standard_normal((ATTRIBUTES, width))[factors[:, 0]]
    object_ = rng.standard_normal((OBJECTS, width))[factors[:, 1]]
    both = rng.standard_normal((ATTRIBUTES, OBJECTS, width))[factors[:, 0], factors[:, 1]]
    codes = attribute + object_ + 0.5 * both + 0.5 * rng.standard_normal((ROWS, width))
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    return codes.astype(np.float32), factors


@cache
def _geometry(kind, n=1200, d=16, sizes=(6, 8), seed=0):
    """Codes [n, d] and factors [n, m] of one of a few geometries.

    `aligned`: each factor has dimensions of its own. `mixed`: each dimension holds all. `noisy`:
    mixed, with eight times the noise. `one` and `other`: the first and the second factor alone, in
    all dimensions. `half`: the first factor in the first half of the dimensions, noise elsewhere.
    """
    rng = np.random.default_rng((seed, n, d))
    factors = np.stack([rng.integers(size, size=n) for size in sizes], axis=1)
    parts = np.stack(
        [rng.standard_normal((size, d))[factors[:, k]] for k, size in enumerate(sizes)]
    )
    block = np.arange(d) * len(sizes) // d
    if kind in ("one", "other"):
        parts[np.arange(len(sizes)) != ("one", "other").index(kind)] = 0
    elif kind == "half":
        parts[1:] = 0
        parts[:, :, d // 2 :] = 0
    elif kind == "aligned":
        for k, part in enumerate(parts):
            part[:, block != k] = 0
    noise = 4.0 if kind == "noisy" else 0.5
    return parts.sum(axis=0) + noise * rng.standard_normal((n, d)), factors


@pytest.fixture(scope="session")
def published():
    return _published


@pytest.fixture(scope="session")
def geometry():
    return _geometry
