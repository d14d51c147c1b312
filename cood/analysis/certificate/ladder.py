"""The ladder: synthetic codes of known disentanglement, from none to all of it.

Each rung has embeddings of a whole grid of attributes and objects. With t from 0 at the bottom to
1 at the top, four things that metrics claim to measure rise together:

- *Additivity*: the code of a composition is ``sqrt(t) (u_a + v_o) + sqrt(1 - t) w_ao``, where
  w_ao is a random vector of its own. So t is the share of the variance that sums of an
  attribute vector and an object vector explain.
- *Orthogonality*, and *alignment with axes*: the first half of the axes belongs to attributes, the
  second half to objects. (1 + t) / 2 of the variance of a factor lies on its own axes and the rest,
  spread evenly, on those of the other factor. At the top the subspaces of both factors are
  orthogonal and each axis follows one factor; with t = 0 all axes follow both alike, as random
  directions do. The expected squared cosine of u_a and v_o is (1 - t^2) / width.
- *Compactness*: the standard deviation on the k-th axis of a factor's own is proportional to
  ``k ** -t``. Near the top, few axes hold most of a factor.

All are needed: completeness, MIG, SAP and DCIMIG reward a factor on few axes; modularity, MIG-sup
and DCI disentanglement an axis with one factor; linear factorisation sums; orthogonality angles.
A code that is at the top in one of them only is disentangled by some definitions only.

What does not change over rungs is as in trained models: a mean vector as long as the standard
deviation of the codes, since embeddings lie in a narrow cone, and noise of single images, a quarter
of the variance of images, as sums of words explained three quarters of it in an earlier trial of
the project (additive R^2 of images 0.74). Texts have no such noise, and the isolated words are the
vectors u_a and v_o. All rungs of a seed have the same random numbers.

None of this was chosen by the value of a metric. One mistake was mended after values had been
seen: at first a factor was uneven on the axes of the other one too, with the same order, so that
both shared their main axes and the expected squared cosine rose before it fell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cood.metrics.checks import check_count

NOISE = 0.25  # share of single images in the variance of images
MEAN = 1.0  # length of the mean vector, in standard deviations of the codes of compositions


@dataclass(frozen=True)
class Rung:
    """Embeddings of all compositions of a grid, as disentangled as `height` says.

    Attributes
    ----------
    number, height
        From 0 at the bottom; t, from 0 to 1.
    tensors
        `images` [n, width], `compositions` (texts) [C, width], `attributes` [A, width] and
        `objects` [O, width], single precision, not scaled to unit length.
    composition
        Composition id [n] of each image, ``attribute * O + object``.
    """

    number: int
    height: float
    tensors: Mapping[str, np.ndarray]
    composition: np.ndarray


def ladder_codes(
    rungs: int, attributes: int, objects: int, images: int, width: int, seed: int
) -> tuple[Rung, ...]:
    """Embeddings of known disentanglement; the head of this module says what a rung is.

    Parameters
    ----------
    rungs
        At least 2; their heights have equal distances.
    attributes, objects
        Size of the grid, each at least 2.
    images
        Of each composition.
    width
        Dimensions of the embeddings, at least 2.
    seed
        Of all random numbers.

    Returns
    -------
    tuple of Rung
        From the bottom to the top.

    Raises
    ------
    ValueError
        If a number is too small.

    Examples
    --------
    >>> bottom, top = ladder_codes(2, 3, 4, images=5, width=8, seed=0)
    >>> top.height, top.tensors["images"].shape, top.tensors["compositions"].shape
    (1.0, (60, 8), (12, 8))
    >>> bool(np.allclose(top.tensors["objects"][:, :4], top.tensors["objects"][0, :4]))
    True
    """
    for name, value in {"rungs": rungs, "attributes": attributes, "objects": objects}.items():
        check_count(name, value, 2)
    check_count("images", images)
    check_count("width", width, 2)
    rng = np.random.default_rng(seed)
    draws = {
        "attributes": rng.standard_normal((attributes, width)),
        "objects": rng.standard_normal((objects, width)),
        "compositions": rng.standard_normal((attributes * objects, width)),
        "images": rng.standard_normal((attributes * objects * images, width)),
    }
    mean = rng.standard_normal(width)
    mean *= MEAN / np.linalg.norm(mean)
    composition = np.repeat(np.arange(attributes * objects), images)
    heights = np.linspace(0, 1, rungs)
    return tuple(
        Rung(number, float(t), _tensors(float(t), draws, mean, composition), composition)
        for number, t in enumerate(heights)
    )


def _tensors(
    t: float, draws: Mapping[str, np.ndarray], mean: np.ndarray, composition: np.ndarray
) -> dict[str, np.ndarray]:
    """Embeddings of one rung; the codes of compositions have variance 1 in all, about the mean."""
    width = len(mean)
    u = _vectors(draws["attributes"], t, 0) / np.sqrt(2)
    v = _vectors(draws["objects"], t, 1) / np.sqrt(2)
    sums = (u[:, None] + v).reshape(-1, width)
    own = draws["compositions"] / np.sqrt(width)
    texts = mean + np.sqrt(t) * sums + np.sqrt(1 - t) * own
    noise = np.sqrt(NOISE / (1 - NOISE) / width) * draws["images"]
    tensors = {
        "images": texts[composition] + noise,
        "compositions": texts,
        "attributes": mean + u,
        "objects": mean + v,
    }
    return {name: z.astype(np.float32) for name, z in tensors.items()}


def _vectors(draw: np.ndarray, t: float, half: int) -> np.ndarray:
    """Centred vectors [k, width] of a factor with variance 1 in all, most of it on its own half."""
    width = draw.shape[1]
    scale = np.empty(width)
    for i, axes in enumerate(np.array_split(np.arange(width), 2)):
        spread = np.arange(1, len(axes) + 1) ** (-t if i == half else 0.0)
        share = (1 + t) / 2 if i == half else (1 - t) / 2
        scale[axes] = spread * np.sqrt(share / (spread**2).sum())
    vectors = draw * scale
    vectors -= vectors.mean(axis=0)
    return vectors / np.sqrt((vectors**2).sum() / len(vectors))
