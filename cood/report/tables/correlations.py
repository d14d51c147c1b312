"""Tables of correlations with C-OoD accuracy, and the sentences that sum them up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from cood.analysis.metric_correlations import bounds
from cood.analysis.results import rows_with
from cood.analysis.stats.correlation import Correlation
from cood.analysis.stats.estimate import Estimate
from cood.report.tables.formatting import MISSING, format_estimate, styled

LEVEL = 0.05
NOT_SHOWN = ("_low", "_high", "_p", "_least", "_most")  # ends of columns of a `Correlation`
NOT_SIGNIFICANT = "shows no significant trend"
NOT_ESTIMABLE = "has no measurable trend (too few models)"
WITHOUT_CONTROL, WITH_CONTROL = "no control", "given ID accuracy"  # groups of `control_rows`


def trend(correlation: Correlation) -> str:
    """What a quantity does as another rises, as a verb: significant if the interval excludes 0."""
    low, high = correlation.pearson.low, correlation.pearson.high
    if not np.isfinite(low):
        return NOT_ESTIMABLE
    if low > 0:
        return "rises"
    return "falls" if high < 0 else NOT_SIGNIFICANT


def agreement(correlations: Iterable[Correlation]) -> str:
    """Whether several ways to measure a quantity show the same trend, as a phrase."""
    every = list(correlations)
    if all(np.isnan(correlation.pearson.value) for correlation in every):
        return (
            f"with so few models, none of the {len(every)} ways to measure it allows an estimate "
            "of the trend"
        )
    counts = pd.Series([trend(correlation) for correlation in every]).value_counts()
    if len(counts) == 1:
        text = f"C-OoD accuracy {counts.index[0]} in each of {counts.iloc[0]} ways to measure it"
        if counts.index[0] == NOT_SIGNIFICANT:
            return f"{text}, so none of them supports a trend"
        return f"{text}, so the conclusion does not depend on how it is measured"
    *others, last = [f"{phrase} in {n}" for phrase, n in counts.items()]
    listed = f"of {counts.sum()} ways to measure it, C-OoD accuracy {', '.join(others)} and {last}"
    if {"rises", "falls"} <= set(counts.index):
        return f"{listed}, so the conclusion depends on how it is measured"
    return f"{listed}: no two ways contradict each other, but not every trend is significant"


def correlation_table(correlations: Mapping[str, Correlation]) -> pd.DataFrame:
    """A row a way to measure: both coefficients with intervals, numbers of models, the trend."""
    rows = [
        {
            "measured by": name,
            "models": result.n,
            "families": result.families,
            "Pearson": _text(result.pearson),
            "Spearman": _text(result.spearman),
            "C-OoD accuracy": trend(result),
        }
        for name, result in correlations.items()
    ]
    return pd.DataFrame(rows)


def styled_correlations(table: pd.DataFrame) -> Styler:
    """Correlations over models for readers: both coefficients, each with its interval.

    The numbers of models and families are left out where they are the same in all rows.
    """
    shown = table.drop(columns=[c for c in table if c.endswith(NOT_SHOWN)])
    shown = shown.drop(columns=[c for c in ("n", "families") if shown[c].nunique() == 1])
    shown["metric"] = shown["metric"].str.replace("_", " ")
    for name in ("pearson", "spearman"):
        estimates = table[[name, *bounds(name)]].to_numpy()
        shown[name] = [format_estimate(*estimate) for estimate in estimates]
    shown = shown.rename(columns={"pearson": "Pearson", "spearman": "Spearman", "n": "models"})
    return styled(shown).format(precision=2, na_rep=MISSING)


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


def rows_by_space(table: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """Correlations as `cood.report.plots.interval_rows` takes them: a row a metric and space."""
    low, high = bounds(coefficient)
    columns = {"space": "group", coefficient: "value", low: "low", high: "high"}
    renamed = table[["metric", *columns]].rename(columns=columns)
    return renamed.assign(model=renamed["metric"].str.replace("_", " "))


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
        f"Of {len(mixed)} pairs of a metric and a space, {int(mixed.sum())} correlate positively "
        "with C-OoD accuracy when measured in some ways and negatively in others; in "
        f"{int(contradictory.sum())} of them, a positive and a negative correlation are both "
        "significant."
    )


def count_signs(table: pd.DataFrame, coefficient: str) -> str:
    """How many correlations are negative and positive, and significantly so, as a phrase."""
    low, high = (table[bound] for bound in bounds(coefficient))
    values = table[coefficient]
    return (
        f"of {values.notna().sum()} coefficients, {(values < 0).sum()} are negative "
        f"({(high < 0).sum()} significantly) and {(values > 0).sum()} positive "
        f"({(low > 0).sum()} significantly)"
    )


def metric_correlation_table(table: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """Metrics with their values over models, chance, and the correlation with its interval."""
    low, high = bounds(coefficient)
    values = table[["lowest", "median", "highest"]].to_numpy()
    estimates = table[[coefficient, low, high]].to_numpy()
    ranges = table[[f"{coefficient}_min", f"{coefficient}_max"]].to_numpy()
    return pd.DataFrame(
        {
            "metric": table["metric"].str.replace("_", " "),
            "factor": table["factor"].replace("", "both"),
            "codes": table["codes"],
            "median (lowest to highest)": [
                "{1:.2f} ({0:.2f} to {2:.2f})".format(*v) for v in values
            ],
            "chance": table["chance"],
            coefficient.capitalize(): [_estimate_if_finite(v) for v in estimates],
            "range without any one model": [
                "{:.2f} to {:.2f}".format(*v) if np.isfinite(v).all() else MISSING for v in ranges
            ],
        }
    )


def control_table(table: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """What `cood.analysis.metric_correlations.with_control` returns, for readers."""
    name = coefficient.capitalize()
    estimates = {
        name: table[[coefficient, "low", "high"]],
        f"{name} given ID accuracy": table[["partial", "partial_low", "partial_high"]],
    }
    texts = {
        title: [_estimate_if_finite(row) for row in values.to_numpy(float)]
        for title, values in estimates.items()
    }
    metric = table["metric"].str.replace("_", " ")
    columns = {"metric": metric, "space": table["space"], **texts}
    return pd.DataFrame(columns | {"p": table["p"], "p, Holm": table["holm"]})


def control_rows(table: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """What `with_control` returns, as `cood.report.plots.interval_rows` takes it.

    Its groups are `WITHOUT_CONTROL` and `WITH_CONTROL`; `name` of `table` is the label of a row.
    """
    columns = {
        WITHOUT_CONTROL: [coefficient, "low", "high"],
        WITH_CONTROL: ["partial", "partial_low", "partial_high"],
    }
    parts = [
        table[["name", *names]]
        .set_axis(["model", "value", "low", "high"], axis=1)
        .assign(group=group)
        for group, names in columns.items()
    ]
    return pd.concat(parts, ignore_index=True)


def with_coefficient(table: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """Rows that have the coefficient, or all rows if none has, so that a figure has its axes."""
    kept = table[table[coefficient].notna()]
    return table if kept.empty else kept


def count_significant(table: pd.DataFrame, level: float = LEVEL) -> str:
    """How many correlations are significant, after correction, and given ID accuracy.

    A phrase; `table` is what `cood.analysis.metric_correlations.with_control` returns.
    """
    uncorrected, corrected = ((table[name] < level).sum() for name in ("p", "holm"))
    partial = ((table["partial_low"] > 0) | (table["partial_high"] < 0)).sum()
    return (
        f"of {table['p'].notna().sum()} coefficients, {uncorrected} have p below {level:g} and "
        f"{corrected} after Holm's correction; {partial} are significant given ID accuracy"
    )


def model_influence(correlation: Correlation, without: pd.DataFrame) -> str:
    """Range of both coefficients when one model is left out, and the most influential model.

    A phrase; `without` is what `cood.analysis.stats.correlation.leave_one_out` returns.
    """
    parts = []
    for kind, values in without.items():
        if values.isna().all():
            return "not estimable from so few models"
        coefficient = getattr(correlation, str(kind)).value
        model = (values - coefficient).abs().idxmax()
        parts.append(
            f"{str(kind).capitalize()} {values.min():.2f} to {values.max():.2f} "
            f"({coefficient:.2f} with all models; leaving out {model} changes it most)"
        )
    return ", ".join(parts)


def _text(estimate: Estimate) -> str:
    return format_estimate(estimate.value, estimate.low, estimate.high)


def _estimate_if_finite(values: np.ndarray) -> str:
    return format_estimate(*values) if np.isfinite(values).all() else MISSING
