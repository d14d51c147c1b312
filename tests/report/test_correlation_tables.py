import numpy as np
import pandas as pd
import pytest

from cood.analysis.stats.correlation import correlate, leave_one_out
from cood.report.correlation_tables import (
    controlled,
    count_signs,
    grid,
    survivors,
    without_any,
    written,
)


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
    table = grid(found, "spearman", relative=True)
    assert list(table.index) == ["images, centred, unit rows", "means, centred, unit rows"]
    assert list(table.columns) == ["rank_1", "other"]
    np.testing.assert_array_equal(table.to_numpy(), [[-0.5, np.nan], [0.5, 0.7]])


def test_signs_are_counted(found):
    assert count_signs(found, "spearman") == (
        "of 4 coefficients, 2 lie below 0 (1 with their whole interval) and 2 above "
        "(1 with their whole interval)"
    )


def test_a_correlation_is_written_with_its_interval_and_range(found):
    row = written(found, "spearman").iloc[0]
    assert row["metric"] == "rank 1"
    assert (row["codes"], row["factor"]) == ("images", "both")
    assert row["median (lowest to highest)"] == "2.00 (1.00 to 3.00)"
    assert row["Spearman"] == "-0.50 [-0.90, -0.10]"
    assert row["without any one model"] == "-0.60 to 0.25"
    assert written(found, "spearman")["Spearman"].iloc[3] == "-"


def test_the_model_that_matters_most_is_named():
    names = list("abcde")
    x = pd.Series([0.0, 1, 2, 3, 10], index=names)
    y = pd.Series([0.2, 0.1, 0.3, 0.2, 9.0], index=names)
    whole = correlate(x, y, pd.Series(names), seed=0, resamples=100)
    text = without_any(whole, leave_one_out(x, y))
    assert text.startswith("Pearson 0.")
    assert "from 0.96 without e)" in text
    few = leave_one_out(x[:2], y[:2])
    assert without_any(whole, few) == "not to be had from so few models"


def test_what_is_left_of_many_coefficients():
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
    assert survivors(table) == (
        "of 2 coefficients, 2 have p below 0.05, 1 after Holm's correction for their number, and 1 "
        "have an interval that excludes 0 once ID accuracy is held fixed"
    )
    shown = controlled(table, "spearman")
    assert shown["metric"].tolist() == ["z diff", "z diff", "irs"]
    assert shown["Spearman"].tolist() == ["0.80 [0.50, 0.90]", "0.70 [0.10, 0.90]", "-"]
    assert shown["Spearman given ID accuracy"].iloc[1] == "-0.60 [-0.90, -0.20]"
