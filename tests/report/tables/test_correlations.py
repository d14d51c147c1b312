from math import nan

import numpy as np
import pandas as pd
import pytest

from cood.analysis.stats.correlation import Correlation, correlate, leave_one_out
from cood.analysis.stats.estimate import Estimate
from cood.report.tables.correlations import (
    WITH_CONTROL,
    WITHOUT_CONTROL,
    agreement,
    control_rows,
    control_table,
    correlation_table,
    count_significant,
    count_signs,
    metric_correlation_table,
    model_influence,
    rank_grid,
    styled_correlations,
    trend,
    with_coefficient,
)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.1, 0.9, "rises"), (-0.9, -0.1, "falls"), (-0.2, 0.9, "no significant"), (nan, nan, "few")],
)
def test_a_trend_is_read_from_the_interval(low, high, expected):
    assert expected in trend(both(0.5, low, high))


def both(value, low, high):
    """The same coefficient of both kinds, over nine models in three families."""
    return Correlation(*[Estimate(value, low, high, n=9, families=3)] * 2)


RISES, FALLS = (both(v, v, v) for v in (0.5, -0.5))


def test_ways_to_measure_may_agree_or_not():
    assert agreement([RISES, RISES]) == (
        "C-OoD accuracy rises in each of 2 ways to measure it, so the conclusion does not depend "
        "on how it is measured"
    )
    assert agreement([FALLS, RISES, RISES]) == (
        "of 3 ways to measure it, C-OoD accuracy rises in 2 and falls in 1, so the conclusion "
        "depends on how it is measured"
    )
    unsure = both(0.1, -0.2, 0.3)
    assert agreement([unsure, unsure]) == (
        "C-OoD accuracy shows no significant trend in each of 2 ways to measure it, so none of "
        "them supports a trend"
    )
    assert agreement([unsure, RISES, RISES]) == (
        "of 3 ways to measure it, C-OoD accuracy rises in 2 and shows no significant trend in 1: "
        "no two ways contradict each other, but not every trend is significant"
    )


def test_no_trend_is_concluded_without_a_coefficient():
    none = both(nan, nan, nan)
    assert agreement([none, none]) == (
        "with so few models, none of the 2 ways to measure it allows an estimate of the trend"
    )
    assert str(none) == "no coefficient, n = 9 models in 3 families"


def test_correlations_are_shown_with_interval_and_number_of_models():
    constant = both(nan, nan, nan)
    row, other = correlation_table({"a": FALLS, "b": constant}).to_dict("records")
    assert other["Pearson"] == other["Spearman"] == "-"
    assert row["measured by"] == "a"
    assert (row["models"], row["families"]) == (9, 3)
    assert row["Pearson"] == row["Spearman"] == "-0.50 [-0.50, -0.50]"
    assert row["C-OoD accuracy"] == "falls"


def test_numbers_of_models_are_shown_only_where_they_differ():
    rows = [
        {"metric": "dci_completeness", "n": n, "families": 3, "pearson": 0.5, "pearson_low": 0.2}
        | {
            "pearson_high": 0.75,
            "pearson_p": 0.01,
            "spearman": -1.0,
            "spearman_low": -1.0,
            "spearman_high": 0.0,
        }
        for n in (9, 8)
    ]
    shown = styled_correlations(pd.DataFrame(rows)).data
    assert shown.columns.tolist() == ["metric", "models", "Pearson", "Spearman"]
    assert shown["metric"].tolist() == ["dci completeness"] * 2
    assert shown["Pearson"].tolist() == ["0.50 [0.20, 0.75]"] * 2
    assert "models" not in styled_correlations(pd.DataFrame(rows[:1] * 2)).data


