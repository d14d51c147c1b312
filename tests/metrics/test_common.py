import numpy as np
import pytest

from cood.metrics.common import combination_ids


@pytest.mark.parametrize(("m", "values"), [(0, 1), (1, 5), (2, 300), (3, 10), (12, 2000)])
def test_combinations_are_numbered_in_order(m, values):
    factors = np.random.default_rng(0).integers(values, size=(500, m))
    expected = np.unique(factors, axis=0, return_inverse=True)[1].ravel()
    np.testing.assert_array_equal(combination_ids(factors), expected)
