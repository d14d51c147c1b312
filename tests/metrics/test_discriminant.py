import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.metrics import roc_auc_score

from cood.metrics.discriminant import (
    fit_discriminant,
    one_vs_rest_auc,
    split_rows,
    standardise,
)


def shrunk(within, degrees):
    """Oracle approximating shrinkage, as printed: eq. 23 of Chen et al."""
    p = len(within)
    square, trace = np.trace(within @ within), np.trace(within)
    amount = ((1 - 2 / p) * square + trace**2) / ((degrees + 1 - 2 / p) * (square - trace**2 / p))
    amount = min(1, amount)
    return (1 - amount) * within + amount * trace / p * np.eye(p)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_posteriors_are_those_of_gaussians_with_one_covariance(geometry, dtype):
    codes, factors = geometry("mixed", n=400, d=5)
    ids, rows = factors[:, 0], np.arange(300)
    z = (codes - codes[rows].mean(axis=0)) / codes[rows].std(axis=0)
    means = np.array([z[rows][ids[rows] == c].mean(axis=0) for c in range(6)])
    away = z[rows] - means[ids[rows]]
    covariance = shrunk(away.T @ away / 300, 300 - 6)
    joint = np.stack(
        [
            multivariate_normal(mean, covariance).logpdf(z) + np.log((ids[rows] == c).mean())
            for c, mean in enumerate(means)
        ],
        axis=1,
    )
    expected = joint - np.logaddexp.reduce(joint, axis=1, keepdims=True)
    codes = codes.astype(dtype)
    model = fit_discriminant(codes, ids, 6, standardise(codes, rows))
    np.testing.assert_allclose(
        model.scores(codes), expected, atol=1e-3 if dtype == np.float32 else 1e-6
    )
    test = np.arange(300, 400)
    accuracy = (expected[test].argmax(axis=1) == ids[test]).mean()
    assert model.accuracy(codes, ids, test) == pytest.approx(accuracy)


def test_moments_are_those_of_the_rows(geometry):
    codes, _ = geometry("mixed", n=6000, d=3)
    rows = np.arange(0, 6000, 1)[::-1]
    result = standardise(codes.astype(np.float32) + np.float32(100), rows)
    z = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    np.testing.assert_allclose(result.gram, z.T @ z, rtol=1e-3, atol=2)


def test_constant_columns_change_nothing(geometry):
    codes, factors = geometry("noisy", n=60, d=20)
    padded = np.hstack([np.full((60, 30), 0.3), codes])
    rows = np.arange(50)
    scores = [
        fit_discriminant(z, factors[:, 0], 6, standardise(z, rows)).scores(z)
        for z in (codes, padded)
    ]
    np.testing.assert_allclose(*scores, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_columns_are_detected_despite_rounding_of_the_mean(dtype):
    codes = np.full((5003, 4), [0.1, 0.3, -7e5, 1e9], dtype)
    result = standardise(codes, np.arange(5003))
    assert np.isposinf(result.spread).all()
    assert (result.gram == 0).all()


def test_a_class_without_rows_is_never_answered(geometry):
    codes, factors = geometry("mixed", n=200, d=4)
    rows = np.flatnonzero(factors[:, 0] != 3)
    result = fit_discriminant(codes, factors[:, 0], 6, standardise(codes, rows)).scores(codes)
    assert np.isneginf(result[:, 3]).all()
    assert np.exp(result).sum(axis=1) == pytest.approx(1)


def test_classes_without_spread_are_distinguished():
    ids = np.repeat(np.arange(4), 5)
    codes = np.eye(4)[ids]
    model = fit_discriminant(codes, ids, 4, standardise(codes, np.arange(20)))
    assert model.accuracy(codes, ids, np.arange(20)) == 1


def test_areas_are_those_of_sklearn():
    rng = np.random.default_rng(0)
    ids = rng.integers(4, size=200)
    scores = rng.integers(6, size=(200, 5)) + (ids[:, None] == np.arange(5))
    result = one_vs_rest_auc(scores, ids)
    expected = [roc_auc_score(ids == c, scores[:, c]) for c in range(4)]
    assert result[:4] == pytest.approx(expected)
    assert np.isnan(result[4])
    assert np.isnan(one_vs_rest_auc(scores, np.zeros(200, int))).all()


def test_a_fifth_of_the_rows_is_held_out():
    train, test = split_rows(10, None, np.random.default_rng(0))
    assert (len(train), len(test)) == (8, 2)
    assert sorted([*train, *test]) == list(range(10))
    assert [len(rows) for rows in split_rows(2, None, np.random.default_rng(0))] == [1, 1]


def test_rows_of_the_caller_are_held_out():
    train, test = split_rows(5, [4, 1], np.random.default_rng(0))
    assert (train.tolist(), test.tolist()) == ([0, 2, 3], [1, 4])


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ([], "expected indices of rows, got float64 of shape"),
        ([0.5], "expected indices"),
        ([[1]], "expected indices"),
        ([0, 5], "5 at place 1 is no row of 5"),
        ([-1], "-1 at place 0"),
        ([1, 1], "rows repeat"),
        (range(5), "none is left"),
    ],
)
def test_rows_that_cannot_be_held_out(test, message):
    with pytest.raises(ValueError, match=message):
        split_rows(5, list(test), np.random.default_rng(0))
