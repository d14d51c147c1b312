"""Studentised permutation of models: p and interval of a correlation, given other columns or none.

The statistic is Fisher's z, arctanh of the coefficient, divided by its robust standard error. It
has about the same distribution whatever the true coefficient is, so that its distribution under
permutations gives both p and the interval; p is below 0.05 just where the interval of 95 %
excludes 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from math import factorial

import numpy as np
from scipy.special import ndtri

PERMUTATIONS = 9_999
BLOCK = 500  # permutations at a time, so that they stay in the cache of the processor
ROUNDING = 1e-10  # relative difference that may be rounding
ALL_ON_A_LINE = 1 - 1e-12  # a larger coefficient is 1 but for rounding


@dataclass(frozen=True)
class Residuals:
    """Two columns without what the constant and the columns held fixed explain of them.

    Attributes
    ----------
    x, y
        Residuals [n].
    basis
        Orthonormal basis [n, k + 1] of the constant and the k columns that are held fixed.
    """

    x: np.ndarray
    y: np.ndarray
    basis: np.ndarray

    @property
    def nuisance(self) -> int:
        """Columns held fixed, without those that others determine."""
        return self.basis.shape[1] - 1


def residuals(columns: np.ndarray) -> Residuals:
    """Residuals of the first two of some columns [m, n], given the others."""
    fixed = columns[2:] - columns[2:].mean(axis=1, keepdims=True)
    size = np.linalg.norm(fixed, axis=1)
    fixed, size = (a[size > ROUNDING * np.linalg.norm(columns[2:], axis=1)] for a in (fixed, size))
    n = columns.shape[1]
    basis = np.full((n, 1), n**-0.5)
    if len(fixed):
        u, s, _ = np.linalg.svd((fixed / size[:, None]).T, full_matrices=False)
        basis = np.column_stack([basis, u[:, s > np.sqrt(ROUNDING) * s[0]]])
    x, y = (column - basis @ (basis.T @ column) for column in columns[:2])
    return Residuals(x, y, basis)


@lru_cache(maxsize=4)
def orders(n: int, seed: int) -> np.ndarray:
    """Orders of n models [p, n], the first as they are.

    All there are if they are not more than `PERMUTATIONS`; else so many random ones are added.
    """
    if factorial(n) <= PERMUTATIONS:
        found = np.array(list(permutations(range(n))))
    else:
        found = np.tile(np.arange(n), (1 + PERMUTATIONS, 1))
        found[1:] = np.random.default_rng(seed).permuted(found[1:], axis=1)
    found.setflags(write=False)
    return found


def permutation_test(
    columns: Residuals, seed: int, *, limit: float = ALL_ON_A_LINE, level: float = 0.95
) -> tuple[float, float, float]:
    """Interval and two-sided p of the correlation of two columns, given others or none.

    The models of `y` are permuted; given other columns, the residuals of `y` are (Freedman and
    Lane 1983, https://doi.org/10.1080/07350015.1983.10509354; Winkler et al. 2014,
    https://doi.org/10.1016/j.neuroimage.2014.01.060). As the statistic is studentised, the test
    holds, for many models, for the hypothesis that the correlation is 0, whatever the variance of
    `y` depends on (DiCiccio and Romano 2017, https://doi.org/10.1080/01621459.2016.1202117).
    `benchmarks/coverage.py` measures size, power and coverage.

    Parameters
    ----------
    columns
        Residuals of the two columns, of which neither is constant.
    seed
        Of the permutations. There are `PERMUTATIONS`, or all that are possible if they are fewer.
    limit
        Coefficient that arctanh is taken of where all models lie on a line; smaller for ranks.
    level
        Of the interval.

    Returns
    -------
    tuple
        Low, high, and the share of permutations, with the models as they are among them, whose
        statistic is at least as far from 0.
    """
    z, errors = permuted(columns, orders(len(columns.x), seed))
    statistics = np.abs(z) / np.where(errors > 0, errors, 1)
    p = float((statistics >= statistics[0] * (1 - ROUNDING)).mean())
    kept = np.sort(statistics)[::-1][int((1 - level) * len(z) + ROUNDING)]
    if np.isfinite(z[0]):
        low, high = np.tanh(z[0] - kept * errors[0]), np.tanh(z[0] + kept * errors[0])
        return float(low), float(high), p
    # All models lie on a line: there is no spread to estimate an error from.
    freedom = len(columns.x) - 3 - columns.nuisance
    end = float(np.tanh(np.arctanh(limit) - ndtri((1 + level) / 2) / np.sqrt(freedom)))
    return (end, 1.0, p) if z[0] > 0 else (-1.0, -end, p)


def permuted(columns: Residuals, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fisher's z, and its standard error, for each order of the models [p, n]."""
    x, y, basis = columns.x, columns.y, columns.basis
    x, y = x / np.sqrt((x**2).mean()), y / np.sqrt((y**2).mean())
    leverage = (basis**2).sum(axis=1)
    parts = []
    for start in range(0, len(order), BLOCK):
        drawn = y[order[start : start + BLOCK]]
        if columns.nuisance:
            drawn -= (drawn @ basis) @ basis.T
            drawn /= np.sqrt((drawn**2).mean(axis=1, keepdims=True))
        parts.append(fisher_z(x, drawn, leverage))
    z, errors = (np.concatenate(part) for part in zip(*parts, strict=True))
    return z, errors


def fisher_z(x: np.ndarray, y: np.ndarray, leverage: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fisher's z of residuals with mean square 1, and its robust standard error.

    The error is the root of the sum of squared influences (Devlin et al. 1975,
    https://doi.org/10.1093/biomet/62.3.531) of the models. That of model i on z is
    (x y - r (x^2 + y^2) / 2) / (1 - r^2) / n. It is divided by 1 - h for the leverage h of the
    model in the regression on the fixed columns and x, and again for that on the fixed columns
    and y, as residuals are in HC3 (MacKinnon and White 1985,
    https://doi.org/10.1016/0304-4076(85)90158-7): a model that draws the coefficient to itself has
    a larger influence than its residuals show.

    Parameters
    ----------
    x, y
        Residuals [n] and [p, n].
    leverage
        Of each model in the regression on the fixed columns [n].

    Returns
    -------
    tuple
        z and its error [p]; infinity and 0 where all models lie on a line.
    """
    n = len(x)
    r = y @ x / n
    line = np.abs(r) >= ALL_ON_A_LINE
    r = np.where(line, 0, r)
    free_x, squares = np.maximum(1 - leverage - x**2 / n, ROUNDING), y**2
    influence = x * y
    influence -= (r / 2)[:, None] * (squares + x**2)
    free_y = squares
    free_y /= -n
    free_y += 1 - leverage
    np.maximum(free_y, ROUNDING, out=free_y)
    influence /= free_y
    errors = np.sqrt(influence**2 @ free_x**-2.0) / (1 - r**2) / n
    z = np.where(line, np.copysign(np.inf, y @ x), np.arctanh(r))
    return z, np.where(line, 0, errors)
