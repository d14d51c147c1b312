import pytest

from cood.analysis.stats.estimate import Estimate


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
