from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cood.analysis.stats.correlation import correlate
from cood.analysis.stats.permutation import PERMUTATIONS, orders, permutation_test, residuals

RNG = np.random.default_rng(3)
N = 24
X = pd.Series(RNG.normal(size=N))
Y = 0.4 * X + pd.Series(RNG.normal(size=N))
GIVEN = [pd.Series(RNG.normal(size=N)), pd.Series(RNG.integers(2, size=N).astype(float))]
OWN = pd.Series(range(N))


def hat(columns, n):
    design = np.column_stack([np.ones(n), *columns])
    return design @ np.linalg.pinv(design)


def statistic(x, y, given=()):
    """Fisher's z over its error, by the definition, with the regressions written out."""
    n = len(x)
    fixed = hat(given, n)
    a, b = x - fixed @ x, y - fixed @ y
    r = stats.pearsonr(a, b).statistic
    a, b = a / a.std(), b / b.std()
    influence = (a * b - r * (a**2 + b**2) / 2) / (1 - r**2)
    for column in (x, y):
        influence = influence / (1 - np.diag(hat([*given, column], n)))
    return np.arctanh(r) / (np.sqrt((influence**2).sum()) / n)


def test_p_agrees_with_permutations_by_scipy():
    found = correlate(X, Y, OWN, seed=0).pearson
    expected = stats.permutation_test(
        (Y.to_numpy(),),
        lambda y: statistic(X.to_numpy(), y),
        permutation_type="pairings",
        n_resamples=2000,
        rng=np.random.default_rng(1),
    )
    assert found.p == pytest.approx(expected.pvalue, abs=4 * np.sqrt(found.p / 2000))


@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_residuals_are_permuted_as_freedman_and_lane_say(kind):
    found = getattr(correlate(X, Y, OWN, given=GIVEN, seed=5), kind)
    x, y, *given = (
        stats.rankdata(c) if kind == "spearman" else c.to_numpy() for c in (X, Y, *GIVEN)
    )
    reduced = hat(given, N)
    fitted, left = reduced @ y, y - reduced @ y
    order = orders(N, 5)[:1001]
    drawn = np.abs([statistic(x, fitted + left[one], given) for one in order])
    p = (drawn >= drawn[0] * (1 - 1e-9)).mean()
    assert found.p == pytest.approx(p, abs=4 * np.sqrt(p / 1000))


def test_few_models_have_all_their_orders():
    x, y = np.array([0.0, 1, 3, 4, 8, 9]), np.array([1.0, 0, 4, 3, 9, 5])
    found = correlate(pd.Series(x), pd.Series(y), pd.Series(range(6)), seed=0)
    for kind, columns in (("pearson", (x, y)), ("spearman", map(stats.rankdata, (x, y)))):
        a, b = columns
        with np.errstate(divide="ignore", invalid="ignore"):  # all on a line in some orders
            drawn = np.abs([statistic(a, b[list(one)]) for one in permutations(range(6))])
        drawn[np.isnan(drawn)] = np.inf
        assert getattr(found, kind).p == pytest.approx((drawn >= drawn[0] * (1 - 1e-9)).mean())
    assert len(orders(6, 0)) == 720
    assert len(orders(8, 0)) == 1 + PERMUTATIONS


@pytest.mark.parametrize("given", [None, GIVEN])
@pytest.mark.parametrize("kind", ["pearson", "spearman"])
def test_p_is_below_a_level_just_where_the_interval_excludes_0(kind, given):
    for effect in (0.2, 0.4, 0.6):
        y = effect * X + Y
        for level in (0.8, 0.95, 0.99):
            one = getattr(correlate(X, y, OWN, given=given, seed=0, level=level), kind)
            assert (one.p <= 1 - level + 1e-12) == (one.low > 0 or one.high < 0)


@pytest.mark.parametrize("given", [None, GIVEN])
def test_neither_scale_nor_order_of_the_columns_matters(given):
    found = correlate(X, Y, OWN, given=given, seed=0)
    scaled = correlate(3 * X - 100, 1e-6 * Y, OWN, given=given, seed=0)
    turned = correlate(X, -Y, OWN, given=given, seed=0)
    for kind in ("pearson", "spearman"):
        one, same, other = (getattr(c, kind) for c in (found, scaled, turned))
        parts = ("value", "low", "high", "p", "least", "most")
        for part in parts:
            assert getattr(same, part) == pytest.approx(getattr(one, part))
        assert (-other.high, -other.low, other.p) == pytest.approx((one.low, one.high, one.p))


def test_the_two_columns_may_change_places():
    one, other = correlate(X, Y, OWN, seed=0).pearson, correlate(Y, X, OWN, seed=0).pearson
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.02)
    assert one.p == pytest.approx(other.p, abs=4 * np.sqrt(one.p / PERMUTATIONS))


def test_a_seed_determines_the_permutations():
    one, same, other = (correlate(X, Y, OWN, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one.pearson.value == other.pearson.value
    assert one.pearson.p != other.pearson.p
    assert one.pearson.p == pytest.approx(other.pearson.p, abs=0.02)


def test_models_on_a_line_have_the_smallest_p():
    found = correlate(X, 2 * X + 1, OWN, seed=0)
    assert found.pearson.p == found.spearman.p == 1 / (1 + PERMUTATIONS)
    four = correlate(pd.Series([0.0, 1, 2, 5]), pd.Series([0.0, 1, 2, 5]), OWN[:4], seed=0)
    assert four.pearson.p == 1 / 24
    assert four.spearman.p == 2 / 24  # the reverse order is as far from 0
    assert (four.pearson.low, four.pearson.high) == pytest.approx((1, 1))


def test_ties_count_as_equally_far():
    x = pd.Series([0.0, 0, 0, 1, 1, 1])
    found = correlate(x, x, OWN[:6], seed=0).pearson
    assert found.p == pytest.approx(2 * 36 / 720)  # orders that keep or exchange both groups


def test_a_larger_variance_of_one_end_is_no_correlation():
    # The plain permutation test finds a correlation of 0 in 12 % of such columns, not in 5 %.
    rng = np.random.default_rng(4)
    n, draws = 60, 200
    plain = studentised = 0
    for _ in range(draws):
        x = rng.normal(size=n)
        y = rng.normal(size=n) * np.exp(x / 2)
        studentised += permutation_test(residuals(np.array([x, y])), seed=0)[2] <= 0.05
        plain += stats.pearsonr(x, y).pvalue <= 0.05
    assert plain / draws > 0.1
    assert studentised / draws < 0.09
