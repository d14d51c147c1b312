import numpy as np
import pytest
from scipy import stats

from cood.metrics.jackknife import deal, half_width


def test_without_one_row_each_it_is_the_interval_of_a_mean():
    x = np.random.default_rng(0).normal(size=12)
    without = np.array([[np.delete(x, i).mean(), 3.0] for i in range(12)])
    low, high = stats.t.interval(0.95, 11, loc=x.mean(), scale=stats.sem(x))
    np.testing.assert_allclose(half_width(without), [(high - low) / 2, 0], atol=1e-12)


def test_groups_stay_together_in_folds_of_like_size():
    groups = np.repeat(["a", "b", "c", "d", "e", "f", "g"], 3)
    fold = deal(groups, 3, seed=1).reshape(7, 3)
    assert (fold == fold[:, :1]).all()
    assert sorted(np.bincount(fold[:, 0])) == [2, 2, 3]
    assert not np.array_equal(fold.ravel(), deal(groups, 3, seed=2))


def test_more_folds_than_groups_are_refused():
    with pytest.raises(ValueError, match="folds: 4 is more than the 3 groups"):
        deal([0, 1, 2, 2], 4, seed=0)
