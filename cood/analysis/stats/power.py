"""The power of a test of a correlation, by Fisher's approximation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

SHOWN = (0.3, 0.5, 0.7)  # coefficients that tables show the power for
ENOUGH = 0.8  # power that a study should have
LEVEL = 0.05
NEARLY_1 = np.nextafter(1, 0)  # the largest number that has an arctanh


def power(r: float, n: int, nuisance: int = 0, level: float = LEVEL) -> float:
    """Probability that a two-sided test finds a true correlation.

    arctanh of a coefficient of n models, given k columns, is about normal with the variance
    1 / (n - 3 - k) (Fisher 1924; Cohen 1988, chapter 3).

    Parameters
    ----------
    r, n, nuisance
        The true (partial) correlation, models, and columns that are held fixed.
    level
        Of the test; at the first step of Holm's method, 0.05 divided by the number of tests.

    Returns
    -------
    float
        NaN without a degree of freedom, n - 3 - k.

    Examples
    --------
    >>> round(power(0.7, n=24, level=0.05 / 12), 2), round(power(0.7, 24, 14, 0.05 / 12), 2)
    (0.87, 0.28)
    """
    freedom = n - 3 - nuisance
    if freedom < 1:
        return np.nan
    shift = np.arctanh(min(abs(r), NEARLY_1)) * np.sqrt(freedom)
    beyond = ndtri(1 - level / 2)
    return float(ndtr(shift - beyond) + ndtr(-shift - beyond))


def detectable(wanted: float, n: int, nuisance: int = 0, level: float = LEVEL) -> float:
    """Smallest true absolute r that a test finds with the wanted power; NaN if that cannot be.

    The other parameters are those of `power`.

    Examples
    --------
    >>> round(detectable(0.8, n=200), 2), round(detectable(0.8, n=24), 2)
    (0.2, 0.55)
    """
    if n - 3 - nuisance < 1 or not level < wanted < 1:
        return np.nan
    return float(brentq(lambda r: power(r, n, nuisance, level) - wanted, 0, NEARLY_1))


def power_table(n: int, columns: int, tests: Mapping[str, int]) -> pd.DataFrame:
    """The power of the tests of a study with a design, at the first step of Holm's method.

    Parameters
    ----------
    n, columns
        Models and columns of the design. A test of one column holds the others fixed.
    tests
        Number of claims in each family of tests, by its name.

    Returns
    -------
    DataFrame
        A row a family and a kind of test: `family`, `claims`, `test` (``correlation`` or ``factor
        given the others``), `nuisance`, `level`, the power for each coefficient of `SHOWN`, as
        `power at 0.3` and so on, and `detectable`, the smallest absolute r with the power `ENOUGH`.
    """
    rows = []
    kinds = {"correlation": 0, "factor given the others": max(0, columns - 1)}
    for family, claims in tests.items():
        for test, nuisance in kinds.items():
            level = LEVEL / claims
            row = {"family": family, "claims": claims, "test": test, "nuisance": nuisance}
            row |= {"level": level}
            row |= {f"power at {r}": power(r, n, nuisance, level) for r in SHOWN}
            rows.append(row | {"detectable": detectable(ENOUGH, n, nuisance, level)})
    return pd.DataFrame(rows)
