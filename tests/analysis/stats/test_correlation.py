import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cood.analysis.stats.correlation import correlate, leave_one_out

RNG = np.random.default_rng(0)
X = pd.Series(RNG.normal(size=24))
Y = 0.6 * X + pd.Series(RNG.normal(size=24))
FAMILIES = pd.Series([f"f{i // 3}" for i in range(24)])


def test_both_coefficients_agree_with_scipy():
    found = correlate(X, Y, FAMILIES, seed=0, resamples=200)
    assert found.pearson == pytest.approx(stats.pearsonr(X, Y).statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(X, Y).statistic)
    assert (found.n, found.families) == (24, 8)
    assert found.low < found.pearson < found.high
    assert found.spearman_low < found.spearman < found.spearman_high


def test_spearman_with_ties_agrees_with_scipy():
    x, y = X.round(), Y.round()
    found = correlate(x, y, FAMILIES, seed=0, resamples=100)
    assert found.spearman == pytest.approx(stats.spearmanr(x, y).statistic)


def residuals(x, given):
    return x - np.polyval(np.polyfit(given, x, 1), given)


def test_partial_coefficients_are_those_of_residuals():
    given = pd.Series(RNG.normal(size=24))
    x, y = X + 2 * given, Y + given**3
    found = correlate(x, y, FAMILIES, given=given, seed=0, resamples=300)
    expected = stats.pearsonr(residuals(x, given), residuals(y, given)).statistic
    assert found.pearson == pytest.approx(expected)
    rx, ry, rg = (stats.rankdata(column) for column in (x, y, given))
    expected = stats.pearsonr(residuals(rx, rg), residuals(ry, rg)).statistic
    assert found.spearman == pytest.approx(expected)
    assert found.low < found.pearson < found.high
    assert found.n == 24


def test_several_may_be_given():
    one, two = (pd.Series(RNG.normal(size=24)) for _ in range(2))
    x, y = X + 2 * one - two, Y + one + 3 * two
    found = correlate(x, y, FAMILIES, given=[one, two], seed=0, resamples=100)
    design = np.column_stack([np.ones(24), one, two])
    left = [c - design @ np.linalg.lstsq(design, c, rcond=None)[0] for c in (x, y)]
    assert found.pearson == pytest.approx(stats.pearsonr(*left).statistic)
    same = correlate(x, y, FAMILIES, given=[two, one], seed=0, resamples=100)
    assert same.spearman == pytest.approx(found.spearman)


def test_a_control_that_determines_a_column_leaves_no_coefficient():
    found = correlate(2 * Y + 1, X, FAMILIES, given=Y, seed=0, resamples=100)
    assert np.isnan([found.pearson, found.low, found.spearman]).all()
    missing = X.drop(X.idxmin()).reindex(X.index)
    assert correlate(X, Y, FAMILIES, given=missing, seed=0, resamples=100).n == 23


def test_p_values_go_with_the_intervals():
    found = correlate(X, Y, FAMILIES, seed=0, resamples=0)
    assert found.low < 0 < found.high
    assert 0.05 < found.pearson_p <= 1
    touching = correlate(X, Y, FAMILIES, seed=0, resamples=0, level=1 - found.pearson_p)
    assert touching.low == pytest.approx(0)
    turned = correlate(X, -Y, FAMILIES, seed=0, resamples=0)
    assert turned.pearson_p == pytest.approx(found.pearson_p)
    sure = correlate(X, X + 0.2 * Y, FAMILIES, seed=0, resamples=0)
    assert sure.low > 0
    assert sure.pearson_p < 0.05


def test_the_interval_is_that_of_the_jackknife_over_families():
    found = correlate(X, Y, FAMILIES, seed=0, resamples=0)
    pairs = [(X[name != FAMILIES], Y[name != FAMILIES]) for name in FAMILIES.unique()]
    for kind, coefficient in (("pearson", stats.pearsonr), ("spearman", stats.spearmanr)):
        without = np.array([coefficient(*pair).statistic for pair in pairs])
        z = np.arctanh(getattr(found, kind))
        error = np.sqrt(7 / 8 * ((np.arctanh(without) - z) ** 2).sum())
        reach = stats.t.ppf(0.975, 7) * error
        prefix = "" if kind == "pearson" else "spearman_"
        assert getattr(found, f"{prefix}low") == pytest.approx(np.tanh(z - reach))
        assert getattr(found, f"{prefix}high") == pytest.approx(np.tanh(z + reach))
        assert getattr(found, f"{kind}_p") == pytest.approx(2 * stats.t.sf(abs(z) / error, 7))
        ends = getattr(found, f"{kind}_least"), getattr(found, f"{kind}_most")
        assert ends == pytest.approx((without.min(), without.max()))


def test_a_coefficient_that_depends_on_one_family_is_not_significant():
    x = pd.Series([0.0, 0, 0, 0, 1, 2])
    y = pd.Series([1.0, 2, 1, 2, 5, 9])
    found = correlate(x, y, pd.Series(list("abcdee")), seed=0, resamples=0)
    assert found.pearson > 0.9
    assert (found.low, found.high, found.pearson_p) == (-1, 1, 1)
    few = correlate(X[:4], Y[:4], pd.Series(list("aabb")), seed=0, resamples=0)
    assert (few.low, few.high) == (-1, 1)  # without a family, two points are a line


