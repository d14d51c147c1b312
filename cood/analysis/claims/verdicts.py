"""A verdict on each claim, by the rules that were registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.definitions import Claim, count_treatments, load_claims
from cood.analysis.claims.effects import Effect
from cood.analysis.claims.evidence import Evidence, Untestable
from cood.analysis.claims.rules import UNTESTED, Finding, combine, correct, decide
from cood.analysis.stats.equivalence import equivalence_p
from cood.analysis.stats.power import detectable, power
from cood.analysis.thresholds import load_thresholds

# The test of whether models differ in C-OoD accuracy, without which there is nothing to predict.
SPREAD_CLAIM, SPREAD_TEST = "C1", "best minus worst"
SIZES = (0.3, 0.5, 0.7)  # coefficients whose power is given
POWER = 0.8  # of the smallest coefficient that is called detectable


@dataclass(frozen=True)
class Power:
    """What the tests of a claim could have found, at the level of Holm's first step.

    Attributes
    ----------
    level
        Of a single test.
    of
        Power by size of the true coefficient (`SIZES`), the smallest over the tests of the claim.
    detectable
        Smallest coefficient that all of its tests find with a power of `POWER`.
    """

    level: float = np.nan
    of: Mapping[float, float] = field(default_factory=dict)
    detectable: float = np.nan


@dataclass(frozen=True)
class Verdict:
    """The verdict of one study on a claim.

    Attributes
    ----------
    claim, effects
        The claim, and the effect of each of its tests; none if it was not tested.
    verdict
        One of `cood.analysis.claims.rules.WORDS`.
    family, tested
        The family that p was corrected in, and the number of claims of it that were tested.
    p, holm
        p of the claim, and after the correction; NaN if it was not tested.
    equivalence_p
        Largest p of the tests that a coefficient lies outside the margin of no relevant effect.
    power
        Of coefficients; empty for other statistics.
    why
        Why the claim is not decided by p, or was not tested; else empty.
    """

    claim: Claim
    effects: Mapping[str, Effect]
    verdict: str
    family: str
    tested: int = 0
    p: float = np.nan
    holm: float = np.nan
    equivalence_p: float = np.nan
    power: Power = Power()
    why: str = ""


def judge(evidence: Evidence) -> list[Verdict]:
    """Compute the statistics of all claims and decide on each.

    Raises
    ------
    CoodError
        If the file of claims is wrong; see `cood.analysis.claims.definitions.load_claims`.
    """
    claims = load_claims()
    treatments = count_treatments(evidence.models.get("treatment", ()))
    families = {claim.id: claim.family_with(treatments) for claim in claims}
    return judge_effects(claims, *compute_effects(claims, evidence), families)


def judge_effects(
    claims: Sequence[Claim],
    effects: Mapping[str, Mapping[str, Effect]],
    reasons: Mapping[str, str],
    families: Mapping[str, str],
) -> list[Verdict]:
    """Decide on each claim by its effects.

    Parameters
    ----------
    claims, effects, reasons
        The claims; the effects of those that were tested, and why the others were not, by claim.
    families
        Among which claims p is corrected, by claim.
    """
    level = load_thresholds().level
    findings = {c.id: finding_of(c, effects[c.id]) for c in claims if c.id in effects}
    corrected, tested = correct({name: found.p for name, found in findings.items()}, families)
    spread = effects.get(SPREAD_CLAIM, {}).get(SPREAD_TEST)
    alike = spread is not None and spread.estimate.p >= level
    verdicts = []
    for claim in claims:
        name, family = claim.id, families[claim.id]
        if name not in findings:
            verdicts.append(Verdict(claim, {}, UNTESTED, family, why=reasons[name]))
            continue
        found = findings[name]
        word, why = decide(found, corrected[name], level, alike=alike)
        verdicts.append(
            Verdict(
                claim,
                effects[name],
                word,
                family,
                tested[name],
                found.p,
                corrected[name],
                found.equivalence_p,
                power_of(list(effects[name].values()), level / tested[name]),
                why,
            )
        )
    return verdicts


def compute_effects(
    claims: Sequence[Claim], evidence: Evidence
) -> tuple[dict[str, dict[str, Effect]], dict[str, str]]:
    """Effects of each claim that the study can test, and for the others the reason, by claim."""
    effects: dict[str, dict[str, Effect]] = {}
    reasons: dict[str, str] = {}
    for claim in claims:
        try:
            effects[claim.id] = STATISTICS[claim.id](evidence)
        except Untestable as reason:
            reasons[claim.id] = str(reason)
    return effects, reasons


def finding_of(claim: Claim, effects: Mapping[str, Effect]) -> Finding:
    """What the effects of a claim say before the correction for the number of claims."""
    estimates = {name: effect.estimate for name, effect in effects.items()}
    p, expected = combine(
        {name: estimate.value for name, estimate in estimates.items()},
        {name: estimate.p for name, estimate in estimates.items()},
        claim.tests,
    )
    equivalence = np.nan
    if all(effect.coefficient for effect in effects.values()):
        margin = load_thresholds().equivalence
        equivalence = max(equivalence_p(estimate, margin) for estimate in estimates.values())
    return Finding(
        p=p,
        expected=expected,
        equivalence_p=equivalence,
        saturated=any(bool(effect.saturated) for effect in effects.values()),
        association=any(effect.association for effect in effects.values()),
    )


def power_of(effects: Sequence[Effect], level: float) -> Power:
    """Power of the tests of a claim that are coefficients; nothing without one.

    Independent units are families: where each model is its own, the models.
    """
    units = [
        (effect.estimate.families, effect.estimate.nuisance)
        for effect in effects
        if effect.coefficient
    ]
    if not units:
        return Power()
    return Power(
        level,
        {r: min(power(r, n, k, level) for n, k in units) for r in SIZES},
        max(detectable(POWER, n, k, level) for n, k in units),
    )
