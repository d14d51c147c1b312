"""What was decided, as tables that the notebook `claims` saves: a row a test, metric or model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from cood.analysis.claims.effects import Effect
from cood.analysis.claims.statistics import FAMILY, Statistic
from cood.analysis.claims.verdicts import SIZES, Verdict

JOIN = "; "  # between names of columns in a cell


def verdict_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """A row a test, or a claim that was not tested, with all that was computed.

    `claim_p`, `claim_holm`, `equivalence_p` and the powers are those of the whole claim. The
    columns `kind`, `x`, `y` and `given` say what was computed of the columns of `model_numbers`.
    """
    rows: list[dict[str, Any]] = []
    for verdict in verdicts:
        claim, power = verdict.claim, verdict.power
        first = {"claim": claim.id, "title": claim.title, "verdict": verdict.verdict}
        last: dict[str, Any] = {
            "family": verdict.family,
            "tested_in_family": verdict.tested,
            "claim_p": verdict.p,
            "claim_holm": verdict.holm,
            "equivalence_p": verdict.equivalence_p,
            "power_level": power.level,
            **{f"power_{size:g}": power.of.get(size) for size in SIZES},
            "detectable": power.detectable,
            "why": verdict.why,
            "page": claim.notebooks[0],
        }
        for name, effect in verdict.effects.items():
            rows.append(first | _columns(claim.tests[name], name, effect) | last)
        if not verdict.effects:
            rows.append(first | {"test": "", "expected": ""} | last)
    return pd.DataFrame(rows)


def _columns(sign: str, name: str, effect: Effect) -> dict[str, Any]:
    estimate, given, statistic = effect.estimate, effect.given_design, effect.statistic
    return {
        "test": name,
        "expected": sign,
        "outcome": effect.outcome,
        "kind": statistic.kind,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "p": estimate.p,
        "n": estimate.n,
        "families": estimate.families,
        "nuisance": estimate.nuisance,
        "df": estimate.families - 3 - estimate.nuisance if effect.coefficient else None,
        "least_without_a_family": estimate.least,
        "most_without_a_family": estimate.most,
        "given_design": given.value,
        "given_design_low": given.low,
        "given_design_high": given.high,
        "given_design_p": given.p,
        "saturated": effect.saturated,
        "median": effect.measure.median(),
        "null": effect.chance,
        "x": JOIN.join(statistic.x),
        "y": JOIN.join(statistic.y),
        "given": JOIN.join(statistic.nuisance),
        "note": effect.note,
    }


def statistic_of(row: pd.Series) -> Statistic:
    """What a row of `verdict_table` was computed from."""
    parts = [
        tuple(filter(None, str(row[c]).split(JOIN))) if isinstance(row[c], str) else ()
        for c in ("x", "y", "given")
    ]
    return Statistic(str(row["kind"]), *parts)


def model_numbers(verdicts: Sequence[Verdict], design: pd.DataFrame) -> pd.DataFrame:
    """A row a model: every number that a statistic of a claim was computed from.

    Parameters
    ----------
    verdicts
        What `judge` gives.
    design
        Columns of the design, which are in the table even if no statistic names them.

    Returns
    -------
    pandas.DataFrame
        `model`, `family`, the columns of the design, and those that the statistics name. Models of
        other zoos, such as those of factor sets, are not in it.
    """
    parts = [e.numbers for v in verdicts for e in v.effects.values() if not e.numbers.empty]
    if not parts:
        return pd.DataFrame({"model": [], FAMILY: []}, dtype=str)
    zoo = max(parts, key=len).index if design.index.empty else design.index
    columns: dict[str, pd.Series] = {}
    for numbers in parts:
        if numbers.index.equals(zoo):
            columns |= {str(name): numbers[name] for name in numbers}
    columns = {FAMILY: columns.pop(FAMILY), **{str(c): design[c] for c in design}, **columns}
    return pd.DataFrame(columns, index=zoo).rename_axis("model").reset_index()


def member_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """A row a metric of each set of metrics that a claim is about, with its own coefficient.

    Columns `claim`, `set`, `space`, `metric`, `outcome`, `median`, `value`, `low`, `high`, `p` and
    `holm` (within the set and outcome).
    """
    columns = ["claim", "set", "space", "metric", "outcome"]
    columns += ["median", "value", "low", "high", "p", "holm"]
    parts = [
        effect.members.assign(claim=verdict.claim.id)
        for verdict in verdicts
        for effect in verdict.effects.values()
        if effect.members is not None
    ]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
