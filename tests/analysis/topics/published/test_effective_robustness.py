import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit

from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.regression import fit_line
from cood.analysis.topics.published.effective_robustness import (
    compare_sets,
    robustness_by,
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


def test_the_difference_between_sets_is_a_t_test_of_their_means(simulated):
    table = simulated(np.random.default_rng(11), families=7, shift=0.5)
    line = line_of(table)
    means = line.models["residual"].groupby(table["family"]).mean()
    first, second = ["f0", "f1", "f2"], ["f4", "f5"]
    found = compare_sets(line, table["family"], first, [*second, "not there"])
    expected = stats.ttest_ind(means[first], means[second])
    interval = expected.confidence_interval()
    assert found.sets == (3, 2)
    assert found.logits.value == pytest.approx(means[first].mean() - means[second].mean())
    assert (found.logits.low, found.logits.high) == pytest.approx((interval.low, interval.high))
    assert found.logits.p == pytest.approx(expected.pvalue)
    at = logit(table.loc[table["family"].isin(second), "id"]).mean()
    assert found.at == pytest.approx(expit(at))
    base = logit(line.at(found.at)) + means[second].mean()
    assert found.ratio.high == pytest.approx(expit(base + interval.high) / expit(base))
    assert found.odds.low == pytest.approx(np.exp(interval.low))


def test_the_interval_of_a_difference_between_sets_has_its_nominal_coverage(simulated):
    rng = np.random.default_rng(12)
    inside = 0
    for _ in range(100):
        table = simulated(rng, families=10, each=4, shift=0.8)
        names = [f"f{i}" for i in range(10)]
        found = compare_sets(line_of(table), table["family"], names[:5], names[5:]).logits
        inside += found.low <= 0.8 <= found.high
    assert 0.91 <= inside / 100 <= 0.985


def test_a_difference_without_a_group_is_not_estimable(simulated):
    table = simulated(np.random.default_rng(13))
    line = line_of(table)
    assert compare_sets(line, table["family"], ["f0"], ["nobody"]).logits == Estimate(
        pytest.approx(np.nan, nan_ok=True),
        *[pytest.approx(np.nan, nan_ok=True)] * 3,
    )
    two = compare_sets(line, table["family"], ["f0"], ["f1"])
    assert np.isfinite(two.logits.value)
    assert np.isnan([two.logits.low, two.logits.p, two.ratio.high]).all()
