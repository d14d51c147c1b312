"""The rules that turn the tests of a claim into a verdict; `book/analysis-plan.md` registers them.

p of a claim combines the p of its tests (`combine`). It is corrected by Holm's method among the
claims of its family (`correct`), and `decide` reads the verdict off the corrected p, the signs, a
test of equivalence, and whether the measure can differ at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.claims.definitions import PRIMARY, SECONDARY

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
NO_EFFECT, SATURATED, UNTESTED = "no relevant effect", "saturated", "not testable here"
WORDS = (SUPPORTED, CONTRADICTED, NO_EFFECT, SATURATED, UNDECIDED, UNTESTED)
ALIKE = (
    "the best and the worst model do not differ significantly in C-OoD accuracy, so no association "
    "is interpreted"
)


@dataclass(frozen=True)
class Finding:
    """What the tests of a claim say before the correction for the number of claims.

    Attributes
    ----------
    p
        Of the whole claim.
    expected
        Whether all statistics have the signs that the claim expects.
    equivalence_p
        Largest p of the tests that a coefficient lies outside the margin; NaN if a statistic is no
        coefficient.
    saturated
        Whether the measure of a statistic cannot differ.
    association
        Whether a statistic is an association with accuracy.
    """

    p: float
    expected: bool
    equivalence_p: float = np.nan
    saturated: bool = False
    association: bool = True


def combine(
    values: Mapping[str, float], p: Mapping[str, float], signs: Mapping[str, str]
) -> tuple[float, bool]:
    """P of a claim, and whether all of its statistics have the expected sign.

    All statistics must hold for the claim, so where all have the expected sign the largest p
    counts. One of them suffices against it, so otherwise the smallest p of those with the opposite
    sign counts, times the number of statistics (Bonferroni).

    Parameters
    ----------
    values, p
        Of each statistic, by name.
    signs
        Sign that the claim expects of each, by name; of others they may hold more.

    Examples
    --------
    >>> combine({"a": 0.4, "b": -0.3}, {"a": 0.01, "b": 0.03}, {"a": "+", "b": "-"})
    (0.03, True)
    >>> combine({"a": 0.4, "b": 0.3}, {"a": 0.01, "b": 0.03}, {"a": "+", "b": "-"})
    (0.06, False)
    """
    opposed = [name for name, x in values.items() if not (x > 0 if signs[name] == "+" else x < 0)]
    if not opposed:
        return float(max(p[name] for name in values)), True
    return min(1.0, len(values) * float(min(p[name] for name in opposed))), False


def correct(
    p: Mapping[str, float], families: Mapping[str, str]
) -> tuple[dict[str, float], dict[str, int]]:
    """P of claims after Holm's correction within their family, and the number of claims in it.

    Claims that stand apart are not corrected.
    """
    corrected, tested = dict(p), dict.fromkeys(p, 1)
    for family in (PRIMARY, SECONDARY):
        own = {name: x for name, x in p.items() if families[name] == family}
        corrected |= dict(zip(own, _holm(np.array(list(own.values()))).tolist(), strict=True))
        tested |= dict.fromkeys(own, len(own))
    return corrected, tested


def _holm(p: np.ndarray) -> np.ndarray:
    # statsmodels' `multipletests` collects garbage at each call, too slow for thousands of draws.
    order = np.argsort(p)
    corrected = np.empty(len(p))
    corrected[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(1.0, corrected)


def decide(
    finding: Finding, corrected: float, level: float, *, alike: bool = False
) -> tuple[str, str]:
    """The verdict on a claim that was tested, and why it is not decided by p.

    Parameters
    ----------
    finding, corrected
        What its tests say, and p after Holm's correction.
    level
        Of the verdict, and of the tests of equivalence.
    alike
        Whether the models do not differ significantly in C-OoD accuracy. Any remaining variation
        then reflects which images happened to be classified correctly, which similar models share,
        so that no association with it is interpreted.
    """
    if alike and finding.association:
        return UNDECIDED, ALIKE
    if finding.saturated:
        return (
            SATURATED,
            "nearly all models have the same value of the measure, so it cannot differ",
        )
    if corrected < level:
        return (SUPPORTED if finding.expected else CONTRADICTED), ""
    why = f"the p of the claim is {finding.p:.2g}, and {corrected:.2g} after Holm's correction"
    if finding.equivalence_p < level:
        return NO_EFFECT, f"{why}; the p of the test of equivalence is {finding.equivalence_p:.2g}"
    return UNDECIDED, why


def is_saturated(values: pd.Series | np.ndarray, *, share: float, tolerance: float) -> bool:
    """Whether at least this share of the models has the same value, within a tolerance.

    Parameters
    ----------
    values
        The measure by model [n]; NaN is left out.
    share, tolerance
        Of the models, and largest difference between two values that count as the same.

    Examples
    --------
    >>> is_saturated(np.array([1.0] * 9 + [0.2]), share=0.9, tolerance=0.005)
    True
    >>> is_saturated(np.array([1.0] * 8 + [0.2, 0.3]), share=0.9, tolerance=0.005)
    False
    """
    x = np.sort(np.asarray(values, float))
    x = x[np.isfinite(x)]
    if not len(x):
        return False
    reach = np.searchsorted(x, x + tolerance * (1 + 1e-9), side="right") - np.arange(len(x))
    return bool(reach.max() >= share * len(x))
