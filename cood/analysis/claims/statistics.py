"""The kinds of statistics that test claims, each computed from columns of a table of models.

A statistic names the columns that it needs, so that it can be computed again for some of the models
of a table that was saved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from cood.analysis.claims.crossed import crossed_correlation
from cood.analysis.stats import jackknife
from cood.analysis.stats.correlation import correlate
from cood.analysis.stats.estimate import Estimate
from cood.analysis.thresholds import load_thresholds

CORRELATION, PARTIAL, CROSSED = "correlation", "partial correlation", "crossed correlation"
MEAN, MEDIAN, SPREAD = "mean", "median model", "best minus worst"
DIFFERENCE = "difference"  # is computed from more than a number by model
COEFFICIENTS = (CORRELATION, PARTIAL, CROSSED)
FAMILY = "family"


@dataclass(frozen=True)
class Statistic:
    """A statistic of a table of models.

    Attributes
    ----------
    kind
        `CORRELATION` of `x` and `y`; `PARTIAL`, the same given the columns `nuisance`; `CROSSED`,
        the mean of two correlations, of the first and of the second columns of `x` and `y`;
        `MEAN` of `x`; `MEDIAN` of `x`, whose second column is the standard error; `SPREAD`,
        largest minus smallest of `x`, likewise.
    x, y, nuisance
        Names of columns.
    """

    kind: str
    x: tuple[str, ...]
    y: tuple[str, ...] = ()
    nuisance: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """All columns that it is computed from."""
        return list(dict.fromkeys([*self.x, *self.y, *self.nuisance]))


def compute(statistic: Statistic, numbers: pd.DataFrame, seed: int) -> Estimate:
    """The statistic over the models of a table.

    Parameters
    ----------
    statistic, numbers
        What to compute; the columns that it names and `family`, a row a model.
    seed
        Of the permutations.
    """
    complete = numbers.dropna(subset=[c for c in statistic.columns if c in numbers])
    return _KINDS[statistic.kind](statistic, complete, seed)


def varying(numbers: pd.DataFrame, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some columns that vary over the models and do not follow from those before."""
    kept: list[str] = []
    for name in names:
        columns = numbers[[*kept, name]].to_numpy(float)
        if len(columns) and np.linalg.matrix_rank(columns - columns.mean(axis=0)) > len(kept):
            kept.append(name)
    return tuple(kept)


def _correlation(statistic: Statistic, numbers: pd.DataFrame, seed: int) -> Estimate:
    given = [numbers[name] for name in varying(numbers, statistic.nuisance)]
    (x,), (y,) = statistic.x, statistic.y
    return correlate(
        numbers[x], numbers[y], numbers[FAMILY], given=given or None, seed=seed
    ).pearson


def _crossed(statistic: Statistic, numbers: pd.DataFrame, seed: int) -> Estimate:
    x, y = (numbers[list(names)].to_numpy(float).T for names in (statistic.x, statistic.y))
    return crossed_correlation(x, y, numbers[FAMILY].to_numpy(), seed=seed)


def _mean(statistic: Statistic, numbers: pd.DataFrame, seed: int) -> Estimate:
    (x,) = statistic.x
    if numbers.empty:
        return Estimate()
    return jackknife.mean(numbers[x].to_numpy(float), numbers[FAMILY].to_numpy())


def _median(statistic: Statistic, numbers: pd.DataFrame, seed: int) -> Estimate:
    x, error = statistic.x
    if numbers.empty:
        return Estimate()
    value, spread = float(numbers[x].median()), float(numbers[error].median())
    return _normal(value, spread, 1.0, numbers)


def _spread(statistic: Statistic, numbers: pd.DataFrame, seed: int) -> Estimate:
    # The best and the worst are chosen by their accuracy: an interval for all pairs at once.
    x, error = (numbers[name] for name in statistic.x)
    if len(x) < 2:
        return Estimate(n=len(x))
    best, worst = x.idxmax(), x.idxmin()
    pairs = len(x) * (len(x) - 1) / 2
    spread = float(np.hypot(error[best], error[worst]))
    return _normal(float(x[best] - x[worst]), spread, pairs, numbers)


def _normal(value: float, error: float, tests: float, numbers: pd.DataFrame) -> Estimate:
    """A number with a normal error, its interval and p corrected for a number of tests."""
    margin = stats.norm.ppf(1 - load_thresholds().level / 2 / tests) * error
    p = 1.0 if value == 0 else 0.0
    if value != 0 and error > 0:
        p = min(1.0, tests * float(2 * stats.norm.sf(abs(value) / error)))
    families = numbers[FAMILY].nunique()
    return Estimate(value, value - margin, value + margin, p, n=len(numbers), families=families)


_KINDS: dict[str, Callable[[Statistic, pd.DataFrame, int], Estimate]] = {
    CORRELATION: _correlation,
    PARTIAL: _correlation,
    CROSSED: _crossed,
    MEAN: _mean,
    MEDIAN: _median,
    SPREAD: _spread,
}
