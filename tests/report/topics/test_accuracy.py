import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cood.analysis.in_distribution import InDistribution
from cood.analysis.stats.correlation import correlate
from cood.report.plots import as_svg
from cood.report.topics.accuracy import (
    describe_result,
    describe_variation,
    plot_against_chance,
    plot_probe_accuracy,
)


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def accuracy(values, chance=0.05):
    table = pd.DataFrame({"value": values}, index=[f"m{k}" for k in range(len(values))])
    return table.assign(low=table["value"] - 0.02, high=table["value"] + 0.02, chance=chance, n=45)


def result(outside, inside):
    source = InDistribution("seen", "on seen compositions", inside)
    models = list(outside.index)
    correlation = correlate(inside["value"], outside["value"], pd.Series(models), seed=0)
    return describe_result(outside, correlation, source)


def test_one_model_is_compared_with_chance_and_with_no_other():
    outside = accuracy([0.4])
    inside = accuracy([np.nan])
    text = result(outside, inside)
    assert text == (
        "C-OoD accuracy of m0 is 40.0 % [38.0, 42.0] on n = 45 images. That is above chance, the "
        "5.0 % of a uniform guess."
    )
    assert "not distinguishable from chance" in result(accuracy([0.06]), inside)


def test_several_models_have_a_range_and_a_correlation_if_id_accuracy_is_known():
    values = np.linspace(0.04, 0.4, 9)
    text = result(accuracy(values), accuracy(values + 0.1))
    assert text.startswith("C-OoD accuracy ranges from 4.0 % [2.0, 6.0] (m0) to 40.0 %")
    assert "8 of 9 models are significantly better." in text
    assert "With ID accuracy (seen), it rises: Pearson 1.00" in text
    assert "Pearson" not in result(accuracy(values), accuracy(values * np.nan))


def test_what_counts_as_unseen_is_said_where_no_model_is_trained(parse):
    published = parse(models={"p": {"checkpoint": "ViT-B-32-quickgelu/openai"}})
    assert "unseen by decree" in describe_variation(published, "unknown.")
    assert describe_variation(parse(), "unknown.").endswith("the same settings: unknown.")


@pytest.mark.parametrize("n", [1, 24, 200])
def test_bars_start_at_0_and_show_chance(n):
    outside = accuracy(np.linspace(0.1, 0.4, n))
    models = pd.DataFrame({"model": outside.index, "family": "one"})
    figure = plot_against_chance(outside, models, "accuracy")
    assert figure.axes[0].get_xlim()[0] == 0
    assert as_svg(figure).count('class="mark"') == n
    assert [text.get_text() for text in figure.axes[0].texts] == ["chance"]


def test_each_kind_of_encoder_has_its_colour_and_marker():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"model": [f"m{k}" for k in range(203)]})
    table["trained_on"] = ["CLIP"] * 200 + ["labels", "images alone", "nothing"]
    for side in ("ID", "C-OoD"):
        table[side] = rng.uniform(0.2, 0.8, 203)
        table[f"{side} low"], table[f"{side} high"] = table[side] - 0.1, table[side] + 0.1
    figure = plot_probe_accuracy(table.assign(chance=0.01), "pair top-1")
    (legend,) = figure.legends
    handles = legend.get_lines()
    assert [text.get_text() for text in legend.get_texts()] == [
        "CLIP", "labels", "images alone", "nothing",
    ]  # fmt: skip
    assert len({handle.get_color() for handle in handles}) == 4
    assert len({handle.get_marker() for handle in handles}) == 4
    assert as_svg(figure).count('class="mark"') == 203
