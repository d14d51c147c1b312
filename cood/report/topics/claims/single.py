"""What a study says on one claim, as the page of its topic shows it."""

from __future__ import annotations

from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.effects import Effect
from cood.analysis.claims.evidence import Evidence, Untestable
from cood.report.topics.claims.formatting import number, probability


def describe_claim(evidence: Evidence, claim: str) -> str:
    """The statistics that test a claim, as sentences; the page of claims has the verdict.

    They are those of the page of claims: the same function, outcome, models and seed. p is not yet
    corrected for the number of claims.
    """
    effects, why = claim_effects(evidence, claim)
    if not effects:
        return f"Claim {claim} cannot be tested in this study. {why}"
    described = "; ".join(f"{name}, {_describe(effect)}" for name, effect in effects.items())
    n = max(effect.estimate.n for effect in effects.values())
    return f"The tests of claim {claim} (n = {n} models): {described}."


def claim_effects(evidence: Evidence, claim: str) -> tuple[dict[str, Effect], str]:
    """The effects that test a claim; without any, the reason as a sentence."""
    try:
        return STATISTICS[claim](evidence), ""
    except Untestable as reason:
        return {}, str(reason)


def _describe(effect: Effect) -> str:
    p = probability(effect.estimate.p)
    shown = f"p {p}" if p.startswith("<") else f"p = {p}"
    return f"{effect.statistic.kind} {number(effect)}, {shown}"
