"""The table of the authors on published CLIPs: tables, sentences and axes of its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator
from pandas.io.formats.style import Styler
from scipy.special import logit

from cood.analysis.results import percent
from cood.analysis.stats.correlation import Correlation
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import Line, mixed, within_families
from cood.analysis.topics.published import accuracy_table
from cood.analysis.topics.published.accuracy_table import LOADS, Statistic
from cood.analysis.topics.published.contrasts import curation
from cood.analysis.topics.published.effective_robustness import Difference
from cood.report import plots
from cood.report.plots.svg import LogitFormatter
from cood.report.tables import styled

COARSE = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9)
FINE = (0.01, 0.05, *(i / 20 for i in range(2, 20)))


def logits(values: pd.Series) -> pd.DataFrame:
    """Accuracies as `cood.report.plots.model_scatter` takes them, for `logit_axes`."""
    return pd.DataFrame({"value": logit(values)})


def logit_axes(axes: Axes) -> None:
    """Write the percentages that logits stand for."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = axis.get_view_interval()
        ticks = COARSE if high - low > 3 else FINE
        axis.set_major_locator(FixedLocator(logit(np.array(ticks)).tolist()))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(LogitFormatter())


def add_line(axes: Axes, line: Line) -> None:
    """Draw the line behind the points, over their range."""
    ends = np.array([line.models["x"].min(), line.models["x"].max()])
    left, right = axes.get_xlim()
    ends = ends.clip(left, right)
    plots.add_line(axes, ends, line.intercept.value + line.slope.value * ends, "")


def add_chance(axes: Axes, top: int) -> None:
    """Mark chance accuracy in and out of distribution."""
    inside, outside = (
        logit(top / n) for n in (accuracy_table.ID_CLASSES, accuracy_table.OOD_CLASSES)
    )
    axes.axvline(inside, color="0.5", linestyle=":", linewidth=1)
    axes.axhline(outside, color="0.5", linestyle=":", linewidth=1)
    axes.annotate("chance", (inside, outside), (4, 4), textcoords="offset points", fontsize=8)


def add_reference(axes: Axes, factor: float) -> None:
    """Mark no difference, and odds ratios of a factor and its inverse, on an axis of logits."""
    axes.axvline(0, color="0.3", linewidth=1, zorder=0)
    top = axes.get_ylim()[1]
    for sign, text in ((1, f"{factor:g} times the odds"), (-1, f"a {factor:g}th of them")):
        axes.axvline(sign * np.log(factor), color="0.5", linestyle=":", linewidth=1, zorder=0)
        axes.annotate(
            text,
            (sign * np.log(factor), top),
            (-4 * sign, -4),
            textcoords="offset points",
            fontsize=8,
            color="0.35",
            rotation=90,
            ha="right" if sign > 0 else "left",
            va="top",
        )


