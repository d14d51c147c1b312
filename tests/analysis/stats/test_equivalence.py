import numpy as np
import pytest
from scipy import stats

from cood.analysis.stats.equivalence import (
    equivalence_p,
    equivalence_power,
    equivalence_reachable,
)
from cood.analysis.stats.estimate import Estimate


@pytest.mark.parametrize(
    ("value", "n", "nuisance"), [(0.05, 200, 0), (-0.1, 150, 12), (0.3, 90, 1)]
)
def test_p_is_the_larger_of_two_one_sided_tests(value, n, nuisance):
    error = 1 / np.sqrt(n - 3 - nuisance)
    above = stats.norm.sf(np.arctanh(value), -np.arctanh(0.2), error)
    below = stats.norm.cdf(np.arctanh(value), np.arctanh(0.2), error)
    found = equivalence_p(Estimate(value, n=n, nuisance=nuisance))
    assert found == pytest.approx(max(above, below))


def test_a_coefficient_at_the_margin_has_half_a_chance():
    assert equivalence_p(Estimate(0.2, n=50)) == pytest.approx(0.5)
    assert equivalence_p(Estimate(-0.35, n=50), margin=0.35) == pytest.approx(0.5)
    assert equivalence_p(Estimate(1.0, n=50)) == 1


@pytest.mark.parametrize("nuisance", [0, 10])
def test_it_cannot_be_reached_with_fewer_than_69_models(nuisance):
    for n, reached in ((24, False), (68, False), (69, True), (200, True)):
        assert equivalence_reachable(n + nuisance, nuisance) == reached
        nothing = Estimate(0.0, n=n + nuisance, nuisance=nuisance)
        assert (equivalence_p(nothing) < 0.05) == reached


def test_power_agrees_with_simulated_correlations():
    assert equivalence_power(200) == pytest.approx(0.77, abs=0.005)
    x, y = np.random.default_rng(0).normal(size=(2, 2000, 200))
    found = stats.pearsonr(x, y, axis=1).statistic
    share = np.mean([equivalence_p(Estimate(r, n=200)) < 0.05 for r in found])
    assert share == pytest.approx(0.77, abs=0.03)


def test_there_is_no_p_without_a_coefficient():
    assert np.isnan(equivalence_p(Estimate(n=24)))
    assert np.isnan(equivalence_p(Estimate(0.1, n=12, nuisance=9)))
    assert not equivalence_reachable(12, 9)
