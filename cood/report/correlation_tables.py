"""Tables of many correlations, for people."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.metric_correlations import bounds
from cood.analysis.results import rows_with
from cood.analysis.stats.correlation import Correlation


def grid(found: pd.DataFrame, coefficient: str, *, relative: bool) -> pd.DataFrame:
    """One coefficient of ranks in a grid: a row for each kind of codes, a column a definition.

    Parameters
    ----------
    found
        What `cood.analysis.metric_correlations.correlate_metrics` returns.
    coefficient
        ``pearson`` or ``spearman``.
    relative
        Whether to take ranks that are divided by the largest possible one, or those that are not.
    """
    ranks = rows_with(found, relative=relative, projection="")
    rows = [
        f"{row.codes}, {'centred' if row.centred else 'not centred'}, "
        f"{'unit rows' if row.unit_rows else 'rows as given'}"
        for row in ranks.itertuples()
    ]
    table = ranks.assign(row=rows).pivot(index="row", columns="metric", values=coefficient)
    return table.loc[list(dict.fromkeys(rows)), ranks["metric"].unique()]


def by_space(found: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """Correlations as `cood.report.plots.figures.intervals` takes them: a row a metric and space."""
    low, high = bounds(coefficient)
    columns = {"space": "group", coefficient: "value", low: "low", high: "high"}
    # Pearson's interval has the names that the columns are to get.
    table = found[["metric", *columns]].rename(columns=columns)
    return table.assign(model=table["metric"].str.replace("_", " "))


def by_way(found: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """One coefficient in a grid of spaces and ways by metrics; see `cood.analysis.metric_correlations.ways`."""
    rows = found["space"] + "s, " + found["way"]
    order = [f"{s}s, {way}" for s in sorted(set(found["space"])) for way in found["way"].unique()]
    table = found.assign(row=rows).pivot(index="row", columns="metric", values=coefficient)
    return table.reindex(index=[r for r in order if r in table.index])[found["metric"].unique()]


def sign_changes(found: pd.DataFrame, coefficient: str) -> str:
    """How often a metric's correlation changes its sign between ways, as a sentence."""
    low, high = bounds(coefficient)
    sure = np.sign(found[coefficient]).where((found[low] > 0) | (found[high] < 0), 0)
    keys = [found["space"], found["metric"]]
    signs = np.sign(found[coefficient].replace(0, np.nan))
    mixed = signs.groupby(keys).agg(lambda s: s.min() < s.max())
    against = sure.groupby(keys).agg(lambda s: s.min() < 0 < s.max())
    return (
        f"Of {len(mixed)} pairs of a metric and a space, {int(mixed.sum())} correlate positively "
        f"with C-OoD accuracy in one way and negatively in another; in {int(against.sum())} of "
        "them the intervals of both exclude 0."
    )


def count_signs(found: pd.DataFrame, coefficient: str) -> str:
    """How many correlations are below and above 0, and surely so, as a sentence."""
    low, high = (found[bound] for bound in bounds(coefficient))
    values = found[coefficient]
    return (
        f"of {values.notna().sum()} coefficients, {(values < 0).sum()} lie below 0 "
        f"({(high < 0).sum()} with their whole interval) and {(values > 0).sum()} above "
        f"({(low > 0).sum()} with their whole interval)"
    )


def written(found: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """Measures with their values over models, chance, and the correlation with its interval."""
    low, high = bounds(coefficient)
    values = found[["lowest", "median", "highest"]].to_numpy()
    around = found[[coefficient, low, high]].to_numpy()
    moved = found[[f"{coefficient}_min", f"{coefficient}_max"]].to_numpy()
    return pd.DataFrame(
        {
            "metric": found["metric"].str.replace("_", " "),
            "factor": found["factor"].replace("", "both"),
            "codes": found["codes"],
            "median (lowest to highest)": [
                "{1:.2f} ({0:.2f} to {2:.2f})".format(*v) for v in values
            ],
            "chance": found["chance"],
            coefficient.capitalize(): [_text("{:.2f} [{:.2f}, {:.2f}]", v) for v in around],
            "without any one model": [_text("{:.2f} to {:.2f}", v) for v in moved],
        }
    )


def controlled(table: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """What `cood.analysis.metric_correlations.with_control` gives, for people."""
    name = coefficient.capitalize()
    shown = {
        name: table[[coefficient, "low", "high"]],
        f"{name} given ID accuracy": table[["partial", "partial_low", "partial_high"]],
    }
    texts = {
        title: [_text("{:.2f} [{:.2f}, {:.2f}]", row) for row in values.to_numpy(float)]
        for title, values in shown.items()
    }
    metric = table["metric"].str.replace("_", " ")
    columns = {"metric": metric, "space": table["space"], **texts}
    return pd.DataFrame(columns | {"p": table["p"], "p by Holm": table["holm"]})


def drawn(found: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """Rows that have the coefficient, or all of them if none has, so that a figure has its axes."""
    known = found[found[coefficient].notna()]
    return found if known.empty else known


SIDES = ["alone", "given ID accuracy"]


def sides(table: pd.DataFrame, coefficient: str) -> pd.DataFrame:
    """What `with_control` gives, as `cood.report.plots.figures.intervals` takes it; groups are `SIDES`.

    `name` is what a row is to be called.
    """
    columns = ([coefficient, "low", "high"], ["partial", "partial_low", "partial_high"])
    parts = [
        table[["name", *names]].set_axis(["model", "value", "low", "high"], axis=1).assign(group=g)
        for g, names in zip(SIDES, columns, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def survivors(table: pd.DataFrame, level: float = 0.05) -> str:
    """How many correlations are left after Holm's correction, and given ID accuracy, as a phrase.

    `table` is what `cood.analysis.metric_correlations.with_control` gives.
    """
    alone, corrected = ((table[name] < level).sum() for name in ("p", "holm"))
    sure = ((table["partial_low"] > 0) | (table["partial_high"] < 0)).sum()
    return (
        f"of {table['p'].notna().sum()} coefficients, {alone} have p below {level:g}, {corrected} "
        f"after Holm's correction for their number, and {sure} have an interval that excludes 0 "
        "once ID accuracy is held fixed"
    )


def without_any(found: Correlation, without: pd.DataFrame) -> str:
    """How far both coefficients move when any one model is left out, and which moves it most."""
    said = []
    for kind, moved in without.items():
        if moved.isna().all():
            return "not to be had from so few models"
        furthest = (moved - getattr(found, str(kind))).abs().idxmax()
        said.append(
            f"{str(kind).capitalize()} {moved.min():.2f} to {moved.max():.2f} "
            f"(furthest from {getattr(found, str(kind)):.2f} without {furthest})"
        )
    return ", ".join(said)


def _text(template: str, values: np.ndarray) -> str:
    return template.format(*values) if np.isfinite(values).all() else "-"
