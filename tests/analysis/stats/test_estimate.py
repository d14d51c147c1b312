import numpy as np
import pytest

from cood.analysis.stats.estimate import AccuracyChange, Estimate


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((), "not estimable"),
        ((0.5,), "0.50 (no interval)"),
        ((0.5, -0.25, 1.25), "0.50 [-0.25, 1.25]"),
    ],
)
def test_an_estimate_as_captions_give_it(numbers, text):
    assert str(Estimate(*numbers)) == text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((np.nan, 0.1, 0.2), "not estimable"),
        ((0.1,), "+10.0 points (no interval)"),
        ((0.025, -0.014, 0.06), "+2.5 points [-1.4, +6.0]"),
    ],
)
def test_a_difference_of_accuracies_is_in_points(numbers, text):
    assert str(AccuracyChange(*numbers)) == text
