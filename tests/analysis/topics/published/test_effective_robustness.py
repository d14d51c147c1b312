import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import fit_line
from cood.analysis.topics.published.effective_robustness import (
    compare_sets,
    robustness_by,
    within_line,
)


def line_of(table):
    return fit_line(table["id"], table["ood"], table["family"])


def test_sets_are_as_far_from_the_line_as_they_were_put():
    x = np.tile(np.linspace(-1, 1, 5), 4)
    shift = np.repeat([0.6, 0, 0, -0.6], 5)
    names = pd.Series(np.repeat(list("abcd"), 5))
    line = fit_line(pd.Series(expit(x)), pd.Series(expit(0.1 + x + shift)), names)
    found = robustness_by(line, names).set_index("set")
    assert list(found.index[[0, -1]]) == ["a", "d"]
    np.testing.assert_allclose(found.loc[list("abcd"), "residual"], [0.6, 0, 0, -0.6], atol=1e-12)
    # Models of one set agree, so what is open is where the line lies.
    error = np.sqrt(line.covariance[0, 0]) * stats.t.ppf(0.975, 3)
    assert (found["high"] - found["residual"]).to_numpy() == pytest.approx([error] * 4)
    assert found.loc["a", "ratio"] == pytest.approx(expit(0.7) / expit(0.1))
    assert found["n"].tolist() == [5] * 4


def test_a_set_of_one_model_has_an_interval_too(simulated):
    table = simulated(np.random.default_rng(10))
    table.loc["m0", "family"] = "alone"
    found = robustness_by(line_of(table), table["family"]).set_index("set")
    width = found["high"] - found["low"]
    assert width["alone"] > 1.3 * width.drop(["alone", "f0"]).max()


def test_the_difference_between_sets_and_its_interval_from_families(simulated):
    table = simulated(np.random.default_rng(11), families=7, shift=0.5)
    first, second = ["f0", "f1", "f2"], ["f4", "f5"]

    def difference(some):
        above = line_of(some).models["residual"].groupby(some["family"]).mean()
        return above.reindex(first).mean() - above.reindex(second).mean()

    found = compare_sets(line_of(table), table["family"], first, [*second, "not there"])
    value = difference(table)
    without = [difference(table[table["family"] != f"f{i}"]) for i in range(7)]
    error = np.sqrt(6 / 7 * np.sum((np.array(without) - value) ** 2))
    reach = stats.t.ppf(0.975, 6) * error
    assert found.sets == (3, 2)
    assert (found.logits.n, found.logits.families) == (len(table), 7)
    assert found.logits.value == pytest.approx(value)
    assert (found.logits.low, found.logits.high) == pytest.approx((value - reach, value + reach))
    assert found.logits.p == pytest.approx(2 * stats.t.sf(abs(value) / error, 6))
    assert (found.logits.least, found.logits.most) == pytest.approx((min(without), max(without)))
    assert found.odds.low == pytest.approx(np.exp(value - reach))


def test_the_line_within_families_has_their_slope_and_not_that_between_them():
    # Simpson: within each family y rises with x, but families with a larger x have a smaller y.
    x = np.concatenate([np.linspace(-0.5, 0.5, 4) + centre for centre in (-2, 0, 2)])
    families = pd.Series(np.repeat(list("abc"), 4))
    y = 0.8 * (x - np.repeat([-2, 0, 2], 4)) - np.repeat([-2, 0, 2], 4)
    line = fit_line(pd.Series(expit(x)), pd.Series(expit(y)), families)
    found = within_line(line)
    assert line.slope.value < 0
    assert found.slope.value == pytest.approx(0.8)
    assert (found.slope.least, found.slope.most) == pytest.approx((0.8, 0.8))
    assert found.models["residual"].sum() == pytest.approx(0)
    assert np.isnan(found.covariance).all()
    within = compare_sets(line, families, ["a"], ["c"], within=True)
    assert within.logits.value == pytest.approx(4 + 0.8 * 4)


def test_the_interval_of_a_difference_between_sets_has_its_nominal_coverage(simulated):
    rng = np.random.default_rng(12)
    inside = 0
    for _ in range(50):
        table = simulated(rng, families=10, each=4, shift=0.8)
        names = [f"f{i}" for i in range(10)]
        found = compare_sets(line_of(table), table["family"], names[:5], names[5:]).logits
        inside += found.low <= 0.8 <= found.high
    assert 0.86 <= inside / 50 < 1


def test_a_difference_without_a_group_is_not_estimable(simulated):
    table = simulated(np.random.default_rng(13))
    line = line_of(table)
    assert compare_sets(line, table["family"], ["f0"], ["nobody"]).logits == Estimate(
        pytest.approx(np.nan, nan_ok=True),
        *[pytest.approx(np.nan, nan_ok=True)] * 3,
    )
    two = compare_sets(line, table["family"], ["f0"], ["f1"])
    assert np.isfinite(two.logits.value)
    # Without one of the two families there is no difference, so nothing is known of its error.
    assert (two.logits.low, two.logits.high, two.logits.p) == (-np.inf, np.inf, 1)
    assert (two.odds.low, two.odds.high) == (0, np.inf)
