"""Edits of embeddings: directions are removed, or variances equalised, by a fitted structure.

Codes are unit vectors. The structure is fitted on other compositions than those that edits are
tested on, for images on images and for texts on texts; image edits never use the image's label. A
projection keeps the mean, so that only variance is removed. Structures are fitted on the CPU; codes
are edited where they are, on the CPU by NumPy or on a GPU by torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from cood.device_arrays import Array, index_of, like
from cood.metrics.linear import fit_additive
from cood.metrics.nulls import random_rotation

# Edits that remove directions of a kind, as named in `Structure.bases`.
REMOVALS = {
    "remove attribute": "attribute",
    "remove object": "object",
    "remove shared": "shared",
    "remove residual": "residual",
}
REMOVE_RANDOM, ADDITIVE, SHUFFLED = "remove random", "additive", "shuffled"
WHITEN, CENTRE, ROTATE = "whiten", "centre", "rotate"
# The control of each edit: the same at random, or a part of it.
CONTROLS = {
    **dict.fromkeys(REMOVALS, REMOVE_RANDOM),
    ADDITIVE: SHUFFLED,
    WHITEN: CENTRE,
}
RANDOM = (REMOVE_RANDOM, SHUFFLED)
SHARES = (-1.0, -0.5, 0.5, 1.0)  # of the interaction that is subtracted; below 0 it grows
STRENGTHS = (0.5, 0.9, 0.99)  # of whitening
NO_DOSE = 0.0
REMOVE_STREAM, SHUFFLE_STREAM, ROTATE_STREAM = range(3)  # streams of random numbers
TOLERANCE = 1e-9  # of the whole variance: what lies below is rounding


@dataclass(frozen=True)
class Structure:
    """How attribute and object are represented in the codes of one tower.

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
    one, other = (vectors.T @ vectors / len(vectors) for vectors in fit.directions)
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


