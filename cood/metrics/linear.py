"""Linear factorisation: how far codes are sums of one vector for each factor value.

The model is ``code = mean + u_1[v_1] + ... + u_m[v_m]``, fitted by least squares, so that any
number of factors and any set of compositions will do. For a full grid with equally many codes
everywhere, a vector is the mean of the centred codes that share the value.

Uselis, Dittadi and Oh (2026), https://arxiv.org/abs/2602.24264, hold that a linear readout can
generalise to unseen compositions only from codes of this kind. For word vectors of CLIP see
Trager et al. (2023), https://arxiv.org/abs/2302.14383.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import double, index_of, on_host
from cood.metrics.checks import check, check_codes, check_count, generator
from cood.metrics.common import combination_ids
from cood.metrics.normal_equations import NormalEquations, one_hot
from cood.metrics.result import Score, noted
from cood.metrics.row_sums import mean_and_sums, scatter, squared_errors

ROUNDING = 1e-12  # of the spread: directions shorter than that are 0
PROBE_TOLERANCE = 1e-6  # of the largest singular value: texts come in single precision
NULL_TOLERANCE = 1e-6  # share of a row in the null space above which it is not determined
VARIANCE_TOLERANCE = 1e-9  # of the largest variance, not to divide by rounding


@dataclass(frozen=True)
class Additive:
    """A least-squares fit of sums of factor vectors to codes.

    Attributes
    ----------
    mean
        Mean code [d].
    vectors
        For each factor its vectors [values, d], in the order of the sorted values; 0 for a
        factor with one value. Of all least-squares solutions the one of least norm.
    scatter, explained
        [d, d] sums of squares and products over the codes, and over their reconstructions, both
        about the mean.
    n
        Number of codes.
    rank
        How many vectors the data determine, the mean among them.
    full_rank
        How many would be if enough compositions were there: 1 + sum of (values - 1).
    note
        Which factors never vary.
    """

    mean: np.ndarray
    vectors: tuple[np.ndarray, ...]
    scatter: np.ndarray
    explained: np.ndarray
    n: int
    rank: int
    full_rank: int
    note: str

    @property
    def chance(self) -> float:
        """R^2 to expect when the codes are shuffled: (rank - 1) / (n - 1), exactly."""
        return (self.rank - 1) / (self.n - 1) if self.n > 1 else np.nan

    @cached_property
    def directions(self) -> list[np.ndarray]:
        """Vectors of each factor less their mean [values, d]; those that are rounding are 0."""
        centred = [vectors - vectors.mean(axis=0) for vectors in self.vectors]
        floor = ROUNDING * np.sqrt(np.trace(self.scatter) / self.n)
        return [np.where(np.linalg.norm(d, axis=1, keepdims=True) > floor, d, 0.0) for d in centred]

    @cached_property
    def axes(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of the directions of each factor, singular values [k] and principal axes [k, d]."""
        return [_axes(d) for d in self.directions]


def fit_additive(codes: ArrayLike, factors: ArrayLike) -> Additive:
    """Fit one vector for each value of each factor to centred codes.

    The normal equations are made of sums by value. Where no composition connects the values of two
    factors (such as when one half of the attributes occurs with one half of the objects only), the
    solution of least norm is taken; it reconstructs the codes equally well.

    Parameters
    ----------
    codes
        Codes [n, d].
    factors
        Ids [n, m] of the value of each factor.

    Returns
    -------
    Additive
        Input of `r_squared`, `projected_r_squared`, and of the functions in
        `cood.metrics.directions`.

    Raises
    ------
    ValueError
        If the input is empty, not finite or differs in length.

    Examples
    --------
    >>> fit = fit_additive([[0, 0], [0, 3], [1, 0]], [[0, 0], [0, 1], [1, 0]])
    >>> fit.mean + fit.vectors[0][1] + fit.vectors[1][1]  # the composition that was not there
    array([1., 3.])
    """
    data = check(codes, factors)
    # A factor that never varies has no vector of its own: the mean holds it.
    sizes = [data.sizes[k] for k in data.varied]
    design = one_hot(data.factors[:, data.varied], sizes)
    mean, sums = mean_and_sums(data.codes, design)
    equations = NormalEquations.of(design, sizes)
    solution = equations.solve(sums)
    parts = iter(np.split(solution, np.cumsum(sizes)[:-1]))
    width = data.codes.shape[1]
    return Additive(
        mean=mean,
        vectors=tuple(next(parts) if size > 1 else np.zeros((1, width)) for size in data.sizes),
        scatter=scatter(data.codes, mean),
        explained=solution.T @ (equations.counts @ solution),
        n=len(data.codes),
        rank=max(1, len(solution) - equations.null.shape[1]),
        full_rank=1 + sum(size - 1 for size in data.sizes),
        note=data.left_out,
    )


