"""How evenly points fill a unit cube, and how an exchange of two values changes that.

The centred L2 discrepancy is that of Hickernell 1998, *A generalized discrepancy and quadrature
error bound*, Mathematics of Computation 67, 299-322, https://doi.org/10.1090/S0025-5718-98-00894-1;
squared, as scipy gives it. Its change by an exchange follows Jin, Chen and Sudjianto 2005, *An
efficient algorithm for constructing optimal design of computer experiments*, Journal of
Statistical Planning and Inference 134, 268-287, https://doi.org/10.1016/j.jspi.2004.02.014.
"""

from __future__ import annotations

import numpy as np


def centred_discrepancy(unit: np.ndarray) -> float:
    """Centred L2 discrepancy, squared, of points [n, s] in the unit cube: 0 is perfectly even.

    Examples
    --------
    >>> round(centred_discrepancy(np.array([[0.25], [0.75]])), 4)
    0.0208
    """
    return Evenness(unit).value


def random_discrepancy(n: int, s: int) -> float:
    """Expected centred L2 discrepancy, squared, of n independent uniform points in s dimensions."""
    return float(((5 / 4) ** s - (13 / 12) ** s) / n)


class Evenness:
    """The centred L2 discrepancy of points [n, s], kept up to date while values are exchanged."""

    def __init__(self, unit: np.ndarray) -> None:
        n, s = unit.shape
        place = np.abs(unit - 0.5)
        gap = np.abs(unit[:, None, :] - unit[None, :, :])
        # Factors of the products over the columns: of a point, and of two points.
        self._single = 1 + place / 2 - place**2 / 2
        self._double = np.moveaxis(
            1 + place[:, None, :] / 2 + place[None, :, :] / 2 - gap / 2, 2, 0
        ).copy()
        self._constant = (13 / 12) ** s
        self._one = self._single.prod(axis=1)
        self._two = self._double.prod(axis=0)
        self._of_row = self._two.sum(axis=1)
        self._n = n

    @property
    def value(self) -> float:
        """The discrepancy now."""
        one, two = self._one.sum(), self._of_row.sum()
        return float(self._constant - 2 * one / self._n + two / self._n**2)

    def after(self, i: int, column: int) -> np.ndarray:
        """The discrepancy [n] if row i and row j exchanged their values in a column, for each j."""
        factor, single = self._double[column], self._single[:, column]
        own, rest = self._two[i] / factor[i], self._two / factor  # products over other columns
        diagonal, rest_diagonal = np.diagonal(factor), np.diagonal(rest)
        # Rows i and j of the products, without the entries (i, i), (i, j), (j, i) and (j, j).
        row_i = factor @ own - factor[:, i] * own[i] - diagonal * own
        row_j = rest @ factor[i] - rest[:, i] * factor[i, i] - rest_diagonal * factor[i]
        before_i = self._of_row[i] - self._two[i, i] - self._two[i]
        before_j = self._of_row - self._two[:, i] - np.diagonal(self._two)
        two = 2 * (row_i - before_i + row_j - before_j)
        two += own[i] * (diagonal - diagonal[i]) + rest_diagonal * (diagonal[i] - diagonal)
        one = (self._one[i] / single[i] - self._one / single) * (single - single[i])
        result = self.value - 2 * one / self._n + two / self._n**2
        result[i] = self.value
        return result

    def exchange(self, i: int, j: int, column: int) -> None:
        """Exchange the values of rows i and j in a column."""
        swap, back = [i, j], [j, i]
        self._single[swap, column] = self._single[back, column]
        self._double[column][swap] = self._double[column][back]
        self._double[column][:, swap] = self._double[column][:, back]
        self._one[swap] = self._single[swap].prod(axis=1)
        self._two[swap] = self._double[:, swap].prod(axis=0)
        self._two[:, swap] = self._two[swap].T
        self._of_row = self._two.sum(axis=1)
