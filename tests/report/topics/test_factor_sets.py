import numpy as np
import pandas as pd
import pytest

from cood.analysis.stats.estimate import Estimate
from cood.report.topics.factor_sets import (
    describe_generalisation,
    describe_named,
    describe_tested,
    draw_factor_models,
)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "model": ["a", "b", "c"],
            "set": ["shapes", "shapes", "sprites"],
            "family": ["a", "b", "c"],
            "share": [0.4, 0.6, 0.8],
            "able": [True, False, True],
            "log_odds": [-1.0, -2.0, 0.5],
            "metric": [0.2, 0.3, 0.4],
        }
    )


def test_one_model_or_none_is_said_honestly(table):
    none = describe_generalisation(table[:0], Estimate(), "mig")
    assert none.startswith("This study trains no model on a factor set")
    one = describe_generalisation(table[:1], Estimate(), "dci_x")
    assert one == (
        "One model is trained on a factor set; 1 names both factors above chance on combinations "
        "that they have seen. That is too few to correlate dci x with the accuracy on unseen "
        "combinations."
    )
    several = describe_generalisation(table, Estimate(0.5, 0.1, 0.8, 0.02, 2, 2), "mig")
    assert "3 models are trained on a factor set; 2 name both factors" in several
    assert several.endswith("a partial correlation of 0.50 [0.10, 0.80] given the set (p 0.020).")


def test_published_models_may_be_missing():
    models = pd.DataFrame({"model": list("abcde"), "family": list("abcde")})
    x = pd.DataFrame({"value": np.arange(5.0)}, index=models["model"])
    assert describe_tested(models[:0], x, x, 0) == "This study tests no published model on scenes."
    assert "Pearson 1.00" in describe_tested(models, x, x, 0)
    assert describe_named(None, []) == "the study has none"


def test_open_marks_are_models_that_do_not_name_both_factors(table):
    figure = draw_factor_models(table, "mig")
    shapes, sprites = figure.axes[:2]
    assert [axes.get_title() for axes in (shapes, sprites)] == ["shapes", "sprites"]
    faces = [line.get_markerfacecolor() for line in shapes.lines]
    assert [face == "none" for face in faces] == [False, True]
    assert [list(line.get_xdata()) for line in sprites.lines] == [[0.4]]
    alike = draw_factor_models(table[:1], "mig")
    assert len(alike.axes) == 1  # no colour bar for one share
