"""The rules that turn the tests of a claim into a verdict; `claims.yaml` names one for each claim.

A rule is a function from the effects of a claim to a `Finding`, which holds the p of the whole
claim. p is then corrected by Holm's method over all claims that are tested, and `verdict_of` reads
the verdict off the corrected p. So each further claim raises the corrected p of all the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cood.analysis.claims.evidence import Effect
from cood.errors import CoodError

UNTESTED = "not testable here"
LEVEL = 0.05  # of p after Holm's correction
NO_TEST = "none"  # the rule of a claim that is not about a statistic

Signs = Mapping[str, str]
Effects = Mapping[str, Effect]


@dataclass(frozen=True)
class Finding:
    """What the tests of a claim say before the correction for the number of claims.

    Attributes
    ----------
    p
        Of the whole claim.
    expected
        Whether the statistics have the signs that the claim expects.
    objection
        Why the claim is undecided even if p is small; empty if nothing speaks against a verdict.
    """

    p: float
    expected: bool
    objection: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule, and the fewest and most tests of a claim with this rule; None for no limit."""

    apply: Callable[[Signs, Effects], Finding]
    fewest: int
    most: int | None


def single(signs: Signs, effects: Effects) -> Finding:
    """A claim with one statistic: its p and its sign."""
    ((name, aligned),) = _aligned(signs, effects).items()
    return Finding(effects[name].estimate.p, aligned > 0)


def joint(signs: Signs, effects: Effects) -> Finding:
    """A claim that makes several statements at once.

    All of them must hold for it, so where all have the expected sign the largest p counts. One of
    them suffices against it, so otherwise the smallest p of those with the opposite sign counts,
    times the number of statistics (Bonferroni).
    """
    aligned = _aligned(signs, effects)
    opposed = [effects[name].estimate.p for name, value in aligned.items() if value <= 0]
    if not opposed:
        return Finding(max(effects[name].estimate.p for name in aligned), True)
    return Finding(min(1.0, len(aligned) * min(opposed)), False)


def metric_set(signs: Signs, effects: Effects) -> Finding:
    """A claim about a set of metrics: their mean rank, unless a single metric contradicts it.

    Raises
    ------
    CoodError
        If the effect has no table of the single metrics.
    """
    finding = single(signs, effects)
    ((name, sign),) = signs.items()
    members = effects[name].members
    if members is None:
        raise CoodError(f"test {name!r}: the rule metric_set needs the coefficient of each metric")
    side = 1 if finding.expected == (sign == "+") else -1
    opposed = members[(members["holm"] < LEVEL) & (members["pearson"] * side < 0)]["metric"]
    if opposed.empty:
        return finding
    objection = (
        f"the opposite sign is significant, after Holm's correction within the set, for "
        f"{', '.join(opposed)}"
    )
    return Finding(finding.p, finding.expected, objection)


RULES = {
    "single": Rule(single, fewest=1, most=1),
    "joint": Rule(joint, fewest=2, most=None),
    "metric_set": Rule(metric_set, fewest=1, most=1),
}


def _aligned(signs: Signs, effects: Effects) -> dict[str, float]:
    """Values with their signs turned so that the claim expects all of them above 0."""
    return {
        name: effects[name].estimate.value * (1 if sign == "+" else -1)
        for name, sign in signs.items()
    }
