import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from cood.analysis.stats.regression.adjusted import coefficient_given, independent_columns


def draw(n, seed, effect=0.7):
    rng = np.random.default_rng(seed)
    given = pd.DataFrame(rng.normal(size=(n, 3)))
    x = pd.Series(np.where(rng.permutation(n) < n // 2, 0.5, -0.5))
    noise = rng.normal(size=n) * np.where(x > 0, 1.5, 0.5)  # the variance differs between arms
    return effect * x + given.sum(axis=1) + noise, x, given


def test_the_coefficient_is_that_of_least_squares():
    y, x, given = draw(30, 0)
    fit = sm.OLS(y, np.column_stack([given, x, np.ones(30)])).fit(cov_type="HC3", use_t=True)
    found = coefficient_given(y, x, given)
    assert found.value == pytest.approx(fit.params.iloc[3])
    assert [found.low, found.high] == pytest.approx(fit.conf_int().iloc[3].tolist())
    assert (found.n, found.p) == (30, pytest.approx(fit.pvalues.iloc[3]))


def test_intervals_cover_with_few_models_of_unequal_variance():
    found = [coefficient_given(*draw(16, seed)) for seed in range(300)]
    covered = np.mean([one.low <= 0.7 <= one.high for one in found])
    assert 0.92 <= covered <= 0.99


def test_what_cannot_be_estimated():
    y, x, given = draw(30, 0)
    assert np.isnan(coefficient_given(y, given[0], given).value)
    assert np.isnan(coefficient_given(y[:5], x[:5], given[:5]).value)


def test_columns_that_follow_from_others_are_left_out():
    _, x, given = draw(30, 0)
    table = given.assign(total=given.sum(axis=1), same=1.0, last=x)
    assert list(independent_columns(table)) == [0, 1, 2, "last"]
    assert independent_columns(table[[]]).empty
