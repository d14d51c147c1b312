"""The pictures of the first screen: one model's answers, and accuracy beside the factors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import ImageOps
from scipy.special import expit, logit
from scipy.stats import linregress

from cood.analysis.reference import Reference
from cood.analysis.results import Results, percent
from cood.analysis.topics.overview import FACTORS, SPLITS, accuracy_by_factor
from cood.report.plots.intervals import interval_rows
from cood.report.plots.style import EDGE, percent_axes
from cood.report.plots.svg import Label, label_marks
from cood.report.tables.formatting import stack_groups
from cood.synthesis.image_files import load_image

COLOURS = {"seen": "#336c93", "unseen": "#cc460d"}
MARKS = {"seen": "s", "unseen": "o"}
LABELS = {
    "share": "share of compositions seen",
    "images": "training drawings",
    "steps": "training steps",
}
TICKS = {  # powers of two times a round number
    "share": (0.2, 0.4, 0.8),
    "images": (2000, 4000, 8000, 16000),
    "steps": (200, 400, 800, 1600),
}
COLUMNS = 3  # of drawings; and on a phone
NARROW = 2
PHONE = 3.4  # width of a figure on a phone, inches
SIDE = 96  # pixels of a drawing
LETTERS = 22  # in a line below a drawing
FINITE = 0.002  # distance of an accuracy from 0 and 1 where its logit is taken
LEAST_LINE = 8  # models that a fitted line needs


def draw_answers(folder: Path, answers: pd.DataFrame, *, narrow: bool = False) -> Figure:
    """Test images in rows, each with what it shows and what a model answers.

    Whether it was seen in training is left out where that is not known: if none was.

    Parameters
    ----------
    folder, answers
        Of the set; what `cood.analysis.topics.overview.sample_answers` gives.
    narrow
        For a phone.
    """
    columns, width, height = (NARROW, PHONE, 2.3) if narrow else (COLUMNS, 6.4, 2.7)
    rows = -(-len(answers) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(width, height * rows), squeeze=False)
    for axes in grid.flat[len(answers) :]:
        axes.set_axis_off()
    known = answers["seen"].any()
    for axes, row in zip(grid.flat, answers.itertuples(), strict=False):
        split = "seen" if row.seen else "unseen"
        image = ImageOps.fit(load_image(folder, row.image).convert("RGB"), (SIDE, SIDE))
        axes.imshow(image, interpolation="nearest")
        title = f"{'seen' if row.seen else 'never seen'} in training" if known else ""
        axes.set_title(title, fontsize=9, color=COLOURS[split])
        answer = "✓ right" if row.right else f"✗ {fill(row.answer, LETTERS)}"
        axes.set_xlabel(f"{fill(row.composition, LETTERS)}\n{answer}", fontsize=9, parse_math=False)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return figure


def describe_answers(model: str, answers: pd.DataFrame) -> str:
    """What `draw_answers` shows, in words, for those who cannot see it."""
    known = answers["seen"].any()
    parts = [
        row.composition
        + (f" ({'seen' if row.seen else 'never seen'}): " if known else ": ")
        + ("right" if row.right else f"answered {row.answer}")
        for row in answers.itertuples()
    ]
    return f"Images and the answers of model {model}: {'; '.join(parts)}"


def summarise(accuracy: Mapping[str, pd.DataFrame]) -> str:
    """How accurate the models are, as a sentence.

    `accuracy` has, by split, what `cood.analysis.results.pick` gives.
    """
    if len(accuracy["unseen"]) == 1:
        (row,) = accuracy["unseen"].itertuples()
        return (
            f"The model is right for {percent(row.value, row.low, row.high)} of the images of "
            f"unseen compositions; chance is {percent(row.chance)}."
        )
    medians = {split: percent(table["value"].median()) for split, table in accuracy.items()}
    ends = [percent(end(accuracy["unseen"]["value"])) for end in (min, max)]
    where = f"{medians['unseen']} on all compositions, which count as unseen"
    if "seen" in medians:
        where = (
            f"{medians['seen']} on compositions that a model has seen, and {medians['unseen']} on "
            "those that it has not seen"
        )
    return (
        f"In this study, the median accuracy of {len(accuracy['unseen'])} models is {where} "
        f"(lowest {ends[0]}, highest {ends[1]}; chance "
        f"{percent(accuracy['unseen']['chance'].median())})."
    )


def describe_lines(table: pd.DataFrame, reference: Reference | None) -> str:
    """Caption of `draw_accuracy`."""
    if not len(table):
        return (
            "Accuracy of each model on unseen compositions, all compositions being labels, with "
            "95 % intervals from resampling compositions. The dotted line is chance."
        )
    text = (
        "Accuracy on compositions that a model has seen and on those that it has not, all "
        f"compositions being labels. Each of the {table['model'].nunique()} models has two points "
        "in each panel. Lines are fits of the logit of accuracy to the logarithm of one setting."
    )
    if reference is not None:
        text += f" Dashed: the same fits to the models of the reference run {reference.name}."
    return text


def draw_accuracy(
    results: Results,
    accuracy: pd.DataFrame,
    table: pd.DataFrame,
    reference: Reference | None,
    *,
    narrow: bool = False,
) -> Figure:
    """Accuracy beside the factors for models that are trained here; for others, beside chance.

    Parameters
    ----------
    results, accuracy
        Of this study; accuracy on unseen compositions, as `pick` gives it.
    table
        What `cood.analysis.topics.overview.accuracy_by_factor` gives.
    reference
        The reference run that is shown beside this one, if there is one.
    narrow
        For a phone, where factors have their panels one below the other.
    """
    if len(table):
        other = accuracy_by_factor(reference.results()) if reference else None
        return draw_factors(table, other, reference.name if reference else "", narrow=narrow)
    order = accuracy["value"].sort_values(ascending=False).index
    rows = stack_groups({"C-OoD accuracy": accuracy}, order)
    label = "accuracy on unseen compositions (line: chance)"
    figure = interval_rows(rows, ["C-OoD accuracy"], label, models=results.models)
    axes = figure.axes[0]
    axes.axvline(accuracy["chance"].median(), color="0.5", linestyle=":")
    percent_axes(axes, "x")
    return figure


def draw_factors(
    table: pd.DataFrame, reference: pd.DataFrame | None, name: str, *, narrow: bool = False
) -> Figure:
    """A panel a factor: accuracy of the models on seen and unseen compositions.

    Lines are least-squares fits of the logit of accuracy; of the reference run, they are dashed.

    Parameters
    ----------
    table, reference
        What `cood.analysis.topics.overview.accuracy_by_factor` gives, of this run and of a
        reference run, if there is one.
    name
        Of the reference run.
    narrow
        For a phone: panels one below the other.
    """
    factors = [factor for factor in FACTORS if factor in table]
    shape = (len(factors), 1) if narrow else (1, len(factors))
    size = (PHONE, 3 * len(factors)) if narrow else (2.6 * len(factors) + 0.6, 3.6)
    figure, panels = plt.subplots(*shape, figsize=size, sharey=True, squeeze=False)
    for axes, factor in zip(panels.flat, factors, strict=True):
        for split in SPLITS:
            _draw_models(axes, table[table["split"] == split], factor, split)
            if reference is not None and factor in reference:
                _draw_line(axes, reference[reference["split"] == split], factor, split, "--")
        axes.set_xlabel(LABELS[factor])
        axes.set_xscale("log", base=2)
        axes.set_xticks(TICKS[factor], [f"{x:.0%}" if x < 1 else f"{x:,}" for x in TICKS[factor]])
        axes.set_xlim(0.92 * table[factor].min(), 1.08 * table[factor].max())
        axes.tick_params(axis="x", labelsize=9)
    for axes in panels[:, 0]:
        axes.set_ylabel("accuracy")
        percent_axes(axes, "y")
    panels[0, 0].set_ylim(0, 1)
    handles = [
        Line2D([], [], marker=MARKS[split], color=COLOURS[split], linestyle="-", label=split)
        for split in SPLITS
    ]
    if reference is not None:
        models = reference["model"].nunique()
        label = f"{name}, {models} models"
        handles.append(Line2D([], [], color="0.4", linestyle="--", label=label))
    columns = 2 if narrow else len(handles)
    figure.legend(handles=handles, loc="outside upper center", ncols=columns)
    return figure


def _draw_models(axes: Axes, table: pd.DataFrame, factor: str, split: str) -> None:
    (drawn,) = axes.plot(
        table[factor],
        table["value"],
        MARKS[split],
        color=COLOURS[split],
        markeredgecolor=EDGE,
        markeredgewidth=0.5,
        markersize=5,
    )
    label_marks(
        drawn,
        *(
            Label(row.model, [f"{split} compositions"], x=[getattr(row, factor)], y=[row.value])
            for row in table.itertuples()
        ),
    )
    _draw_line(axes, table, factor, split, "-")


def _draw_line(axes: Axes, table: pd.DataFrame, factor: str, split: str, style: str) -> None:
    if len(table) < LEAST_LINE:
        return
    x = np.log2(table[factor].to_numpy(float))
    line = linregress(x, logit(table["value"].clip(FINITE, 1 - FINITE).to_numpy()))
    grid = np.linspace(x.min(), x.max(), 50)
    y = expit(line.intercept + line.slope * grid)
    axes.plot(2**grid, y, style, color=COLOURS[split], linewidth=1.8)
