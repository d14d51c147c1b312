import json
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from cood.report import plots
from cood.report.build.sphinx_figures import themed
from cood.report.markup import FIXED_COLOURS, MARK, SVG
from cood.report.plots.style import model_styles
from cood.report.plots.svg import Label, as_svg, fix_colours, label_marks, with_interval


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def labels(svg):
    marks = [e for e in ET.fromstring(svg).iter() if e.get("class") == MARK]
    return {e.get("data-name"): json.loads(e.get("data-lines")) for e in marks}


def models(n=3):
    names = [f"model {k}" for k in range(n)]
    table = pd.DataFrame({"model": names, "family": "one", "architecture": ["vit", "rn", "rn"]})
    x = np.linspace(0.2, 0.4, n)
    values = pd.DataFrame({"value": x, "low": x - 0.1, "high": x + 0.1}, index=names)
    return table, values


def test_each_dot_of_a_scatter_has_model_family_and_both_values():
    table, values = models()
    figure = plots.model_scatter(table, values, values / 2, ("ID", "C-OoD"))
    plots.percent_axes(figure.axes[0], "x")
    shown = labels(as_svg(figure))
    assert shown["model 1"] == ["one, rn", "ID: 30 % [20, 40]", "C-OoD: 0.15 [0.1, 0.2]"]
    assert len(shown) == 3


def test_dots_bars_and_cells_are_labelled_in_their_order():
    table, values = models()
    rows = values.rename_axis("model").reset_index().assign(group="pair")
    rows.loc[1, "value"] = np.nan
    figure = plots.interval_rows(rows, ["pair"], "accuracy")
    assert labels(as_svg(figure))["model 2"] == ["pair", "accuracy: 0.4 [0.3, 0.5]"]
    assert "model 1" not in labels(as_svg(figure))
    figure = plots.interval_rows(rows, ["pair"], "accuracy", models=table)
    assert labels(as_svg(figure))["model 2"][:2] == ["one, rn", "pair"]
    figure = plots.bars(values["value"] - 0.3, table, "above")
    assert labels(as_svg(figure))["model 2"] == ["one, rn", "above: 0.1"]
    grid = pd.DataFrame({"a b": [0.1, np.nan]}, index=["x", "y"])
    shown = labels(as_svg(plots.heatmap(grid, "share")))
    assert shown == {"x": ["a b", "share: 10.0 %"], "y": ["a b", "no value"]}


def test_a_dot_has_the_settings_in_which_models_differ_and_the_bar_of_shares_is_themed():
    table, values = models()
    table = table.assign(share=[0.2, 0.4, 0.8], images=640, skew=[0.0, 0.25, 0.5])
    svg = themed(as_svg(plots.model_scatter(table, values, values, ("ID", "C-OoD"))))
    told = "sees 40% of the compositions outside the core, skew 0.25"
    assert labels(svg)["model 1"][0] == told
    cells = [g for g in ET.fromstring(svg).iter(f"{{{SVG}}}g") if g.get("class") == FIXED_COLOURS]
    assert not cells
    darkest = to_hex(model_styles(table).colours["model 2"])
    assert f"var(--c{darkest[1:]}, {darkest})" in svg


def test_an_interval_that_is_not_finite_is_dropped():
    assert with_interval([0.5, np.nan, np.nan]) == [0.5]
    assert with_interval([0.5, 0.4, 0.6]) == [0.5, 0.4, 0.6]


def test_no_mark_is_labelled_if_some_are_not_drawn():
    _, axes = plt.subplots()
    (line,) = axes.plot([1, 2, 3], [1, np.nan, 3], "o")
    label_marks(line, Label("a"), Label("b"), Label("c"))
    assert labels(as_svg(axes.figure)) == {}


def test_two_svgsshare_no_id_and_the_same_one_is_the_same():
    svgs = []
    with plt.rc_context({"svg.hashsalt": "cood"}):  # as the theme sets it
        for value in (1, 1, 2):
            figure, axes = plt.subplots()
            axes.plot([0, value], [0, 1], "o")
            svgs.append(as_svg(figure))
    ids = [{e.get("id") for e in ET.fromstring(svg).iter()} - {None} for svg in svgs]
    assert svgs[0] == svgs[1]
    assert not ids[0] & ids[2]
    used = {e.get("{http://www.w3.org/1999/xlink}href") for e in ET.fromstring(svgs[0]).iter()}
    assert {name[1:] for name in used - {None}} <= ids[0]
    assert "<style" not in svgs[0]


def test_greys_and_colours_change_on_a_dark_page_and_images_do_not():
    figure, axes = plt.subplots(facecolor="white")
    axes.plot([0, 1], [0, 1], color="#440154")
    (kept,) = axes.plot([0, 1], [1, 0], color="#1f4e79")
    fix_colours(kept)
    svg = themed(as_svg(figure))
    assert "var(--figure-ground, #ffffff)" in svg
    assert "stroke: var(--c440154, #440154)" in svg
    assert "--c440154:#855a90" in svg
    assert "stroke: #1f4e79" in svg
    assert ET.fromstring(svg).tag == f"{{{SVG}}}svg"


def test_cells_of_a_heatmap_keep_their_colours():
    svg = themed(as_svg(plots.heatmap(pd.DataFrame({"a": [0.1, 0.9]}, index=["x", "y"]), "%")))
    root = ET.fromstring(svg)
    cells = [g for g in root.iter(f"{{{SVG}}}g") if g.get("class") == FIXED_COLOURS]
    assert cells
    assert not any("var(" in e.get("style", "") for g in cells for e in g.iter())
