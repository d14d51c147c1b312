"""How diverse training captions are: the dependence of attribute and object in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cood.metrics.checks import check_ids


@dataclass(frozen=True)
class Dependence:
    """Mutual information of two nominal variables, in nats, and its normalised forms.

    Attributes
    ----------
    information
        I(A; O), plug-in estimate.
    geometric
        I / sqrt(H(A) H(O)).
    arithmetic
        2 I / (H(A) + H(O)).
    corrected
        The geometric form from entropies with the Miller-Madow correction, not below 0.
    n
        How many captions name both.
    """

    information: float
    geometric: float
    arithmetic: float
    corrected: float
    n: int


def caption_nmi(attributes: np.ndarray, objects: np.ndarray) -> Dependence:
    """Normalised mutual information of the attribute and the object of n captions.

    0 if attribute and object are independent, 1 if each determines the other. The plug-in estimate
    is biased upwards by about (cells - rows - columns + 1) / 2n.

    Parameters
    ----------
    attributes, objects
        Ids [n] of the attribute and the object that each caption names.

    Returns
    -------
    Dependence
        All 0 if one of them never varies.

    Raises
    ------
    ValueError
        If the lengths differ, there is no caption, or an id is NaN or infinite.

    References
    ----------
    Strehl and Ghosh (2002), https://www.jmlr.org/papers/v3/strehl02a.html (geometric form);
    Miller (1955), *Note on the bias of information estimates* (correction).

    Examples
    --------
    >>> a = np.array([0, 0, 1, 1])
    >>> round(caption_nmi(a, a).geometric, 6)
    1.0
    >>> round(caption_nmi(a, np.array([0, 1, 0, 1])).geometric, 6)
    0.0
    >>> caption_nmi(a, np.zeros(4)).corrected  # an object that never varies
    0.0
    """
    attributes, objects = check_ids("attributes", attributes), check_ids("objects", objects)
    for name, ids in (("attributes", attributes), ("objects", objects)):
        if ids.ndim != 1:
            raise ValueError(f"{name}: expected [n], got an array of shape {ids.shape}")
    if len(attributes) != len(objects):
        raise ValueError(
            f"attributes and objects differ in length: {len(attributes)} and {len(objects)}"
        )
    if not len(attributes):
        raise ValueError("attributes: no caption names both an attribute and an object")
    _, a = np.unique(attributes, return_inverse=True)
    _, o = np.unique(objects, return_inverse=True)
    counts = np.zeros((a.max() + 1, o.max() + 1))
    np.add.at(counts, (a, o), 1)
    return dependence(counts)


def dependence(counts: np.ndarray) -> Dependence:
    """Normalised mutual information from a table of counts; see `caption_nmi`.

    Parameters
    ----------
    counts
        How many captions name each attribute with each object, [attributes, objects]. A caption
        that names several pairs counts once for each.

    Returns
    -------
    Dependence
        All 0 if one of them never varies, or if nothing was counted.

    Raises
    ------
    ValueError
        If `counts` is not a table of finite numbers from 0.

    Examples
    --------
    >>> round(dependence(np.array([[2, 0], [0, 2]])).geometric, 6)
    1.0
    """
    from scipy.stats import entropy

    if np.ndim(counts) != 2:
        raise ValueError(f"counts: expected [attributes, objects], got {np.shape(counts)}")
    if not (np.isfinite(counts).all() and np.min(counts, initial=0) >= 0):
        raise ValueError("counts: a negative, infinite or missing number; counts are from 0")
    n = int(np.sum(counts))
    if not n:
        return Dependence(0.0, 0.0, 0.0, 0.0, 0)
    tables = (np.sum(counts, axis=1), np.sum(counts, axis=0), np.ravel(counts))
    plain = np.array([entropy(t) for t in tables])
    corrected = plain + np.array([((t > 0).sum() - 1) / (2 * n) for t in tables])
    if min(plain[:2]) == 0:
        return Dependence(0.0, 0.0, 0.0, 0.0, n)
    information = max(0.0, plain[0] + plain[1] - plain[2])
    unbiased = max(0.0, corrected[0] + corrected[1] - corrected[2])
    return Dependence(
        information=information,
        geometric=float(information / np.sqrt(plain[0] * plain[1])),
        arithmetic=float(2 * information / (plain[0] + plain[1])),
        corrected=float(unbiased / np.sqrt(corrected[0] * corrected[1])),
        n=n,
    )
