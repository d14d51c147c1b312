import numpy as np
import pandas as pd
import pytest

from cood.analysis.claims.crossed import crossed_correlation
from cood.analysis.stats.correlation import correlate


def draw(rng, n, r):
    """Two pairs of columns, each pair with the true correlation r."""
    x = rng.normal(size=(2, n))
    return x, r * x + np.sqrt(1 - r**2) * rng.normal(size=(2, n))


def names(n):
    return np.array([f"m{i}" for i in range(n)])


def test_of_the_same_columns_twice_it_is_the_plain_correlation():
    x, y = (part[0] for part in draw(np.random.default_rng(0), 24, 0.4))
    both = crossed_correlation(np.stack([x, x]), np.stack([y, y]), names(24), seed=3)
    plain = correlate(pd.Series(x), pd.Series(y), pd.Series(names(24)), seed=3).pearson
    assert both.value == pytest.approx(plain.value)
    assert both.p == pytest.approx(plain.p, abs=0.02)
    assert (both.low, both.high) == pytest.approx((plain.low, plain.high), abs=0.05)
    assert (both.least, both.most) == pytest.approx((plain.least, plain.most))


def test_the_interval_covers_and_p_keeps_its_size():
    rng, covered, small = np.random.default_rng(1), 0, 0
    for _ in range(100):
        found = crossed_correlation(*draw(rng, 24, 0.5), names(24), seed=0)
        covered += found.low <= 0.5 <= found.high
        small += crossed_correlation(*draw(rng, 24, 0.0), names(24), seed=0).p < 0.05
    assert 88 <= covered <= 100
    assert small <= 11


def test_models_of_a_family_count_as_one():
    x, y = draw(np.random.default_rng(2), 24, 0.5)
    single = crossed_correlation(x, y, names(24), seed=0)
    four = np.repeat(names(6), 4)
    shared = crossed_correlation(x, y, four, seed=0)
    assert shared.value == single.value
    assert (shared.n, shared.families) == (24, 6)


@pytest.mark.parametrize("change", ["few", "constant", "one family"])
def test_without_enough_variation_there_is_no_number(change):
    x, y = draw(np.random.default_rng(3), 3 if change == "few" else 8, 0.5)
    family = names(x.shape[1])
    if change == "constant":
        y[1] = 1.0
    if change == "one family":
        family[:] = "a"
    assert np.isnan(crossed_correlation(x, y, family, seed=0).value)
