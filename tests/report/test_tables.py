from math import nan

import pandas as pd
import pytest

from cood.analysis.correlation import Correlation
from cood.report.tables import left_out, noise, ratio, reading, shown


def test_models_that_could_not_be_had_are_named_with_the_reason():
    models = pd.DataFrame({"model": ["here", "gone"], "missing": ["", "no network"]})
    assert left_out(models) == "Left out, as they could not be had: gone (no network)."
    assert left_out(models[:1]) == "All models of the study are in it."


def test_ratio_of_nothing():
    assert ratio(0.3, 0.1) == "3.0"
    assert ratio(0.3, 0.0) == "infinitely many"


def test_a_shown_leaderboard_has_no_holes():
    row = {"model": "m", "share": None, "ID": 0.5, "ID low": 0.4, "ID high": 0.6}
    row |= {"C-OoD": 0.25, "C-OoD low": 0.2, "C-OoD high": 0.3}
    board = pd.DataFrame([row, row | {"model": "n", "share": 0.4}])
    html = shown(board).to_html()
    assert "25.0 % [20.0, 30.0]" in html
    assert "40%" in html
    assert "nan" not in html.lower()


def test_the_noise_of_seeds_is_said():
    same = {"kind": "trained here", "missing": "", "parameters": 1, "share": 0.4}
    models = pd.DataFrame(
        [
            same | {"model": "a", "seed": 0},
            same | {"model": "b", "seed": 1},
            same | {"model": "c", "seed": 0, "share": 0.8},
        ]
    )
    values = pd.DataFrame({"value": [0.1, 0.3, 0.9]}, index=["a", "b", "c"])
    assert "a, b differ in the seed only, and reach 10.0 % to 30.0 %" in noise(models, values)
    assert "not known" in noise(models[1:], values)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.1, 0.9, "rises"), (-0.9, -0.1, "falls"), (-0.2, 0.9, "neither"), (nan, nan, "no trend")],
)
def test_a_correlation_is_read_from_its_interval(low, high, said):
    assert said in reading(Correlation(9, 3, 0.5, low, high, 0.5, low, high))
