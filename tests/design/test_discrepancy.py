import numpy as np
import pytest
from scipy.stats import qmc

from cood.design.discrepancy import Evenness, centred_discrepancy, random_discrepancy


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (20, 4)])
def test_it_is_that_of_scipy(shape):
    unit = np.random.default_rng(0).random(shape)
    assert centred_discrepancy(unit) == pytest.approx(qmc.discrepancy(unit, method="CD"))


def test_equal_steps_are_the_most_even_in_one_dimension():
    even = (np.arange(10)[:, None] + 0.5) / 10
    assert centred_discrepancy(even) == pytest.approx(1 / (12 * 10**2))
    assert centred_discrepancy(even**1.1) > centred_discrepancy(even)


def test_an_exchange_is_foreseen():
    unit = np.random.default_rng(1).random((9, 3))
    after = Evenness(unit).after(4, 1)
    for j in range(9):
        changed = unit.copy()
        changed[[4, j], 1] = changed[[j, 4], 1]
        assert after[j] == pytest.approx(qmc.discrepancy(changed, method="CD"))


def test_it_stays_up_to_date_over_many_exchanges():
    rng = np.random.default_rng(2)
    unit = rng.random((12, 4))
    even = Evenness(unit)
    for _ in range(200):
        i, j, column = rng.integers(12), rng.integers(12), rng.integers(4)
        even.exchange(i, j, column)
        unit[[i, j], column] = unit[[j, i], column]
    assert even.value == pytest.approx(qmc.discrepancy(unit, method="CD"))


def test_the_mean_over_random_points():
    rng = np.random.default_rng(3)
    mean = np.mean([centred_discrepancy(rng.random((10, 3))) for _ in range(4000)])
    assert random_discrepancy(10, 3) == pytest.approx(mean, rel=0.03)