@pytest.fixture
def found():
    rows = [
        ("rank_1", "images", True, -0.5, -0.9, -0.1),
        ("rank_1", "means", True, 0.5, -0.2, 0.9),
        ("rank_1", "images", False, -0.4, -0.8, 0.1),
        ("other", "images", True, np.nan, np.nan, np.nan),
        ("other", "means", True, 0.7, 0.2, 0.9),
    ]
    columns = ["metric", "codes", "relative", "spearman", "spearman_low", "spearman_high"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.assign(centred=True, unit_rows=True, projection="", factor="")
    known = {"lowest": 1.0, "median": 2.0, "highest": 3.0, "chance": np.nan}
    return table.assign(**known, spearman_min=-0.6, spearman_max=0.25)


def test_ranks_by_codes_and_definition(found):
    table = rank_grid(found, "spearman", relative=True)
    assert list(table.index) == ["images, centred, unit rows", "means, centred, unit rows"]
    assert list(table.columns) == ["rank_1", "other"]
    np.testing.assert_array_equal(table.to_numpy(), [[-0.5, np.nan], [0.5, 0.7]])


def test_signs_are_counted(found):
    assert count_signs(found, "spearman") == (
        "of 4 coefficients, 2 are negative (1 significantly) and 2 positive (1 significantly)"
    )


def test_a_metric_is_shown_with_its_interval_and_range(found):
    row = metric_correlation_table(found, "spearman").iloc[0]
    assert row["metric"] == "rank 1"
    assert (row["codes"], row["factor"]) == ("images", "both")
    assert row["median (lowest to highest)"] == "2.00 (1.00 to 3.00)"
    assert row["Spearman"] == "-0.50 [-0.90, -0.10]"
    assert row["range without any one model"] == "-0.60 to 0.25"
    assert metric_correlation_table(found, "spearman")["Spearman"].iloc[3] == "-"


def test_the_most_influential_model_is_named():
    names = list("abcde")
    x = pd.Series([0.0, 1, 2, 3, 10], index=names)
    y = pd.Series([0.2, 0.1, 0.3, 0.2, 9.0], index=names)
    whole = correlate(x, y, pd.Series(names), seed=0)
    text = model_influence(whole, leave_one_out(x, y))
    assert text.startswith("Pearson 0.")
    assert "(0.96 with all models; leaving out e changes it most)" in text
    few = leave_one_out(x[:2], y[:2])
    assert model_influence(whole, few) == "not estimable from so few models"


def test_significant_coefficients_are_counted():
    columns = ["space", "metric", "spearman", "low", "high", "p", "holm"]
    rows = [
        ("image", "z_diff", 0.8, 0.5, 0.9, 0.01, 0.03),
        ("text", "z_diff", 0.7, 0.1, 0.9, 0.04, 0.08),
        ("image", "irs", np.nan, np.nan, np.nan, np.nan, np.nan),
    ]
    table = pd.DataFrame(rows, columns=columns).assign(
        partial=[0.1, -0.6, np.nan],
        partial_low=[-0.3, -0.9, np.nan],
        partial_high=[0.4, -0.2, np.nan],
    )
    assert count_significant(table) == (
        "of 2 coefficients, 2 have p below 0.05 and 1 after Holm's correction; 1 are significant "
        "given ID accuracy"
    )
    shown = control_table(table, "spearman")
    assert shown["metric"].tolist() == ["z diff", "z diff", "irs"]
    assert shown["Spearman"].tolist() == ["0.80 [0.50, 0.90]", "0.70 [0.10, 0.90]", "-"]
    assert shown["Spearman given ID accuracy"].iloc[1] == "-0.60 [-0.90, -0.20]"


def test_rows_without_a_coefficient_are_not_drawn_unless_all_lack_it():
    found = pd.DataFrame({"metric": ["mig", "sap", "mig", "sap"]})
    some = found.assign(spearman=[0.5, np.nan, 0.1, np.nan])
    assert with_coefficient(some, "spearman")["metric"].tolist() == ["mig", "mig"]
    none = found.assign(spearman=np.nan)
    assert len(with_coefficient(none, "spearman")) == 4


def test_rows_with_and_without_control():
    table = pd.DataFrame(
        {
            "name": ["mig, images"],
            "spearman": [0.5],
            "low": [0.1],
            "high": [0.9],
            "partial": [0.2],
            "partial_low": [-0.3],
            "partial_high": [0.6],
        }
    )
    rows = control_rows(table, "spearman")
    assert rows["group"].tolist() == [WITHOUT_CONTROL, WITH_CONTROL]
    assert rows[["model", "value", "low", "high"]].to_numpy().tolist() == [
        ["mig, images", 0.5, 0.1, 0.9],
        ["mig, images", 0.2, -0.3, 0.6],
    ]
