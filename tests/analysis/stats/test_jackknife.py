import numpy as np
import pytest
from scipy import stats

from cood.analysis.stats.jackknife import mean, spread

VALUES = np.random.default_rng(0).normal(0.4, 1, size=12)


def test_without_families_it_is_the_interval_of_student():
    found, low, high, p, without = mean(VALUES, np.arange(12))
    test = stats.ttest_1samp(VALUES, 0)
    interval = test.confidence_interval()
    assert found == pytest.approx(VALUES.mean())
    assert (low, high) == pytest.approx((interval.low, interval.high))
    assert p == pytest.approx(test.pvalue)
    expected = [np.delete(VALUES, i).mean() for i in range(12)]
    assert sorted(without) == pytest.approx(sorted(expected))


def test_families_of_one_size_count_by_their_means():
    families = np.repeat(list("abcd"), 3)
    _, low, high, p, _ = mean(VALUES, families)
    test = stats.ttest_1samp(VALUES.reshape(4, 3).mean(axis=1), 0)
    interval = test.confidence_interval()
    assert (low, high) == pytest.approx((interval.low, interval.high))
    assert p == pytest.approx(test.pvalue)


def test_p_is_that_of_the_level_at_which_the_interval_touches_0():
    without = np.array([0.2, 0.5, 0.9, 0.4])
    _, p = spread(0.5, without)
    reach, same = spread(0.5, without, level=1 - p)
    assert reach == pytest.approx(0.5)
    assert same == p


@pytest.mark.parametrize("without", [[0.5], [], [0.4, np.nan, 0.6]])
def test_where_all_hangs_on_one_family_nothing_is_sure(without):
    assert spread(0.5, np.array(without)) == (np.inf, 1.0)


@pytest.mark.parametrize(("value", "p"), [(0.0, 1.0), (0.3, 0.0)])
def test_without_any_spread(value, p):
    assert spread(value, np.full(4, value)) == (0.0, p)


def test_the_mean_of_one_family_has_no_interval():
    found, *rest, without = mean(VALUES, np.repeat("a", 12))
    assert found == pytest.approx(VALUES.mean())
    assert np.isnan(rest).all()
    assert without.size == 0
