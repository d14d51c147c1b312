"""What a study says on single claims, as the pages of their topics show it."""

from __future__ import annotations

from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.effects import Effect
from cood.analysis.claims.evidence import Evidence, Untestable
from cood.report.topics.claims.formatting import number, probability


def describe_claims(evidence: Evidence, *claims: str) -> str:
    """The statistics that test some claims, as sentences; the page of claims has the verdicts.

    They are those of the page of claims: the same function, outcome, models and seed. p is not yet
    corrected for the number of claims.
    """
    sentences = []
    missing: dict[str, list[str]] = {}  # claims by the reason why they cannot be tested
    for claim in claims:
        try:
            sentences.append(_tested(claim, STATISTICS[claim](evidence)))
        except Untestable as reason:
            missing.setdefault(str(reason).replace("`", ""), []).append(claim)
    for why, names in missing.items():
        which = f"Claims {' and '.join(names)}" if len(names) > 1 else f"Claim {names[0]}"
        sentences.append(f"{which} cannot be tested in this study. {why}")
    return " ".join(sentences)


def _tested(claim: str, effects: dict[str, Effect]) -> str:
    described = "; ".join(f"{name}, {_describe(effect)}" for name, effect in effects.items())
    n = max(effect.estimate.n for effect in effects.values())
    return f"The tests of claim {claim} (n = {n} models): {described}."


def _describe(effect: Effect) -> str:
    p = probability(effect.estimate.p)
    shown = f"p {p}" if p.startswith("<") else f"p = {p}"
    return f"{effect.statistic.kind} {number(effect)}, {shown}"
