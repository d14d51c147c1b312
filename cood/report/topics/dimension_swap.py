"""Dimensions that attribute and object share, against the number expected by chance."""

from __future__ import annotations

import pandas as pd


def describe_shared_counts(counts: pd.DataFrame, chance: pd.DataFrame) -> str:
    """In how many models a count lies outside the interval expected by chance, as a phrase.

    Parameters
    ----------
    counts, chance
        Indexed by model: `value` of the counts; `low` and `high` of what is expected by chance.
    """
    value, null = counts["value"], chance.reindex(counts.index)
    below, above = (value < null["low"]).sum(), (value > null["high"]).sum()
    within = len(value) - below - above
    return (
        f"within the interval expected by chance in {within} of {len(value)} models, below it in "
        f"{below} and above it in {above}"
    )
