import numpy as np
import pytest
from scipy import stats

from cood.analysis.stats.power import detectable, power, power_table

FIRST = 0.05 / 12  # level at the first step of Holm's method over twelve claims


@pytest.mark.parametrize(
    ("n", "nuisance", "r", "expected"),
    [
        (24, 0, 0.3, 0.07),
        (24, 0, 0.5, 0.36),
        (24, 0, 0.7, 0.87),
        (200, 0, 0.3, 0.93),
        (200, 0, 0.5, 1),
        (200, 0, 0.7, 1),
        (24, 14, 0.7, 0.28),
    ],
)
def test_the_power_of_the_plan(n, nuisance, r, expected):
    assert power(r, n, nuisance, FIRST) == pytest.approx(expected, abs=0.005)
    assert power(-r, n, nuisance, FIRST) == power(r, n, nuisance, FIRST)


def test_without_an_effect_power_is_the_level():
    assert power(0, 24, 3, 0.01) == pytest.approx(0.01)
    assert power(1, 24) == 1


def test_simulated_power_agrees():
    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(2, 2000, 50))
    found = stats.pearsonr(x, 0.4 * x + np.sqrt(1 - 0.4**2) * other, axis=1).pvalue < 0.01
    assert found.mean() == pytest.approx(power(0.4, 50, level=0.01), abs=0.03)


@pytest.mark.parametrize(("wanted", "n", "nuisance"), [(0.8, 24, 0), (0.9, 200, 16), (0.5, 30, 8)])
def test_the_detectable_coefficient_has_the_wanted_power(wanted, n, nuisance):
    r = detectable(wanted, n, nuisance, FIRST)
    assert power(r, n, nuisance, FIRST) == pytest.approx(wanted)


def test_without_a_degree_of_freedom_nothing_is_detectable():
    assert np.isnan([power(0.5, 10, 7), detectable(0.8, 10, 7)]).all()
    assert np.isfinite([power(0.5, 11, 7), detectable(0.8, 11, 7)]).all()


def test_a_table_has_both_kinds_of_tests_of_both_families():
    table = power_table(200, 16, {"primary": 5, "secondary": 11})
    assert table["nuisance"].tolist() == [0, 15, 0, 15]
    assert table["level"].tolist() == pytest.approx([0.01, 0.01, 0.05 / 11, 0.05 / 11])
    first = table.iloc[1]
    assert first["power at 0.3"] == power(0.3, 200, 15, 0.01)
    assert first["detectable"] == detectable(0.8, 200, 15, 0.01)
