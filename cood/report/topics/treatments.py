"""The page of the treatments: tables, figures and sentences."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cood.analysis.stats.regression.instrumental import LINE, Rays, covers
from cood.analysis.topics.treatments.contrasts import (
    SIGNS,
    SPACES,
    TARGETS,
    TOGETHER,
    Arms,
    measure_name,
)
from cood.analysis.topics.treatments.instruments import adjusted_outcome
from cood.report.plots.intervals import interval_rows
from cood.report.plots.style import WIDTH
from cood.report.plots.svg import Label, label_marks
from cood.report.tables.formatting import MISSING, format_estimate
from cood.settings import PLACEBO

LEVEL = 0.05
WEAK = 10.0  # F of the first stage, below which instruments are called weak
NAMES = {"cood": "C-OoD (y1)", "gap": "the gap (y2)", "id": "ID (y0)"}
NOUNS = {
    "cood": "on unseen compositions (y1)",
    "gap": "relative to seen ones (the gap, y2)",
    "id": "on seen compositions (y0)",
}
VERDICT_OUTCOMES = ("cood", "gap")  # of claim C15
MEASURES = {
    "orthogonality": "mean |cos| of attribute and object vectors, as a multiple of chance",
    "r2": "R² of sums of word vectors",
}
SHORT = {"orthogonality": "mean |cos|, multiple of chance", "r2": "R² of sums of word vectors"}
ARM_COLOURS = {"treatment": "#2b6a99", "placebo": "0.5"}
NO_TREATMENTS = (
    "No treatment of this study was given to some models and its placebo to others, so their "
    "difference cannot be estimated."
)
NO_DESIGN = "The study has no design, so no model of an arm could diverge."


def effect_names(table: pd.DataFrame) -> pd.Series:
    """Name of the contrast of each row of a table of effects, with its numbers of models."""
    counts = table["treated"].astype(str) + " against " + table["placebo"].astype(str)
    return table["contrast"] + " (" + counts + ")"


def format_p(p: float) -> str:
    """A p of permutations as text.

    Examples
    --------
    >>> format_p(0.0312), format_p(0.00005), format_p(float("nan"))
    ('p = 0.031', 'p < 0.001', 'no p')
    """
    if not np.isfinite(p):
        return "no p"
    return f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"


def plot_reduced_form(effects: pd.DataFrame) -> Figure:
    """A row a contrast: treatment minus placebo in each outcome, with its interval."""
    if effects.empty:
        return _notice(NO_TREATMENTS)
    names = effects["number"].map(NAMES)
    figure = interval_rows(
        effects.assign(model=effect_names(effects), group=names),
        list(names.unique()),
        "treatment minus placebo (log odds)",
    )
    axes = figure.axes[0]
    axes.axvline(0, color="0.3", linewidth=1)
    rows = effects["contrast"].nunique()
    axes.set_ylim(rows - 0.4, -0.6)
    figure.set_figheight(1.8 + 0.6 * rows)
    figure.suptitle("Does disentangling at random make models compose?", fontsize=12)
    return figure


def effect_table(effects: pd.DataFrame) -> pd.DataFrame:
    """A row a contrast and outcome or measure: difference, partial correlation, p and models."""
    if effects.empty:
        return pd.DataFrame([{"treatment": NO_TREATMENTS}])
    three = effects[["value", "low", "high"]].to_numpy(float)
    partial = effects[["r", "r_low", "r_high"]].to_numpy(float)
    return pd.DataFrame(
        {
            "treatment": effects["contrast"],
            "of": effects["number"].replace(NAMES),
            "treatment minus placebo": [format_estimate(*row) for row in three],
            "partial correlation": [format_estimate(*row) for row in partial],
            "p": [f"{p:.2g}" if np.isfinite(p) else MISSING for p in effects["p"]],
            "treated / placebo": effects["treated"].astype(str)
            + " / "
            + effects["placebo"].astype(str),
        }
    )


def describe_reduced_form(effects: pd.DataFrame) -> str:
    """Whether models compose better with the treatments than with the placebos, as sentences."""
    if effects.empty:
        return NO_TREATMENTS
    main = effects[effects["contrast"] == _main(effects)].set_index("number")
    decisive = main.loc[[name for name in VERDICT_OUTCOMES if name in main.index]]
    if decisive["value"].isna().any():
        return "Models are too few to estimate the difference between treatments and placebos."
    parts = [f"{_odds(row)} {NOUNS[str(name)]}" for name, row in decisive.iterrows()]
    ways = [int(np.sign(row["value"]) * (row["p"] < LEVEL)) for _, row in decisive.iterrows()]
    several = _main(effects) == TOGETHER
    treatment = "treatments" if several else f"penalty on {_main(effects)}"
    placebo = "placebos" if several else "placebo"
    between = f"between the {treatment} and the {placebo}"
    if all(way > 0 for way in ways) or all(way < 0 for way in ways):
        better = "better" if ways[0] > 0 else "worse"
        answer = f"Models compose {better} with the {treatment} than with the {placebo}"
    elif not any(ways):
        answer = f"No difference in composing is shown {between}"
    elif 0 in ways:
        answer = f"Only one of the two outcomes differs significantly {between}"
    else:
        answer = f"The two outcomes differ in opposite directions {between}"
    first = decisive.iloc[0]
    return (
        f"{answer} ({first['treated']} against {first['placebo']} models). With the {treatment}, "
        f"the odds of a right answer are multiplied by {' and '.join(parts)}."
    )


def plot_first_stage(effects: pd.DataFrame) -> Figure:
    """A panel a measure: treatment minus placebo, a row a contrast and space."""
    if effects.empty:
        return _notice(NO_TREATMENTS)
    rows = [(c, space) for c in _single(effects) for space in SPACES]
    height = 1.8 + 0.35 * len(rows)
    figure, panels = plt.subplots(1, len(SHORT), figsize=(WIDTH, height), sharey=True)
    for axes, (metric, title) in zip(panels, SHORT.items(), strict=True):
        for place, (name, space) in enumerate(rows):
            is_target = TARGETS.get(name) == metric
            colour = ARM_COLOURS["treatment"] if is_target else "0.5"
            row = _row(effects, name, measure_name(metric, space))
            axes.hlines(place, row["low"], row["high"], color=colour, linewidth=1.8)
            (dot,) = axes.plot(row["value"], place, "o", color=colour, markersize=6)
            lines = ["what it penalises" if is_target else "the other measure"]
            label_marks(dot, Label(f"{name}, {space}s", lines, x=list(_three(row))))
        axes.axvline(0, color="0.3", linewidth=1)
        better = "left" if SIGNS[metric] < 0 else "right"
        axes.set_title(f"{title}\n({better}: more disentangled)", fontsize=9)
        axes.set_xlabel("treatment minus placebo", fontsize=9)
        axes.grid(axis="y", visible=False)
        axes.locator_params(axis="x", nbins=4)
    panels[0].set_yticks(range(len(rows)), [f"{name}, {space}s" for name, space in rows])
    panels[0].set_ylim(len(rows) - 0.4, -0.6)
    figure.suptitle("Did the treatments change what they penalise?", fontsize=12)
    return figure


def describe_first_stage(effects: pd.DataFrame) -> str:
    """Whether each treatment moved what it penalises, and the other measure, as sentences."""
    if effects.empty:
        return NO_TREATMENTS
    sentences = []
    for name in _single(effects):
        target = TARGETS[name]
        parts, took = [], []
        for space in SPACES:
            row = _row(effects, name, measure_name(target, space))
            took.append(SIGNS[target] * row["value"] > 0 and row["p"] < LEVEL)
            parts.append(f"{space}s {format_estimate(*_three(row))} ({format_p(row['p'])})")
        answers = {2: "changed its target in images and texts", 0: "did not change its target"}
        only = [s for s, moved in zip(SPACES, took, strict=True) if moved]
        answer = answers.get(sum(took), f"changed its target in {''.join(only)}s only")
        also = [
            f"{m} of {space}s ({'more' if SIGNS[m] * row['value'] > 0 else 'less'} disentangled)"
            for m in MEASURES
            for space in SPACES
            for row in [_row(effects, name, measure_name(m, space))]
            if m != target and row["p"] < LEVEL
        ]
        more = f"also changed {' and '.join(also)}" if also else "did not change the other measure"
        sentences.append(
            f"The penalty on {name} {answer}: its target is the {MEASURES[target]}, and the "
            f"difference from the placebo is, in {' and in '.join(parts)}. It {more} significantly."
        )
    return " ".join(sentences)


def format_set(found: Rays) -> str:
    """A confidence set as text.

    Examples
    --------
    >>> inf = float("inf")
    >>> format_set(((0.1, 0.5),)), format_set(((-inf, -1.0), (2.0, inf))), format_set(())
    ('[0.10, 0.50]', 'up to -1.00, or from 2.00', 'empty')
    """
    if not found:
        return "empty"
    if found == LINE:
        return "all numbers"
    return ", or ".join(_interval(low, high) for low, high in found)


def instrumental_table(table: pd.DataFrame) -> pd.DataFrame:
    """What `instrumental_estimates` returns, for readers."""
    if table.empty:
        return pd.DataFrame([{"instruments": NO_TREATMENTS}])
    found = table["found"]
    return pd.DataFrame(
        {
            "instruments": table["instruments"],
            "through": table["metric"] + " of " + table["space"] + "s",
            "outcome": table["outcome"].map(NAMES),
            "effect of one SD (two-stage)": [
                format_estimate(f.estimate.value, f.estimate.low, f.estimate.high) for f in found
            ],
            "Anderson-Rubin set": [format_set(f.confidence_set) for f in found],
            "first stage, F": [f"{f.strength:.1f}" for f in found],
            "p, same effect by all instruments": [
                f"{f.overidentified_p:.2g}" if np.isfinite(f.overidentified_p) else MISSING
                for f in found
            ],
        }
    )


def describe_instrumental(table: pd.DataFrame) -> str:
    """How strong the instruments are, and what the confidence sets exclude, as sentences."""
    if table.empty:
        return ""
    found = table["found"]
    strong = sum(f.strength >= WEAK for f in found)
    above = sum(bool(f.confidence_set) and min(a for a, _ in f.confidence_set) > 0 for f in found)
    below = sum(bool(f.confidence_set) and max(b for _, b in f.confidence_set) < 0 for f in found)
    empty = sum(not f.confidence_set for f in found)
    without = sum(not covers(f.confidence_set, 0.0) for f in found)
    endless = sum(any(np.isinf(end) for part in f.confidence_set for end in part) for f in found)
    against = sum(f.overidentified_p < LEVEL for f in found)
    sides = "No Anderson-Rubin set excludes an effect of 0"
    if without:
        sides = (
            f"The Anderson-Rubin set excludes an effect of 0 in {without}: it lies above 0 in "
            f"{above} (being more disentangled helps) and below 0 in {below}"
        )
    return (
        f"Of {len(table)} estimates, {strong} have a first stage with F of {WEAK:.0f} or more. "
        f"{sides}. The set is unbounded in {endless} and empty in {empty}. The instruments of one "
        f"estimate contradict each other (p < {LEVEL}) in {against}. The estimates share models, "
        "so these counts are not independent, and they are not corrected for their number."
    )


def plot_doses(drawn: Arms, outcomes: pd.DataFrame) -> Figure:
    """A panel a penalty and outcome: outcome against strength, with treatment and placebo."""
    names = [name for name in VERDICT_OUTCOMES if name in outcomes]
    if not drawn.penalties or not names:
        return _notice(NO_TREATMENTS)
    height = 0.8 + 2.7 * len(drawn.penalties)
    figure, grid = plt.subplots(
        len(drawn.penalties), len(names), figsize=(WIDTH, height), squeeze=False, sharex="row"
    )
    for panels, penalty in zip(grid, drawn.penalties, strict=True):
        for axes, name in zip(panels, names, strict=True):
            _plot_dose(axes, drawn, penalty, adjusted_outcome(drawn, outcomes[name]))
            axes.set_title(f"{penalty}: {NAMES[name]}", fontsize=10)
            axes.set_xlabel("strength of the penalty", fontsize=9)
        panels[0].set_ylabel("log odds, adjusted", fontsize=9)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    figure.suptitle("Does a stronger treatment do more than a stronger placebo?", fontsize=12)
    return figure


def dose_table(doses: pd.DataFrame) -> pd.DataFrame:
    """What `dose_response` returns, for readers: slopes for twice the strength."""
    if doses.empty:
        return pd.DataFrame([{"treatment": NO_TREATMENTS}])
    rows = []
    for (penalty, outcome), part in doses.groupby(["penalty", "outcome"], sort=False):
        slopes = part.set_index("slope")
        row = {"penalty": penalty, "outcome": NAMES[str(outcome)]}
        row |= {str(name): format_estimate(*_three(slope)) for name, slope in slopes.iterrows()}
        p = slopes.loc["difference", "p"]
        rows.append(row | {"p of the difference": f"{p:.2g}" if np.isfinite(p) else MISSING})
    return pd.DataFrame(rows)


def describe_doses(doses: pd.DataFrame) -> str:
    """Whether stronger treatments do more than stronger placebos, as a sentence."""
    if doses.empty:
        return ""
    each = doses[(doses["slope"] == "difference") & doses["outcome"].isin(VERDICT_OUTCOMES)]
    rising = each[(each["p"] < LEVEL) & (each["value"] > 0)]
    falling = each[(each["p"] < LEVEL) & (each["value"] < 0)]
    return (
        f"Twice the strength changes the outcome significantly more with the treatment than with "
        f"the placebo in {len(rising)} of {len(each)} comparisons, and significantly less in "
        f"{len(falling)}."
    )


def describe_diverged(counts: pd.DataFrame) -> str:
    """How many models of each arm diverged, as a sentence."""
    if counts.empty:
        return NO_DESIGN
    total, lost = int(counts["models"].sum()), int(counts["diverged"].sum())
    arms = ", ".join(
        f"{row.treatment.replace('_', ' ')} {row.diverged} of {row.models}"
        for row in counts.itertuples()
    )
    if not lost:
        return f"None of the {total} models diverged ({arms})."
    return f"{lost} of {total} models diverged: {arms}. They keep the accuracy that they have."


def _plot_dose(axes: Axes, drawn: Arms, penalty: str, values: pd.Series) -> None:
    arms = {"treatment": penalty, "placebo": f"{penalty}{PLACEBO}"}
    for (label, arm), marker in zip(arms.items(), "os", strict=True):
        inside = drawn.treatment.index[(drawn.treatment == arm) & values.notna()]
        x, y = drawn.strength[inside].to_numpy(float), values[inside].to_numpy(float)
        colour = ARM_COLOURS[label]
        (dots,) = axes.plot(x, y, marker, color=colour, markersize=4, label=label, alpha=0.8)
        label_marks(
            dots, *(Label(m, [label], [a], [b]) for m, a, b in zip(inside, x, y, strict=True))
        )
        if len(np.unique(x)) > 1:
            ends = np.array([x.min(), x.max()])
            axes.plot(ends, np.polyval(np.polyfit(np.log2(x), y, 1), np.log2(ends)), color=colour)
    axes.set_xscale("log")
    strengths = drawn.strength[drawn.treatment.isin(list(arms.values()))]
    ticks = np.geomspace(strengths.min(), strengths.max(), 3)
    axes.xaxis.set_ticks(ticks, labels=[f"{tick:.2g}" for tick in ticks])
    axes.xaxis.set_ticks([], minor=True)


def _main(effects: pd.DataFrame) -> str:
    """The contrast that the verdict rests on: all together, or the only one."""
    return TOGETHER if (effects["contrast"] == TOGETHER).any() else effects["contrast"].iloc[0]


def _single(effects: pd.DataFrame) -> list[str]:
    return [name for name in effects["contrast"].unique() if name != TOGETHER]


def _row(effects: pd.DataFrame, contrast: str, number: str) -> pd.Series:
    rows = effects[(effects["contrast"] == contrast) & (effects["number"] == number)]
    return rows.iloc[0]


def _three(row: pd.Series) -> tuple[float, float, float]:
    return float(row["value"]), float(row["low"]), float(row["high"])


def _odds(row: pd.Series) -> str:
    value, low, high = np.exp(_three(row))
    return f"{value:.2f} [{low:.2f}, {high:.2f}] ({format_p(row['p'])})"


def _interval(low: float, high: float) -> str:
    if np.isinf(low):
        return f"up to {high:.2f}"
    return f"from {low:.2f}" if np.isinf(high) else f"[{low:.2f}, {high:.2f}]"


def _notice(text: str) -> Figure:
    figure, axes = plt.subplots(figsize=(WIDTH, 1.2))
    axes.text(0.5, 0.5, text, ha="center", va="center", wrap=True, fontsize=10)
    axes.set_axis_off()
    return figure
