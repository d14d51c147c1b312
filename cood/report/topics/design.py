"""Tables and sentences on the design of a study, and on its pilot."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from cood.analysis.pilot import FAILED, LEAST_OBJECT, NOT_RUN, OTHER, PASSED, Trial, read_record
from cood.analysis.results import percent
from cood.analysis.topics.design import AS_REALISED, ASKED, factors_of
from cood.design import Factor, Levels, Range, Summary
from cood.errors import NotebookError
from cood.evaluation.design_table import REALISED
from cood.report.plots.style import WIDTH
from cood.report.tables import styled
from cood.settings.study_file import Study

MEANING = {
    "share": "compositions outside the core that a model sees",
    "images": "training drawings",
    "steps": "training steps",
    "skew": "exponent of how often the compositions occur",
    "wrong_captions": "share of the drawings with the caption of another one",
    "pair_captions": "share of the captions that name attribute and object",
    "learning_rate": "largest learning rate",
    "embed_dim": "width of the embeddings",
    "image_tower": "image tower",
    "text_tower": "text tower",
    "loss": "loss of the contrast",
    "treatment": "penalty on the embeddings in training, or its placebo",
    "strength": "weight of that penalty",
    "set": "factor set that is trained on",
}
MANY = 50  # models, above which their dots are small
PANEL = 1.4  # inches a side, at most


def factor_table(study: Study) -> Styler:
    """A row a factor: what it is, and its values."""
    rows = [
        {
            "factor": factor.name.replace("_", " "),
            "what it is": MEANING[factor.name],
            "values": _values(factor),
        }
        for factor in factors_of(study)
    ]
    return styled(pd.DataFrame(rows))


def _values(factor: Factor) -> str:
    if isinstance(factor, Range):
        return _span(factor)
    if isinstance(factor, Levels):
        return ", ".join(level.replace("_", " ") for level in factor.levels)
    return "; ".join(f"{range_.name}: {_span(range_)}" for range_, _ in factor.arms)


def _span(range_: Range) -> str:
    scale = ", logarithmic" if range_.log else ""
    return f"{range_.low:g} to {range_.high:g}{scale}"


def describe_design(table: pd.DataFrame, found: Mapping[str, Summary]) -> str:
    """The design in sentences: models, balance, and models that diverged."""
    asked, realised = found[ASKED], found[AS_REALISED]
    counts = [
        f"{factor}: " + ", ".join(f"{level.replace('_', ' ')} {n}" for level, n in levels.items())
        for factor, levels in asked.counts.items()
    ]
    diverged = table.loc[table["diverged"], "model"].tolist()
    twice = int((table["replicate_of"] != "").sum())
    parts = [
        f"{asked.models} models, each a point of a design with {len(asked.columns)} columns.",
        f"The largest correlation between columns of different factors is {asked.largest_r:.2f} "
        f"as asked and {realised.largest_r:.2f} as realised.",
        *(f"Models by {count}." for count in counts),
        f"{twice} points were trained twice." if twice else "",
        f"Diverged: {', '.join(diverged)}." if diverged else "No model diverged.",
    ]
    return " ".join(part for part in parts if part)


def summary_table(found: Mapping[str, Summary]) -> Styler:
    """A row for the design as asked, and one as realised."""
    rows = [
        {
            "design": name,
            "models": summary.models,
            "columns": len(summary.columns),
            "largest |r|": f"{summary.largest_r:.3f}",
            "between": " and ".join(summary.pair).replace("_", " "),
            "condition number": f"{summary.condition:.2f}",
            "discrepancy": f"{summary.discrepancy:.4f}",
            "constant": ", ".join(summary.constant).replace("_", " ") or "none",
        }
        for name, summary in found.items()
    ]
    return styled(pd.DataFrame(rows))


def design_table(table: pd.DataFrame, factors: Sequence[Factor]) -> Styler:
    """A row a model: each factor as realised; what was asked follows if it differs."""
    shown = pd.DataFrame({"model": table["model"]})
    for factor in factors:
        asked, name = table[factor.name], factor.name.replace("_", " ")
        realised = table.get(f"{factor.name}{REALISED}")
        if isinstance(factor, Levels):
            shown[name] = asked.str.replace("_", " ")
        elif realised is None:
            shown[name] = asked.map("{:.3g}".format)
        else:
            pairs = zip(realised, asked, strict=True)
            shown[name] = [f"{r:.4g}" if _same(r, a) else f"{r:.3g} ({a:.3g})" for r, a in pairs]
    shown["compositions"] = table["compositions"]
    return styled(shown)


def _same(realised: float, asked: float) -> bool:
    return f"{realised:.2g}" == f"{asked:.2g}"


def plot_design(table: pd.DataFrame, factors: Sequence[Factor], shown: Collection[str]) -> Figure:
    """Pairs of numeric factors as realised, a point a model, coloured by treatment.

    Parameters
    ----------
    table, factors
        `design.parquet`, and the factors of the study.
    shown
        Names of the factors to show; those that the study does not vary are left out.

    Raises
    ------
    NotebookError
        If fewer than two are left.
    """
    ranges = [f for f in factors if isinstance(f, Range) and f.name in shown]
    if len(ranges) < 2:
        known = ", ".join(factor.name for factor in factors if isinstance(factor, Range))
        raise NotebookError(f"parameter shown: name two or more of {known}")
    levels = [f for f in factors if isinstance(f, Levels) and f.name == "treatment"]
    values = {f.name: table.get(f"{f.name}{REALISED}", table[f.name]) for f in ranges}
    groups = table[levels[0].name] if levels else pd.Series("", index=table.index)
    colours = dict(zip(groups.unique(), sns.color_palette("colorblind"), strict=False))
    n = len(ranges) - 1
    side = min(WIDTH, PANEL * n + 1)
    figure, grid = plt.subplots(
        n, n, figsize=(side, side), squeeze=False, sharex="col", sharey="row"
    )
    for row, y in enumerate(ranges[1:]):
        for column, x in enumerate(ranges[:-1]):
            axes = grid[row, column]
            if column > row:
                axes.set_axis_off()
                continue
            for group, colour in colours.items():
                inside = (groups == group).to_numpy()
                label = str(group).replace("_", " ")
                axes.scatter(
                    values[x.name][inside],
                    values[y.name][inside],
                    s=14 if len(table) <= MANY else 5,
                    color=colour,
                    label=label,
                )
            axes.set(xscale="log" if x.log else "linear", yscale="log" if y.log else "linear")
            _set_ticks(axes.xaxis, x)
            _set_ticks(axes.yaxis, y)
            axes.tick_params(labelsize=7)
            if row == n - 1:
                axes.set_xlabel(x.name.replace("_", " "), fontsize=8)
            if column == 0:
                axes.set_ylabel(y.name.replace("_", " "), fontsize=8)
    if levels:
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="upper right", title=levels[0].name, fontsize=8)
    return figure


def _set_ticks(axis: Axis, range_: Range) -> None:
    """Ticks at the ends of a range and in its middle."""
    ticks = [range_.value(unit) for unit in (0, 0.5, 1)]
    names = [f"{tick:,.0f}" if tick >= 1000 else f"{tick:.3g}" for tick in ticks]
    axis.set_ticks(ticks, labels=names)
    axis.set_ticks([], minor=True)


def pilot_notice(study: Study) -> str:
    """What a reader must know of the pilot before the results; empty if it passed.

    Studies without a design have no pilot.
    """
    if study.design is None:
        return ""
    state, trials = read_record(study)
    # Pages glue it in as plain text, in which two dashes would become one.
    command = "the command “cood pilot”"
    if state == FAILED:
        below = ", ".join(trial.model for trial in trials if not trial.passed)
        return (
            f"The pilot of this study failed ({below}): these models do not know the objects "
            "of their own training compositions, so errors on unseen compositions say little of "
            "composing."
        )
    reasons = {
        NOT_RUN: f"No pilot of this study was run; {command} runs it.",
        OTHER: f"The pilot was run with other settings; {command} runs it with these.",
    }
    return reasons.get(state, "")


def describe_pilot(study: Study) -> str:
    """The state of the pilot as sentences."""
    state, trials = read_record(study)
    if state != PASSED:
        return pilot_notice(study)
    least = min(trial.object for trial in trials if trial.gate)
    worst = [trial for trial in trials if not trial.gate and trial.at_floor]
    floor = ", ".join(trial.model.replace("-", " ") for trial in worst)
    corners = f" No better than from the attribute alone: {floor}." if worst else ""
    return (
        "The pilot passed: at the middle of the design, and there with each other level, models "
        f"name at least {percent(least)} of the objects among objects, on held-out drawings of "
        f"compositions that they saw; {LEAST_OBJECT:.0%} were required.{corners}"
    )


def pilot_table(trials: Sequence[Trial]) -> Styler:
    """A row a model of the pilot."""
    rows = [
        {
            "model": trial.model.replace("-", " "),
            "objects among objects, seen": percent(
                trial.object, trial.object_low, trial.object_high
            ),
            "gate": ("passed" if trial.passed else "failed") if trial.gate else "none",
            "pairs, seen": percent(trial.pair_seen),
            "pairs, unseen": percent(trial.pair_unseen),
            "pairs from the attribute alone": percent(trial.attribute_only),
        }
        for trial in trials
    ]
    return styled(pd.DataFrame(rows))


def revisions(study: Study) -> str:
    """The revisions of the world after a pilot, with their reasons, as sentences."""
    logged = study.design.revisions if study.design else []
    if not logged:
        return "The world was not revised after a pilot."
    return " ".join(f"Revision {k}: {reason}" for k, reason in enumerate(logged, 1))
