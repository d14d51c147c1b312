"""The table of the authors on published CLIPs: tables, sentences and axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler

from cood.analysis.results import percent
from cood.analysis.topics.published import accuracy_table
from cood.analysis.topics.published.accuracy_table import LOADS, Statistic
from cood.analysis.topics.published.contrasts import curation
from cood.analysis.topics.published.effective_robustness import within_line
from cood.report.tables import styled


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
    """A row a statistic of a claim, with what its interval says."""
    return pd.DataFrame(
        {
            "claim": statistic.claim,
            "statistic": statistic.name,
            "value": str(statistic.estimate),
            "interval": statistic.reading,
            "models": statistic.n,
            "families": statistic.families,
        }
        for group in by_claim.values()
        for statistic in group
    )


def choices(chosen: Mapping[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """Correlations, line and odds ratio of claim C4 for each selection of rows and accuracies.

    The last row is the line within families of the first selection.
    """
    rows = []
    for name, models in chosen.items():
        plain, of_logits = accuracy_table.associations(models, seed)
        correlations = {
            "Pearson": str(plain.pearson),
            "Spearman": str(plain.spearman),
            "Pearson of logits": str(of_logits.pearson),
        }
        rows.append(_choice(name, models) | correlations)
    rows.append(_choice("line within families", next(iter(chosen.values())), within=True))
    return pd.DataFrame(rows)


def _choice(name: str, models: pd.DataFrame, *, within: bool = False) -> dict[str, object]:
    line = accuracy_table.line(models)
    shown = within_line(line) if within else line
    return {
        "rows": name,
        "models": line.n,
        "families": line.families,
        "C4, odds": str(accuracy_table.c4_difference(models, within=within).odds),
        "slope": str(shown.slope),
        "intercept": f"{shown.intercept.value:.2f}",
        "spread": shown.spread,
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


def describe_c4(models: pd.DataFrame) -> str:
    """The difference of claim C4 as odds, and what it says of a factor of ten, as a sentence."""
    difference, ranges = accuracy_table.c4_difference(models), accuracy_table.id_ranges(models)
    large, small = difference.sets
    reading = accuracy_table.c4_reading(difference.odds, ranges)
    if not (large and small):
        return f"This is {reading}."
    from_, to = (percent(accuracy) for accuracy in ranges)
    why = (
        f"models of large sets have an ID accuracy of at least {from_}, those of small sets of at "
        f"most {to}, so the line carries the comparison"
        if "extrapolation" in reading
        else "the ID accuracies of the two groups overlap"
    )
    return (
        f"The odds of large sets are {difference.odds} times those of small sets ({large} sets "
        f"against {small}; {difference.logits.families} families), {reading}: {why}."
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


def on_one_line(table: pd.DataFrame) -> Styler:
    """A styled table in which numbers and their intervals stay on one line."""
    wide = styled(table).set_table_attributes('class="dataframe intervals"')
    return wide.format(precision=2, na_rep="-")
