"""Models on the factor sets: tables, and the sentences that sum them up."""

from __future__ import annotations

import pandas as pd
from pandas.io.formats.style import Styler

from cood.analysis.results import percent
from cood.analysis.topics.factor_sets import HELD_OUT, SHARED, factor_table
from cood.report.tables.formatting import MISSING, styled
from cood.settings.study_file import Study


def describe_shared_words(study: Study) -> str:
    """Which words stand for several values of a factor, and for how many, as a phrase."""
    table = factor_table(study)
    rows = table[table[SHARED] != "none"]
    parts = [
        f"{row['factor'].replace('_', ' ')} of {row['set']}: {row[SHARED]}"
        for row in rows.to_dict("records")
    ]
    return "; ".join(parts) or "none"


def describe_factors_above_chance(counts: pd.DataFrame) -> str:
    """How many models name each factor significantly better than by guessing, as a phrase.

    `counts` is what `cood.analysis.topics.factor_sets.count_above_chance` returns.
    """
    names = counts["set"] + " " + counts["factor"].str.replace("_", " ")
    some = counts["above_chance"] > 0
    parts = [
        f"{name} {row.above_chance} of {row.models}"
        for name, row in zip(names[some], counts[some].itertuples(), strict=True)
    ]
    if some.all():
        return ", ".join(parts)
    none = f"no model names {', '.join(names[~some])}"
    return f"{', '.join(parts)}; {none}" if parts else none


def count_significant_signs(table: pd.DataFrame) -> str:
    """How many Pearson coefficients are significantly positive and negative, as a phrase."""
    above, below = int((table["pearson_low"] > 0).sum()), int((table["pearson_high"] < 0).sum())
    count = int(table["pearson"].notna().sum())
    return (
        f"of {count} Pearson coefficients, {above} are significantly positive, {below} "
        f"significantly negative and {count - above - below} not significant"
    )


def styled_held_out(table: pd.DataFrame) -> Styler:
    """Accuracy of factor models on seen and held-out combinations for readers.

    `table` is what `cood.analysis.topics.factor_sets.held_out` returns.
    """
    shown = table.copy()
    for title, _, _ in HELD_OUT:
        estimates = table[[title, f"{title} low", f"{title} high"]].to_numpy()
        chances = table[f"{title} chance"].map(percent)
        shown[title] = [
            f"{percent(*estimate)}, chance {chance}"
            for estimate, chance in zip(estimates, chances, strict=True)
        ]
        shown = shown.drop(columns=[f"{title} {part}" for part in ("low", "high", "chance")])
    shown["share"] = shown["share"].map("{:.0%}".format)
    return styled(shown).format(precision=2, na_rep=MISSING)
