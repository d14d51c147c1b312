"""Effects of edits of embeddings on accuracy and on metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cood.analysis.results import Results
from cood.analysis.topics.interventions.effects import (
    BOTH_WAYS,
    FELL,
    NEITHER,
    ROSE,
    TESTS,
)
from cood.errors import StudyError
from cood.evaluation.interventions.edits import REMOVALS, REMOVE_RANDOM
from cood.evaluation.interventions.interventions import ACCURACIES
from cood.metrics.registry import metric_label
from cood.report.plots.style import MARKERS, WIDTH, add_legend, model_styles
from cood.report.plots.svg import Label, label_marks, with_interval
from cood.report.tables.formatting import MISSING, format_counts, with_list
from cood.report.topics.interventions.points import format_points

TITLES = {"pair_top1": "pair", "attribute_top1": "attribute", "object_top1": "object"}
POINTS = "change of accuracy (points)"
RANDOM = "random"  # directions of the control
MOST_INTERVALS = 30
LARGEST = 0  # stands for the largest dose of the study
SAME = 0.5 / 100  # change of an accuracy that rounding and ties may make
MOVED = 1e-3  # change of a metric that is reported

Edits = Mapping[str, tuple[str, float, str]]  # edit, dose and side, by name


def choose_dose(results: Results, pooled: pd.DataFrame, dose: int = LARGEST) -> int:
    """The number of removed directions that the page shows.

    Parameters
    ----------
    results, pooled
        The tables of the study, and what `effects` returns.
    dose
        One of the study's doses, or `LARGEST` for the largest at which attribute and object
        directions could both be removed.

    Raises
    ------
    StudyError
        If the study does not remove `dose` directions.
    """
    doses = results.study.interventions.doses if results.study.interventions else []
    if dose == LARGEST and doses:
        attribute, object_ = (
            set(pooled.loc[pooled["edit"] == f"remove {kind}", "dose"])
            for kind in ("attribute", "object")
        )
        return max((d for d in doses if d in attribute & object_), default=max(doses))
    if dose not in doses:
        raise StudyError(
            f"parameter dose: the study {results.study.name} removes {', '.join(map(str, doses))} "
            f"directions, not {dose}; choose one of these or {LARGEST} for the largest, or add "
            f"{dose} to `doses:` under `interventions:` in the study file"
        )
    return dose


def select_edits(dose: int) -> dict[str, tuple[str, float, str]]:
    """The edits that the page shows, by name: edit, dose and side of each.

    `dose` is the number of removed directions.
    """
    kinds = {**REMOVALS, REMOVE_RANDOM: RANDOM}
    removed = {
        f"{dose} {kind} directions removed": (edit, float(dose), "both")
        for edit, kind in kinds.items()
    }
    return removed | {
        "texts without interaction": ("additive", 1.0, "texts"),
        "texts with doubled interaction": ("additive", -1.0, "texts"),
        "texts minus the interaction of another text": ("shuffled", 1.0, "texts"),
        "centred": ("centre", 0.0, "both"),
        "whitened by 90 %": ("whiten", 0.9, "both"),
        "rotated": ("rotate", 0.0, "both"),
    }


def plot_effects(
    table: pd.DataFrame, pooled: pd.DataFrame, models: pd.DataFrame, shown: Edits, metric: str
) -> Figure:
    """A band an edit: a dot for each model, and a diamond for their mean.

    Up to `MOST_INTERVALS` models have intervals of their own; those of more would cover each other.

    All are differences to the unedited embeddings.

    Parameters
    ----------
    table, pooled
        What `cood.analysis.topics.interventions.effects.load_interventions` and `effects` return.
    models
        Table of models with `model`, `family` and what else is known of them.
    shown, metric
        What `select_edits` returns; which accuracy.
    """
    styles = model_styles(models)
    few = table["model"].nunique() <= MOST_INTERVALS
    figure, axes = plt.subplots(figsize=(WIDTH, 1.9 + 0.62 * len(shown)))
    for place, (name, cell) in enumerate(shown.items()):
        rows, mean = (_select(t, *cell, "unedited", metric) for t in (table, pooled))
        for height, row in zip(
            place + np.linspace(-0.36, 0.16, len(rows)), rows.itertuples(), strict=True
        ):
            colour = styles.colours[row.model]
            if few:
                axes.hlines(height, 100 * row.low, 100 * row.high, color=colour, lw=0.8, alpha=0.5)
            (dot,) = axes.plot(100 * row.value, height, "o", color=colour, markersize=3)
            label_marks(dot, Label(row.model, [*styles.lines[row.model], name], x=_in_points(row)))
        for row in mean.itertuples():
            axes.hlines(place + 0.32, 100 * row.low, 100 * row.high, color="0.15", lw=2.2)
            (dot,) = axes.plot(100 * row.value, place + 0.32, "D", color="0.15", markersize=6)
            label_marks(dot, Label(name, [f"mean over {row.n} models"], x=_in_points(row)))
    axes.set_yticks(range(len(shown)), list(shown))
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.axvline(0, color="0.3", linewidth=1)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel=POINTS)
    figure.suptitle("Do edits change accuracy on unseen compositions?", fontsize=12)
    add_legend(figure, styles, with_markers=False)
    return figure


def plot_dose_response(pooled: pd.DataFrame, side: str) -> Figure:
    """Mean change of three accuracies by dose: directions above, interactions of texts below.

    Parameters
    ----------
    pooled
        What `effects` returns.
    side
        Of the directions: ``images``, ``texts`` or ``both``.
    """
    pooled = pooled[pooled["against"] == "unedited"]
    kinds = [e for e in pooled["edit"].unique() if e in (*REMOVALS, REMOVE_RANDOM)]
    colours = dict(zip(kinds, sns.color_palette("colorblind", len(kinds)), strict=True))
    colours |= {"additive": sns.color_palette("colorblind")[4]}
    colours |= dict.fromkeys((REMOVE_RANDOM, "shuffled"), "0.45")
    figure, grid = plt.subplots(2, len(TITLES), figsize=(WIDTH, 6.4))
    rows = (
        ("directions removed", kinds, side),
        ("share of the interaction removed", ["additive", "shuffled"], "texts"),
    )
    for panels, (title, edits, where) in zip(grid, rows, strict=True):
        for axes, (metric, name) in zip(panels, TITLES.items(), strict=True):
            here = pooled[(pooled["side"] == where) & (pooled["metric"] == metric)]
            _plot_doses(axes, here, edits, colours, Label(name, axis_labels={"x": title}))
        panels[0].set_ylabel(POINTS, fontsize=10)
        panels[len(panels) // 2].set_xlabel(title, fontsize=9)  # three would touch
    for axes in grid[0]:
        doses = pooled.loc[(pooled["side"] == side) & pooled["edit"].isin(kinds), "dose"]
        if len(doses):
            axes.set_xticks([0, *sorted(doses.unique())])
            axes.xaxis.set_major_formatter("{x:g}")
    handles = [handle for line in grid for handle in line[0].get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    figure.suptitle("Does the effect grow with the dose?", fontsize=12)
    return figure


def _plot_doses(
    axes: Axes, table: pd.DataFrame, edits: Sequence[str], colours: Mapping[str, Any], panel: Label
) -> None:
    """A line an edit with the interval as a band; `panel` has the title and the label of x."""
    axis_labels = {**panel.axis_labels, "y": POINTS}
    for marker, edit in zip(MARKERS, edits, strict=False):
        part = table.loc[table["edit"] == edit, ["dose", "value", "low", "high"]]
        points = np.vstack([part.to_numpy(float), np.zeros(4)])  # a dose of 0 changes nothing
        x, y, low, high = points[np.argsort(points[:, 0])].T
        (line,) = axes.plot(x, 100 * y, f"{marker}-", color=colours[edit], markersize=5, label=edit)
        along = zip(x, 100 * y, strict=True)
        label_marks(line, *(Label(edit, [panel.name], [a], [b], axis_labels) for a, b in along))
        axes.fill_between(x, 100 * low, 100 * high, color=colours[edit], alpha=0.15, lw=0)
    axes.axhline(0, color="0.3", linewidth=1)
    axes.set_title(panel.name, fontsize=11)


def effect_table(pooled: pd.DataFrame, shown: Edits) -> pd.DataFrame:
    """A row an edit: mean changes of the accuracies, and of the first relative to its control.

    In points, and in brackets as a share of the accuracy before the edit.
    """
    rows = []
    for name, cell in shown.items():
        row = {"edit": name}
        for against, heading, metrics in (
            ("unedited", "", ACCURACIES),
            ("control", " relative to control", ACCURACIES[:1]),
        ):
            for metric in metrics:
                effect = _select(pooled, *cell, against, metric)
                row[f"{TITLES[metric]}{heading}"] = _with_relative(effect)
        counts = _select(pooled, *cell, "unedited", ACCURACIES[0])[["up", "down", "n"]].to_numpy()
        text = "{} up, {} down of {}".format(*counts[0]) if len(counts) else MISSING
        row["models with a significant change (pair)"] = text
        rows.append(row)
    return pd.DataFrame(rows)


def check_table(pooled: pd.DataFrame, dose: int, largest: float) -> pd.DataFrame:
    """Whether edits do what they must do, a row a check.

    Parameters
    ----------
    pooled
        What `effects` returns.
    dose
        Number of removed directions.
    largest
        Largest change of an accuracy by a rotation, as `rotation` returns it.

    Returns
    -------
    pandas.DataFrame
        `check`, `edit` and `control` (change of the accuracy in points, and as a share of the
        accuracy before), their `difference`, and `passed`: ``yes`` or ``no``. Checks whose edit
        was not possible are left out.
    """
    rows = []
    for kind in ("attribute", "object"):
        metric = f"{kind}_top1"
        name = next(edit for edit, removed in REMOVALS.items() if removed == kind)
        edit, control, difference = (
            _select(pooled, one, float(dose), "both", against, metric)
            for one, against in (
                (name, "unedited"),
                (REMOVE_RANDOM, "unedited"),
                (name, "control"),
            )
        )
        if edit.empty or control.empty or difference.empty:
            continue
        rows.append(
            {
                "check": f"removing {dose} {kind} directions lowers {kind} accuracy by more than "
                "removing random ones",
                "edit": _with_relative(edit),
                "control": _with_relative(control),
                "difference": _with_relative(difference),
                "passed": "yes" if difference["high"].iloc[0] < 0 else "no",
            }
        )
    if np.isfinite(largest):
        rows.append(
            {
                "check": "a common rotation of images and texts changes no accuracy",
                "edit": f"at most {100 * largest:.2g} points",
                "control": MISSING,
                "difference": MISSING,
                "passed": "yes" if largest <= SAME else "no",
            }
        )
    return pd.DataFrame(rows, columns=["check", "edit", "control", "difference", "passed"])


def describe_checks(checks: pd.DataFrame) -> str:
    """How many checks passed, and what failed ones mean, as sentences."""
    if checks.empty:
        return "No edit could be checked."
    failed = checks.loc[checks["passed"] == "no", "check"]
    if failed.empty:
        return f"All {len(checks)} checks passed: the edits do what they must do."
    return (
        f"{len(checks) - len(failed)} of {len(checks)} checks passed. Failed: "
        f"{'; '.join(failed)}. An edit that fails is not specific, and no other result of this "
        "page can be interpreted as an effect of what it was meant to change."
    )


def describe_effects(pooled: pd.DataFrame, shown: Edits, metric: str) -> HTML:
    """Change of an accuracy by each edit, and relative to the control of the edit, as a list."""
    items, significant = [], 0
    for name, cell in shown.items():
        change, relative = (_select(pooled, *cell, a, metric) for a in ("unedited", "control"))
        if cell[0] in TESTS and len(relative):
            items.append(
                f"{name.capitalize()}: {_with_relative(change)}; minus the change by the control: "
                f"{_with_relative(relative)}."
            )
            significant += bool((relative["low"] > 0).iloc[0] or (relative["high"] < 0).iloc[0])
    if not items:
        return with_list("No edit of this kind was possible.", [])
    first = (
        f"{significant} of {len(items)} edits change {TITLES[metric]} accuracy significantly more "
        "or less than their control does"
    )
    if not significant:
        first += ", so they give no evidence that accuracy depends on what they change"
    return with_list(f"{first}. The change, in percentage points:", items)


def describe_agreement(table: pd.DataFrame, counted: pd.DataFrame) -> str:
    """How often edits change a metric and accuracy in the same direction, as sentences.

    `table` and `counted` are what `cood.analysis.topics.interventions.effects.agreement` and
    `count_edits` return.
    """
    finite = table.dropna(subset=["value"])
    above, below = (finite["low"] > 0).sum(), (finite["high"] < 0).sum()
    more = counted[counted["more"] > 0]
    ways = [f"in {(more['accuracy'] == way).sum()} {way}" for way in (ROSE, FELL, BOTH_WAYS)]
    names = ", ".join(f"{row.edit} of {row.side}" for row in more.itertuples())
    listed = f" ({names})" if len(more) else ""
    return (
        "Over the edits of a model, the changes of a metric and of accuracy correlate "
        f"significantly positively, as the claim predicts, for {above} of {len(finite)} pairs of a "
        f"metric and a side, and significantly negatively for {below}. Counted once each, at all "
        f"doses, {len(more)} of {len(counted)} edits make codes more disentangled than their "
        f"control does at some dose{listed}. Accuracy at these doses {', '.join(ways)}, and did "
        f"not change significantly in {(more['accuracy'] == NEITHER).sum()}."
    )


def count_table(counted: pd.DataFrame) -> pd.DataFrame:
    """What `cood.analysis.topics.interventions.effects.count_edits` returns, for readers."""
    doses = counted["more"].astype(str) + " of " + counted["doses"].astype(str)
    return pd.DataFrame(
        {
            "edit": counted["edit"],
            "of": counted["side"],
            "doses at which codes are more disentangled": doses,
            "accuracy at these doses": counted["accuracy"],
        }
    )


def describe_rotation(largest: float, metrics: pd.Series) -> str:
    """What a common rotation of images and texts changes, as a sentence.

    `largest` and `metrics` are what `cood.analysis.topics.interventions.effects.rotation` returns.
    """
    if not np.isfinite(largest):
        return "No rotation was computed."
    size = f"by more than {100 * largest:.2g} points" if largest > 0 else "at all"
    text = f"A common rotation of images and texts changes no accuracy {size}"
    moved = metrics[metrics > MOVED].sort_values(ascending=False)
    if moved.empty:
        return f"{text}, and no metric."
    named = [f"{metric_label(m)} of {space}s by {v:.3f}" for (space, m), v in moved.items()]
    return (
        f"{text}, but it changes these metrics, in the mean over models: {', '.join(named)}. Their "
        "values therefore depend on the choice of axes, not only on the geometry of the embeddings."
    )


def describe_samples(results: Results, table: pd.DataFrame) -> str:
    """Which compositions edits are fitted on and evaluated on, as a sentence."""
    counts = table.loc[table["metric"] == ACCURACIES[0], "n"]
    images = format_counts(counts) if len(counts) else "0"
    text = (
        "Edits are fitted on images and texts of compositions that the model has seen, and "
        "evaluated on those that it has not seen"
        if results.study.trained
        else "No composition counts as seen here, so edits are fitted on a random half of the "
        "compositions and evaluated on the other half"
    )
    return f"{text} ({images} images of the first set, {table['model'].nunique()} models)."


def _select(
    table: pd.DataFrame, edit: str, dose: float, side: str, against: str, metric: str
) -> pd.DataFrame:
    where = {"edit": edit, "dose": dose, "side": side, "against": against, "metric": metric}
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def _in_points(row: Any) -> list[float]:
    return with_interval(100 * np.array([row.value, row.low, row.high]))


def _with_relative(effect: pd.DataFrame) -> str:
    """Change in points, and as a share of the accuracy before in brackets."""
    if effect.empty:
        return MISSING
    row = effect.iloc[0]
    share = f" ({100 * row['relative']:+.0f} %)" if np.isfinite(row["relative"]) else ""
    return f"{_format(row)}{share}"


def _format(row: pd.Series) -> str:
    return format_points(row["value"], row["low"], row["high"])