def r_squared(fit: Additive) -> Score:
    """Share of the variance of the codes that sums of factor vectors explain.

    ``R^2 = 1 - sum |code - reconstruction|^2 / sum |code - mean|^2``. 1 if the codes are such sums;
    0 if the factors explain nothing. It grows with the number of values: factors that have
    nothing to do with the codes reach (rank - 1) / (n - 1) on average, the part `chance`. The
    part `adjusted` is (R^2 - chance) / (1 - chance), which is 0 on average for such factors.

    Parameters
    ----------
    fit
        What `fit_additive` returns.

    Returns
    -------
    Score
        With the parts `chance` and `adjusted`. NaN if the codes or all factors never vary;
        `adjusted` is NaN if there are as many vectors as codes.

    References
    ----------
    Uselis et al. (2026), https://arxiv.org/abs/2602.24264 (R^2); Ezekiel (1930), *Methods of
    Correlation Analysis* (adjusted).

    Examples
    --------
    >>> factors = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> round(r_squared(fit_additive([[0, 0], [0, 3], [1, 0], [1, 3]], factors)).value, 6)
    1.0
    >>> score = r_squared(fit_additive([[0], [1], [1], [0]], factors))  # exclusive or
    >>> round(score.value, 6), round(score.parts["chance"], 6)
    (0.0, 0.666667)
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     score = r_squared(fit_additive(np.ones((4, 2)), factors))
    >>> score.value, score.note
    (nan, 'the codes do not vary')
    """
    total = np.trace(fit.scatter)
    if fit.rank == 1 or not total > 0:
        return _undefined(fit)
    return _with_chance(np.trace(fit.explained) / total, fit)


def projected_r_squared(fit: Additive, probes: ArrayLike) -> Score:
    """R^2 of the part of the codes that probes can read, all of its directions weighted equally.

    Codes and reconstructions are projected onto the row span of the probes and divided by the
    standard deviation of the codes along their principal axes there (PCA whitening); then R^2
    as in `r_squared`, with the same range and chance. Without whitening, a few directions of
    large variance would decide.

    Parameters
    ----------
    fit
        What `fit_additive` returns.
    probes
        Linear probes [p, d], such as text embeddings of the factor values. Singular values below
        1e-6 of the largest do not count to their span, nor variances of the codes below 1e-9 of
        the largest there.

    Returns
    -------
    Score
        With the parts `chance`, `adjusted` and `dimensions`, how many directions were left. NaN
        as in `r_squared`, or if none is left.

    Raises
    ------
    ValueError
        If the probes are empty, not finite or of another width.

    References
    ----------
    Uselis et al. (2026), https://arxiv.org/abs/2602.24264. The 1e-9 is theirs; taken relative to
    the largest variance, it does not depend on the scale of the codes.

    Examples
    --------
    >>> factors = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> fit = fit_additive([[0, 0, 0], [0, 3, 9], [1, 0, 9], [1, 3, 0]], factors)
    >>> round(projected_r_squared(fit, [[2, 0, 0], [0, 1, 0]]).value, 6)
    1.0
    >>> round(projected_r_squared(fit, [[0, 0, 1]]).value, 6)
    0.0
    """
    return r_squared_along(fit, row_span(probes))


