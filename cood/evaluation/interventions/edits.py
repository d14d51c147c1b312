"""Interventions of embeddings: what is taken from them, or evened out, by structure that was fitted.

Codes are unit vectors. What an edit knows is fitted on other compositions than it is tried on, for
images on images and for texts on texts; an edit of an image never knows what it shows. A
projection leaves the mean where it is, so that only what varies is taken away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from cood.metrics.directions import directions
from cood.metrics.linear import fit_additive
from cood.metrics.nulls import rotate_codes

KINDS = ("attribute", "object", "shared", "residual")  # of directions that can be taken away
# What an edit is compared with, beside the codes as they are: the same done at random, or less.
CONTROLS = {
    **{f"remove {kind}": "remove random" for kind in KINDS},
    **{"additive": "shuffled", "whiten": "centre"},
}
RANDOM = ("remove random", "shuffled")
SHARES = (-1.0, -0.5, 0.5, 1.0)  # of the interaction that is taken off; below 0 it grows
STRENGTHS = (0.5, 0.9, 0.99)  # of whitening
TOLERANCE = 1e-9  # of the whole variance: what lies below is rounding


@dataclass(frozen=True)
class Structure:
    """What the codes of one tower hold of attribute and object.

    Attributes
    ----------
    mean
        Mean code [d].
    covariance
        [d, d].
    bases
        Orthonormal directions [d, k], those of most variance first: of the sums that stand for
        the ``attribute`` and the ``object`` (`cood.metrics.linear.fit_additive`), ``shared`` by
        both, of the ``residual`` that no such sum explains, and of both ``factors``.
    """

    mean: np.ndarray
    covariance: np.ndarray
    bases: dict[str, np.ndarray]


def structure(codes: np.ndarray, factors: np.ndarray) -> Structure:
    """Fit attribute and object vectors to codes, and find the directions that they take.

    A direction v is the more shared, the larger the variance of the attribute vectors along it and
    along what the object vectors make of it: v' (A B + B A) v, where A and B are the covariances
    of the attribute and of the object vectors. It is 0 for all v if these are orthogonal.

    Parameters
    ----------
    codes
        [n, d].
    factors
        Attribute and object id [n, 2].

    Raises
    ------
    ValueError
        If the codes hold fewer than two attributes or two objects.
    """
    fit = fit_additive(codes, factors)
    if min(map(len, fit.vectors)) < 2:
        raise ValueError("factors: at least two attributes and two objects are needed to edit")
    one, other = (found.T @ found / len(found) for found in directions(fit))
    product, covariance = one @ other, fit.scatter / fit.n
    residual, scale = covariance - fit.explained / fit.n, float(np.trace(covariance))
    sizes = [len(vectors) - 1 for vectors in fit.vectors]
    bases = {
        "attribute": _axes(one, scale, sizes[0]),
        "object": _axes(other, scale, sizes[1]),
        "shared": _axes(product + product.T, scale**2, min(sizes)),
        "residual": _axes(residual, scale, len(one)),
        "factors": _axes(one + other, scale, sum(sizes)),
    }
    return Structure(fit.mean, covariance, bases)


def predicted(texts: np.ndarray, known: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Sum of attribute and object vector of every composition, [C, d].

    Parameters
    ----------
    texts
        Codes [C, d] of all compositions.
    known
        Ids [k] of the compositions that the vectors are fitted to.
    factors
        Attribute and object id [C, 2] of all compositions.

    Returns
    -------
    ndarray
        Compositions whose two words no chain of known compositions links keep their own code: any
        multiple of a vector could be added to one word and taken from the other.
    """
    fit = fit_additive(texts[known], factors[known])
    present = [np.unique(factors[known, k]) for k in (0, 1)]
    places = [np.searchsorted(p, factors[:, k]).clip(max=len(p) - 1) for k, p in enumerate(present)]
    found = [p[at] == factors[:, k] for k, (p, at) in enumerate(zip(present, places, strict=True))]
    first, second = places[0], places[1] + len(present[0])
    size = sum(map(len, present))
    links = csr_array((np.ones(len(known)), (first[known], second[known])), shape=(size, size))
    _, part = connected_components(links, directed=False)
    linked = found[0] & found[1] & (part[first] == part[second])
    sums = fit.mean + fit.vectors[0][places[0]] + fit.vectors[1][places[1]]
    return np.where(linked[:, None], sums, texts).astype(texts.dtype)


