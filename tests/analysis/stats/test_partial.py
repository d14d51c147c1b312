import numpy as np
import pytest
from scipy import stats

from cood.analysis.stats.partial import coefficients, ranks

COLUMNS = np.random.default_rng(1).normal(size=(4, 15)).round(1)


def test_weights_count_models_several_times():
    weights = np.random.default_rng(2).integers(4, size=(3, 15))
    for w, pearson, spearman in zip(weights, *coefficients(COLUMNS[:2], weights), strict=True):
        repeated = np.repeat(COLUMNS[:2], w, axis=1)
        assert pearson == pytest.approx(stats.pearsonr(*repeated).statistic)
        assert spearman == pytest.approx(stats.spearmanr(*repeated).statistic)


def test_partial_coefficients_agree_with_statsmodels():
    import statsmodels.api as sm

    design = sm.add_constant(COLUMNS[2:].T)
    left = [sm.OLS(column, design).fit().resid for column in COLUMNS[:2]]
    (pearson,), _ = coefficients(COLUMNS, np.ones((1, 15)))
    assert pearson == pytest.approx(stats.pearsonr(*left).statistic)


def test_a_constant_or_determined_column_has_no_coefficient():
    ones = np.ones((1, 15))
    for columns in (
        [COLUMNS[0], np.full(15, 0.1)],
        [COLUMNS[0], COLUMNS[1], 3 - COLUMNS[1]],
        [COLUMNS[0], COLUMNS[1] + COLUMNS[2], COLUMNS[1], COLUMNS[2]],
    ):
        assert np.isnan(coefficients(np.array(columns), ones)[0]).all()


def test_ranks_are_those_of_scipy():
    np.testing.assert_allclose(ranks(COLUMNS), stats.rankdata(COLUMNS, axis=1))
