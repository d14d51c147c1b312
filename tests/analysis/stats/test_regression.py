import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit

from cood.analysis.stats.regression import (
    diagnose,
    effective_robustness,
    fit_line,
    mixed,
    regress,
)

ID = pd.Series([0.2, 0.4, 0.6, 0.9], index=list("abcd"))


def test_points_on_a_line_between_logits_have_no_residual():
    shifted = pd.Series(expit(-0.7 + 0.8 * logit(ID)), index=ID.index)
    residual, (intercept, slope) = effective_robustness(ID, shifted)
    np.testing.assert_allclose(residual, 0, atol=1e-12)
    assert (intercept, slope) == (pytest.approx(-0.7), pytest.approx(0.8))
    assert list(residual.index) == list("abcd")


def test_residuals_are_in_accuracy():
    shifted = pd.Series([0.1, 0.3, 0.4, 0.8], index=ID.index)
    residual, (intercept, slope) = effective_robustness(ID, shifted)
    expected = stats.linregress(logit(ID), logit(shifted))
    assert (slope, intercept) == (pytest.approx(expected.slope), pytest.approx(expected.intercept))
    np.testing.assert_allclose(residual, shifted - expit(intercept + slope * logit(ID)))


def test_accuracies_of_0_and_1_have_finite_logits():
    residual, line = effective_robustness(pd.Series([0.0, 0.5, 1.0]), pd.Series([0.0, 0.4, 1.0]))
    assert np.isfinite(residual).all()
    assert np.isfinite(line).all()


def test_models_are_matched_by_name():
    shifted = pd.Series(expit(-0.7 + 0.8 * logit(ID)), index=ID.index)
    residual, _ = effective_robustness(ID, shifted[::-1])
    np.testing.assert_allclose(residual, 0, atol=1e-12)


def test_a_model_without_an_id_accuracy_is_left_out():
    shifted = pd.Series([*expit(-0.7 + 0.8 * logit(ID)), 0.3], index=list("abcde"))
    residual, _ = effective_robustness(ID, shifted)
    np.testing.assert_allclose(residual[list("abcd")], 0, atol=1e-12)


def line_of(table):
    return fit_line(table["id"], table["ood"], table["family"])


def test_errors_are_those_of_the_sandwich_over_families(simulated):
    table = simulated(np.random.default_rng(1))
    x = np.column_stack([np.ones(72), logit(table["id"])])
    y = logit(table["ood"].to_numpy())
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ x.T @ y
    residual = y - x @ beta
    sums = [(x * residual[:, None])[table["family"] == f].sum(axis=0) for f in set(table["family"])]
    meat = sum(np.outer(s, s) for s in sums)
    g, n, k = 12, 72, 2
    covariance = g / (g - 1) * (n - 1) / (n - k) * bread @ meat @ bread
    reach = stats.t.ppf(0.975, g - 1) * np.sqrt(np.diag(covariance))
    line = line_of(table)
    assert (line.n, line.families) == (n, g)
    np.testing.assert_allclose(line.covariance, covariance)
    for found, value, half in zip((line.intercept, line.slope), beta, reach, strict=True):
        assert found.value == pytest.approx(value)
        assert (found.low, found.high) == pytest.approx((value - half, value + half))
    p = 2 * stats.t.sf(beta[1] / np.sqrt(covariance[1, 1]), g - 1)
    assert line.slope.p == pytest.approx(p)
    assert line.spread == pytest.approx(np.sqrt(residual @ residual / (n - k)))
    assert line.r_squared == pytest.approx(stats.pearsonr(x[:, 1], y).statistic ** 2)
    np.testing.assert_allclose(line.at(table["id"]), expit(x @ beta))


def test_the_interval_of_the_slope_has_its_nominal_coverage(simulated):
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(100):
        slope = line_of(simulated(rng, each=4)).slope
        inside += slope.low <= 1 <= slope.high
    # The sandwich is a little too narrow with 12 families; models taken as independent reach 60 %.
    assert 0.87 <= inside / 100 <= 0.98


def test_no_interval_with_as_many_coefficients_as_families(simulated):
    table = simulated(np.random.default_rng(3), families=2)
    line = line_of(table)
    assert np.isfinite(line.slope.value)
    assert np.isnan([line.slope.low, line.slope.high, line.slope.p]).all()
    assert str(line.slope) == f"{line.slope.value:.2f} (no interval)"


def test_collinear_columns_have_no_coefficient(simulated):
    table = simulated(np.random.default_rng(3))
    columns = pd.DataFrame({"a": table["id"], "b": 2 * table["id"] + 1})
    found = regress(table["ood"], columns, table["family"])
    assert all(np.isnan(c.value) for c in found.coefficients.values())
    assert str(found.coefficients["a"]) == "not estimable"