def test_perfect_rank_correlation_has_a_wide_interval():
    x = pd.Series(np.arange(5.0))
    found = correlate(x, np.exp(x), pd.Series(list("abcde")), seed=0, resamples=0)
    assert found.spearman == found.spearman_high == 1
    assert found.spearman_low < 0.8
    assert 0.001 < found.spearman_p < 0.2


def test_models_without_a_number_are_left_out():
    x, y = X.copy(), Y.copy()
    x[3], y[7], y[8] = np.nan, np.nan, np.inf
    kept = [i for i in range(24) if i not in (3, 7, 8)]
    found = correlate(x, y, FAMILIES, seed=0, resamples=100)
    assert found == correlate(X[kept], Y[kept], FAMILIES[kept], seed=0, resamples=100)
    assert found.n == 21


def test_equal_seeds_give_equal_intervals():
    one, same, other = (correlate(X, Y, FAMILIES, seed=s, resamples=100) for s in (1, 1, 2))
    assert one == same
    assert (one.low, one.high) == (other.low, other.high)
    assert one.pearson_boot_low != other.pearson_boot_low


def test_members_of_a_family_stay_together():
    # Copies of a model add no knowledge: the interval must not shrink.
    found = correlate(X, Y, pd.Series(range(24)), seed=0, resamples=400)
    index = np.repeat(np.arange(24), 10)
    x, y, families = (s.iloc[index] for s in (X, Y, pd.Series(range(24))))
    copied = correlate(x, y, families, seed=0, resamples=400)
    single = correlate(x, y, pd.Series(range(240)), seed=0, resamples=400)
    assert copied.high - copied.low == pytest.approx(found.high - found.low)
    assert single.high - single.low < 0.5 * (found.high - found.low)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_straight_line(sign):
    found = correlate(X, sign * X, FAMILIES, seed=0, resamples=100)
    for value in (found.pearson, found.low, found.high, found.spearman, found.spearman_boot_low):
        assert value == pytest.approx(sign)
    assert sign * (found.spearman_low if sign > 0 else found.spearman_high) > 0.95


@pytest.mark.parametrize(
    ("x", "y", "families", "n", "n_families"),
    [
        ([1, 2], [1, 2], ["a", "b"], 2, 2),
        ([1, 2, 3], [1, 2, 4], ["a", "a", "a"], 3, 1),
        ([1, 1, 1], [1, 2, 4], ["a", "b", "c"], 3, 3),
        ([1, 2, 3], [4, 4, 4], ["a", "b", "c"], 3, 3),
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
    numbers = [found.pearson, found.low, found.high, found.spearman, found.spearman_low]
    assert np.isnan([*numbers, found.spearman_high]).all()


def test_resamples_in_which_a_column_is_constant_are_left_out():
    x, y = pd.Series([0.0, 0, 0, 1]), pd.Series([0.0, 1, 2, 5])
    found = correlate(x, y, pd.Series(list("abcd")), seed=0, resamples=200)
    bounds = [found.pearson_boot_low, found.pearson_boot_high, found.spearman_boot_low]
    assert np.isfinite([*bounds, found.spearman_boot_high]).all()


def test_a_caption_gives_both_coefficients_with_intervals_and_n():
    text = str(correlate(X, Y, FAMILIES, seed=0, resamples=100))
    assert text.startswith(f"Pearson {np.corrcoef(X, Y)[0, 1]:.2f} [")
    assert "Spearman" in text
    assert text.endswith("n = 24 models in 8 families")


@pytest.mark.parametrize("decimals", [0, 9])  # with ties, and without
def test_the_bootstrap_is_that_of_resamples_drawn_one_by_one(decimals):
    x, y = X.round(decimals).to_numpy(), Y.round(decimals).to_numpy()
    found = correlate(pd.Series(x), pd.Series(y), FAMILIES, seed=5, resamples=100)
    rng = np.random.default_rng(5)
    drawn = []
    for _ in range(100):
        index = np.concatenate([3 * f + np.arange(3) for f in rng.integers(8, size=8)])
        pair = x[index], y[index]
        drawn.append((stats.pearsonr(*pair).statistic, stats.spearmanr(*pair).statistic))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    assert (found.pearson_boot_low, found.spearman_boot_low) == pytest.approx(tuple(low))
    assert (found.pearson_boot_high, found.spearman_boot_high) == pytest.approx(tuple(high))


def test_each_model_is_left_out_once():
    x, y = X.round(1), Y.round(1)
    x[5] = np.nan
    found = leave_one_out(x, y)
    assert list(found.index) == [i for i in range(24) if i != 5]
    for model, row in found.iterrows():
        rest = [i for i in found.index if i != model]
        assert row["pearson"] == pytest.approx(stats.pearsonr(x[rest], y[rest]).statistic)
        assert row["spearman"] == pytest.approx(stats.spearmanr(x[rest], y[rest]).statistic)


def test_too_few_or_constant_models_to_leave_one_out():
    assert leave_one_out(X[:3], Y[:3]).isna().all(axis=None)
    found = leave_one_out(pd.Series([0.0, 0, 0, 1]), pd.Series([0.0, 1, 2, 5]))
    assert found["pearson"].isna().tolist() == [False, False, False, True]