def predicted(texts: np.ndarray, fitted: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Sum of attribute and object vector of every composition, [C, d].

    Parameters
    ----------
    texts
        Codes [C, d] of all compositions.
    fitted
        Ids [k] of the compositions that the vectors are fitted to.
    factors
        Attribute and object id [C, 2] of all compositions.

    Returns
    -------
    ndarray
        Compositions whose two words no chain of fitted compositions links keep their own code: any
        multiple of a vector could be added to one word and subtracted from the other.
    """
    fit = fit_additive(texts[fitted], factors[fitted])
    present = [np.unique(factors[fitted, k]) for k in (0, 1)]
    places = [np.searchsorted(p, factors[:, k]).clip(max=len(p) - 1) for k, p in enumerate(present)]
    from scipy.sparse.csgraph import connected_components  # slow to import

    occurs = [p[at] == factors[:, k] for k, (p, at) in enumerate(zip(present, places, strict=True))]
    first, second = places[0], places[1] + len(present[0])
    size = sum(map(len, present))
    links = csr_array((np.ones(len(fitted)), (first[fitted], second[fitted])), shape=(size, size))
    _, part = connected_components(links, directed=False)
    linked = occurs[0] & occurs[1] & (part[first] == part[second])
    sums = fit.mean + fit.vectors[0][places[0]] + fit.vectors[1][places[1]]
    return np.where(linked[:, None], sums, texts).astype(texts.dtype)


def remove(codes: Array, mean: np.ndarray, basis: np.ndarray) -> Array:
    """Codes [n, d] that no longer vary about the mean along orthonormal directions [d, k]."""
    basis, mean = like(codes, basis), like(codes, mean)
    return codes - ((codes - mean) @ basis) @ basis.T


def keep(codes: Array, mean: np.ndarray, basis: np.ndarray) -> Array:
    """Codes [n, d] that vary about the mean along orthonormal directions [d, k] only."""
    basis, mean = like(codes, basis), like(codes, mean)
    return mean + ((codes - mean) @ basis) @ basis.T


def whiten(codes: Array, fitted: Structure, strength: float) -> Array:
    """Centred codes [n, d] whose variance is more equal over the directions.

    They are multiplied by the inverse root of the covariance, shrunk to equal variances by
    1 - `strength`: with a strength of 0 they are centred only, with 1 no direction outweighs
    another. Of all maps that whiten, the root is the one that moves codes least (Kessy, Lewin and
    Strimmer 2018, https://doi.org/10.1080/00031305.2016.1277159).
    """
    even = np.trace(fitted.covariance) / len(fitted.mean) * np.eye(len(fitted.mean))
    values, axes = np.linalg.eigh(strength * fitted.covariance + (1 - strength) * even)
    values = np.maximum(values, TOLERANCE * values.sum())
    values = np.where(values > 0, values, 1)  # codes that never vary stay at their mean
    root = (axes / np.sqrt(values)) @ axes.T
    return (codes - like(codes, fitted.mean)) @ like(codes, root)


def rotate(codes: Array, turn: np.ndarray) -> Array:
    """Codes [n, d] in the axes of a rotation [d, d]; on the CPU computed in its precision."""
    if isinstance(codes, np.ndarray):
        return (codes @ turn).astype(codes.dtype)
    return codes @ like(codes, turn)


def random_basis(
    structures: Sequence[Structure], size: int, rng: np.random.Generator
) -> np.ndarray:
    """Orthonormal random directions [d, size] that spread as the codes of several sides do.

    Each side has the same weight: its covariance is scaled to a total variance of 1.
    """
    variances = [max(float(np.trace(s.covariance)), np.finfo(float).tiny) for s in structures]
    shares = [s.covariance / total for s, total in zip(structures, variances, strict=True)]
    values, axes = np.linalg.eigh(np.mean(shares, axis=0))
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
        Edited codes; None where the edit leaves them as they are.
    separable
        Whether the images, or the texts, may also be edited without the others.
    """

    edit: str
    dose: float
    images: Array | None
    texts: Array | None
    separable: bool = True


@dataclass(frozen=True)
class Codes:
    """What is edited, and the structure that was fitted to it.

    Attributes
    ----------
    images, texts
        Unit codes [n, d] and [C, d].
    image_structure, text_structure
        `structure` of the images, and of the texts.
    sums
        What `predicted` makes of the texts.
    fitted
        Ids of the compositions that all of it was fitted on.
    """

    images: Array
    texts: Array
    image_structure: Structure
    text_structure: Structure
    sums: Array
    fitted: np.ndarray

    def removed(self, edit: str, dose: int, bases: tuple[np.ndarray, np.ndarray]) -> Edited:
        """Both without the first `dose` directions of their basis."""
        of_images, of_texts = (basis[:, :dose] for basis in bases)
        return Edited(
            edit=edit,
            dose=dose,
            images=remove(self.images, self.image_structure.mean, of_images),
            texts=remove(self.texts, self.text_structure.mean, of_texts),
        )


def edits(
    codes: Codes, doses: Sequence[int], repeats: int, seed: Sequence[int]
) -> Iterator[Edited]:
    """Every edit, one after the other; random ones several times.

    - ``remove KIND``: the first `dose` directions of a kind are removed (`REMOVALS`), or as many
      at ``random``. Random directions are the same for images and texts: two draws would take
      twice as many directions from the cosines. Doses above the number of directions
      of a kind, or not below d, are left out.
    - ``additive``: this share of the difference between a text and the sum of its attribute and
      its object is subtracted. At 1 a text is that sum, and images are projected onto the
      directions of attributes and objects. ``shuffled`` subtracts the difference of another
      composition: one that was fitted on for one that was, as their sums lie nearer.
    - ``whiten``, by `STRENGTHS`, and ``centre``: the mean is subtracted, each tower's from its own.
    - ``rotate``: both rotated alike, which leaves all cosines as they are.

    Parameters
    ----------
    codes
        Images and texts, with their structure.
    doses, repeats
        Numbers of directions; how often random edits are drawn.
    seed
        Of the random ones; the same at each dose, so that a larger one holds a smaller one.
    """
    doses = [dose for dose in doses if dose < codes.images.shape[1]]
    yield from _removals(codes, doses)
    yield from _random_removals(codes, doses, repeats, seed)
    yield from _additive(codes)
    yield from _shuffled(codes, repeats, seed)
    for strength in (0.0, *STRENGTHS):
        yield Edited(
            edit=WHITEN if strength else CENTRE,
            dose=strength,
            images=whiten(codes.images, codes.image_structure, strength),
            texts=whiten(codes.texts, codes.text_structure, strength),
        )
    width = codes.images.shape[1]
    turn = random_rotation(width, np.random.default_rng((*seed, ROTATE_STREAM)))
    images, texts = (rotate(z, turn) for z in (codes.images, codes.texts))
    yield Edited(ROTATE, NO_DOSE, images, texts, separable=False)


def _removals(codes: Codes, doses: Sequence[int]) -> Iterator[Edited]:
    for edit, kind in REMOVALS.items():
        bases = codes.image_structure.bases[kind], codes.text_structure.bases[kind]
        most = min(basis.shape[1] for basis in bases)
        for dose in doses:
            if dose <= most:
                yield codes.removed(edit, dose, bases)


def _random_removals(
    codes: Codes, doses: Sequence[int], repeats: int, seed: Sequence[int]
) -> Iterator[Edited]:
    most = max(doses, default=1)
    for repeat in range(repeats):
        rng = np.random.default_rng((*seed, REMOVE_STREAM, repeat))
        # One basis for both sides, or twice as many directions would be lost to their cosines.
        basis = random_basis((codes.image_structure, codes.text_structure), most, rng)
        for dose in doses:
            yield codes.removed(REMOVE_RANDOM, dose, (basis, basis))


def _additive(codes: Codes) -> Iterator[Edited]:
    interaction = codes.texts - codes.sums
    fitted = codes.image_structure
    for share in SHARES:
        images = keep(codes.images, fitted.mean, fitted.bases["factors"]) if share == 1 else None
        yield Edited(ADDITIVE, share, images, codes.texts - share * interaction)


def _shuffled(codes: Codes, repeats: int, seed: Sequence[int]) -> Iterator[Edited]:
    interaction = codes.texts - codes.sums
    for repeat in range(repeats):
        rng = np.random.default_rng((*seed, SHUFFLE_STREAM, repeat))
        other = np.arange(len(interaction))
        for part in (codes.fitted, np.setdiff1d(other, codes.fitted)):
            other[part] = rng.permutation(part)
        of_other = interaction[index_of(interaction, other)]
        for share in SHARES:
            texts = codes.texts - share * of_other
            yield Edited(SHUFFLED, share, None, texts)


def _axes(covariance: np.ndarray, scale: float, most: int) -> np.ndarray:
    # Eigenvectors [d, k] of the largest eigenvalues; those that are rounding are left out.
    values, axes = np.linalg.eigh((covariance + covariance.T) / 2)
    kept = min(most, int((values > TOLERANCE * scale).sum()))
    return np.asarray(axes[:, ::-1][:, :kept])
