"""The figure of a specification curve shows each estimate and the choices that led to it."""

import json
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.analysis.specification import SpecificationCurve, specification_curve
from cood.report.build.sphinx_figures import themed
from cood.report.markup import MARK
from cood.report.plots.specification import MOST_DOTS, specification_figure
from cood.report.plots.svg import as_svg

PHONE = 340  # pixels
QUESTION = "Do models whose embeddings are more disentangled compose better?"


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def curve(forms=3, n=60):
    """Made-up numbers: `forms` metrics and two outcomes."""
    rng = np.random.default_rng(1)
    names = [f"m{i}" for i in range(n)]
    x = rng.normal(size=n)
    outcomes = {
        (("outcome", name), ("templates", "study's own")): pd.Series(
            0.3 * x + rng.normal(size=n), names
        )
        for name in ("C-OoD log odds", "gap")
    }
    predictors = {
        (("metric", f"form {k}"),): pd.Series(x + rng.normal(size=n), names) for k in range(forms)
    }
    return specification_curve(outcomes, predictors, "+", seed=1)


def marks(svg):
    return [e for e in ET.fromstring(svg).iter() if e.get("class") == MARK]


@pytest.mark.parametrize("forms", [3, 30])
def test_each_estimate_has_its_choices_and_interval(forms):
    made = curve(forms)
    assert (len(made.table) > MOST_DOTS) == (forms == 30)
    svg = as_svg(specification_figure(made, QUESTION))
    shown = {e.get("data-name"): json.loads(e.get("data-lines")) for e in marks(svg)}
    assert len(shown) == len(made.table) == 4 * forms
    first = made.table.iloc[0]
    lines = shown[f"Specification 1 of {len(made.table)}"]
    assert lines[:4] == [
        f"outcome: {first['outcome']}",
        "templates: study's own",
        f"metric: {first['metric']}",
        f"coefficient: {first['coefficient']}",
    ]
    assert lines[4].startswith(f"correlation: {first['value']:.3g} [{first['low']:.3g}, ")
    assert len(svg) < 400_000


def test_choices_stand_below_in_the_given_order():
    figure = specification_figure(curve(), QUESTION)
    above, below = figure.axes
    rows = [text.get_text() for text in below.get_yticklabels()]
    assert rows == [
        "outcome",
        "C-OoD log odds",
        "gap",
        "metric",
        "form 0",
        "form 1",
        "form 2",
        "coefficient",
        "Pearson",
        "Spearman",
    ]
    assert figure.get_suptitle().replace("\n", " ") == QUESTION
    assert above.get_title(loc="right").startswith("100 % positive, as expected; median 0.")


def test_a_dot_stands_in_the_row_of_each_option_that_was_taken():
    made = curve()
    below = specification_figure(made, QUESTION).axes[1]
    rows = {text.get_text(): y for y, text in enumerate(below.get_yticklabels())}
    dots = {
        (int(x), y)
        for line in below.lines
        if line.get_marker() == "o"
        for x, y in line.get_xydata()
    }
    taken = {
        (i + 1, rows[row[choice]])
        for i, row in made.table.iterrows()
        for choice in ("outcome", "metric", "coefficient")
    }
    assert dots == taken


def test_an_interval_that_excludes_0_has_another_colour():
    table = pd.DataFrame(
        {
            "coefficient": ["Pearson", "Spearman", "Pearson"],
            "value": [-0.4, 0.1, 0.4],
            "low": [-0.6, -0.1, 0.2],
            "high": [-0.2, 0.3, 0.6],
        }
    )
    options = {"coefficient": ("Pearson", "Spearman")}
    made = SpecificationCurve(table, options, "-", 1 / 3, 0.1, 0.4, 90)
    above = specification_figure(made, QUESTION).axes[0]
    dots = {
        tuple(line.get_xdata()): line.get_color()
        for line in above.lines
        if line.get_marker() == "o"
    }
    assert dots[1, 3] != dots[2,]
    assert [text.get_text() for text in above.get_legend().get_texts()] == [
        "95 % interval excludes 0",
        "includes 0",
        "median",
    ]


def test_it_is_narrow_enough_for_a_phone_and_has_colours_for_a_dark_page():
    figure = specification_figure(curve(30), QUESTION)
    svg = as_svg(figure)
    # A page has margins of 16 pixels, and shrinks a figure to three quarters before it scrolls.
    width = float(ET.fromstring(svg).get("width").removesuffix("pt")) * 96 / 72
    assert 0.75 * width < PHONE - 32
    assert "--figure-ink" in themed(svg)
    texts = [t for axes in figure.axes for t in axes.get_yticklabels() if t.get_text()]
    assert min(t.get_fontsize() for t in texts) * 96 / 72 * (PHONE - 32) / width >= 9