def test_several_columns_agree_with_least_squares():
    rng = np.random.default_rng(4)
    columns = pd.DataFrame(rng.normal(size=(40, 3)), columns=list("abc"))
    y = pd.Series(rng.normal(size=40))
    columns.iloc[5, 1] = np.nan
    found = regress(y, columns, pd.Series(np.arange(40) // 4))
    kept = columns.dropna()
    x = np.column_stack([np.ones(39), kept])
    expected = np.linalg.lstsq(x, y[kept.index], rcond=None)[0]
    assert (found.n, list(found.coefficients)) == (39, ["intercept", "a", "b", "c"])
    np.testing.assert_allclose([c.value for c in found.coefficients.values()], expected)


def test_diagnostics_of_a_clean_line_are_quiet(simulated):
    found = diagnose(line_of(simulated(np.random.default_rng(5), each=10, between=0)))
    assert found.curvature.low < 0 < found.curvature.high
    assert min(found.normal_p, found.spread_p, found.curvature.p) > 0.05
    assert found.cook < 0.2
    np.testing.assert_allclose(found.slopes, 1, atol=0.05)


def test_diagnostics_see_a_bend_and_uneven_spread():
    rng = np.random.default_rng(6)
    x = np.linspace(-3, 3, 120)
    families = pd.Series(np.arange(120) % 12)
    bent = pd.Series(expit(x + 0.2 * x**2 + rng.normal(0, 0.05, 120)))
    curvature = diagnose(fit_line(pd.Series(expit(x)), bent, families)).curvature
    assert curvature.low < 0.2 < curvature.high
    assert curvature.p < 1e-6
    uneven = pd.Series(expit(x + rng.normal(0, 1, 120) * np.exp(x) / 20))
    assert diagnose(fit_line(pd.Series(expit(x)), uneven, families)).spread_p < 0.01


def test_diagnostics_name_the_influential_model(simulated):
    table = simulated(np.random.default_rng(7), between=0)
    table.loc["far"] = [0.9999, 0.05, "f0"]
    found = diagnose(line_of(table))
    assert found.cook_model == found.leverage_model == "far"
    assert found.cook > 1
    assert found.slope_without == pytest.approx(1, abs=0.05)
    # By its definition: how far all fitted values move without it, in units of their error.
    x, y = logit(table["id"].to_numpy(float)), logit(table["ood"].to_numpy(float))
    all_, without = np.polyfit(x, y, 1), np.polyfit(x[:-1], y[:-1], 1)
    moved = ((np.polyval(all_, x) - np.polyval(without, x)) ** 2).sum()
    variance = ((y - np.polyval(all_, x)) ** 2).sum() / (len(x) - 2)
    assert found.cook == pytest.approx(moved / (2 * variance))
    assert found.slopes["f0"] == pytest.approx(1, abs=0.05)


def test_a_line_without_a_fit_is_not_diagnosed():
    line = fit_line(pd.Series([0.5, 0.5]), pd.Series([0.4, 0.3]), pd.Series(["a", "b"]))
    found = diagnose(line)
    assert np.isnan([found.cook, found.curvature.value]).all()
    assert mixed(line).note == "no mixed model of 2 models in 2 families"


def test_the_mixed_model_finds_the_variances_it_was_made_with(simulated):
    table = simulated(np.random.default_rng(8), families=60, each=10, between=0.4, within=0.1)
    found = mixed(line_of(table))
    assert found.note == ""
    assert found.between == pytest.approx(0.4, abs=3 * 0.4 / np.sqrt(2 * 59))
    assert found.within == pytest.approx(0.1, rel=0.05)
    assert found.share == pytest.approx(0.94, abs=0.02)
    assert found.slope.low < 1 < found.slope.high
    assert found.slope.high - found.slope.low < 0.05
    # Each effect is the mean residual of its family, shrunk by what its models leave open.
    line = found.intercept.value + found.slope.value * logit(table["id"])
    mean = (logit(table["ood"]) - line).groupby(table["family"]).mean()
    assert found.between**2 + found.within**2 / 10 == pytest.approx(mean.var(), rel=0.01)
    shrunk = mean * found.between**2 / (found.between**2 + found.within**2 / 10)
    np.testing.assert_allclose(found.effects["value"], shrunk.loc[found.effects.index], atol=1e-6)


def test_warnings_of_the_optimiser_are_kept(simulated):
    table = simulated(np.random.default_rng(9), between=0)
    rng = np.random.default_rng(9)
    table["family"] = rng.permutation(table["family"])
    found = mixed(line_of(table))
    assert "boundary" in found.note
    assert found.between < 0.05
    assert np.isfinite(found.slope.value)
