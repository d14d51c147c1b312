import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cood.analysis.stats.correlation import KINDS, correlate

RNG = np.random.default_rng(0)
X = pd.Series(RNG.normal(size=24))
Y = 0.6 * X + pd.Series(RNG.normal(size=24))
GIVEN = pd.Series(RNG.normal(size=24))
FAMILIES = pd.Series([f"f{i // 3}" for i in range(24)])
OWN = pd.Series([f"m{i}" for i in range(24)])


@pytest.mark.parametrize("families", [FAMILIES, OWN])
@pytest.mark.parametrize("decimals", [9, 0])  # without ties, and with
def test_both_coefficients_agree_with_scipy(families, decimals):
    x, y = X.round(decimals), Y.round(decimals)
    found = correlate(x, y, families, seed=0)
    assert found.pearson.value == pytest.approx(stats.pearsonr(x, y).statistic)
    assert found.spearman.value == pytest.approx(stats.spearmanr(x, y).statistic)
    for estimate in (found.pearson, found.spearman):
        assert estimate.low < estimate.value < estimate.high
        assert estimate.least < estimate.value < estimate.most
        assert (estimate.n, estimate.families, estimate.nuisance) == (24, families.nunique(), 0)


def residuals(x, *given):
    design = np.column_stack([np.ones(len(x)), *given])
    return x - design @ np.linalg.lstsq(design, x, rcond=None)[0]


@pytest.mark.parametrize("families", [FAMILIES, OWN])
def test_partial_coefficients_are_those_of_residuals(families):
    x, y, second = X + 2 * GIVEN, Y + GIVEN**3, GIVEN**2
    found = correlate(x, y, families, given=[GIVEN, second], seed=0)
    expected = stats.pearsonr(residuals(x, GIVEN, second), residuals(y, GIVEN, second)).statistic
    assert found.pearson.value == pytest.approx(expected)
    rx, ry, *rg = (stats.rankdata(column) for column in (x, y, GIVEN, second))
    expected = stats.pearsonr(residuals(rx, *rg), residuals(ry, *rg)).statistic
    assert found.spearman.value == pytest.approx(expected)
    assert (found.pearson.nuisance, found.n) == (2, 24)
    for kind in KINDS:
        without = [
            getattr(correlate(*(c[keep] for c in (x, y, families)), given=given, seed=0), kind)
            for keep in (families != name for name in families.unique())
            for given in [[GIVEN[keep], second[keep]]]
        ]
        values = [estimate.value for estimate in without]
        ends = getattr(found, kind).least, getattr(found, kind).most
        assert ends == pytest.approx((min(values), max(values)))


def test_columns_held_fixed_may_have_any_scale_and_order_and_may_repeat_each_other():
    second = Y**2 + GIVEN
    found = correlate(X, Y, OWN, given=[GIVEN, second], seed=0)
    repeated = [1e6 * second - 3, 1e-6 * GIVEN, GIVEN + second, GIVEN * 0 + 7]
    same = correlate(X, Y, OWN, given=repeated, seed=0)
    assert same.pearson.nuisance == 2
    for part in ("value", "low", "high", "p", "least", "most"):
        assert getattr(same.pearson, part) == pytest.approx(getattr(found.pearson, part), abs=1e-4)


def test_a_column_held_fixed_that_determines_another_leaves_no_coefficient():
    for families in (FAMILIES, OWN):
        found = correlate(2 * Y + 1, X, families, given=[Y, GIVEN], seed=0)
        assert np.isnan([*found.columns().values()][2:]).all()
        assert str(found).startswith("no coefficient, n = 24 models")
    missing = X.drop(X.idxmin()).reindex(X.index)
    assert correlate(X, Y, FAMILIES, given=missing, seed=0).n == 23


@pytest.mark.parametrize("given", [None, GIVEN])
def test_p_of_shared_families_goes_with_the_interval(given):
    found = correlate(X, Y, FAMILIES, given=given, seed=0).pearson
    assert found.low < 0 < found.high
    assert 0.05 < found.p <= 1
    touching = correlate(X, Y, FAMILIES, given=given, seed=0, level=1 - found.p).pearson
    assert touching.low == pytest.approx(0)


def test_the_interval_of_shared_families_is_that_of_the_jackknife():
    found = correlate(X, Y, FAMILIES, seed=0)
    pairs = [(X[name != FAMILIES], Y[name != FAMILIES]) for name in FAMILIES.unique()]
    for kind, coefficient in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        estimate = getattr(found, kind)
        without = np.array([coefficient(*pair).statistic for pair in pairs])
        z = np.arctanh(estimate.value)
        error = np.sqrt(7 / 8 * ((np.arctanh(without) - z) ** 2).sum())
        reach = stats.t.ppf(0.975, 7) * error
        assert (estimate.low, estimate.high) == pytest.approx(
            (np.tanh(z - reach), np.tanh(z + reach))
        )
        assert estimate.p == pytest.approx(2 * stats.t.sf(abs(z) / error, 7))
        assert (estimate.least, estimate.most) == pytest.approx((without.min(), without.max()))


