"""Whether a correlation is too small to matter: two one-sided tests on Fisher's scale."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.power import LEVEL, NEARLY_1

MARGIN = 0.2  # a coefficient within -0.2 and 0.2 is no relevant effect


def equivalence_p(estimate: Estimate, margin: float = MARGIN) -> float:
    """P of the hypothesis that the true coefficient lies outside -`margin` and `margin`.

    The larger p of two one-sided tests (Schuirmann 1987, https://doi.org/10.1007/BF01068419), on
    Fisher's scale with n - 3 - k degrees of freedom for k columns held fixed. The rule that a
    coefficient is irrelevant should hold if p is below 0.05.

    Returns
    -------
    float
        NaN without a coefficient.
    """
    freedom = estimate.n - 3 - estimate.nuisance
    if np.isnan(estimate.value) or freedom < 1:
        return np.nan
    inside = np.arctanh(margin) - np.arctanh(min(abs(estimate.value), NEARLY_1))
    return float(ndtr(-inside * np.sqrt(freedom)))


def equivalence_reachable(n: int, nuisance: int = 0, margin: float = MARGIN) -> bool:
    """Whether p can be below 0.05: it can with a coefficient of 0, if it can at all.

    Examples
    --------
    >>> equivalence_reachable(68), equivalence_reachable(69)
    (False, True)
    """
    return equivalence_power(n, nuisance, margin) > 0


def equivalence_power(n: int, nuisance: int = 0, margin: float = MARGIN) -> float:
    """Probability that p is below 0.05 if the true coefficient is 0.

    Examples
    --------
    >>> round(equivalence_power(200), 2)
    0.77
    """
    freedom = n - 3 - nuisance
    if freedom < 1:
        return 0.0
    farthest = np.arctanh(margin) * np.sqrt(freedom) - ndtri(1 - LEVEL)
    return float(max(0.0, 2 * ndtr(farthest) - 1))
