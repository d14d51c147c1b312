import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from cood.analysis.topics.published.composition import TESTS, composition_table, openclip_table
from cood.report.plots.svg import as_svg
from cood.report.topics.published import scatter


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def ticks(axis):
    low, high = axis.get_view_interval()
    return [
        axis.get_major_formatter()(tick, 0)
        for tick in axis.get_major_locator().tick_values(low, high)
        if low <= tick <= high
    ]


def made_up(sizes=(4, 3, 2)):
    rows = []
    for i, n in enumerate(sizes):
        x = np.linspace(-0.3, 0.3, n) + i
        pool, tower = ("OpenAI", "LAION-5B", "made up")[i], ("ViT", "ResNet", "EVA")[i]
        rows += [
            {
                "model": f"{pool} {k}",
                "pool": pool,
                "tower": tower,
                "family": f"{pool}, {tower}",
                "id": expit(value),
                "score": expit(2 * (value - i) - i),
            }
            for k, value in enumerate(x)
        ]
    return pd.DataFrame(rows)


def test_axes_say_the_accuracies(axes):
    axes.set(xlim=logit([0.0008, 0.8]), ylim=logit([0.45, 0.76]))
    scatter.logit_axes(axes)
    assert " ".join(ticks(axes.xaxis)) == "0.1 % 0.3 % 1 % 3 % 10 % 30 % 50 % 70 %"
    assert ticks(axes.yaxis) == ["45 %", "50 %", "55 %", "60 %", "65 %", "70 %", "75 %"]
    axes.set(ylim=logit([0.059, 0.131]), xlim=logit([0.801, 0.804]))
    scatter.logit_axes(axes)
    assert ticks(axes.yaxis) == ["6 %", "8 %", "10 %", "12 %"]


def test_lines_are_within_families_of_three_or_more():
    figure = scatter.family_panels(made_up(), ("id", "ID"), {"score": "test"}, "Does it rise?")
    axes = figure.axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    slopes = [np.diff(line.get_ydata())[0] / np.diff(line.get_xdata())[0] for line in lines]
    assert slopes == pytest.approx([2.0, 2.0])  # between families the score falls
    assert len(axes.lines) == 2 + 9
    assert figure.get_suptitle() == "Does it rise?"
    plt.close(figure)


def test_colour_and_marker_have_legends_of_their_own():
    table = made_up()
    figure = scatter.family_panels(table, ("id", "ID"), {"score": "test"}, "Does it rise?")
    colours, markers = figure.legends
    assert colours.get_title().get_text() == "pool of training data"
    assert [text.get_text() for text in colours.get_texts()] == ["LAION-5B", "OpenAI", "made up"]
    assert markers.get_title().get_text() == "image tower"
    assert [text.get_text() for text in markers.get_texts()] == ["ViT", "EVA", "ResNet"]
    plt.close(figure)


def test_models_without_a_figure_are_in_no_panel_and_no_legend():
    table = made_up()
    table.loc[table["pool"] == "made up", "id"] = np.nan
    figure = scatter.family_panels(table, ("id", "ID"), {"score": "test"}, "Does it rise?")
    assert "made up" not in [text.get_text() for text in figure.legends[0].get_texts()]
    plt.close(figure)


def test_a_dot_tells_its_accuracies():
    figure = scatter.family_panels(
        composition_table(), ("imagenet", "ImageNet"), TESTS, "Does it rise?"
    )
    assert [axes.get_title() for axes in figure.axes] == list(TESTS.values())
    svg = as_svg(figure)
    assert "openai/clip-vit-base-patch32" in svg
    assert "SugarCrepe: 76.6 %" in svg
    assert "ImageNet: 63.3 %" in svg
    plt.close(figure)


def test_every_pool_and_tower_of_the_tables_can_be_told_apart():
    pools = {*composition_table()["pool"], "CommonPool-S", "CC12M", "YFCC15M"}
    assert pools <= set(scatter.POOL_COLOURS)
    assert len(set(scatter.POOL_COLOURS.values())) == len(scatter.POOL_COLOURS)
    assert {*composition_table()["tower"], *openclip_table()["tower"]} <= set(scatter.TOWERS)