def test_a_coefficient_that_depends_on_one_family_is_not_significant():
    x = pd.Series([0.0, 0, 0, 0, 1, 2])
    y = pd.Series([1.0, 2, 1, 2, 5, 9])
    found = correlate(x, y, pd.Series(list("abcdee")), seed=0).pearson
    assert found.value > 0.9
    assert (found.low, found.high, found.p) == (-1, 1, 1)
    single = correlate(pd.Series([0.0, 0, 0, 0, 0, 1]), y, pd.Series(list("abcdef")), seed=0)
    for estimate in (single.pearson, single.spearman):
        assert estimate.value > 0.6
        assert (estimate.low, estimate.high, estimate.p) == (-1, 1, 1)
    few = correlate(X[:4], Y[:4], pd.Series(list("aabb")), seed=0).pearson
    assert (few.low, few.high) == (-1, 1)  # without a family, two points are a line


def test_models_without_a_number_are_left_out():
    x, y = X.copy(), Y.copy()
    x[3], y[7], y[8] = np.nan, np.nan, np.inf
    kept = [i for i in range(24) if i not in (3, 7, 8)]
    for families in (FAMILIES, OWN):
        found = correlate(x, y, families, seed=0)
        assert found == correlate(X[kept], Y[kept], families[kept], seed=0)
        assert found.n == 21


def test_members_of_a_family_stay_together():
    # Copies of a model add no knowledge: the interval must not shrink.
    families = pd.Series(np.arange(24) // 2)
    found = correlate(X, Y, families, seed=0).pearson
    index = np.repeat(np.arange(24), 10)
    x, y, families = (s.iloc[index] for s in (X, Y, families))
    copied = correlate(x, y, families, seed=0).pearson
    single = correlate(x, y, pd.Series(range(240)), seed=0).pearson
    assert copied.high - copied.low == pytest.approx(found.high - found.low)
    assert single.high - single.low < 0.5 * (found.high - found.low)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("families", [FAMILIES, OWN])
def test_a_straight_line(sign, families):
    found = correlate(X, sign * X, families, seed=0)
    pearson, spearman = found.pearson, found.spearman
    for value in (pearson.value, pearson.low, pearson.high, spearman.value):
        assert value == pytest.approx(sign)
    # That these models have the same order does not prove that others would.
    inner, outer = (spearman.low, spearman.high)[::sign]
    assert 0.95 < sign * inner < 1
    assert outer == pytest.approx(sign)


@pytest.mark.parametrize(
    ("x", "y", "families", "n", "n_families"),
    [
        ([1, 2], [1, 2], ["a", "b"], 2, 2),
        ([1, 2, 4], [2, 1, 3], ["a", "b", "c"], 3, 3),
        ([1, 2, 3, 9], [1, 2, 4, 3], ["a"] * 4, 4, 1),
        ([1, 1, 1, 1], [1, 2, 4, 3], list("abcd"), 4, 4),
        ([1, 2, 3, 9], [4, 4, 4, 4], list("abcd"), 4, 4),
        ([np.nan, np.nan, 1], [1, 2, 3], ["a", "b", "c"], 1, 1),
        ([np.nan] * 3, [1, 2, 3], ["a", "b", "c"], 0, 0),
        ([], [], [], 0, 0),
    ],
)
def test_too_few_or_constant_numbers_have_no_coefficient(x, y, families, n, n_families):
    found = correlate(
        pd.Series(x, dtype=float), pd.Series(y, dtype=float), pd.Series(families), seed=0
    )
    assert (found.n, found.families) == (n, n_families)
    assert np.isnan([*found.columns().values()][2:]).all()


@pytest.mark.parametrize("n", [5, 6, 7])
def test_a_degree_of_freedom_is_needed(n):
    given = [pd.Series(RNG.normal(size=7)) for _ in range(3)]
    found = correlate(X[:n], Y[:n], OWN[:n], given=[g[:n] for g in given], seed=0)
    assert np.isnan(found.pearson.value) == (n < 7)
    assert (found.n, found.pearson.nuisance) == (n, 3)


def test_a_caption_gives_both_coefficients_with_intervals_and_n():
    text = str(correlate(X, Y, FAMILIES, seed=0))
    assert text.startswith(f"Pearson {np.corrcoef(X, Y)[0, 1]:.2f} [")
    assert "Spearman" in text
    assert text.endswith("n = 24 models in 8 families")
