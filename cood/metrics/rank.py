"""How many dimensions codes occupy: definitions of a "soft" rank.

All are functions of the singular values s_1 >= s_2 >= ... of the codes, and so do not change
with the order of rows or columns or with a rotation. They share three switches:

`centred`
    Remove the mean code first. Codes of CLIP lie far from the origin, so that without this the
    first singular value is the length of the mean.
`unit`
    Scale each row to unit length first, as the cosine does.
`relative`
    Divide by the largest value that n codes of d dimensions can have, which is min(n, d), or
    min(n - 1, d) if centred: 1 is full rank. For more codes than dimensions, that is d.

Codes without any spread have rank 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cood.metrics import spectrum
from cood.metrics.checks import check_codes, check_positive, check_share
from cood.metrics.result import Score


def absolute_rank(
    codes: ArrayLike,
    *,
    threshold: float = 1.0,
    centred: bool = True,
    unit: bool = True,
    relative: bool = False,
) -> Score:
    """Count the singular values above a fixed threshold: #{i : s_i > threshold}.

    From 0 (all are below it) to min(n, d) (none is). The only definition here that changes when
    all codes are scaled, unless `unit`, and when each code is repeated: k times the same codes
    have singular values sqrt(k) times as large.

    Parameters
    ----------
    codes
        Codes [n, d].
    threshold
        Positive.
    centred, unit, relative
        See the head of this module.

    Returns
    -------
    Score
        With the parts `singular_values` and `most`, the largest value possible.

    Raises
    ------
    ValueError
        If the codes are empty, not [n, d] or not finite, or the threshold is not positive.

    Examples
    --------
    >>> absolute_rank(3 * np.eye(4), threshold=2, centred=False, unit=False).value
    4.0
    >>> absolute_rank(3 * np.eye(4), threshold=4, centred=False, unit=False).value
    0.0
    >>> absolute_rank(np.ones((5, 4))).value
    0.0
    """
    of = partial(spectrum.above, threshold=check_positive("threshold", threshold))
    return _score(codes, of, centred, unit, relative)


def numerical_rank(
    codes: ArrayLike,
    *,
    threshold: float = 0.1,
    centred: bool = True,
    unit: bool = True,
    relative: bool = False,
) -> Score:
    """Count the singular values above a share of the largest: #{i : s_i > threshold * s_1}.

    From 1 (one direction outweighs all others) to min(n, d) (all weigh about the same). With a
    small enough threshold it is the rank of linear algebra.

    Parameters
    ----------
    codes
        Codes [n, d].
    threshold
        Share of the largest singular value, between 0 and 1.
    centred, unit, relative
        See the head of this module.

    Returns
    -------
    Score
        With the parts `singular_values` and `most`, the largest value possible.

    Raises
    ------
    ValueError
        If the codes are empty, not [n, d] or not finite, or the threshold is not a share.

    References
    ----------
    Golub and Van Loan (2013), *Matrix Computations*, 4th edition, chapter 5.

    Examples
    --------
    >>> numerical_rank(np.eye(4), centred=False).value
    4.0
    >>> numerical_rank(np.eye(4), centred=True, relative=True).value  # three can be, three are
    1.0
    >>> numerical_rank(np.outer([1, 2, 3], [1, 1]), unit=False).value
    1.0
    >>> numerical_rank(np.ones((5, 4))).value
    0.0
    """
    of = partial(spectrum.above_largest, threshold=check_share("threshold", threshold))
    return _score(codes, of, centred, unit, relative)


def srank(
    codes: ArrayLike,
    *,
    delta: float = 0.01,
    centred: bool = True,
    unit: bool = True,
    relative: bool = False,
) -> Score:
    """How many singular values make up 1 - delta of their sum.

    srank = min{k : sum_{i<=k} s_i >= (1 - delta) sum_i s_i}. From 1 to min(n, d). Its authors
    call it effective rank; it is not the one of `effective_rank`.

    Parameters
    ----------
    codes
        Codes [n, d].
    delta
        What may be missing, between 0 and 1; the authors use 0.01.
    centred, unit, relative
        See the head of this module.

    Returns
    -------
    Score
        With the parts `singular_values` and `most`, the largest value possible.

    Raises
    ------
    ValueError
        If the codes are empty, not [n, d] or not finite, or delta is not a share.

    References
    ----------
    Kumar et al. (2021), *Implicit Under-Parameterization Inhibits Data-Efficient Deep
    Reinforcement Learning*, https://arxiv.org/abs/2010.14498.

    Examples
    --------
    >>> srank(np.eye(4), centred=False).value
    4.0
    >>> srank(np.eye(4), centred=False, delta=0.25).value
    3.0
    >>> srank(np.ones((5, 4))).value
    0.0
    """
    return _score(
        codes,
        partial(spectrum.covering, delta=check_share("delta", delta)),
        centred,
        unit,
        relative,
    )


def effective_rank(
    codes: ArrayLike, *, centred: bool = True, unit: bool = True, relative: bool = False
) -> Score:
    """Exponential of the entropy of the singular values: exp(-sum p_i log p_i), p_i = s_i / sum s.

    From 1 (one direction) to min(n, d) (all singular values are equal).

    Parameters
    ----------
    codes
        Codes [n, d].
    centred, unit, relative
        See the head of this module.

    Returns
    -------
    Score
        With the parts `singular_values` and `most`, the largest value possible.

    Raises
    ------
    ValueError
        If the codes are empty, not [n, d] or not finite.

    References
    ----------
    Roy and Vetterli (2007), *The effective rank: a metric of effective dimensionality*,
    EUSIPCO, https://ieeexplore.ieee.org/document/7098875.

    Examples
    --------
    >>> round(effective_rank(np.eye(4), centred=False).value, 6)
    4.0
    >>> round(effective_rank(np.outer([1, 2, 3], [1, 1]), unit=False).value, 6)
    1.0
    >>> effective_rank(np.ones((5, 4))).value
    0.0
    """
    return _score(codes, spectrum.entropic, centred, unit, relative)


def stable_rank(
    codes: ArrayLike, *, centred: bool = True, unit: bool = True, relative: bool = False
) -> Score:
    """Squared Frobenius norm by squared spectral norm: sum s_i^2 / s_1^2.

    From 1 (one direction) to min(n, d) (all singular values are equal). It looks at the first
    singular value most of all, and hardly changes with small ones.

    Parameters
    ----------
    codes
        Codes [n, d].
    centred, unit, relative
        See the head of this module.

    Returns
    -------
    Score
        With the parts `singular_values` and `most`, the largest value possible.

    Raises
    ------
    ValueError
        If the codes are empty, not [n, d] or not finite.

    References
    ----------
    Rudelson and Vershynin (2007), *Sampling from large matrices: an approach through geometric
    functional analysis*, https://doi.org/10.1145/1255443.1255449.

    Examples
    --------
    >>> round(stable_rank(np.eye(4), centred=False).value, 6)
    4.0
    >>> round(stable_rank(np.diag([2, 1, 1]), centred=False, unit=False).value, 6)
    1.5
    >>> stable_rank(np.ones((5, 4))).value
    0.0
    """
    return _score(codes, spectrum.stable, centred, unit, relative)


def participation_ratio(
    codes: ArrayLike, *, centred: bool = True, unit: bool = True, relative: bool = False
) -> Score:
    """Squared sum of the variances by the sum of their squares: (sum l_i)^2 / sum l_i^2.

    l_i = s_i^2. From 1 (one direction) to min(n, d) (all variances are equal). Two random
    vectors with the covariance of the codes have a mean squared cosine of about its inverse.

    Parameters
    ----------
    codes
        Codes [n, d].
    centred, unit, relative
        See the head of this module.

    Returns
    -------
    Score
        With the parts `singular_values` and `most`, the largest value possible.

    Raises
    ------
    ValueError
        If the codes are empty, not [n, d] or not finite.

    References
    ----------
    Gao et al. (2017), *A theory of multineuronal dimensionality, dynamics and measurement*,
    https://doi.org/10.1101/214262.

    Examples
    --------
    >>> round(participation_ratio(np.eye(4), centred=False).value, 6)
    4.0
    >>> round(participation_ratio(np.diag([2**0.5, 1, 1]), centred=False, unit=False).value, 6)
    2.666667
    >>> participation_ratio(np.ones((5, 4))).value
    0.0
    """
    return _score(codes, spectrum.participation, centred, unit, relative)


DEFINITIONS: Mapping[str, Callable[[np.ndarray], float]] = {
    "absolute_rank_1": partial(spectrum.above, threshold=1.0),
    "numerical_rank_0.01": partial(spectrum.above_largest, threshold=0.01),
    "numerical_rank_0.1": partial(spectrum.above_largest, threshold=0.1),
    "srank_0.01": partial(spectrum.covering, delta=0.01),
    "srank_0.05": partial(spectrum.covering, delta=0.05),
    "effective_rank": spectrum.entropic,
    "stable_rank": spectrum.stable,
    "participation_ratio": spectrum.participation,
}


def rank_table(codes: ArrayLike) -> list[dict[str, Any]]:
    """Every definition with every switch, from two decompositions of the codes.

    Parameters
    ----------
    codes
        Codes [n, d].

    Returns
    -------
    list
        Rows with `definition` (a name in `DEFINITIONS`, its constant at the end), `centred`,
        `unit`, `relative` and `value`.

    Raises
    ------
    ValueError
        If the codes are empty, not [n, d] or not finite.

    Examples
    --------
    >>> rows = rank_table(np.eye(4))
    >>> len(rows) == 8 * len(DEFINITIONS)
    True
    >>> rows[0]["definition"], rows[0]["value"]
    ('absolute_rank_1', 0.0)
    """
    z = check_codes(codes)
    return [
        {
            "definition": name,
            "centred": centred,
            "unit": unit,
            "relative": relative,
            "value": _value(s, of, relative),
        }
        for unit in (False, True)
        for centred, s in zip((False, True), spectrum.spectra(z, unit=unit), strict=True)
        for name, of in DEFINITIONS.items()
        for relative in (False, True)
    ]


def _score(
    codes: ArrayLike,
    of: Callable[[np.ndarray], float],
    centred: bool,
    unit: bool,
    relative: bool,
) -> Score:
    s = spectrum.singular_values(check_codes(codes), unit=unit, centred=centred)
    return Score(_value(s, of, relative), {"singular_values": s, "most": len(s)})


def _value(s: np.ndarray, of: Callable[[np.ndarray], float], relative: bool) -> float:
    if not s.any():
        return 0.0
    return of(s) / len(s) if relative else of(s)