def remove(codes: np.ndarray, mean: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Codes [n, d] that no longer vary about the mean along orthonormal directions [d, k]."""
    basis, mean = basis.astype(codes.dtype), mean.astype(codes.dtype)
    return codes - ((codes - mean) @ basis) @ basis.T


def keep(codes: np.ndarray, mean: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Codes [n, d] that vary about the mean along orthonormal directions [d, k] only."""
    basis, mean = basis.astype(codes.dtype), mean.astype(codes.dtype)
    return mean + ((codes - mean) @ basis) @ basis.T


def whiten(codes: np.ndarray, known: Structure, strength: float) -> np.ndarray:
    """Centred codes [n, d] whose variance is evened out over the directions.

    They are multiplied by the inverse root of the covariance, shrunk to equal variances by
    1 - `strength`: with a strength of 0 they are centred only, with 1 no direction outweighs
    another. Of all maps that whiten, the root is the one that moves codes least (Kessy, Lewin and
    Strimmer 2018, https://doi.org/10.1080/00031305.2016.1277159).
    """
    even = np.trace(known.covariance) / len(known.mean) * np.eye(len(known.mean))
    values, axes = np.linalg.eigh(strength * known.covariance + (1 - strength) * even)
    values = np.maximum(values, TOLERANCE * values.sum())
    values = np.where(values > 0, values, 1)  # codes that never vary stay at their mean
    root = (axes / np.sqrt(values)) @ axes.T
    return (codes - known.mean.astype(codes.dtype)) @ root.astype(codes.dtype)


def random_basis(known: Structure, size: int, rng: np.random.Generator) -> np.ndarray:
    """Orthonormal random directions [d, size] that spread as the codes do."""
    values, axes = np.linalg.eigh(known.covariance)
    drawn = rng.standard_normal((len(values), size))
    q, _ = np.linalg.qr(axes @ (np.sqrt(np.maximum(values, 0))[:, None] * drawn))
    return np.asarray(q)


@dataclass(frozen=True)
class Edited:
    """One edit of images, of texts, or of both; `dose` is 0 for an edit that has none.

    Attributes
    ----------
    edit, dose
        Its name, and how far it goes.
    images, texts
        Edited codes; None where the edit is not about them.
    alone
        Whether images, or texts, may also be edited alone.
    """

    edit: str
    dose: float
    images: np.ndarray | None
    texts: np.ndarray | None
    alone: bool = True


def edits(
    images: np.ndarray,
    texts: np.ndarray,
    known: tuple[Structure, Structure],
    sums: np.ndarray,
    doses: Sequence[int],
    repeats: int,
    seed: Sequence[int],
    fitted: np.ndarray,
) -> Iterator[Edited]:
    """Every edit, one after the other; random ones several times.

    - ``remove KIND``: the first `dose` directions of a kind are taken away (`KINDS`), or as many
      at ``random``. Doses that are no fewer than the directions of a kind, or than d, are left
      out.
    - ``additive``: this share of what sets a text apart from the sum of its attribute and its
      object is taken off. At 1 a text is that sum, and images are projected onto the directions
      of attributes and objects. ``shuffled`` takes off what sets another composition apart: one
      that was fitted on for one that was, as their sums lie nearer.
    - ``whiten``, by `STRENGTHS`, and ``centre``: the mean is taken off, each tower's from its own.
    - ``rotate``: both turned alike, which leaves all cosines as they are.

    Parameters
    ----------
    images, texts
        Unit codes [n, d] and [C, d].
    known
        `structure` of the images, and of the texts.
    sums
        What `predicted` makes of the texts.
    doses, repeats
        Numbers of directions; how often random edits are drawn.
    seed
        Of the random ones; the same at each dose, so that a larger one holds a smaller one.
    fitted
        Ids of the compositions that all of it was fitted on.
    """
    of_images, of_texts = known
    width = images.shape[1]
    doses = [dose for dose in doses if dose < width]
    for kind in KINDS:
        here, there = (one.bases[kind] for one in known)
        for dose in doses:
            if dose <= min(here.shape[1], there.shape[1]):
                yield Edited(
                    *(f"remove {kind}", dose),
                    remove(images, of_images.mean, here[:, :dose]),
                    remove(texts, of_texts.mean, there[:, :dose]),
                )
    for repeat in range(repeats):
        rng = np.random.default_rng((*seed, 0, repeat))
        here, there = (random_basis(one, max(doses, default=1), rng) for one in known)
        for dose in doses:
            yield Edited(
                *("remove random", dose),
                remove(images, of_images.mean, here[:, :dose]),
                remove(texts, of_texts.mean, there[:, :dose]),
            )
    apart = texts - sums
    for share in SHARES:
        kept = keep(images, of_images.mean, of_images.bases["factors"]) if share == 1 else None
        yield Edited("additive", share, kept, texts - np.float32(share) * apart)
    for repeat in range(repeats):
        rng, other = np.random.default_rng((*seed, 1, repeat)), np.arange(len(apart))
        for part in (fitted, np.setdiff1d(other, fitted)):
            other[part] = rng.permutation(part)
        for share in SHARES:
            yield Edited("shuffled", share, None, texts - np.float32(share) * apart[other])
    for strength in (0.0, *STRENGTHS):
        name = "whiten" if strength else "centre"
        both = whiten(images, of_images, strength), whiten(texts, of_texts, strength)
        yield Edited(name, strength, *both)
    here, there = (
        rotate_codes(codes, np.random.default_rng((*seed, 2))) for codes in (images, texts)
    )
    yield Edited("rotate", 0.0, here, there, alone=False)


def _axes(covariance: np.ndarray, scale: float, most: int) -> np.ndarray:
    # Eigenvectors [d, k] of the largest eigenvalues; those that are rounding are left out.
    values, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    kept = min(most, int((values > TOLERANCE * scale).sum()))
    return np.asarray(axes[:, ::-1][:, :kept])
