from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cood.design import (
    Dose,
    Levels,
    Range,
    column_names,
    design_matrix,
    observed_range,
    summarise,
)
from cood.errors import CoodError

TREATMENT = Levels("treatment", ("none", "penalty", "placebo"))
STRENGTH = Dose(
    "strength", "treatment", ((Range("penalty", 1, 100, True), ("penalty", "placebo")),)
)
A, B = Range("a", 0, 1), Range("b", 0, 1)
SQUARE = pd.DataFrame({"a": [0.0, 0, 1, 1], "b": [0.0, 1, 0, 1]})


def test_the_coded_columns():
    points = pd.DataFrame(
        {
            "steps": [10, 100, 1000, 100],
            "treatment": ["none", "penalty", "placebo", "penalty"],
            "strength": [0, 1, 10, 100],
        },
        index=[7, 8, 9, 10],
    )
    factors = [Range("steps", 10, 1000, log=True), TREATMENT, STRENGTH]
    expected = pd.DataFrame(
        {
            "steps": [-1.0, 0, 1, 0],
            "treatment_penalty": [0.0, 1, 0, 1],
            "treatment_placebo": [0.0, 0, 1, 0],
            "strength_penalty": [0.0, -1, 0, 1],
        },
        index=[7, 8, 9, 10],
    )
    pd.testing.assert_frame_equal(design_matrix(points, factors), expected)


def test_a_dose_is_centred_where_it_applies():
    points = pd.DataFrame({"treatment": ["none", "penalty", "penalty"], "strength": [0, 10, 100]})
    column = design_matrix(points, [TREATMENT, STRENGTH])["strength_penalty"]
    assert column.tolist() == [0, -0.5, 0.5]


def test_each_penalty_has_a_column(many_factors):
    assert list(column_names(many_factors))[-2:] == [
        "strength_orthogonality",
        "strength_additivity",
    ]
    assert len(column_names(many_factors)) == 18


def test_a_factorial_is_orthogonal():
    summary = summarise(SQUARE, [A, B])
    assert (summary.models, summary.columns) == (4, ("a", "b"))
    assert (summary.largest_r, summary.pair) == (0, ())
    assert summary.condition == pytest.approx(1)
    assert summary.constant == ()


def test_the_largest_correlation_and_its_pair():
    points = SQUARE.assign(c=[0.0, 1, 1, 1], level=["x", "y", "x", "y"])
    summary = summarise(points, [A, B, Range("c", 0, 1), Levels("level", ("x", "y"))])
    assert summary.largest_r == pytest.approx(1)  # `level` is `b` in other words
    assert set(summary.pair) == {"b", "level_y"}
    assert summary.condition == np.inf
    assert summary.counts == {"level": {"x": 2, "y": 2}}
    assert summarise(points, [B, Levels("level", ("x", "y"))]).condition == np.inf
    without = summarise(points, [A, Range("c", 0, 1)])
    assert without.largest_r == pytest.approx(np.corrcoef(points["a"], points["c"])[0, 1])


def test_indicators_of_one_factor_are_no_fault():
    points = pd.DataFrame({"treatment": ["none", "penalty", "placebo"]})
    summary = summarise(points, [TREATMENT])
    assert (summary.largest_r, summary.pair) == (0, ())
    assert summary.condition == pytest.approx(np.sqrt(3))  # their correlation is -1/2
    assert summary.discrepancy == 0


def test_columns_that_do_not_vary_are_left_out_and_named():
    points = SQUARE.assign(same=3.0, treatment=["none", "none", "penalty", "penalty"], strength=0.0)
    points["strength"] = [0.0, 0, 10, 10]
    factors = [A, B, observed_range("same", points["same"]), TREATMENT, STRENGTH]
    summary = summarise(points, factors)
    assert summary.constant == ("same", "treatment_placebo", "strength_penalty")
    assert summary.columns == ("a", "b", "treatment_penalty")
    nothing = summarise(points, [observed_range("same", points["same"])])
    assert (nothing.columns, nothing.largest_r, nothing.condition) == ((), 0, pytest.approx(1))


def test_realised_values_need_no_planned_range():
    rng = np.random.default_rng(0)
    points = pd.DataFrame({"x": rng.random(20), "y": 10.0 ** rng.random(20)})
    factors = [observed_range("x", points["x"]), observed_range("y", points["y"], log=True)]
    r = np.corrcoef(points["x"], np.log(points["y"]))[0, 1]
    assert summarise(points, factors).largest_r == pytest.approx(abs(r))
    # Nor do they have to lie in the planned one.
    planned = [replace(factors[0], low=0.2, high=0.8), factors[1]]
    assert summarise(points, planned).largest_r == pytest.approx(abs(r))


def test_no_logarithm_of_what_is_not_positive():
    points = pd.DataFrame({"x": [0.0, 1, 2]})
    with pytest.raises(CoodError, match="factor 'x': 0 has no logarithm"):
        summarise(points, [Range("x", 1, 2, log=True)])
