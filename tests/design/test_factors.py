import numpy as np
import pytest

from cood.design import Dose, Levels, Range, check_factors, corner, middle, observed_range
from cood.errors import CoodError


def test_places_and_values_of_a_range():
    steps = Range("steps", 100, 400, log=True)
    assert steps.values(np.array([0, 0.5, 1])).tolist() == [100, 200, 400]
    assert steps.unit(np.array([100, 200, 400])) == pytest.approx([0, 0.5, 1])
    assert Range("skew", 0, 1).values(np.array([0, 0.5, 1])).tolist() == [0, 0.5, 1]


def test_values_are_rounded_and_stay_in_the_range():
    rounded = Range("share", 0.123444, 0.654321).values(np.array([0, 1 / 3, 1]))
    assert rounded.tolist() == [0.123444, 0.3004, 0.6543]
    whole = Range("width", 32, 33, log=True, whole=True).values(np.array([0, 0.4, 0.6, 1]))
    assert whole.tolist() == [32, 32, 33, 33]
    assert whole.dtype == int


def test_the_middle(few_factors):
    point = middle(few_factors)
    assert point["share"] == pytest.approx(np.sqrt(0.15 * 0.8), abs=1e-4)
    assert point["images"] == 4525
    assert point["skew"] == 0.5
    assert (point["treatment"], point["strength"]) == ("none", 0)
    assert list(point) == [factor.name for factor in few_factors]
    treated = middle(few_factors, {"treatment": "orthogonality_placebo"})
    assert treated["strength"] == pytest.approx(np.sqrt(3), abs=1e-3)
    assert {**treated, "treatment": "none", "strength": 0} == point


def test_a_corner_has_ends_where_they_are_named_and_the_middle_elsewhere(few_factors):
    point = corner(few_factors, {"share": "high", "skew": "low"})
    assert (point["share"], point["skew"]) == (0.8, 0)
    assert {**point, "share": 0, "skew": 0} == {**middle(few_factors), "share": 0, "skew": 0}
    treated = corner(few_factors, {"strength": "high"}, {"treatment": "orthogonality"})
    assert treated["strength"] == 10


def test_unknown_names_are_refused(few_factors):
    with pytest.raises(CoodError, match=r"unknown factor with a range 'shar'; did you mean share"):
        corner(few_factors, {"shar": "low"})
    with pytest.raises(CoodError, match="unknown factor with a range 'treatment'"):
        corner(few_factors, {"treatment": "low"})
    with pytest.raises(CoodError, match="unknown factor with levels 'share'"):
        middle(few_factors, {"share": "low"})
    with pytest.raises(CoodError, match="unknown level of treatment 'additivity'"):
        middle(few_factors, {"treatment": "additivity"})


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ([Range("share", 0.8, 0.1)], "'share': the low end 0.8 is not below the high end 0.1"),
        ([Range("share", 1, 1)], "not below"),
        ([Range("share", 0, np.nan)], "not below"),
        ([Range("skew", 0, 1, log=True)], "'skew': the low end 0 has no logarithm"),
        ([Range("skew", 0, 1), Range("skew", 0, 2)], "'skew' is twice among the factors"),
        ([Levels("loss", ("softmax",))], "'loss': two different levels or more are needed"),
        ([Levels("loss", ("softmax", "softmax"))], "two different levels or more"),
        (
            [Dose("strength", "treatment", ((Range("a", 1, 2), ("a",)),))],
            "unknown factor with levels 'treatment'; known: none",
        ),
        (
            [
                Levels("treatment", ("none", "a")),
                Dose("strength", "treatment", ((Range("b", 1, 2), ("b",)),)),
            ],
            "unknown level of treatment 'b'",
        ),
        (
            [
                Levels("treatment", ("none", "a")),
                Dose("strength", "treatment", ((Range("a", 1, 2), ("a",)),) * 2),
            ],
            "'strength': level 'a' has two ranges; give it one",
        ),
        (
            [
                Levels("treatment", ("none", "a")),
                Dose("strength", "treatment", ((Range("a", 2, 1), ("a",)),)),
            ],
            "'a': the low end 2 is not below the high end 1",
        ),
    ],
)
def test_impossible_factors_are_refused(factors, message):
    with pytest.raises(CoodError, match=message):
        check_factors(factors)


def test_the_range_of_realised_values():
    assert observed_range("seen", [3, 1, 2]) == Range("seen", 1, 3)
    assert observed_range("seen", [3, 1, 2], log=True).log
