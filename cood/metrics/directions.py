"""The directions that factor values take in codes that are sums of them: angles and number.

All start from `cood.metrics.linear.fit_additive`. The direction of a value is its vector less the
mean vector of its factor (`Additive.directions`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import double, on_host
from cood.metrics.checks import check_codes, check_share
from cood.metrics.common import SLACK
from cood.metrics.linear import Additive
from cood.metrics.result import Score, noted

ROUNDING = 1e-12  # of the longest direction: those shorter than that are 0


def orthogonality(fit: Additive) -> Score:
    """Mean absolute cosine between the directions of values of different factors.

    0 if the factors lie in orthogonal subspaces, 1 if all directions lie on one line. Lower is
    more orthogonal. In d dimensions random directions do not reach 0; the part `chance` is the
    mean absolute cosine between random ones, independent of each other, that spread as the codes
    do. It is computed for D equal dimensions, where D is the participation ratio of the codes, the
    number that gives the same mean squared cosine:
    ``E |cos| = Gamma(D / 2) / (sqrt(pi) Gamma((D + 1) / 2))``.

    Within a factor of V values the directions sum to 0, so that random ones have cosines of mean
    -1 / (V - 1); their absolute cosine is that of a normal variable around it, approximately.

    Parameters
    ----------
    fit
        What `fit_additive` returns.

    Returns
    -------
    Score
        The mean over pairs of different factors, with the parts `matrix` [m, m], on its diagonal
        the mean over pairs of different values of one factor (NaN for a factor without such a
        pair), `chance` [m, m] and `dimension`, D. NaN if fewer than two factors have directions.

    References
    ----------
    Uselis et al. (2026), https://arxiv.org/abs/2602.24264 (the matrix; the chance level is not
    from there).

    Examples
    --------
    >>> from cood.metrics.linear import fit_additive
    >>> factors = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> apart = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> round(orthogonality(fit_additive(apart, factors)).value, 6)
    0.0
    >>> together = [[0, 0], [1, 1], [2, 2], [3, 3]]
    >>> round(orthogonality(fit_additive(together, factors)).value, 6)
    1.0
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     score = orthogonality(fit_additive(np.ones((4, 2)), factors))
    >>> score.value, score.note
    (nan, 'fewer than two factors have directions')
    """
    units = [_units(d) for d in fit.directions]
    m = len(units)
    matrix, chance = np.full((m, m), np.nan), np.full((m, m), np.nan)
    total = np.trace(fit.scatter)
    # D only where the codes vary; nothing is looked up otherwise.
    dimension = total**2 / (fit.scatter**2).sum() if total > 0 else np.nan
    for i in range(m):
        for j in range(m):
            cosines = np.abs(units[i] @ units[j].T)
            if i == j:
                cosines = cosines[~np.eye(len(cosines), dtype=bool)]
            if cosines.size:
                matrix[i, j] = cosines.mean()
                rho = -1 / (len(units[i]) - 1) if i == j else 0.0
                chance[i, j] = _random_cosine(dimension, rho)
    parts = {"matrix": matrix, "chance": chance, "dimension": dimension}
    across = matrix[np.triu_indices(m, 1)]
    if not np.isfinite(across).any():
        return noted(np.nan, parts, "fewer than two factors have directions", fit.note)
    return noted(float(np.nanmean(across)), parts, _loose(fit), fit.note)


def factor_dimension(fit: Additive, *, share: float = 0.95) -> Score:
    """Principal components of a factor's directions for a share of their variance, by its values.

    Low if the values lie along few axes, as those of a quantity do; V values have at most V - 1
    components, hence at most (V - 1) / V.

    Parameters
    ----------
    fit
        What `fit_additive` returns.
    share
        Of the variance, between 0 and 1.

    Returns
    -------
    Score
        The mean over factors that have directions, with the parts `components` and `relative` by
        factor (0 and NaN for a factor without). NaN if there is none.

    Raises
    ------
    ValueError
        If `share` is not between 0 and 1.

    References
    ----------
    Uselis et al. (2026), https://arxiv.org/abs/2602.24264.

    Examples
    --------
    >>> from cood.metrics.linear import fit_additive
    >>> line = fit_additive([[0, 0], [1, 2], [2, 4], [3, 6]], [0, 1, 2, 3])
    >>> factor_dimension(line).value
    0.25
    >>> factor_dimension(fit_additive(np.eye(4), [0, 1, 2, 3])).value
    0.75
    """
    check_share("share", share)
    components, relative = [], []
    for d, (s, _) in zip(fit.directions, fit.axes, strict=True):
        variances = s**2
        total = variances.sum()
        needed = 1 + int((np.cumsum(variances) < (share - SLACK) * total).sum()) if total else 0
        components.append(needed)
        relative.append(needed / len(d) if needed else np.nan)
    parts = {"components": components, "relative": relative}
    if not any(components):
        return noted(np.nan, parts, "no factor has directions", fit.note)
    return noted(float(np.nanmean(relative)), parts, _loose(fit), fit.note)


def word_cosine(vectors: ArrayLike, words: ArrayLike) -> Score:
    """Mean cosine between the direction of each value and the centred embedding of its word.

    1 if isolated words have the directions of the values in compositions, up to scale; 0 if the
    directions are unrelated; -1 if they are opposed. The part `chance` is the exact mean cosine
    when words are assigned to values at random.

    Parameters
    ----------
    vectors
        Vectors of the values of one factor [values, d], such as one of `Additive.vectors`.
    words
        Embeddings of the isolated words [values, d], in the same order.

    Returns
    -------
    Score
        With the parts `chance` and `cosines` by value, NaN where one of the two directions is 0.
        NaN if all are.

    Raises
    ------
    ValueError
        If the shapes differ, or an array is empty or not finite.

    References
    ----------
    Uselis et al. (2026), https://arxiv.org/abs/2602.24264, appendix B, doubt that isolated
    words give the directions.

    Examples
    --------
    >>> vectors = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> round(word_cosine(vectors, 3 * vectors + 1).value, 6)
    1.0
    >>> round(word_cosine(vectors, -vectors).value, 6)
    -1.0
    """
    a, b = (
        double(on_host(check_codes(array, name)))
        for array, name in ((vectors, "vectors"), (words, "words"))
    )
    if a.shape != b.shape:
        raise ValueError(f"words: shape {b.shape}, but vectors has shape {a.shape}")
    # Seen from the first row, so that equal rows differ by exactly 0.
    a, b = (_scaled(z - z[0] - (z - z[0]).mean(axis=0)) for z in (a, b))
    cosines = np.where(a.any(axis=1) & b.any(axis=1), (a * b).sum(axis=1), np.nan)
    varied = np.outer(a.any(axis=1), b.any(axis=1))
    parts = {"cosines": cosines, "chance": (a @ b.T)[varied].mean() if varied.any() else np.nan}
    if not np.isfinite(cosines).any():
        return noted(np.nan, parts, "the vectors or the words are all equal")
    return noted(float(np.nanmean(cosines)), parts)


def _scaled(d: np.ndarray) -> np.ndarray:
    # Rows of unit length; a row that is 0 but for rounding becomes 0.
    length = np.linalg.norm(d, axis=1, keepdims=True)
    nonzero = length > ROUNDING * length.max()
    return np.where(nonzero, d / np.where(nonzero, length, 1), 0.0)


def _units(d: np.ndarray) -> np.ndarray:
    return _scaled(d)[d.any(axis=1)]


def _random_cosine(dimension: float, rho: float) -> float:
    """Mean absolute cosine of random directions whose cosine has mean `rho`."""
    from scipy.special import gammaln, ndtr

    half = dimension / 2
    flat = float(np.exp(gammaln(half) - gammaln(half + 0.5)) / np.sqrt(np.pi))
    spread = flat * np.sqrt(np.pi / 2) * (1 - rho**2)
    if spread == 0:
        return abs(rho)
    # Mean of the absolute value of a normal variable (the folded normal distribution).
    z = abs(rho) / spread
    return float(spread * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2) + abs(rho) * (2 * ndtr(z) - 1))


def _loose(fit: Additive) -> str:
    if fit.rank == fit.full_rank:
        return ""
    return (
        f"the compositions determine {fit.rank} of {fit.full_rank} vectors: "
        "directions of values that no composition connects are arbitrary"
    )
