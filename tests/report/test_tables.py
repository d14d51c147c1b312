import pandas as pd

from cood.report.tables import left_out, ratio, shown


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
