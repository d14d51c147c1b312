"""What came out, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cood.analysis.claims.definitions import APART, PRIMARY
from cood.analysis.claims.rules import (
    CONTRADICTED,
    NO_EFFECT,
    SATURATED,
    SUPPORTED,
    UNDECIDED,
    UNTESTED,
)
from cood.analysis.claims.verdicts import POWER, Verdict
from cood.analysis.stats.equivalence import equivalence_reachable
from cood.analysis.thresholds import load_thresholds

GROUPS = {
    "answered": (SUPPORTED, CONTRADICTED),
    NO_EFFECT: (NO_EFFECT,),
    SATURATED: (SATURATED,),
    "undecided, as the power is too low": (UNDECIDED,),
    UNTESTED: (UNTESTED,),
}


def grouped(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    """Verdicts by what they tell a reader, each group in the order of the claims.

    Groups: answered, no relevant effect, saturated, undecided, not testable; empty ones too.
    """
    return {
        name: [verdict for verdict in verdicts if verdict.verdict in words]
        for name, words in GROUPS.items()
    }


def smallest_effect(verdicts: Sequence[Verdict]) -> str:
    """The smallest correlation that this run could have seen, as a sentence."""
    seen = {
        (e.estimate.n, verdict.power.detectable)
        for verdict in verdicts
        for e in verdict.effects.values()
        if e.coefficient and verdict.family != APART and np.isfinite(verdict.power.detectable)
    }
    if not seen:
        return "No correlation could be computed."
    models = max(n for n, _ in seen)
    sizes = sorted(size for _, size in seen)
    between = f"{sizes[0]:.2f}" if len(set(sizes)) == 1 else f"{sizes[0]:.2f} to {sizes[-1]:.2f}"
    return (
        f"With {models} models, the smallest correlation that a test would detect with a "
        f"probability of {100 * POWER:.0f} %, after Holm's correction, is {between}, depending on "
        "the claim; weaker ones mostly stay undecided."
    )


def resolution(verdicts: Sequence[Verdict]) -> str:
    """What this run can decide at all, as sentences; shown before the results."""
    effects = [e for v in verdicts for e in v.effects.values() if e.coefficient]
    if not effects:
        return "No correlation could be computed."
    units = max(effect.estimate.families for effect in effects)
    margin = load_thresholds().equivalence
    text = smallest_effect(verdicts)
    if not equivalence_reachable(units, 0):
        text += (
            f" The verdict “{NO_EFFECT}” (all coefficients between -{margin:g} and {margin:g}) "
            f"cannot be reached with {units} models."
        )
    primary = [v.claim.id for v in verdicts if v.family == PRIMARY and v.effects]
    return (
        f"{text} p is corrected among the {len(primary)} primary claims that could be tested "
        f"({', '.join(primary) or 'none'}), and among the secondary ones apart."
    )
