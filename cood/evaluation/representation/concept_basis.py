"""Codes whose axes are words: how much of each isolated attribute and object is in an embedding.

Disentanglement metrics read single axes of a code. The axes of a CLIP embedding are arbitrary: the
loss knows dot products only, which no rotation of both towers changes. Here an axis is a word, and
its embedding comes from the isolated word, after the account that Uselis et al.
(https://arxiv.org/abs/2602.24264, appendix B) give of the metrics of the paper. How the words and
the compositions are compared is not published; cosines of centred embeddings are our
choice.
"""

from __future__ import annotations

import numpy as np

from cood.device_arrays import (
    Array,
    device_of,
    finite_rows,
    is_tensor,
    like,
    single_precision,
)
from cood.evaluation.common.nearest import normalise
from cood.evaluation.common.nearest_on_device import refuse_infinite

# Tensors of an embeddings file: the samples, and the words from the same tower. Images and texts
# lie apart in CLIP's space, so neither is a basis for the other.
SPACES = {
    "image": ("images", "isolated_attributes", "isolated_objects"),
    "text": ("compositions", "attributes", "objects"),
}
# Unit vectors of float32 that lie nearer to their mean than this differ by rounding only.
ROUNDING = 1e-6


def in_concept_basis(samples: Array, attributes: np.ndarray, objects: np.ndarray) -> Array:
    """Cosine of each sample to each isolated attribute and object, after centring.

    Samples, attributes and objects are scaled to unit length, and each of the three is centred on
    its own mean. For the samples that is the large mean that all embeddings of a tower share; left
    in, it would make all cosines alike. For the words it is also what the images or texts of one
    kind share and a composition lacks: the plain bodies, the neutral fill, the word "thing".

    If the embeddings are additive, a composition is its attribute plus its object. Where the two
    kinds of words lie at right angles as well, the first A axes then follow the attribute only
    and the last O axes the object only. A common rotation of all embeddings changes no code.

    Parameters
    ----------
    samples
        Embeddings of images or texts of compositions [n, d]; the codes are on their device.
    attributes, objects
        Embeddings of the isolated words, [A, d] and [O, d], of the same tower.

    Returns
    -------
    ndarray of float32, shape (n, A + O)
        From -1 to 1. A sample or word that does not differ from its mean has zeros. The mean of
        the samples depends on which there are, so codes of subsets are not rows of those of all.

    Raises
    ------
    ValueError
        If an array is not of two dimensions, the widths differ, an array has less than two rows
        (nothing is left of a single one), or a value is not finite.
    """
    groups = {"samples": samples, "attributes": attributes, "objects": objects}
    for name, vectors in groups.items():
        _check(name, vectors, np.shape(samples)[-1])
    basis = np.concatenate([_centred(attributes), _centred(objects)])
    with single_precision(device_of(samples)):
        codes = _centred(samples)
        codes = codes @ like(codes, basis).T
    return codes.clip_(-1, 1) if is_tensor(codes) else np.clip(codes, -1, 1, out=codes)


def _centred(vectors: Array) -> Array:
    unit = normalise(vectors)
    if is_tensor(unit):
        import torch

        unit -= unit.mean(dim=0, dtype=torch.float64)
        length = unit.norm(dim=1, keepdim=True)
        return unit / length.masked_fill(length < ROUNDING, np.inf)
    unit -= unit.mean(axis=0, dtype=np.float64)
    length = np.linalg.norm(unit, axis=1, keepdims=True)
    return unit / np.where(length < ROUNDING, np.float32(np.inf), length)


def _check(name: str, vectors: Array, width: int) -> None:
    if np.ndim(vectors) != 2 or len(vectors) < 2 or vectors.shape[1] != width:
        raise ValueError(
            f"{name}: expected at least 2 rows of {width} numbers, got shape {np.shape(vectors)}"
        )
    refuse_infinite(name, finite_rows(vectors))
