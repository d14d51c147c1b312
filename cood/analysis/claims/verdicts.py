"""A verdict on each claim, by the rules of `claims.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.definitions import Claim, load_claims
from cood.analysis.claims.evidence import ID, Effect, Evidence, Untestable
from cood.analysis.metric_correlations import holm

SUPPORTED, CONTRADICTED, UNDECIDED = "supported", "contradicted", "undecided"
UNTESTED = "not testable here"
LEVEL = 0.05  # of p after Holm's correction
APART = "best above worst"  # the test of C1 that says whether there is anything to go with


@dataclass(frozen=True)
class Verdict:
    """What one study says of a claim.

    Attributes
    ----------
    claim, effects
        The claim, and the effect of each of its tests; none if it was not tested.
    verdict
        ``supported``, ``contradicted``, ``undecided`` or ``not testable here``.
    p, holm
        p of the claim, and after the correction for all claims tested; NaN if it was not.
    why
        Why there is no verdict, or none but ``undecided``; else empty.
    """

    claim: Claim
    effects: Mapping[str, Effect]
    verdict: str
    p: float
    holm: float
    why: str


def judge(evidence: Evidence) -> list[Verdict]:
    """Compute the statistics of all claims and decide on each."""
    effects: dict[str, dict[str, Effect]] = {}
    reasons: dict[str, str] = {}
    claims = load_claims()
    for claim in claims:
        if claim.untested:
            reasons[claim.id] = claim.untested
            continue
        try:
            effects[claim.id] = STATISTICS[claim.id](evidence)
        except Untestable as reason:
            reasons[claim.id] = str(reason)
    alike = bool(effects.get("C1")) and effects["C1"][APART].p >= LEVEL
    p = pd.Series({c.id: claim_p(c, effects[c.id]) for c in claims if c.id in effects}, dtype=float)
    corrected = holm(p)
    return [
        decide(claim, effects[claim.id], p[claim.id], corrected[claim.id], len(p), alike)
        if claim.id in effects
        else Verdict(claim, {}, UNTESTED, np.nan, np.nan, reasons[claim.id])
        for claim in claims
    ]


def _aligned(claim: Claim, effects: Mapping[str, Effect]) -> dict[str, float]:
    """Values with their signs turned so that the claim expects all of them above 0."""
    return {
        name: effects[name].value * (1 if sign == "+" else -1) for name, sign in claim.tests.items()
    }


def claim_p(claim: Claim, effects: Mapping[str, Effect]) -> float:
    """P of a claim with one or several statistics.

    All must hold for it, so where all lie on the expected side the largest p counts; one suffices
    against it, so otherwise the smallest on the other side does, times the number of statistics.
    """
    aligned = _aligned(claim, effects)
    against = [effects[name].p for name, value in aligned.items() if value <= 0]
    if not against:
        return max(effects[name].p for name in aligned)
    return min(1.0, len(aligned) * min(against))


def decide(
    claim: Claim,
    effects: Mapping[str, Effect],
    p: float,
    corrected: float,
    tested: int,
    alike: bool = False,
) -> Verdict:
    """Apply the rule of a claim.

    Parameters
    ----------
    claim, effects
        The claim, and an effect for each of its tests.
    p, corrected, tested
        p of the claim, p after Holm's correction, and the number of claims that was for.
    alike
        Whether the models may all have one C-OoD accuracy: then what differs is which images they
        happen to name, which is common to similar models, and no correlation with it counts.
    """
    if alike and any(effect.found is not None for effect in effects.values()):
        why = "the models do not surely differ in C-OoD accuracy, so nothing can go with it"
        return Verdict(claim, effects, UNDECIDED, p, corrected, why)
    expected = all(value > 0 for value in _aligned(claim, effects).values())
    if corrected >= LEVEL:
        why = f"by itself p is {p:.2g}, after correction for {tested} claims {corrected:.2g}"
        return Verdict(claim, effects, UNDECIDED, p, corrected, why)
    side = 1 if expected == (claim.sign == "+") else -1
    turned = [
        row["metric"]
        for effect in effects.values()
        if effect.members is not None
        for row in effect.members.to_dict("records")
        if row["holm"] < LEVEL and row["pearson"] * side < 0
    ]
    if turned:
        why = f"{', '.join(turned)} lies on the other side, after correction within the set"
        return Verdict(claim, effects, UNDECIDED, p, corrected, why)
    return Verdict(claim, effects, SUPPORTED if expected else CONTRADICTED, p, corrected, "")


def verdict_table(verdicts: list[Verdict]) -> pd.DataFrame:
    """A row a test, or a claim that was not tested, with all that was computed."""
    rows: list[dict[str, Any]] = []
    for one in verdicts:
        about = {"claim": one.claim.id, "title": one.claim.title, "verdict": one.verdict}
        decided = {"claim_p": one.p, "claim_holm": one.holm, "why": one.why}
        decided |= {"page": one.claim.notebooks[0], "rule": one.claim.rule}
        tests: list[tuple[str, Effect | None]] = [*one.effects.items()] or [("", None)]
        for name, effect in tests:
            row = about | {"test": name, "expected": one.claim.tests.get(name, "")}
            rows.append(row | (_numbers(effect) if effect else {}) | decided)
    return pd.DataFrame(rows)


def _numbers(effect: Effect) -> dict[str, Any]:
    found: dict[str, Any] = {
        "statistic": effect.kind,
        **{k: getattr(effect, k) for k in ("value", "low", "high", "p", "n", "families")},
        "least_without_a_family": effect.least,
        "most_without_a_family": effect.most,
        "median": effect.typical,
        "null": effect.chance,
        "ways": len(effect.ways),
        "ways_lowest": min(effect.ways, default=np.nan),
        "ways_highest": max(effect.ways, default=np.nan),
        "note": effect.note,
    }
    if effect.found is not None:
        names = ["spearman", "spearman_low", "spearman_high", "spearman_p"]
        names += ["pearson_boot_low", "pearson_boot_high"]
        found |= {name: getattr(effect.found, name) for name in names}
    partial = effect.controls.get(ID)
    if partial is not None:
        found |= {"given_id": partial.pearson, "given_id_low": partial.low}
        found |= {"given_id_high": partial.high, "given_id_p": partial.pearson_p}
    return found


def control_table(verdicts: list[Verdict]) -> pd.DataFrame:
    """A row a test and control: the partial correlation given that control alone."""
    rows = [
        {
            **{"claim": one.claim.id, "test": name, "given": given},
            **{"pearson": found.pearson, "low": found.low, "high": found.high},
            **{"p": found.pearson_p, "spearman": found.spearman},
            **{"n": found.n, "families": found.families},
        }
        for one in verdicts
        for name, effect in one.effects.items()
        for given, found in effect.controls.items()
    ]
    columns = ["claim", "test", "given", "pearson", "low", "high", "p", "spearman", "n", "families"]
    return pd.DataFrame(rows, columns=columns)


def member_table(verdicts: list[Verdict]) -> pd.DataFrame:
    """A row a metric of each set of metrics that a claim speaks of.

    Columns `claim`, `set`, `space`, `metric`, `pearson`, `low`, `high`, `p`, `holm` (within the
    claim), `median` and `chance`. For a claim that is given ID accuracy they are partial.
    """
    columns = ["claim", "set", "space", "metric", "pearson", "low", "high", "p", "holm"]
    columns += ["median", "chance"]
    parts = [
        effect.members.assign(claim=one.claim.id)
        for one in verdicts
        for effect in one.effects.values()
        if effect.members is not None
    ]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
