"""The verdicts of two runs: which agree, also among models within the same ranges of factors."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from cood.analysis.claims.reference_run import SEED, agreement, agreement_text
from cood.analysis.claims.subsets import judge_again, within_ranges
from cood.analysis.reference import (
    CLAIM_NUMBERS_FILE,
    CLAIMS_FILE,
    read_claim_numbers,
    read_claims,
)
from cood.settings import TREATMENTS

FACTORS = "design.factors."  # start of the settings of a design, by dotted name
LEAST = 4  # models within the ranges, below which nothing is computed


def read_verdicts(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Tables that the page of claims saved in a folder: of its tests, and of its models.

    Without the page the first has no rows and the second is None.

    Raises
    ------
    ArtefactError
        If one of them is damaged.
    """
    claims, numbers = folder / CLAIMS_FILE, folder / CLAIM_NUMBERS_FILE
    if not claims.is_file():
        return pd.DataFrame({"claim": [], "verdict": []}, dtype=str), None
    return read_claims(claims), read_claim_numbers(numbers) if numbers.is_file() else None


def design_columns_of(numbers: pd.DataFrame, settings: Collection[str]) -> pd.DataFrame:
    """Those columns of a table of models that belong to the design.

    Parameters
    ----------
    numbers
        As `cood.analysis.claims.tables.model_numbers` gives them.
    settings
        Settings of the run by dotted name.
    """
    factors = {name.split(".")[2] for name in settings if name.startswith(FACTORS)}
    own = [c for c in numbers if c in factors or c in TREATMENTS or c.partition("=")[0] in factors]
    return numbers[own]


def verdicts_text(
    one: tuple[pd.DataFrame, pd.DataFrame | None],
    other: tuple[pd.DataFrame, pd.DataFrame | None],
    settings: Collection[str],
) -> str:
    """Which verdicts of two runs agree, as lines.

    Parameters
    ----------
    one, other
        What `read_verdicts` gives for runs A and B.
    settings
        Settings of A by dotted name, which say what its factors are.
    """
    (table, numbers), (other_table, other_numbers) = one, other
    if table.empty or other_table.empty:
        return ""
    own = dict(zip(table["claim"], table["verdict"], strict=True))
    theirs = dict(zip(other_table["claim"], other_table["verdict"], strict=True))
    lines = [agreement_text(agreement(own, theirs))]
    if numbers is None or other_numbers is None or "x" not in other_table:
        return lines[0]
    design = design_columns_of(numbers, settings)
    inside = within_ranges(other_numbers, design)
    if design.columns.empty or len(inside) == len(other_numbers):
        return lines[0]
    where = f"Among the {len(inside)} of {len(other_numbers)} models of B within A's ranges"
    if len(inside) < LEAST:
        return f"{lines[0]}\n{where} of factors, no claim can be tested."
    again = judge_again(other_table, inside, seed=SEED)
    text = agreement_text(agreement(own, {v.claim.id: v.verdict for v in again}))
    return f"{lines[0]}\n{where} of factors: {text[0].lower()}{text[1:]}"
