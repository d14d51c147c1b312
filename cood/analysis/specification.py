"""Specification curves: one claim tested in every way that is as reasonable as the planned one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from cood.errors import StudyError, check_choice

Choices = tuple[tuple[str, str], ...]  # pairs of a choice and the option that was taken
COEFFICIENT = "coefficient"
PEARSON, SPEARMAN = "Pearson", "Spearman"
SIGNS = {"+": 1, "-": -1}
PERMUTATIONS = 999
# Variance of a coefficient on Fisher's scale, times the degrees of freedom: that of ranks is by
# Fieller, Hartley and Pearson (1957), https://doi.org/10.1093/biomet/44.3-4.470
VARIANCE = {PEARSON: 1.0, SPEARMAN: 1.06}
LEVEL = 0.95
ROUNDING = 1e-10  # share of a column's variation below which it is determined by the others
LARGEST = 1 - 1e-12  # a coefficient of 1 has no place on Fisher's scale


@dataclass(frozen=True)
class SpecificationCurve:
    """The coefficients of a claim in all specifications.

    Attributes
    ----------
    table
        A row a specification, in ascending order of the coefficient: a column for each choice, the
        last of which is `coefficient` (Pearson or Spearman); `value`, `low` and `high`.
    choices
        Options of each choice, by the name of its column, in the order in which they were given.
    expected
        ``+`` or ``-``: the sign that the claim expects.
    share
        Share of the specifications with that sign.
    median
        Of the coefficients.
    p
        Two-sided, of the median: how often it is as far from 0 if the models are permuted, with
        the same permutation in all specifications.
    n
        Number of models.
    """

    table: pd.DataFrame
    choices: Mapping[str, tuple[str, ...]]
    expected: str
    share: float
    median: float
    p: float
    n: int

    def __str__(self) -> str:
        """The result as captions give it."""
        return (
            f"{len(self.table)} specifications, {100 * self.share:.0f} % with the expected sign, "
            f"median {self.median:.2f} (p = {self.p:.3f} by permutation, n = {self.n} models)"
        )


def specification_curve(
    outcomes: Mapping[Choices, pd.Series],
    predictors: Mapping[Choices, pd.Series],
    expected: str,
    *,
    given: pd.DataFrame | None = None,
    seed: int,
) -> SpecificationCurve:
    """Correlate every outcome with every predictor, by Pearson's and Spearman's coefficient.

    Models must be independent. All specifications have the same models: those without a missing
    number. Intervals have 95 % and are Fisher's, uncorrected. The test of the median permutes the
    models (Simonsohn, Simmons and Nelson 2020); with `given`, the residuals of the outcomes
    (Freedman and Lane 1983).

    Parameters
    ----------
    outcomes, predictors
        Numbers by model, each with the choices that led to it, such as
        ``(("outcome", "gap"), ("labels", "all"))``. An outcome and a predictor that both name a
        choice are combined only if they took the same option.
    expected
        The sign that the claim expects, ``+`` or ``-``.
    given
        Numbers by model that are held fixed, a column each: the coefficients are partial ones.
        Spearman's are those of ranks given ranks.
    seed
        Of the permutations.

    Returns
    -------
    SpecificationCurve
        Without specifications in which a column is constant, or determined by `given`.

    Raises
    ------
    StudyError
        If there are too few models, or no specification is left.

    References
    ----------
    Simonsohn, Simmons and Nelson (2020), https://doi.org/10.1038/s41562-020-0912-z;
    Freedman and Lane (1983), https://doi.org/10.1080/07350015.1983.10509354
    """
    from scipy.stats import rankdata

    check_choice("expected sign", expected, SIGNS)
    columns = [*outcomes.values(), *predictors.values()]
    if not outcomes or not predictors:
        raise StudyError("specification curve: no outcome or no predictor; pass one of each")
    controls = [] if given is None else [given[name] for name in given]
    joined = pd.concat([*columns, *controls], axis=1).dropna()
    table, n = joined.to_numpy(float), len(joined)
    freedom = n - 3 - len(controls)
    if freedom < 1:
        raise StudyError(
            f"specification curve: {n} models have all numbers, and {len(controls) + 4} are "
            f"needed with {len(controls)} control columns; leave out a choice with missing numbers"
        )
    y, x, z = np.split(table, [len(outcomes), len(columns)], axis=1)
    rng = np.random.default_rng(seed)
    orders = rng.permuted(np.tile(np.arange(n), (PERMUTATIONS, 1)), axis=1)
    orders = np.vstack([np.arange(n), orders])  # the models as they are come first
    pairs = _combined(outcomes, predictors)
    rows, values = [], []
    for kind in (PEARSON, SPEARMAN):
        if kind == SPEARMAN:
            y, x, z = (rankdata(part, axis=0) for part in (y, x, z))
        coefficients = _coefficients(y, x, z, orders)
        for outcome, predictor, choices in pairs:
            rows.append(choices | {COEFFICIENT: kind})
            values.append(coefficients[:, outcome, predictor])
    every = np.array(values).reshape(len(rows), len(orders))
    return _curve(pd.DataFrame(rows), every, expected, n, freedom)


def _combined(
    outcomes: Mapping[Choices, pd.Series], predictors: Mapping[Choices, pd.Series]
) -> list[tuple[int, int, dict[str, str]]]:
    """Number of the outcome and of the predictor, and choices, of each pair that agrees."""
    pairs = []
    for i, first in enumerate(map(dict, outcomes)):
        for j, second in enumerate(map(dict, predictors)):
            if all(first[name] == second[name] for name in first.keys() & second.keys()):
                pairs.append((i, j, first | second))
    return pairs


def _coefficients(y: np.ndarray, x: np.ndarray, z: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Partial correlations [r, o, p] of columns y [n, o] and x [n, p] given z [n, c].

    The residuals of y are put into each of the orders [r, n]. NaN for columns without variation
    that z leaves.
    """
    basis, _ = np.linalg.qr(np.column_stack([np.ones(len(y)), z]))

    def left(columns: np.ndarray) -> np.ndarray:
        """Residuals of columns [..., n, k], of length 1."""
        whole = columns - columns.mean(axis=-2, keepdims=True)
        rest = columns - basis @ (basis.T @ columns)
        size = np.sqrt((rest**2).sum(axis=-2, keepdims=True))
        scale = np.sqrt((whole**2).sum(axis=-2, keepdims=True))
        varies = size > ROUNDING * np.maximum(scale, np.abs(columns).max(axis=-2, keepdims=True))
        return np.divide(rest, size, out=np.full(rest.shape, np.nan), where=varies)

    return np.swapaxes(left(left(y)[orders]), -1, -2) @ left(x)


