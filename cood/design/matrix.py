"""The columns that an analysis sees: coded factors, and how far they are from orthogonal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cood.design.discrepancy import centred_discrepancy
from cood.design.factors import Dose, Factor, Levels, Range

if TYPE_CHECKING:
    import pandas as pd

FLAT = 1e-12  # a column whose standard deviation is no more than this is constant


@dataclass(frozen=True)
class Summary:
    """How good a design is.

    Attributes
    ----------
    models
        Number of points.
    columns
        Names of the design columns that vary.
    largest_r
        Largest ``|r|`` between columns of different factors; 0 for a single factor.
    pair
        The two columns that have it; empty for a single factor.
    condition
        Condition number of the standardised columns with an intercept: 1 is orthogonal, infinite
        means that some columns follow from the others.
    counts
        By factor, how many points have each level.
    discrepancy
        Centred L2 discrepancy of the ranges that vary: 0 is perfectly even; 0 without a range.
    constant
        Names of the columns that do not vary, and are left out.
    """

    models: int
    columns: tuple[str, ...]
    largest_r: float
    pair: tuple[str, ...]
    condition: float
    counts: dict[str, dict[str, int]]
    discrepancy: float
    constant: tuple[str, ...]


def column_names(factors: Sequence[Factor]) -> dict[str, str]:
    """By name of a design column, the name of its factor; in the order of the columns.

    Examples
    --------
    >>> column_names([Range("share", 0.1, 0.8), Levels("treatment", ("none", "additivity"))])
    {'share': 'share', 'treatment_additivity': 'treatment'}
    """
    names = {}
    for factor in factors:
        if isinstance(factor, Range):
            names[factor.name] = factor.name
        elif isinstance(factor, Levels):
            names |= {f"{factor.name}_{level}": factor.name for level in factor.levels[1:]}
        else:
            names |= {f"{factor.name}_{range_.name}": factor.name for range_, _ in factor.arms}
    return names


def design_matrix(points: pd.DataFrame, factors: Sequence[Factor]) -> pd.DataFrame:
    """Coded columns of a table of points, as planned or as realised.

    A range becomes a column from -1 to 1 (of the logarithm where log). Levels become an indicator
    for each level but the first. A dose becomes a column for each of its ranges: from -1 to 1, less
    the mean over the points where the range applies, and 0 elsewhere, so that it is not the
    indicator of the levels in another form.

    Parameters
    ----------
    points
        A column for each factor, a row for each of n models.
    factors
        Those to code, with their planned ranges.

    Returns
    -------
    pandas.DataFrame
        A row a point, with the index of `points`; a column each of `column_names`.

    Raises
    ------
    CoodError
        If the logarithm of a number is needed that is not positive.
    """
    import pandas as pd

    columns: list[np.ndarray] = []
    for factor in factors:
        if isinstance(factor, Range):
            columns.append(_coded(factor, points[factor.name].to_numpy()))
        elif isinstance(factor, Levels):
            level = points[factor.name].to_numpy()
            columns += [(level == name).astype(float) for name in factor.levels[1:]]
        else:
            columns += _dose_columns(factor, points)
    return pd.DataFrame(dict(zip(column_names(factors), columns, strict=True)), index=points.index)


def _coded(range_: Range, values: np.ndarray) -> np.ndarray:
    if range_.low == range_.high:  # a realised factor that does not vary
        return np.zeros(len(values))
    return 2 * range_.unit(values) - 1


def _dose_columns(dose: Dose, points: pd.DataFrame) -> list[np.ndarray]:
    levels, values = points[dose.of].to_numpy(), points[dose.name].to_numpy()
    columns = []
    for range_, at in dose.arms:
        applies = np.isin(levels, at)
        column = np.zeros(len(points))
        if applies.any():
            coded = _coded(range_, values[applies])
            column[applies] = coded - coded.mean()
        columns.append(column)
    return columns


def summarise(points: pd.DataFrame, factors: Sequence[Factor]) -> Summary:
    """How good a table of points is as a design, as planned or as realised.

    Columns that do not vary are left out and named. Correlations between the columns of one factor
    are left out too: indicators of one factor exclude each other, which is no fault.

    Parameters
    ----------
    points
        A column for each factor, a row for each of two models or more.
    factors
        Those to look at. `observed_range` makes one of any number in the table.

    Returns
    -------
    Summary
        See there.

    Raises
    ------
    CoodError
        If the logarithm of a number is needed that is not positive.
    """
    coded = design_matrix(points, factors)
    factor_of = column_names(factors)
    varying = [name for name in coded if coded[name].std() > FLAT]
    matrix = coded[varying].to_numpy()
    standard = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    largest, pair = _largest_r(standard, varying, factor_of)
    # A realised value may lie a little outside the planned range.
    unit = [
        np.clip(f.unit(points[f.name].to_numpy()), 0, 1)
        for f in factors
        if isinstance(f, Range) and f.name in varying
    ]
    counts = {
        f.name: {level: int((points[f.name] == level).sum()) for level in f.levels}
        for f in factors
        if isinstance(f, Levels)
    }
    with_intercept = np.column_stack([np.ones(len(points)), standard])
    return Summary(
        models=len(points),
        columns=tuple(varying),
        largest_r=largest,
        pair=pair,
        condition=_condition(with_intercept),
        counts=counts,
        discrepancy=centred_discrepancy(np.column_stack(unit)) if unit else 0.0,
        constant=tuple(name for name in coded if name not in varying),
    )


def _condition(matrix: np.ndarray) -> float:
    singular = np.linalg.svd(matrix, compute_uv=False)
    dependent = len(matrix) < matrix.shape[1] or singular[-1] < FLAT * singular[0]
    return float("inf") if dependent else float(singular[0] / singular[-1])


def _largest_r(
    standard: np.ndarray, names: Sequence[str], factor_of: dict[str, str]
) -> tuple[float, tuple[str, ...]]:
    of = np.array([factor_of[name] for name in names])
    r = np.abs(standard.T @ standard) / max(len(standard), 1)
    r = np.where(of[:, None] != of[None, :], r, 0.0)
    if not r.any():
        return 0.0, ()
    first, second = (int(k) for k in np.unravel_index(np.argmax(r), r.shape))
    return float(r[first, second]), (names[first], names[second])
