import json
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.report.build.html_postprocess import themed
from cood.report.plots import figures
from cood.report.plots.svg import SVG, Told, as_svg, bounds, keep, tell


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def told(svg):
    marks = [e for e in ET.fromstring(svg).iter() if e.get("class") == "told"]
    return {e.get("data-name"): json.loads(e.get("data-lines")) for e in marks}


def models(n=3):
    names = [f"model {k}" for k in range(n)]
    table = pd.DataFrame({"model": names, "family": "one", "architecture": ["vit", "rn", "rn"]})
    x = np.linspace(0.2, 0.4, n)
    values = pd.DataFrame({"value": x, "low": x - 0.1, "high": x + 0.1}, index=names)
    return table, values


def test_each_dot_of_a_scatter_says_model_family_and_both_values():
    table, values = models()
    figure = figures.model_scatter(table, values, values / 2, ("ID", "C-OoD"))
    figures.percent_axes(figure.axes[0], "x")
    found = told(as_svg(figure))
    assert found["model 1"] == ["one, rn", "ID: 30 % [20, 40]", "C-OoD: 0.15 [0.1, 0.2]"]
    assert len(found) == 3


def test_dots_bars_and_cells_are_told_in_their_order():
    table, values = models()
    rows = values.rename_axis("model").reset_index().assign(group="pair")
    rows.loc[1, "value"] = np.nan
    figure = figures.intervals(rows, ["pair"], "accuracy")
    assert told(as_svg(figure))["model 2"] == ["pair", "accuracy: 0.4 [0.3, 0.5]"]
    assert "model 1" not in told(as_svg(figure))
    figure = figures.bars(values["value"] - 0.3, table, "above")
    assert told(as_svg(figure))["model 2"] == ["one", "above: 0.1"]
    grid = pd.DataFrame({"a b": [0.1, np.nan]}, index=["x", "y"])
    found = told(as_svg(figures.heat(grid, "share")))
    assert found == {"x": ["a b", "share: 10.0 %"], "y": ["a b", "no value"]}


def test_a_value_without_an_interval_has_none():
    assert bounds([0.5, np.nan, np.nan]) == [0.5]
    assert bounds([0.5, 0.4, 0.6]) == [0.5, 0.4, 0.6]


def test_where_marks_cannot_be_told_apart_nothing_is_said():
    _, axes = plt.subplots()
    (line,) = axes.plot([1, 2, 3], [1, np.nan, 3], "o")
    tell(line, Told("a"), Told("b"), Told("c"))
    assert told(as_svg(axes.figure)) == {}


def test_two_figures_share_no_id_and_the_same_one_is_the_same():
    figures_ = []
    with plt.rc_context({"svg.hashsalt": "cood"}):  # as the theme sets it
        for value in (1, 1, 2):
            figure, axes = plt.subplots()
            axes.plot([0, value], [0, 1], "o")
            figures_.append(as_svg(figure))
    ids = [{e.get("id") for e in ET.fromstring(svg).iter()} - {None} for svg in figures_]
    assert figures_[0] == figures_[1]
    assert not ids[0] & ids[2]
    used = {e.get("{http://www.w3.org/1999/xlink}href") for e in ET.fromstring(figures_[0]).iter()}
    assert {name[1:] for name in used - {None}} <= ids[0]
    assert "<style" not in figures_[0]


def test_on_a_dark_page_greys_and_colours_change_and_pictures_stay():
    figure, axes = plt.subplots(facecolor="white")
    axes.plot([0, 1], [0, 1], color="#440154")
    (kept,) = axes.plot([0, 1], [1, 0], color="#1f4e79")
    keep(kept)
    svg = themed(as_svg(figure))
    assert "var(--figure-ground, #ffffff)" in svg
    assert "stroke: var(--c440154, #440154)" in svg
    assert "--c440154:#855a90" in svg
    assert "stroke: #1f4e79" in svg
    assert ET.fromstring(svg).tag == f"{{{SVG}}}svg"


def test_cells_of_a_heat_map_keep_their_colours():
    svg = themed(as_svg(figures.heat(pd.DataFrame({"a": [0.1, 0.9]}, index=["x", "y"]), "%")))
    root = ET.fromstring(svg)
    cells = [g for g in root.iter(f"{{{SVG}}}g") if g.get("class") == "as-drawn"]
    assert cells
    assert not any("var(" in e.get("style", "") for g in cells for e in g.iter())
