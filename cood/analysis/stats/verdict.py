"""Words for what a statistic says of an expectation."""

from __future__ import annotations

from cood.analysis.stats.estimate import Estimate

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"


def verdict_of(*, significant: bool, expected: bool) -> str:
    """The verdict on a statistic, or several, by significance and by sign."""
    if not significant:
        return UNDECIDED
    return SUPPORTED if expected else CONTRADICTED


def interval_verdict(estimate: Estimate, threshold: float = 0.0) -> str:
    """The verdict that the statistic exceeds a threshold, by its interval and uncorrected."""
    above, below = estimate.low > threshold, estimate.high < threshold
    return verdict_of(significant=above or below, expected=above)
