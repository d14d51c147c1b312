"""Tables of the page of claims."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from cood.analysis.claims.claim_tests.dimensions import RANK
from cood.analysis.claims.claim_tests.training import SINGLE
from cood.analysis.claims.rules import UNTESTED
from cood.analysis.claims.statistics import PARTIAL
from cood.analysis.claims.tables import member_table
from cood.analysis.claims.verdicts import POWER, SIZES, Power, Verdict, power_of
from cood.analysis.stats.equivalence import equivalence_reachable
from cood.analysis.thresholds import load_thresholds
from cood.metrics.registry import metric_label
from cood.report.topics.claims.formatting import (
    NONE,
    interval,
    link,
    number,
    probability,
    span,
    table,
)

NAMED = {  # claims about one measure, and the codes that it is taken of
    "C8": (SINGLE, ("text", "image")),
    "C9": (RANK, ("text", "image")),
    "C12": ("shared_dimensions", ("image",)),
    "C14": ("part_dependence", ("image",)),
    "U2": ("r2", ("image",)),
}
SIDES = {"+": "above 0", "-": "below 0"}


def power_table(verdicts: Sequence[Verdict]) -> Styler:
    """Power by family and nuisance columns: what this run can find at all."""
    rows: dict[tuple[str, int, int], tuple[Power, list[str]]] = {}
    for verdict in verdicts:
        for effect in verdict.effects.values():
            if not effect.coefficient:
                continue
            estimate = effect.estimate
            key = (verdict.family, estimate.families, estimate.nuisance)
            level = load_thresholds().level / verdict.tested
            claims = rows.setdefault(key, (power_of([effect], level), []))[1]
            if verdict.claim.id not in claims:
                claims.append(verdict.claim.id)
    return table(
        [
            {
                "claims": ", ".join(claims),
                "family": family,
                "models": f"{n}",
                "nuisance columns": f"{nuisance}",
                **{f"power at r = {size:g}": f"{100 * power.of[size]:.0f} %" for size in SIZES},
                f"r with a power of {100 * POWER:.0f} %": _size(power.detectable),
                "no relevant effect": (
                    "can be reached" if equivalence_reachable(n, nuisance) else "cannot be reached"
                ),
            }
            for (family, n, nuisance), (power, claims) in sorted(rows.items())
        ]
        or [{"claims": "none could be tested by a correlation"}],
        "intervals",
    )


def _size(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "none below 1"


def tests(verdicts: Sequence[Verdict], pages: Collection[str]) -> Styler:
    """A row a test: the effect, its p, what it is given, and how it depends on single models."""
    rows = []
    for verdict in verdicts:
        for name, effect in verdict.effects.items():
            estimate, given = effect.estimate, effect.given_design
            kind = effect.statistic.kind
            if kind == PARTIAL:
                kind += f" given {estimate.nuisance} column{'s' * (estimate.nuisance != 1)}"
            rows.append(
                {
                    "claim": verdict.claim.id,
                    "statistic": link(verdict, pages, "", name),
                    "kind": escape(kind),
                    "outcome": escape(effect.outcome) or NONE,
                    "expected": SIDES[verdict.claim.tests[name]],
                    "effect": number(effect),
                    "p": probability(estimate.p),
                    "p of claim": probability(verdict.p),
                    "corrected": probability(verdict.holm),
                    "p, equivalence": probability(verdict.equivalence_p),
                    "given the design": interval(given.value, given.low, given.high),
                    "without one model": span(estimate.least, estimate.most),
                }
            )
    return table(rows or [{"claim": "none could be tested"}], "intervals")


def metrics(verdicts: Sequence[Verdict]) -> list[Styler]:
    """A row a certified metric of each set that a claim is about, and an outcome; or no table."""
    rows = [
        {
            "claim": row["claim"],
            "embeddings of": f"{row['space']}s",
            "metric": metric_label(row["metric"]),
            "outcome": row["outcome"],
            "median": f"{row['median']:.2f}",
            "Pearson": interval(row["value"], row["low"], row["high"]),
            "p": probability(row["p"]),
            "p, Holm": probability(row["holm"]),
        }
        for row in member_table(verdicts).to_dict("records")
    ]
    return [table(rows, "intervals")] if rows else []


def remarks(verdicts: Sequence[Verdict], certificate: pd.DataFrame | None) -> Styler:
    """A row a claim: its statement and source, what would contradict it, why, and notes.

    `certificate` is what `cood.analysis.certificate.saved.load_certificate` gives.
    """
    rows = []
    for verdict in verdicts:
        notes = dict.fromkeys(e.note for e in verdict.effects.values() if e.note)
        why = f"{verdict.why[0].upper()}{verdict.why[1:]}".rstrip(".") + "." if verdict.why else ""
        power = ""
        if verdict.verdict not in (UNTESTED,) and verdict.power.of and verdict.why:
            power = "Power: " + ", ".join(
                f"{100 * value:.0f} % at r = {size:g}" for size, value in verdict.power.of.items()
            )
            power += f"; smallest r with {100 * POWER:.0f} %: {_size(verdict.power.detectable)}."
        checked = certificate_of(verdict.claim.id, certificate)
        rows.append(
            {
                "claim": verdict.claim.id,
                "statement": escape(verdict.claim.statement),
                "source": escape(verdict.claim.source),
                "would be contradicted if": escape(verdict.claim.contradicted_by),
                "verdict": f"<b>{verdict.verdict}</b>",
                "remarks": escape(" ".join(filter(None, [why, power, *notes, checked]))) or NONE,
            }
        )
    return table(rows, "remarks")


def certificate_of(claim: str, certificate: pd.DataFrame | None) -> str:
    """Whether the measure that a claim names has a certificate, as a sentence.

    Such a claim is tested with its measure all the same. Empty for other claims, and without
    certificates.
    """
    if claim not in NAMED or certificate is None:
        return ""
    metric, spaces = NAMED[claim]
    rows = certificate[certificate["metric"] == metric].set_index("space")
    parts = []
    for space in spaces:
        if space not in rows.index:
            return "The certificate does not test its measure."
        row = rows.loc[space]
        state = "has a certificate" if row["certified"] else f"has none ({row['why']})"
        parts.append(f"{metric_label(metric)} of {space}s {state}")
    return f"The measure that the claim names: {', '.join(parts)}."
