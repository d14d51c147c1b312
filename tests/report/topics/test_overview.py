import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.special import expit

from cood.report.topics import overview


@pytest.fixture
def answers(tmp_path):
    for k in range(4):
        Image.new("RGB", (30, 20), (60 * k, 0, 0)).save(tmp_path / f"{k}.png")
    return pd.DataFrame(
        {
            "image": [f"{k}.png" for k in range(4)],
            "composition": ["red apple", "blue hat", "striped bus", "dotted $dog$"],
            "answer": ["red apple", "blue bus", "striped bus", "dotted hat"],
            "seen": [True, True, False, False],
            "right": [True, False, True, False],
        }
    )


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    share = np.tile(np.geomspace(0.15, 0.8, 24), 2)
    split = np.repeat(["seen", "unseen"], 24)
    value = expit(np.where(split == "seen", 0, -2) + 0.5 * np.log2(share))
    images = np.tile(rng.uniform(1600, 12800, 24), 2)
    models = np.tile([f"m{k:03d}" for k in range(24)], 2)
    return pd.DataFrame(
        {"model": models, "split": split, "value": value, "share": share, "images": images}
    )


def test_each_image_says_what_it_shows_and_what_was_answered(tmp_path, answers):
    figure = overview.draw_answers(tmp_path, answers)
    figure.canvas.draw()
    shown = [axes.get_xlabel() for axes in figure.axes[:4]]
    assert shown[0] == "red apple\n✓ right"
    assert shown[1] == "blue hat\n✗ blue bus"
    assert [axes.get_title() for axes in figure.axes[:4]] == [
        "seen in training",
        "seen in training",
        "never seen in training",
        "never seen in training",
    ]
    assert not any(axes.axison for axes in figure.axes[4:])
    words = overview.describe_answers("m001", answers)
    assert "blue hat (seen): answered blue bus; striped bus (never seen): right" in words
    plt.close(figure)


def test_what_is_not_known_of_training_is_not_said(tmp_path, answers):
    answers = answers.assign(seen=False)
    figure = overview.draw_answers(tmp_path, answers)
    assert {axes.get_title() for axes in figure.axes} == {""}
    plt.close(figure)
    assert "blue hat: answered blue bus; striped bus: right" in overview.describe_answers(
        "m001", answers
    )


def test_on_a_phone_two_drawings_stand_side_by_side(tmp_path, answers):
    figure = overview.draw_answers(tmp_path, answers, narrow=True)
    assert figure.axes[0].get_gridspec().get_geometry() == (2, 2)
    plt.close(figure)


def test_on_a_phone_panels_stand_one_below_the_other(table):
    figure = overview.draw_factors(table, None, "", narrow=True)
    assert figure.axes[0].get_gridspec().get_geometry() == (2, 1)
    assert [axes.get_ylabel() for axes in figure.axes] == ["accuracy"] * 2
    plt.close(figure)


def test_lines_are_fits_of_the_logit_to_the_logarithm(table):
    figure = overview.draw_factors(table, None, "")
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "share of compositions seen",
        "training drawings",
    ]
    lines = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 50]
    for line, offset in zip(lines, (0, -2), strict=True):
        expected = expit(offset + 0.5 * np.log2(line.get_xdata()))
        np.testing.assert_allclose(line.get_ydata(), expected, atol=1e-9)
    plt.close(figure)


def test_the_reference_is_dashed_and_few_models_have_no_line(table):
    few = table[table["model"] <= "m003"]
    figure = overview.draw_factors(few, table, "lab")
    styles = [line.get_linestyle() for line in figure.axes[0].get_lines()]
    assert styles.count("--") == 2
    assert styles.count("-") == 0
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["seen", "unseen", "lab, 24 models"]
    plt.close(figure)


def test_accuracy_in_a_sentence():
    several = pd.DataFrame({"value": [0.1, 0.2, 0.4], "chance": 0.01}, index=list("abc"))
    text = overview.summarise({"seen": several + 0.2, "unseen": several})
    assert text == (
        "In this study, the median accuracy of 3 models is 40.0 % on compositions that a model has "
        "seen, and 20.0 % on those that it has not seen (lowest 10.0 %, highest 40.0 %; chance "
        "1.0 %)."
    )
    alone = overview.summarise({"unseen": several})
    assert "is 20.0 % on all compositions, which count as unseen (lowest 10.0 %" in alone
    one = several.head(1).assign(low=0.05, high=0.15)
    assert overview.summarise({"unseen": one}) == (
        "The model is right for 10.0 % [5.0, 15.0] of the images of unseen compositions; chance is "
        "1.0 %."
    )
