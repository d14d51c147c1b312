"""The coefficient of one column, given others, in the unit of the outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression.least_squares import with_constant


def coefficient_given(
    y: pd.Series, x: pd.Series, given: pd.DataFrame, *, level: float = 0.95
) -> Estimate:
    """Least-squares coefficient of x, given other columns, for independent models.

    The interval is Student's t with errors of kind HC3 (MacKinnon and White 1985,
    https://doi.org/10.1016/0304-4076(85)90158-7), so that the variance may differ between models.

    Parameters
    ----------
    y, x, given
        Outcome, column of interest and columns [n, k] that are held fixed, with the same index.
        Models that lack a number are left out.
    level
        Of the interval.

    Returns
    -------
    Estimate
        NaN where x depends on the given columns, or no degree of freedom is left.
    """
    import statsmodels.api as sm

    complete = pd.concat([y, x, given], axis=1).notna().all(axis=1)
    design = np.column_stack([x[complete].to_numpy(float), with_constant(given[complete])])
    n = len(design)
    if n <= design.shape[1] or np.linalg.matrix_rank(design) < design.shape[1]:
        return Estimate(n=n, families=n)
    fit = sm.OLS(y[complete].to_numpy(float), design).fit()
    robust = fit.get_robustcov_results("HC3", use_t=True)
    low, high = robust.conf_int(1 - level)[0]
    return Estimate(
        value=float(fit.params[0]),
        low=float(low),
        high=float(high),
        p=float(robust.pvalues[0]),
        n=n,
        families=n,
    )


def independent_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Columns that are no sum of a constant and columns before them, in their order.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [0.0, 1, 0], "b": [1.0, 0, 1], "c": [0.0, 1, 2]})
    >>> list(independent_columns(table))
    ['a', 'c']
    """
    kept: list[str] = []
    for name in table:
        if np.linalg.matrix_rank(with_constant(table[[*kept, name]])) == len(kept) + 2:
            kept.append(name)
    return table[kept]
