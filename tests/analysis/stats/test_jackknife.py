import numpy as np
import pytest
from scipy import stats

from cood.analysis.stats.jackknife import margin_of_error, mean

VALUES = np.random.default_rng(0).normal(0.4, 1, size=12)


def test_without_families_it_is_the_interval_of_student():
    found = mean(VALUES, np.arange(12))
    test = stats.ttest_1samp(VALUES, 0)
    interval = test.confidence_interval()
    assert found.value == pytest.approx(VALUES.mean())
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(test.pvalue)
    without = [np.delete(VALUES, i).mean() for i in range(12)]
    assert (found.least, found.most) == pytest.approx((min(without), max(without)))
    assert (found.n, found.families) == (12, 12)


def test_families_of_one_size_count_by_their_means():
    families = np.repeat(list("abcd"), 3)
    found = mean(VALUES, families)
    test = stats.ttest_1samp(VALUES.reshape(4, 3).mean(axis=1), 0)
    interval = test.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.p == pytest.approx(test.pvalue)
    assert (found.n, found.families) == (12, 4)


def test_p_is_that_of_the_level_at_which_the_interval_touches_0():
    without = np.array([0.2, 0.5, 0.9, 0.4])
    _, p = margin_of_error(0.5, without)
    margin, same = margin_of_error(0.5, without, level=1 - p)
    assert margin == pytest.approx(0.5)
    assert same == p


@pytest.mark.parametrize("without", [[0.5], [], [0.4, np.nan, 0.6]])
def test_there_is_no_interval_without_two_families_that_each_may_be_left_out(without):
    assert margin_of_error(0.5, np.array(without)) == (np.inf, 1.0)


@pytest.mark.parametrize(("value", "p"), [(0.0, 1.0), (0.3, 0.0)])
def test_without_any_margin_of_error(value, p):
    assert margin_of_error(value, np.full(4, value)) == (0.0, p)


def test_the_mean_of_one_family_has_no_interval():
    found = mean(VALUES, np.repeat("a", 12))
    assert found.value == pytest.approx(VALUES.mean())
    assert np.isnan([found.low, found.high, found.p, found.least, found.most]).all()
    assert (found.n, found.families) == (12, 1)
