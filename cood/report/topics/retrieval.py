"""Composed retrieval against the text alone."""

from __future__ import annotations

import pandas as pd


def count_significant_gains(gain: pd.DataFrame) -> str:
    """In how many models a difference is significantly above or below 0, as a phrase.

    `gain` has the bounds `low` and `high` of its interval.
    """
    n, above, below = len(gain), (gain["low"] > 0).sum(), (gain["high"] < 0).sum()
    return (
        f"more often in {above}, less often in {below}, and without a difference that the 95 % "
        f"interval shows in {n - above - below} (not corrected for the number of models)"
    )
