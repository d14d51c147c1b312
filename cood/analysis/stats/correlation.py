"""Correlation over models, with an interval and p that account for families of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.families import complete_models, leave_family_out
from cood.analysis.stats.jackknife import fisher_interval
from cood.analysis.stats.partial import coefficients, partial, ranks
from cood.analysis.stats.permutation import ALL_ON_A_LINE, orders, permutation_test, residuals

KINDS = ("pearson", "spearman")
LARGEST = 1 - 1e-9  # coefficient that arctanh is taken of for an error
PARTS = ("low", "high", "p", "least", "most")  # of an estimate, besides its value


@dataclass(frozen=True)
class Correlation:
    """Pearson's and Spearman's coefficient over the same models."""

    pearson: Estimate = field(default_factory=Estimate)
    spearman: Estimate = field(default_factory=Estimate)

    @property
    def n(self) -> int:
        """Models."""
        return self.pearson.n

    @property
    def families(self) -> int:
        """Families of models."""
        return self.pearson.families

    def columns(self) -> dict[str, float]:
        """Both coefficients as columns of a table: `pearson`, `pearson_low`, ..., `n`, `families`.

        The parts of an estimate are those of `PARTS`.
        """
        row: dict[str, float] = {"n": self.n, "families": self.families}
        for kind in KINDS:
            estimate = getattr(self, kind)
            row[kind] = estimate.value
            row |= {f"{kind}_{part}": getattr(estimate, part) for part in PARTS}
        return row

    def __str__(self) -> str:
        """Both coefficients with their intervals, as captions give them."""
        models = f"n = {self.n} models in {self.families} families"
        if np.isnan(self.pearson.value):
            return f"no coefficient, {models}"
        return f"Pearson {self.pearson}, Spearman {self.spearman}, {models}"


def correlate(
    x: pd.Series,
    y: pd.Series,
    families: pd.Series,
    *,
    given: pd.Series | Sequence[pd.Series] | None = None,
    seed: int,
    level: float = 0.95,
) -> Correlation:
    """Correlate two columns over models.

    If each model is a family of its own, p and interval come from permutations of the models: see
    `cood.analysis.stats.permutation`. If models share families, they come from the jackknife over
    families: see `cood.analysis.stats.jackknife`.

    Parameters
    ----------
    x, y, families
        Two numbers and the family of each model [n]. Models without a number are left out.
    given
        One or several further numbers of each model that are held fixed: the coefficients are
        partial ones. For Spearman's coefficient, all columns are replaced by their ranks.
    seed
        Of the permutations.
    level
        Of the intervals.

    Returns
    -------
    Correlation
        NaN where there are fewer than two families, a column is constant or determined by those
        held fixed, or fewer than four models are left after one is subtracted for each column held
        fixed. The interval is from -1 to 1 where there is no coefficient without one of the
        families.
    """
    controls = [] if given is None else [given] if isinstance(given, pd.Series) else list(given)
    arrays, members, n_families = complete_models((x, y, *controls), families)
    columns, n = np.array(arrays), len(members)
    nuisance = residuals(columns).nuisance if n else len(controls)
    nothing = Estimate(n=n, families=n_families, nuisance=nuisance)
    if n - 3 - nuisance < 1 or n_families < 2 or not np.ptp(columns[:2], axis=1).all():
        return Correlation(nothing, nothing)
    left = leave_family_out(members, n_families)
    enough = left.sum(axis=1) > nuisance + 2  # fewer points always lie on a line
    values = coefficients(columns, np.ones((1, n)))
    without = np.where(enough, coefficients(columns, left), np.nan)
    # Ranks in the same order give 1, but cannot resolve more than half of the smallest step to 1.
    size = np.array([n, *left.sum(axis=1)])
    limits = np.full(len(size), ALL_ON_A_LINE), 1 - 6 / (np.maximum(size**3 - size, 6))
    estimates = []
    for kind, value, others, limit in zip(KINDS, values, without, limits, strict=True):
        r = float(value[0])
        if np.isnan(r):
            estimates.append(nothing)
            continue
        if n_families == n and np.isfinite(others).all():
            plain, widen = columns, 1.0
            if kind == "spearman":
                plain = ranks(columns)
                widen = error_of_ranks(r, others, partial(plain[None], left))
            low, high, p = permutation_test(
                residuals(plain), orders(n, seed), limit=limit[0], widen=widen, level=level
            )
        else:
            low, high, p = fisher_interval(r, others, limit, level)
        finite = others[np.isfinite(others)]
        least, most = (finite.min(), finite.max()) if len(finite) else (np.nan, np.nan)
        estimates.append(
            Estimate(r, low, high, p, n, n_families, float(least), float(most), nuisance)
        )
    return Correlation(*estimates)


def error_of_ranks(value: float, without: np.ndarray, ranks_kept: np.ndarray) -> float:
    """How much wider Spearman's interval is because other models would change the ranks.

    The ratio of two jackknife errors on Fisher's scale: with the ranks computed anew without each
    model, and with the ranks of all models kept.
    """
    z, anew, kept = (
        np.arctanh(np.clip(r, -LARGEST, LARGEST)) for r in (value, without, ranks_kept)
    )
    error = np.linalg.norm(kept - z)
    return float(np.linalg.norm(anew - z) / error) if error > 0 else 1.0
