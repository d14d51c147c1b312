"""A run beside a reference run: which verdicts agree, also with fewer models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cood.analysis.claims.rules import CONTRADICTED, SUPPORTED, UNTESTED
from cood.analysis.claims.subsets import judge_again, verdict_frequencies, within_ranges
from cood.analysis.claims.verdicts import Verdict
from cood.analysis.reference import Reference

SEED = 1  # of the draws of models, and of permutations
DECIDED = (SUPPORTED, CONTRADICTED)


@dataclass(frozen=True)
class Beside:
    """The verdicts of a reference run.

    Attributes
    ----------
    table
        Its table of verdicts, a row a test.
    within
        Verdicts for those of its models whose factors lie within the ranges of this run; empty if
        the reference run has no table of models, or this run no design.
    models
        How many these are.
    frequencies
        How often each verdict comes in draws of as many models as this run has, as
        `verdict_frequencies` gives it; None without a table of models.
    """

    table: pd.DataFrame
    within: tuple[Verdict, ...]
    models: int
    frequencies: pd.DataFrame | None

    @property
    def words(self) -> dict[str, str]:
        """Its verdict by claim."""
        return dict(zip(self.table["claim"], self.table["verdict"], strict=True))


def put_beside(
    design: pd.DataFrame, models: int, reference: Reference, draws: int = 1000
) -> Beside | None:
    """Compare with a reference run; None if it has no table of claims.

    Parameters
    ----------
    design
        Columns of the design of this run, by model; without columns if it has none.
    models
        How many models this run has.
    reference, draws
        The reference run, and how often models are drawn from it.
    """
    table, numbers = reference.claims(), reference.claim_numbers()
    if table is None:
        return None
    if numbers is None or "x" not in table:
        return Beside(table, (), 0, None)
    frequencies = verdict_frequencies(table, numbers, draws=draws, models=models, seed=SEED)
    if design.columns.empty:
        return Beside(table, (), 0, frequencies)
    inside = within_ranges(numbers, design)
    return Beside(table, tuple(judge_again(table, inside, seed=SEED)), len(inside), frequencies)


def agreement(one: dict[str, str], other: dict[str, str]) -> dict[str, list[str]]:
    """Claims by how two verdicts on them compare.

    Parameters
    ----------
    one, other
        Verdicts by claim.

    Returns
    -------
    dict
        Claims that were tested in at least one of them. ``agree``: the same verdict;
        ``contradict``: supported by one, contradicted by the other; ``differ``: other
        differences; ``in one only``: not tested in one of them, or unknown to it.
    """
    found: dict[str, list[str]] = {
        name: [] for name in ("agree", "contradict", "differ", "in one only")
    }
    for claim in dict.fromkeys([*one, *other]):
        words = one.get(claim, UNTESTED), other.get(claim, UNTESTED)
        if words == (UNTESTED, UNTESTED):
            continue
        if UNTESTED in words:
            kind = "in one only"
        elif words[0] == words[1]:
            kind = "agree"
        else:
            kind = "contradict" if set(words) == set(DECIDED) else "differ"
        found[kind].append(claim)
    return found


def agreement_text(found: Mapping[str, Sequence[str]]) -> str:
    """What `agreement` gives, as a sentence."""
    said = {
        "agree": "agree on",
        "contradict": "contradict each other on",
        "differ": "differ on",
        "in one only": "are from one run only for",
    }
    parts = [f"{said[kind]} {', '.join(names)}" for kind, names in found.items() if names]
    return f"The verdicts {'; '.join(parts)}." if parts else "No claim was tested."