def _axes(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Singular values [k] and principal axes [k, d] of vectors [values, d]."""
    values, width = vectors.shape
    if values < width:
        return np.linalg.svd(vectors, full_matrices=False)[1:]
    # Several times as fast, and as good for spans and shares of variance.
    squares, axes = np.linalg.eigh(vectors.T @ vectors)
    return np.sqrt(np.maximum(squares[::-1], 0)), axes[:, ::-1].T


def row_span(probes: ArrayLike) -> np.ndarray:
    """Orthonormal basis [d, k] of the span of linear probes [p, d], as `projected_r_squared` says.

    Raises
    ------
    ValueError
        If the probes are empty or not finite.
    """
    _, s, rows = np.linalg.svd(double(on_host(check_codes(probes, "probes"))), full_matrices=False)
    return np.asarray(rows[s > PROBE_TOLERANCE * s[0]].T)


def r_squared_along(fit: Additive, basis: np.ndarray) -> Score:
    """`projected_r_squared`, with the orthonormal basis [d, k] that `row_span` gives."""
    if len(basis) != len(fit.mean):
        raise ValueError(f"probes: {len(basis)} dimensions, but codes have {len(fit.mean)}")
    if fit.rank == 1 or not np.trace(fit.scatter) > 0:
        return _undefined(fit)
    variances, axes = np.linalg.eigh(basis.T @ fit.scatter @ basis)
    kept = variances > VARIANCE_TOLERANCE * max(variances, default=0)
    # Codes that do not vary in the span leave rounding only.
    kept &= variances > np.finfo(np.float64).eps * np.trace(fit.scatter)
    if not kept.any():
        return noted(np.nan, {}, "the codes do not vary in the span of the probes", fit.note)
    whiten = basis @ axes[:, kept] / np.sqrt(variances[kept])
    value = np.trace(whiten.T @ fit.explained @ whiten) / kept.sum()
    return _with_chance(value, fit, dimensions=int(kept.sum()))


def held_out_r_squared(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    folds: int = 5,
    rng: np.random.Generator | int | None = None,
) -> Score:
    """R^2 on compositions that the vectors were not fitted to.

    The compositions (distinct rows of `factors`) are divided into folds; each fold is predicted
    from the others, with their mean as the baseline:
    ``1 - sum |code - prediction|^2 / sum |code - mean of the others|^2``, summed over folds.
    1 if unseen compositions follow from their parts; 0 if the mean does as well; below 0 if it
    does better. Chance is 0 or less, whatever the number of values.

    Parameters
    ----------
    codes
        Codes [n, d].
    factors
        Ids [n, m] of the value of each factor.
    folds
        At least 2; not more than there are compositions are used.
    rng
        Deals the compositions; a generator or a seed.

    Returns
    -------
    Score
        With the part `left_out`: the number of codes whose vectors the other folds do not
        determine, for instance because a value occurs in one composition only. They count
        neither way. NaN if no code is left, or the codes left never vary.

    Raises
    ------
    ValueError
        If the input is empty, not finite or differs in length, or `folds` is below 2.

    Examples
    --------
    >>> factors = [[a, o] for a in range(4) for o in range(4)]
    >>> sums = [[a**2, 3 * o + a] for a, o in factors]
    >>> round(held_out_r_squared(sums, factors).value, 6)
    1.0
    >>> noise = np.random.default_rng(0).normal(size=(16, 50))
    >>> held_out_r_squared(noise, factors).value < 0
    True
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     score = held_out_r_squared([[1.0], [2.0]], [[0, 0], [0, 0]])  # one composition
    >>> score.value, score.parts["left_out"]
    (nan, 2)
    """
    data = check(codes, factors)
    check_count("folds", folds, 2)
    design = one_hot(data.factors, data.sizes)
    composition = combination_ids(data.factors)
    fold = generator(rng).permutation(np.arange(composition.max() + 1) % folds)[composition]
    residual = total = 0.0
    predicted = 0
    for k in np.unique(fold) if len(np.unique(fold)) > 1 else ():
        inside = fold == k
        others = np.flatnonzero(~inside)
        mean, sums = mean_and_sums(data.codes[index_of(data.codes, others)], design[others])
        equations = NormalEquations.of(design[others], data.sizes)
        solution = equations.solve(sums)
        # Rows that meet the null space are not determined by what was fitted.
        rows = np.flatnonzero(inside)
        rows = rows[(np.abs(design[rows] @ equations.null) < NULL_TOLERANCE).all(axis=1)]
        some = data.codes[index_of(data.codes, rows)]
        of_mean, of_sums = squared_errors(some, mean, design[rows], solution)
        total, residual = total + of_mean, residual + of_sums
        predicted += len(rows)
    parts = {"left_out": len(data.codes) - predicted}
    if not predicted:
        nothing = "no composition can be predicted from the others"
        return noted(np.nan, parts, nothing, data.left_out)
    if not total > 0:
        return noted(np.nan, parts, "the codes do not vary", data.left_out)
    few = f"{parts['left_out']} of {len(data.codes)} codes cannot be predicted: left out"
    return noted(1 - residual / total, parts, few if parts["left_out"] else "", data.left_out)


def _undefined(fit: Additive) -> Score:
    return noted(np.nan, {}, "" if fit.rank == 1 else "the codes do not vary", fit.note)


def _with_chance(value: float, fit: Additive, **parts: float) -> Score:
    value = min(max(float(value), 0.0), 1.0)  # a share of a sum of squares, but for rounding
    chance = fit.chance
    adjusted = (value - chance) / (1 - chance) if chance < 1 else np.nan
    full = "as many vectors as codes: R^2 is 1 for any codes" if chance >= 1 else ""
    parts = {"chance": chance, "adjusted": adjusted, **parts}
    return noted(value, parts, full, fit.note)
