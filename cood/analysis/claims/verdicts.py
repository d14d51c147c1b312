"""A verdict on each claim, by the rule that `claims.yaml` names for it.

p of a claim is corrected by Holm's method for the number of claims that could be tested. A new
claim therefore changes the corrected p, and possibly the verdict, of all the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.definitions import Claim, load_claims
from cood.analysis.claims.evidence import ID, Effect, Evidence, Untestable
from cood.analysis.claims.rules import LEVEL, RULES, UNTESTED, Finding
from cood.analysis.metric_correlations import holm
from cood.analysis.stats.verdict import UNDECIDED, verdict_of

# The test of whether models differ in C-OoD accuracy, without which there is nothing to predict.
SPREAD_CLAIM, SPREAD_TEST = "C1", "best minus worst"
# Fields of `Correlation` that the table of verdicts adds to Pearson's coefficient.
SPEARMAN = ("spearman", "spearman_low", "spearman_high", "spearman_p")


@dataclass(frozen=True)
class Verdict:
    """The verdict of one study on a claim.

    Attributes
    ----------
    claim, effects
        The claim, and the effect of each of its tests; none if it was not tested.
    verdict
        ``supported``, ``contradicted``, ``undecided`` or ``not testable here``.
    p, holm
        p of the claim, and after the correction for all claims tested; NaN if it was not.
    why
        Why the claim is undecided or was not tested; else empty.
    """

    claim: Claim
    effects: Mapping[str, Effect]
    verdict: str
    p: float
    holm: float
    why: str


def judge(evidence: Evidence) -> list[Verdict]:
    """Compute the statistics of all claims and decide on each.

    Raises
    ------
    CoodError
        If the file of claims is wrong; see `cood.analysis.claims.definitions.load_claims`.
    """
    claims = load_claims()
    effects, reasons = compute_effects(claims, evidence)
    findings = {
        claim.id: RULES[claim.rule].apply(claim.tests, effects[claim.id])
        for claim in claims
        if claim.id in effects
    }
    corrected = holm(pd.Series({name: found.p for name, found in findings.items()}, dtype=float))
    spread = effects.get(SPREAD_CLAIM)
    alike = spread is not None and spread[SPREAD_TEST].estimate.p >= LEVEL
    return [
        decide(claim, effects[claim.id], findings[claim.id], corrected, alike=alike)
        if claim.id in effects
        else Verdict(claim, {}, UNTESTED, np.nan, np.nan, reasons[claim.id])
        for claim in claims
    ]


def compute_effects(
    claims: Sequence[Claim], evidence: Evidence
) -> tuple[dict[str, dict[str, Effect]], dict[str, str]]:
    """Effects of each claim that the study can test, and for the others the reason, by claim."""
    effects: dict[str, dict[str, Effect]] = {}
    reasons: dict[str, str] = {}
    for claim in claims:
        if claim.untested:
            reasons[claim.id] = claim.untested
            continue
        try:
            effects[claim.id] = STATISTICS[claim.id](evidence)
        except Untestable as reason:
            reasons[claim.id] = str(reason)
    return effects, reasons


def decide(
    claim: Claim,
    effects: Mapping[str, Effect],
    finding: Finding,
    corrected: pd.Series,
    *,
    alike: bool = False,
) -> Verdict:
    """Decide on a claim.

    Parameters
    ----------
    claim, effects, finding
        The claim, an effect for each of its tests, and what its rule makes of them.
    corrected
        p after Holm's correction of all claims that are tested, by claim.
    alike
        Whether the models do not differ significantly in C-OoD accuracy. Any remaining variation
        then reflects which images happened to be classified correctly, which similar models share,
        so that no correlation with it is interpreted.
    """
    p, p_corrected = finding.p, float(corrected[claim.id])
    verdict, why = UNDECIDED, ""
    if alike and any(effect.correlation is not None for effect in effects.values()):
        why = (
            "the models do not differ significantly in C-OoD accuracy, so correlations with it are "
            "not interpreted"
        )
    elif p_corrected >= LEVEL:
        why = (
            f"the p-value of the claim is {p:.2g}, or {p_corrected:.2g} after Holm's correction "
            f"for {len(corrected)} claims"
        )
    elif finding.objection:
        why = finding.objection
    else:
        verdict = verdict_of(significant=True, expected=finding.expected)
    return Verdict(claim, effects, verdict, p, p_corrected, why)


def verdict_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """A row a test, or a claim that was not tested, with all that was computed."""
    rows: list[dict[str, Any]] = []
    for verdict in verdicts:
        claim = verdict.claim
        first = {"claim": claim.id, "title": claim.title, "verdict": verdict.verdict}
        last = {
            "claim_p": verdict.p,
            "claim_holm": verdict.holm,
            "why": verdict.why,
            "page": claim.notebooks[0],
            "rule": claim.rule_text,
        }
        for name, effect in verdict.effects.items():
            test = {"test": name, "expected": claim.tests[name]}
            rows.append(first | test | _columns(effect) | last)
        if not verdict.effects:
            rows.append(first | {"test": "", "expected": ""} | last)
    return pd.DataFrame(rows)


def _columns(effect: Effect) -> dict[str, Any]:
    estimate = effect.estimate
    row: dict[str, Any] = {
        "statistic": effect.kind,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "p": estimate.p,
        "n": estimate.n,
        "families": estimate.families,
        "least_without_a_family": estimate.least,
        "most_without_a_family": estimate.most,
        "median": effect.median,
        "null": effect.chance,
        "ways": len(effect.ways),
        "ways_lowest": min(effect.ways, default=np.nan),
        "ways_highest": max(effect.ways, default=np.nan),
        "note": effect.note,
    }
    if effect.correlation is not None:
        row |= {name: effect.correlation.columns()[name] for name in SPEARMAN}
    partial = effect.controls.get(ID)
    if partial is not None:
        row |= {
            "given_id": partial.pearson.value,
            "given_id_low": partial.pearson.low,
            "given_id_high": partial.pearson.high,
            "given_id_p": partial.pearson.p,
        }
    return row


def control_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """A row a test and control: the partial correlation given that control alone."""
    rows = [
        {
            "claim": verdict.claim.id,
            "test": name,
            "given": control,
            "pearson": partial.pearson.value,
            "low": partial.pearson.low,
            "high": partial.pearson.high,
            "p": partial.pearson.p,
            "spearman": partial.spearman.value,
            "n": partial.n,
            "families": partial.families,
        }
        for verdict in verdicts
        for name, effect in verdict.effects.items()
        for control, partial in effect.controls.items()
    ]
    columns = ["claim", "test", "given", "pearson", "low", "high", "p", "spearman", "n", "families"]
    return pd.DataFrame(rows, columns=columns)


def member_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """A row a metric of each set of metrics that a claim is about.

    Columns `claim`, `set`, `space`, `metric`, `pearson`, `low`, `high`, `p`, `holm` (within the
    claim), `median` and `chance`. For a claim that is given ID accuracy they are partial.
    """
    columns = ["claim", "set", "space", "metric", "pearson", "low", "high", "p", "holm"]
    columns += ["median", "chance"]
    parts = [
        effect.members.assign(claim=verdict.claim.id)
        for verdict in verdicts
        for effect in verdict.effects.values()
        if effect.members is not None
    ]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