def remarks(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table that some selection excludes, and why."""
    selected = {name: set(accuracy_table.working(table, name)["model"]) for name in LOADS}
    rows = table[~table["model"].isin(selected["apart"])]
    why = rows["removed"].where(~rows["wrong_activation"], "weights of QuickGELU with plain GELU")
    why = why.where(why != "", "an epoch before the last of a run")
    lacking = [[c for c in LOADS if model not in selected[c]] for model in rows["model"]]
    excluded = [", ".join(names) if len(names) < len(LOADS) else "any" for names in lacking]
    return pd.DataFrame({"load": rows["model"], "not in": excluded, "why": why})


def statistics(by_claim: Mapping[str, Sequence[Statistic]]) -> pd.DataFrame:
    """A row a statistic of a claim, with its verdict."""
    return pd.DataFrame(
        {
            "claim": statistic.claim,
            "statistic": statistic.name,
            "value": str(statistic.estimate),
            "verdict": statistic.verdict,
            "holds above": f"{statistic.threshold:g}",
            "models": statistic.n,
            "sets": statistic.sets,
        }
        for group in by_claim.values()
        for statistic in group
    )


def choices(chosen: Mapping[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """Correlations, line and odds ratio of claim C4 for each selection of rows and accuracies.

    The last row is the line within pools, of a mixed model of the first selection.
    """
    rows = []
    for name, models in chosen.items():
        plain, of_logits = accuracy_table.associations(models, seed)
        line = accuracy_table.line(models)
        correlations = {
            "Pearson": _pearson(plain),
            "Spearman": _spearman(plain),
            "Pearson of logits": _pearson(of_logits),
        }
        rows.append(_choice(name, line, models) | correlations)
    first = next(iter(chosen.values()))
    line = accuracy_table.line(first)
    rows.append(_choice("line within pools", within_families(line, mixed(line)), first))
    return pd.DataFrame(rows)


def _choice(name: str, line: Line, models: pd.DataFrame) -> dict[str, object]:
    return {
        "rows": name,
        "models": line.n,
        "pools": line.families,
        "C4, odds": str(accuracy_table.c4_difference(line, models).odds),
        "slope": str(line.slope),
        "intercept": str(line.intercept),
        "spread": line.spread,
    }


def by_set(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Effective robustness from several lines as `cood.report.plots.interval_rows` takes it.

    Sets are in the order of the first line.
    """
    rows = [
        table.assign(
            model=table["set"] + " (" + table["n"].astype(str) + ")",
            value=table["residual"],
            group=name,
        )
        for name, table in parts.items()
    ]
    return pd.concat(rows, ignore_index=True)


def widest(table: pd.DataFrame) -> str:
    """The sets furthest above and below the line, with the ratio of accuracies, as a phrase."""
    phrases = []
    for row in (table.iloc[0], table.iloc[-1]):
        ratio = Estimate(row["ratio"], row["ratio_low"], row["ratio_high"])
        phrases.append(f"{row['set']} has {ratio} times the OoD accuracy of the line")
    return ", and ".join(phrases)


def apart(difference: Difference) -> str:
    """The difference of claim C4 as odds and accuracies, as a phrase."""
    large, small = difference.sets
    return (
        f"{difference.logits} logits, an odds ratio of {difference.odds}, which at an ID accuracy "
        f"of {percent(difference.at)} is {difference.ratio} times the accuracy ({large} sets "
        f"against {small})"
    )


def sampling(models: pd.DataFrame) -> str:
    """The sampling error of an accuracy from the number of images, as a sentence."""
    error = np.sqrt(models["ood"] * (1 - models["ood"]) / accuracy_table.OOD_IMAGES)
    in_logits = error / (models["ood"] * (1 - models["ood"]))
    return (
        f"If images were independent, the standard error of OoD accuracy from sampling them would "
        f"be at most {100 * error.max():.1f} points ({in_logits.median():.3f} logits in the median "
        "model), which is too little to explain the residuals of the line."
    )


def noise(n: int, floor: float) -> str:
    """The noise floor from two epochs of the same run, as a sentence."""
    if not n:
        return "These rows have no two epochs of a run, from which to estimate a noise floor."
    return (
        f"The two epochs of {n} pairs (e31 and e32 of LAION-400M) differ by a standard deviation "
        f"of {floor:.4f} logits of effective robustness. That is a lower bound of the noise "
        "between runs, as no run was repeated."
    )


def contrasts(table: pd.DataFrame) -> Styler:
    """A row a contrast: the range of models that differ in one property.

    Contrasts that consist of pairs only are summarised in one row.
    """
    groups = table.groupby(["contrast", "fixed"], sort=False)
    ranges = pd.DataFrame(
        {
            "models": groups.size(),
            "points": 100 * groups["ood"].agg(np.ptp),
            "logits": groups["residual"].agg(np.ptp),
        }
    ).reset_index()
    pairs = ranges.groupby("contrast")["models"].transform("max") == 2
    several = ranges[pairs].groupby("contrast", sort=False)
    merged = several[["points", "logits"]].max().assign(models=several["models"].sum())
    merged["fixed"] = several.size().map("{} pairs, the largest difference".format)
    shown = pd.concat([ranges[~pairs], merged.reset_index()], ignore_index=True)
    names = {
        "contrast": "what differs",
        "fixed": "what is the same",
        "points": "OoD range (points)",
        "logits": "robustness range (logits)",
    }
    table = on_one_line(shown.rename(columns=names))
    return table.format({names["points"]: "{:.1f}"}, precision=3)


def ladder(models: pd.DataFrame) -> Styler:
    """OoD accuracy, and `residual` in logits, by filter and scale of CommonPool."""
    accuracy, robust = (curation(models, c)[0] for c in ("ood", "residual"))
    shown = pd.DataFrame(
        {
            scale: [
                f"{percent(a)} ({r:+.2f})" if np.isfinite(a) else "-"
                for a, r in zip(accuracy[scale], robust[scale], strict=True)
            ]
            for scale in accuracy
        }
    )
    shown.insert(0, "filter", accuracy.index)
    return on_one_line(shown)


def sizes(table: pd.DataFrame) -> Styler:
    """Associations of sizes with OoD accuracy, plain and given ID accuracy."""
    shown = pd.DataFrame(
        {
            "size": table["size"],
            "models": table["n"],
            "Spearman": table["alone"].map(_spearman),
            "Spearman given ID": table["given"].map(_spearman),
            "Pearson given ID": table["given"].map(_pearson),
            "logits a doubling, given ID": table["per_doubling"].map(str),
            "and given the first three": [str(c) if c else "-" for c in table["jointly"]],
        }
    )
    return on_one_line(shown)


def on_one_line(table: pd.DataFrame) -> Styler:
    """A styled table in which numbers and their intervals stay on one line."""
    wide = styled(table).set_table_attributes('class="dataframe intervals"')
    return wide.format(precision=2, na_rep="-")


def _pearson(correlation: Correlation) -> str:
    return str(correlation.pearson)


def _spearman(correlation: Correlation) -> str:
    return str(correlation.spearman)
