import numpy as np
import pandas as pd
import pytest
from scipy.stats import f_oneway

from cood.analysis.certificate.reliability import intraclass_correlation


def pairs(share, n=12, seed=0):
    """Normal pairs of which so much of the variance lies between pairs."""
    rng = np.random.default_rng(seed)
    between = np.sqrt(share) * rng.standard_normal(n)
    first, second = between + np.sqrt(1 - share) * rng.standard_normal((2, n))
    return pd.Series(first), pd.Series(second)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_it_follows_from_the_f_of_an_analysis_of_variance(share):
    first, second = pairs(share)
    ratio, p = f_oneway(*np.stack([first, second], axis=1))
    found = intraclass_correlation(first, second)
    assert found.value == pytest.approx((ratio - 1) / (ratio + 1))
    assert found.p == pytest.approx(p)
    assert (found.n, found.families) == (12, 12)
    assert found.low < found.value < found.high
    assert found.least < found.value < found.most


def test_by_hand():
    """Judges 1 and 4 of the six targets of Shrout and Fleiss (1979)."""
    found = intraclass_correlation(pd.Series([9, 6, 8, 7, 10, 6]), pd.Series([6, 2, 8, 6, 9, 7]))
    between = 2 * np.var([7.5, 4, 8, 6.5, 9.5, 6.5], ddof=1)
    within = (9 + 16 + 0 + 1 + 1 + 1) / 2 / 6
    assert found.value == pytest.approx((between - within) / (between + within))


def test_the_interval_covers_the_true_share():
    for share in (0.2, 0.6, 0.9):
        found = [intraclass_correlation(*pairs(share, seed=s)) for s in range(400)]
        covered = np.mean([e.low <= share <= e.high for e in found])
        assert covered == pytest.approx(0.95, abs=0.03)


def test_pairs_that_always_agree():
    first = pd.Series([1.0, 2.0, 3.0])
    found = intraclass_correlation(first, first.copy())
    assert (found.value, found.low, found.high, found.p) == (1, 1, 1, 0)


def test_the_order_within_pairs_changes_nothing():
    first, second = pairs(0.5)
    swap = np.arange(12) % 2 == 0
    other = intraclass_correlation(first.where(swap, second), second.where(swap, first))
    assert other == intraclass_correlation(first, second)


@pytest.mark.parametrize(
    ("first", "second", "n"),
    [([1, 1, 1], [1, 1, 1], 3), ([], [], 0), ([1, 2], [1, 3], 2), ([1, 2, np.nan], [1, 2, 3], 2)],
)
def test_without_spread_or_pairs_there_is_none(first, second, n):
    found = intraclass_correlation(pd.Series(first), pd.Series(second))
    assert np.isnan([found.value, found.low, found.p]).all()
    assert found.n == n
