"""The authors' own table for people: tables, sentences and axes of the page `published`."""

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
from cood.analysis.stats.regression import Coefficient, Line, mixed, within_families
from cood.analysis.topics.published import accuracy_table as published
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
    """Draw the line behind the points, as far as they reach."""
    ends = np.array([line.models["x"].min(), line.models["x"].max()])
    left, right = axes.get_xlim()
    ends = ends.clip(left, right)
    plots.add_line(axes, ends, line.intercept.value + line.slope.value * ends, "")


def add_chance(axes: Axes, top: int) -> None:
    """Mark what guessing would reach in and out of distribution."""
    inside, outside = (logit(top / n) for n in (published.ID_CLASSES, published.OOD_CLASSES))
    axes.axvline(inside, color="0.5", linestyle=":", linewidth=1)
    axes.axhline(outside, color="0.5", linestyle=":", linewidth=1)
    axes.annotate("chance", (inside, outside), (4, 4), textcoords="offset points", fontsize=8)


def add_reference(axes: Axes, factor: float) -> None:
    """Mark no difference, and odds that differ by a factor, on an axis of logits."""
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
    """Rows of the table that some choice of rows leaves out, and why."""
    taken = {name: set(published.working(table, name)["model"]) for name in LOADS}
    rows = table[~table["model"].isin(taken["apart"])]
    why = rows["removed"].where(~rows["wrong_activation"], "weights of QuickGELU with plain GELU")
    why = why.where(why != "", "the epoch before the last of a run")
    lacking = [[c for c in LOADS if model not in taken[c]] for model in rows["model"]]
    left_out = [", ".join(names) if len(names) < len(LOADS) else "any" for names in lacking]
    return pd.DataFrame({"load": rows["model"], "not in": left_out, "why": why})


def statistics(found: Mapping[str, Sequence[Statistic]]) -> pd.DataFrame:
    """A row a statistic of a claim, with its verdict."""
    return pd.DataFrame(
        {
            "claim": one.claim,
            "statistic": one.name,
            "value": str(one.estimate),
            "verdict": one.verdict,
            "holds above": f"{one.against:g}",
            "models": one.n,
            "sets": one.sets,
        }
        for group in found.values()
        for one in group
    )


def choices(chosen: Mapping[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """Correlations, line and the odds of claim C4 for each choice of rows and accuracies.

    Last comes the line of a mixed model of the first choice, which runs within pools.
    """
    rows = []
    for name, models in chosen.items():
        plain, of_logits = published.associations(models, seed)
        line = published.line(models)
        correlations = {
            "Pearson": _pearson(plain),
            "Spearman": _spearman(plain),
            "Pearson of logits": _pearson(of_logits),
        }
        rows.append(_choice(name, published.line(models), models) | correlations)
    first = next(iter(chosen.values()))
    line = published.line(first)
    rows.append(_choice("line within pools", within_families(line, mixed(line)), first))
    return pd.DataFrame(rows)


def _choice(name: str, line: Line, models: pd.DataFrame) -> dict[str, object]:
    return {
        "rows": name,
        "models": line.n,
        "pools": line.families,
        "C4, odds": str(published.c4_difference(line, models).odds),
        "slope": str(line.slope),
        "intercept": str(line.intercept),
        "spread": line.spread,
    }


def by_set(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Effective robustness from several lines as `cood.report.plots.interval_rows` takes it.

    Sets come in the order of the first line.
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
    said = []
    for row in (table.iloc[0], table.iloc[-1]):
        ratio = Coefficient(row["ratio"], row["ratio_low"], row["ratio_high"])
        said.append(f"{row['set']} has {ratio} times the OoD accuracy of the line")
    return ", and ".join(said)


def apart(found: Difference) -> str:
    """The difference of claim C4 as odds and accuracies, as a phrase."""
    return (
        f"{found.logits} logits, {found.odds} times the odds, which at an ID accuracy of "
        f"{percent(found.at)} is {found.ratio} times the accuracy ({found.sets[0]} sets against "
        f"{found.sets[1]})"
    )


def sampling(models: pd.DataFrame) -> str:
    """What the number of images alone leaves open of an accuracy, as a sentence."""
    error = np.sqrt(models["ood"] * (1 - models["ood"]) / published.OOD_IMAGES)
    in_logits = error / (models["ood"] * (1 - models["ood"]))
    return (
        f"Were images independent, chance in drawing them would move OoD accuracy by "
        f"{100 * error.max():.1f} points at most (standard error; {in_logits.median():.3f} logits "
        "in the median model), so what the line leaves is not that."
    )


def noise(n: int, floor: float) -> str:
    """The noise floor from two epochs of the same run, as a sentence."""
    if not n:
        return "These rows hold no two epochs of one run, so they show no noise floor."
    return (
        f"The two epochs of {n} pairs (e31 and e32 of LAION-400M) differ by a standard deviation "
        f"of {floor:.4f} logits of effective robustness. That is the least noise there can be: "
        "two runs would differ by more, and no run was repeated."
    )


def contrasts(table: pd.DataFrame) -> Styler:
    """A row a comparison: how far models lie apart that share all but one thing.

    Where a comparison is one of pairs only, a row stands for all of them.
    """
    groups = table.groupby(["contrast", "fixed"], sort=False)
    found = pd.DataFrame(
        {
            "models": groups.size(),
            "points": 100 * groups["ood"].agg(np.ptp),
            "logits": groups["residual"].agg(np.ptp),
        }
    ).reset_index()
    pairs = found.groupby("contrast")["models"].transform("max") == 2
    several = found[pairs].groupby("contrast", sort=False)
    merged = several[["points", "logits"]].max().assign(models=several["models"].sum())
    merged["fixed"] = several.size().map("{} pairs, the furthest apart".format)
    shown = pd.concat([found[~pairs], merged.reset_index()], ignore_index=True)
    names = {
        "contrast": "what differs",
        "fixed": "what is the same",
        "points": "OoD apart (points)",
        "logits": "robustness apart (logits)",
    }
    about = on_one_line(shown.rename(columns=names))
    return about.format({names["points"]: "{:.1f}"}, precision=3)


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
    """What sizes say of OoD accuracy, alone and given ID accuracy."""
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
    """A table for people in which numbers and their intervals stay on one line."""
    wide = styled(table).set_table_attributes('class="dataframe intervals"')
    return wide.format(precision=2, na_rep="-")


def _pearson(found: Correlation) -> str:
    return str(Coefficient(found.pearson, found.low, found.high))


def _spearman(found: Correlation) -> str:
    return str(Coefficient(found.spearman, found.spearman_low, found.spearman_high))
