from math import nan

import pandas as pd
import pytest

from cood.analysis.stats.correlation import Correlation
from cood.files import write_table
from cood.report.tables import (
    against_zero,
    agreement,
    correlation_table,
    correlations,
    leaderboard,
    left_out,
    noise,
    outside,
    ratio,
    reading,
    shown,
)
from cood.report.topics.dataset import funnel, verification


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


def test_a_leaderboard_marks_what_was_published():
    models = pd.DataFrame(
        {
            **{"model": ["a", "b"], "architecture": "RN50", "published_id": [0.57, nan]},
            **{"data": ["WIT", "CC12M"], "samples_seen": [12.8e9, nan]},
        }
    )
    values = pd.DataFrame({"value": 0.5, "low": 0.4, "high": 0.6}, index=["a", "b"])
    board = leaderboard(models, values, values)
    assert board["published_id"].tolist()[0] == 0.57
    html = shown(board).to_html()
    assert "ImageNet, published" in html
    assert "57.0 %" in html
    assert "CC12M" in html
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


RISES, FALLS = (Correlation(9, 3, v, v, v, v, v, v) for v in (0.5, -0.5))


def test_several_readings_that_agree_and_that_do_not():
    assert agreement([RISES, RISES]) == (
        "in each of 2 ways to measure it, C-OoD accuracy rises, so the conclusion does not depend "
        "on the way"
    )
    assert agreement([FALLS, RISES, RISES]) == (
        "of 3 ways to measure it, C-OoD accuracy rises in 2 and falls in 1, so the conclusion "
        "turns with the way"
    )
    unsure = Correlation(9, 3, 0.1, -0.2, 0.3, 0.1, -0.2, 0.3)
    assert agreement([unsure, RISES, RISES]) == (
        "of 3 ways to measure it, C-OoD accuracy rises in 2 and neither surely rises nor surely "
        "falls in 1: no two ways contradict each other, but not every one is sure"
    )


def test_where_no_coefficient_is_defined_nothing_is_concluded():
    none = Correlation(2, 2, *[nan] * 6)
    assert agreement([none, none]) == (
        "so few models can tell no trend in any of 2 ways to measure it"
    )
    assert str(none) == "no coefficient, n = 2 models in 2 families"
    assert [ratio(a, b) for a, b in ((1, 4), (1, 0), (0, 0))] == ["0.2", "infinitely many", "?"]


def test_correlations_are_shown_with_interval_and_number_of_models():
    constant = Correlation(9, 3, *[nan] * 6)
    row, other = correlation_table({"a": FALLS, "b": constant}).to_dict("records")
    assert other["Pearson"] == other["Spearman"] == "-"
    assert row["measured by"] == "a"
    assert (row["models"], row["families"]) == (9, 3)
    assert row["Pearson"] == row["Spearman"] == "-0.50 [-0.50, -0.50]"
    assert row["C-OoD accuracy"] == "falls"


def test_models_are_counted_by_their_intervals():
    bounds = {"low": [0.1, -0.2, -0.3, 0.0], "high": [0.2, -0.1, 0.3, 0.1]}
    assert against_zero(pd.DataFrame(bounds)) == (
        "surely more in 1, surely less in 1 and neither in 2"
    )
    null = pd.DataFrame({"low": [2, 2, 2], "high": [4, 4, 4]}, index=list("abc"))
    values = pd.DataFrame({"value": [5, 1, 4]}, index=list("abc"))
    assert outside(values, null) == (
        "as large as chance would have it in 1 of 3 models, smaller in 1 and larger in 1"
    )


def test_many_correlations_say_how_many_models_only_where_that_differs():
    rows = [
        {"metric": "dci_completeness", "n": n, "families": 3, "pearson": 0.5, "low": 0.2}
        | {
            "high": 0.75,
            "pearson_p": 0.01,
            "spearman": -1.0,
            "spearman_low": -1.0,
            "spearman_high": 0.0,
        }
        for n in (9, 8)
    ]
    shown = correlations(pd.DataFrame(rows)).data
    assert shown.columns.tolist() == ["metric", "n", "pearson", "spearman"]
    assert shown["metric"].tolist() == ["dci completeness"] * 2
    assert shown["pearson"].tolist() == ["0.50 [0.20, 0.75]"] * 2
    assert "n" not in correlations(pd.DataFrame(rows[:1] * 2)).data


def test_how_a_set_was_verified_is_said(parse, project):
    study = parse(verification={"model": "org/vlm", "sets": ["ao"], "clip": "few"})
    table = pd.DataFrame(
        {
            "status": ["kept", "object not seen", "attribute not seen", "kept", "duplicate"],
            "composition": [0, 1, 2, 0, -1],
            **{"object_yes": [0.9, 0.1, 0.9, 0.8, nan], "attribute_yes": [0.9, 0.9, 0.2, 0.8, nan]},
            **{"object_mass": 0.5, "attribute_mass": 0.25, "clip": [0.3, 0.2, 0.25, 0.22, nan]},
        }
    )
    write_table(table, study.paths.verified("ao"))
    steps = funnel(study, "ao")
    assert steps["images"].tolist() == [5, 4, 4, 3, 2]
    assert steps["compositions"].tolist() == [3, 3, 3, 2, 1]
    assert steps["share"].tolist() == pytest.approx([1, 0.8, 1, 0.75, 2 / 3])
    text = verification(study, "ao").data
    assert "by `org/vlm`, which must give yes at least 50" in text
    assert "25" in text
    assert "`few` is higher for a kept image than for a dropped one in 75" in text
