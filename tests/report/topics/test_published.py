import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from cood.analysis.stats.regression import mixed, within_families
from cood.analysis.topics.published import accuracy_table, contrasts
from cood.report.plots.svg import Label, as_svg, label_marks
from cood.report.topics import published

TABLE = accuracy_table.published_table()
MODELS = accuracy_table.working(TABLE)
LINE = accuracy_table.line(MODELS)


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


def test_axes_say_the_accuracies(axes):
    axes.set(xlim=logit([0.0008, 0.8]), ylim=logit([0.45, 0.76]))
    published.logit_axes(axes)
    wide = "0.1 % 0.3 % 1 % 3 % 10 % 30 % 50 % 70 %"
    assert " ".join(ticks(axes.xaxis)) == wide
    assert ticks(axes.yaxis) == ["45 %", "50 %", "55 %", "60 %", "65 %", "70 %", "75 %"]


def test_a_dot_tells_its_accuracies(axes):
    published.logit_axes(axes)
    axes.set(xlabel="ID", ylabel="OoD")
    (dot,) = axes.plot(logit(0.25), logit(0.125), "o")
    label_marks(dot, Label("a", x=[logit(0.25)], y=[logit(0.125)]))
    svg = as_svg(axes.figure)
    assert "ID: 25 %" in svg
    assert "OoD: 12.5 %" in svg


def test_chance_and_a_factor_of_ten_are_marked(axes):
    published.add_chance(axes, 5)
    published.add_reference(axes, 10)
    at = sorted(line.get_xdata()[0] for line in axes.lines)
    assert at == pytest.approx(sorted([logit(5 / 1000), 0, 0, np.log(10), -np.log(10)]))
    assert {text.get_text() for text in axes.texts} == {
        "chance",
        "10 times the odds",
        "a 10th of them",
    }


def test_the_line_is_drawn_within_the_axes(axes):
    axes.set_xlim(0, 5)
    published.add_line(axes, LINE)
    (drawn,) = axes.lines
    x, y = drawn.get_data()
    assert x.tolist() == pytest.approx([0, logit(MODELS["id"].max())])
    assert y.tolist() == pytest.approx((LINE.intercept.value + LINE.slope.value * x).tolist())


def test_every_row_that_a_choice_leaves_out_has_a_reason():
    rows = published.remarks(TABLE).set_index("load")
    assert rows["not in"].value_counts().to_dict() == {"any": 5, "right, apart": 5, "apart": 4}
    assert rows.loc["RN50_cc12m", "why"] == "weights of QuickGELU with plain GELU"
    assert rows.loc["ViT-L-14_laion400m_e31", "why"] == "an epoch before the last of a run"
    assert "RN50_openai" in rows.loc["RN50-quickgelu_openai", "why"]


def test_statistics_are_written_with_their_verdicts():
    found = published.statistics(accuracy_table.claim_statistics(MODELS))
    odds = found.set_index("statistic").loc["odds, large over small sets"]
    assert odds[["claim", "verdict", "holds above", "sets"]].tolist() == [
        "C4",
        "contradicted",
        "10",
        5,
    ]
    assert odds["value"].startswith("1.29 [")


def test_choices_end_with_the_line_within_pools():
    found = published.choices(accuracy_table.selections(TABLE, "distinct", 0.5, 1), 0)
    assert found["models"].tolist() == [63, 58, 54, 42, 63, 63, 63]
    assert found["rows"].iloc[-1] == "line within pools"
    assert found["slope"].iloc[-1] == str(mixed(LINE).slope)
    assert found["C4, odds"].iloc[3] == "not estimable"  # no such model of the small sets
    assert "-" in published.on_one_line(found.iloc[[-1]][["Pearson"]]).to_html()


def test_sets_by_two_lines():
    first = accuracy_table.by_set(MODELS, LINE)
    second = accuracy_table.by_set(MODELS, within_families(LINE, mixed(LINE)))
    found = published.by_set({"a": first, "b": second})
    assert list(dict.fromkeys(found["model"]))[:2] == ["DataComp-M (1)", "CommonPool-M (6)"]
    assert found.groupby("group")["low"].count().to_dict() == {"a": 14, "b": 0}
    assert found["value"].notna().all()


def test_sentences():
    sets = accuracy_table.by_set(MODELS, LINE)
    assert published.widest(sets).startswith("DataComp-M has 1.25 [")
    assert "YFCC15M has 0.61 [" in published.widest(sets)
    assert "(3 sets against 2)" in published.apart(accuracy_table.c4_difference(LINE, MODELS))
    # At most 50 % right or wrong: the error of a share of one half.
    assert f"at most {50 / np.sqrt(46_092):.1f} points" in published.sampling(MODELS)
    assert "5 pairs" in published.noise(5, 0.0015)
    assert "no two epochs of a run" in published.noise(0, np.nan)


def test_tables_of_contrasts_and_sizes():
    shown = published.contrasts(contrasts.contrasts(MODELS, LINE)).data
    assert len(shown) == 16
    epochs = shown[shown["what differs"] == "epoch 31 or 32"].iloc[0]
    assert epochs[["what is the same", "models"]].tolist() == [
        "5 pairs, the largest difference",
        10,
    ]
    grid = published.ladder(MODELS.assign(residual=LINE.models["residual"])).data
    assert grid.set_index("filter").loc["DataComp", "M"] == "27.6 % (+0.30)"
    assert grid.set_index("filter").loc["image", "XL"] == "-"
    sizes = published.sizes(contrasts.sizes(MODELS, 0)).data
    assert sizes["models"].tolist() == [63, 60, 63, 63, 63]
    assert pd.Series(sizes["and given the first three"]).tolist()[3:] == ["-", "-"]