def _curve(
    choices: pd.DataFrame, values: np.ndarray, expected: str, n: int, freedom: int
) -> SpecificationCurve:
    """The curve of coefficients [specifications, orders], of which the first order counts."""
    kept = np.isfinite(values).all(axis=1)
    if not kept.any():
        raise StudyError(
            "specification curve: no specification is left, as choices of outcome and predictor "
            "contradict each other or columns are the same for all models; pass other columns"
        )
    choices, values = choices[kept], values[kept]
    observed = values[:, 0]
    half = ndtri((1 + LEVEL) / 2) * np.sqrt(choices[COEFFICIENT].map(VARIANCE) / freedom)
    z = np.arctanh(np.clip(observed, -LARGEST, LARGEST))
    table = choices.assign(value=observed, low=np.tanh(z - half), high=np.tanh(z + half))
    medians = np.median(values, axis=0)
    as_far = np.abs(medians) >= abs(medians[0]) - ROUNDING  # the first is the median itself
    return SpecificationCurve(
        table=table.sort_values("value", kind="stable").reset_index(drop=True),
        choices={str(name): tuple(choices[name].unique()) for name in choices},
        expected=expected,
        share=float((np.sign(observed) == SIGNS[expected]).mean()),
        median=float(medians[0]),
        p=float(as_far.mean()),
        n=n,
    )
