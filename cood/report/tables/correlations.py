"""Tables of correlations with C-OoD accuracy, and the sentences that sum them up."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.canonical_variants import COOD, GAP
from cood.analysis.metric_correlations import bounds
from cood.analysis.results import rows_with
from cood.analysis.stats.correlation import Correlation
from cood.metrics.registry import metric_label
from cood.report.tables.certificates import certificate_column
from cood.report.tables.formatting import MISSING, format_estimate

LEVEL = 0.05
NOT_SIGNIFICANT = "shows no significant trend"
NOT_ESTIMABLE = "has no measurable trend (too few models)"
OUTCOMES = {COOD: "C-OoD log odds", GAP: "the gap"}


def trend(correlation: Correlation) -> str:
    """What a quantity does as another rises, as a verb: significant if the interval excludes 0."""
    low, high = correlation.pearson.low, correlation.pearson.high
    if not np.isfinite(low):
        return NOT_ESTIMABLE
    if low > 0:
        return "rises"
    return "falls" if high < 0 else NOT_SIGNIFICANT


def outcome_table(table: pd.DataFrame, certificate: pd.DataFrame | None) -> pd.DataFrame:
    """Metrics with their values over models, the coefficients with each outcome, the certificate.

    Parameters
    ----------
    table
        What `cood.analysis.canonical_variants.outcome_correlations` returns.
    certificate
        What `cood.analysis.certificate.load_certificate` returns.
    """
    keys = ["space", "metric"]
    first = table.drop_duplicates(keys)
    columns = {
        "metric": first["metric"].map(metric_label),
        "space": first["space"],
        "certificate": certificate_column(first, certificate),
        "median (lowest to highest)": [
            MISSING if np.isnan(b) else f"{b:.2f} ({a:.2f} to {c:.2f})"
            for a, b, c in first[["lowest", "median", "highest"]].to_numpy()
        ],
        "by chance": first["chance"],
    }
    for outcome, name in OUTCOMES.items():
        rows = table[table["outcome"] == outcome].set_index(keys)
        if rows.empty:
            continue
        rows = rows.reindex(pd.MultiIndex.from_frame(first[keys]))
        estimates = rows[["value", "low", "high"]].to_numpy()
        columns[f"with {name}"] = [format_estimate(*one) for one in estimates]
        columns[f"p, Holm ({name})"] = rows["holm"].to_numpy()
    return pd.DataFrame(columns)


def compare_outcomes(table: pd.DataFrame) -> str:
    """How many metrics correlate with each outcome, and how strongly, as sentences.

    `table` is what `cood.analysis.canonical_variants.outcome_correlations` returns.
    """
    tests = table["p"].notna().sum()
    if not tests:
        return "With so few models, no coefficient can be computed."
    counts, sizes = [], []
    for outcome, name in OUTCOMES.items():
        rows = table[(table["outcome"] == outcome) & table["p"].notna()]
        if rows.empty:
            continue
        significant = rows[rows["holm"] < LEVEL]
        counts.append(
            f"{len(significant)} of {len(rows)} correlate significantly with {name}"
            f"{_strongest(significant)}"
        )
        sizes.append(f"{rows['value'].abs().median():.2f} with {name}")
    return (
        f"Of the pairs of a metric and a space, {' and '.join(counts)} (p corrected by Holm's "
        f"method for all {tests} coefficients). The median size of the coefficients is "
        f"{' and '.join(sizes)}."
    )


def _strongest(rows: pd.DataFrame) -> str:
    """The row with the largest coefficient, in brackets; empty without rows."""
    if rows.empty:
        return ""
    most = rows.loc[rows["value"].abs().idxmax()]
    name = f"{metric_label(most['metric'])} of {most['space']}s"
    return f" (most strongly {name}, {most['value']:.2f})"


def rank_grid(table: pd.DataFrame, coefficient: str, *, relative: bool) -> pd.DataFrame:
    """One coefficient of ranks in a grid: a row for each kind of codes, a column a definition.

    Parameters
    ----------
    table
        What `cood.analysis.metric_correlations.correlate_metrics` returns.
    coefficient
        ``pearson`` or ``spearman``.
    relative
        Whether to take ranks that are divided by the largest possible one, or those that are not.
    """
    ranks = rows_with(table, relative=relative, projection="")
    rows = [
        f"{row.codes}, {'centred' if row.centred else 'not centred'}, "
        f"{'unit rows' if row.unit_rows else 'rows as given'}"
        for row in ranks.itertuples()
    ]
    grid = ranks.assign(row=rows).pivot(index="row", columns="metric", values=coefficient)
    return grid.loc[list(dict.fromkeys(rows)), ranks["metric"].unique()]


def way_grid(table: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """One coefficient in a grid of spaces and ways to measure by metrics.

    `table` is what `cood.analysis.metric_correlations.ways` returns.
    """
    rows = table["space"] + "s, " + table["way"]
    order = [f"{s}s, {way}" for s in sorted(set(table["space"])) for way in table["way"].unique()]
    grid = table.assign(row=rows).pivot(index="row", columns="metric", values=coefficient)
    return grid.reindex(index=[r for r in order if r in grid.index])[table["metric"].unique()]


def sign_changes(table: pd.DataFrame, coefficient: str) -> str:
    """How often the sign of a correlation depends on how it is measured, as a sentence."""
    low, high = bounds(coefficient)
    is_significant = (table[low] > 0) | (table[high] < 0)
    keys = [table["space"], table["metric"]]
    signs = np.sign(table[coefficient].replace(0, np.nan))
    mixed = signs.groupby(keys).agg(lambda s: s.min() < s.max())
    significant = np.sign(table[coefficient]).where(is_significant, 0)
    contradictory = significant.groupby(keys).agg(lambda s: s.min() < 0 < s.max())
    return (
        f"Of {len(mixed)} pairs of a metric and a space, {int(mixed.sum())} have a positive "
        "coefficient when measured in some ways and a negative one in others; in "
        f"{int(contradictory.sum())} of them, the 95 % intervals of a positive and of a negative "
        "one both exclude 0 (not corrected for the number of ways)."
    )


def count_signs(table: pd.DataFrame, coefficient: str) -> str:
    """How many correlations are negative and positive, and by their intervals, as a phrase."""
    low, high = (table[bound] for bound in bounds(coefficient))
    values = table[coefficient]
    return (
        f"of {values.notna().sum()} coefficients, {(values < 0).sum()} are negative and "
        f"{(values > 0).sum()} positive; the 95 % intervals of {(high < 0).sum()} and "
        f"{(low > 0).sum()} of them exclude 0, not corrected for their number"
    )


def with_coefficient(table: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """Rows that have the coefficient, or all rows if none has, so that a figure has its axes."""
    kept = table[table[coefficient].notna()]
    return table if kept.empty else kept
