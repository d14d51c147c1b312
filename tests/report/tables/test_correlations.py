from math import nan

import numpy as np
import pandas as pd
import pytest

from cood.analysis.stats.correlation import Correlation
from cood.analysis.stats.estimate import Estimate
from cood.report.tables.correlations import (
    compare_outcomes,
    count_signs,
    outcome_table,
    rank_grid,
    sign_changes,
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
    return table


def test_ranks_by_codes_and_definition(found):
    table = rank_grid(found, "spearman", relative=True)
    assert list(table.index) == ["images, centred, unit rows", "means, centred, unit rows"]
    assert list(table.columns) == ["rank_1", "other"]
    np.testing.assert_array_equal(table.to_numpy(), [[-0.5, np.nan], [0.5, 0.7]])


def test_signs_are_counted(found):
    assert count_signs(found, "spearman") == (
        "of 4 coefficients, 2 are negative and 2 positive; the 95 % intervals of 1 and 1 of them "
        "exclude 0, not corrected for their number"
    )


def test_rows_without_a_coefficient_are_not_drawn_unless_all_lack_it():
    found = pd.DataFrame({"metric": ["mig", "sap", "mig", "sap"]})
    some = found.assign(spearman=[0.5, np.nan, 0.1, np.nan])
    assert with_coefficient(some, "spearman")["metric"].tolist() == ["mig", "mig"]
    none = found.assign(spearman=np.nan)
    assert len(with_coefficient(none, "spearman")) == 4


@pytest.fixture
def against_both():
    rows = [
        ("image", "dci_completeness", "cood", 0.6, 0.2, 0.8, 0.001, 0.003),
        ("image", "z_diff", "cood", nan, nan, nan, nan, nan),
        ("image", "dci_completeness", "gap", -0.1, -0.5, 0.4, 0.6, 1.0),
        ("image", "z_diff", "gap", nan, nan, nan, nan, nan),
    ]
    columns = ["space", "metric", "outcome", "value", "low", "high", "p", "holm"]
    known = {"lowest": 0.1, "median": 0.2, "highest": 0.3, "chance": 0.05, "n": 9, "families": 9}
    return pd.DataFrame(rows, columns=columns).assign(**known)


def test_both_outcomes_are_counted_and_compared(against_both):
    assert compare_outcomes(against_both) == (
        "Of the pairs of a metric and a space, 1 of 1 correlate significantly with C-OoD log odds "
        "(most strongly DCI completeness (lines) of images, 0.60) and 0 of 1 correlate "
        "significantly with the gap (p corrected by Holm's method for all 2 coefficients). The "
        "median size of the coefficients is 0.60 with C-OoD log odds and 0.10 with the gap."
    )
    one = against_both[against_both["outcome"] == "cood"]
    assert compare_outcomes(one).endswith("is 0.60 with C-OoD log odds.")
    assert compare_outcomes(against_both.assign(p=nan)).startswith("With so few models")


def test_a_metric_is_shown_with_both_coefficients_and_its_certificate(against_both):
    certificate = pd.DataFrame(
        {"space": ["image"], "metric": ["z_diff"], "certified": [False], "why": ["ladder 0.2"]}
    )
    table = outcome_table(against_both, certificate)
    row, other = table.to_dict("records")
    assert row["metric"] == "DCI completeness (lines)"
    assert row["median (lowest to highest)"] == "0.20 (0.10 to 0.30)"
    assert row["with C-OoD log odds"] == "0.60 [0.20, 0.80]"
    assert (row["with the gap"], row["p, Holm (the gap)"]) == ("-0.10 [-0.50, 0.40]", 1.0)
    assert (row["certificate"], other["certificate"]) == ("not tested", "no: ladder 0.2")
    assert other["with C-OoD log odds"] == "-"
    alone = outcome_table(against_both[against_both["outcome"] == "cood"], None)
    assert "with the gap" not in alone
    assert set(alone["certificate"]) == {"none yet"}


def test_signs_that_depend_on_how_a_metric_is_computed():
    rows = [
        ("mig", 0.5, 0.1, 0.9),
        ("mig", -0.5, -0.9, -0.1),
        ("sap", 0.5, 0.1, 0.9),
        ("sap", -0.1, -0.4, 0.2),
        ("irs", 0.3, 0.1, 0.5),
    ]
    table = pd.DataFrame(rows, columns=["metric", "pearson", "pearson_low", "pearson_high"])
    text = sign_changes(table.assign(space="image"), "pearson")
    assert text.startswith("Of 3 pairs of a metric and a space, 2 have a positive coefficient")
    assert "in 1 of them, the 95 % intervals" in text
