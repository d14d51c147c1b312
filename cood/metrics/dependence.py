"""Whether what codes hold of one factor depends on what they hold of another."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import index_of, on_host
from cood.metrics.checks import check, check_choice, check_count, generator
from cood.metrics.common import FEW_FACTORS, finite_mean
from cood.metrics.linear import Additive, fit_additive
from cood.metrics.result import Score, noted

LINEAR, GAUSSIAN = "linear", "gaussian"
ROWS = 400  # that are compared by the Gaussian kernel, whose cost grows with their square
TOLERANCE = 1e-6  # of the largest singular value of the directions, below which one is rounding


def part_dependence(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    kernel: str = LINEAR,
    rows: int = ROWS,
    rng: np.random.Generator | int | None = None,
    fit: Additive | None = None,
) -> Score:
    """Dependence of the parts of the codes that belong to different factors.

    The part of a factor is the projection of the centred codes on the span of its directions
    (`cood.metrics.linear.Additive.directions`), on a balanced set that of the mean codes of its
    values. With K and L the centred kernel matrices of two parts, the score is
    ``tr(K L) / (|K| |L|)`` in Frobenius norms: the normalised Hilbert-Schmidt independence
    criterion, or centred kernel alignment. With the linear kernel that is the RV coefficient, the
    sum of the squared cross-covariances over the product of the norms of both covariances.

    **Lower means more independent.** 0 for parts without any (linear) dependence, 1 for parts that
    are the same up to a rotation and a scale. Independent parts reach ``tr(K) tr(L) / ((n - 1)
    |K| |L|)`` on average over permutations of the rows, the part `chance`. The parts of factors
    that share directions are dependent, and in few dimensions they must share some: compare
    codes of one width. Invariant under rotation, shift and scale of the codes.

    Parameters
    ----------
    codes
        [n, d], finite numbers.
    factors
        [n, m], nominal ids, at least two that vary.
    kernel
        ``linear``, or ``gaussian`` with the median squared distance as twice the squared width,
        which also finds dependence without correlation.
    rows
        For the Gaussian kernel: so many rows are drawn if there are more.
    rng
        Generator or seed; of the rows.
    fit
        What `fit_additive` returns for these codes, if it is at hand.

    Returns
    -------
    Score
        Mean over pairs of factors. NaN with fewer than two factors that vary, or if a part is 0.
        Parts: `chance`, and `rank` [m], the dimensions of each part.

    Raises
    ------
    ValueError
        If the input is empty, not finite, of unequal lengths or of a wrong type.

    References
    ----------
    Robert and Escoufier (1976), doi:10.2307/2347233 (the RV coefficient); Kazi-Aoual et al.
    (1995), doi:10.1016/0167-9473(94)00064-M (its mean over permutations); Gretton et al. (2005),
    doi:10.1007/11564089_7 (the criterion); Cortes et al. (2012), JMLR 13:795-828, and Kornblith
    et al. (2019), arXiv:1905.00414 (the normalisation).

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)])
    >>> apart = np.hstack([np.eye(4)[factors[:, 0]], np.eye(4)[factors[:, 1]]])
    >>> round(abs(part_dependence(apart, factors).value), 6)
    0.0
    >>> together = np.eye(4)[factors[:, 0]] + np.eye(4)[factors[:, 1]]
    >>> round(part_dependence(together, factors).value, 6)
    1.0
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     part_dependence(np.ones((16, 2)), factors).value
    nan
    """
    check_choice("kernel", kernel, (LINEAR, GAUSSIAN))
    check_count("rows", rows, 2)
    data = check(codes, factors)
    if len(data.varied) < 2:
        return noted(np.nan, {}, FEW_FACTORS, data.note)
    fit = fit_additive(data.codes, data.factors) if fit is None else fit
    # A factor without directions has a basis of none.
    bases = [basis[s > TOLERANCE * s[0]].T for s, basis in fit.axes]
    pairs = list(combinations(data.varied, 2))
    if kernel == LINEAR:
        aligned = [_of_products(fit, bases[i], bases[j]) for i, j in pairs]
    else:
        some = np.arange(len(data.codes))
        if len(some) > rows:
            some = np.sort(generator(rng).permutation(len(some))[:rows])
        centred = on_host(data.codes[index_of(data.codes, some)]) - fit.mean
        parts = [centred @ basis for basis in bases]
        aligned = [_of_kernels(parts[i], parts[j]) for i, j in pairs]
    values, chances = np.array(aligned).T
    rank = np.array([basis.shape[1] for basis in bases])
    empty = "" if np.isfinite(values).all() else "the codes do not vary with some factor"
    about = {"chance": finite_mean(chances), "rank": rank}
    return noted(finite_mean(values), about, empty, data.note)


def _of_products(fit: Additive, one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Alignment and its chance by the linear kernel, of the parts in two bases [d, p] and [d, q].

    The same as that of the kernel matrices [n, n], as the sums of squares and products are known.
    """
    own = [basis.T @ fit.scatter @ basis for basis in (one, other)]
    norms = float(np.linalg.norm(own[0]) * np.linalg.norm(own[1]))
    crossed = ((one.T @ fit.scatter @ other) ** 2).sum()
    return _normalised(crossed, np.trace(own[0]) * np.trace(own[1]), norms, fit.n)


def _of_kernels(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Alignment and its chance by the Gaussian kernel."""
    first, second = _gaussian(x), _gaussian(y)
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    traces = np.trace(first) * np.trace(second)
    return _normalised((first * second).sum(), traces, norms, len(x))


def _normalised(product: float, traces: float, norms: float, n: int) -> tuple[float, float]:
    if not norms > 0:
        return np.nan, np.nan
    # At most 1 by the inequality of Cauchy and Schwarz, but for rounding.
    return min(float(product / norms), 1.0), float(traces / ((n - 1) * norms))


def _gaussian(x: np.ndarray) -> np.ndarray:
    """Centred Gaussian kernel matrix [n, n] of rows [n, p]; 0 for rows that are all the same."""
    squares = (x**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0)
    np.fill_diagonal(distances, 0)
    # Of different rows: rows of the same value would make a median of 0.
    positive = distances[np.triu_indices(len(x), 1)]
    positive = positive[positive > TOLERANCE**2 * squares.max()]
    if not len(positive):
        return np.zeros_like(distances)
    kernel = np.exp(-distances / np.median(positive))
    kernel -= kernel.mean(axis=0)
    kernel -= kernel.mean(axis=1, keepdims=True)
    return kernel
