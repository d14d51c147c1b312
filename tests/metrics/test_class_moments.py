import numpy as np
import pytest

from cood.metrics.class_moments import ClassMoments, class_moments


def rng(seed=0):
    return np.random.default_rng(seed)


def classes(n=600, width=6, size=4, seed=0):
    """Codes with a shared covariance, and their labels."""
    source = rng(seed)
    labels = source.integers(size, size=n)
    mixing = source.normal(size=(width, width))
    codes = 2 * source.normal(size=(size, width))[labels] + source.normal(size=(n, width)) @ mixing
    return codes, labels


def test_moments_are_sample_moments():
    codes, labels = classes()
    result = class_moments(codes, labels, 5)
    np.testing.assert_array_equal(result.counts, np.bincount(labels, minlength=5))
    about = codes - codes.mean(axis=0)
    for k in range(4):
        np.testing.assert_allclose(result.means[k], about[labels == k].mean(axis=0))
    np.testing.assert_array_equal(result.means[4], 0)
    residual = about - result.means[labels]
    np.testing.assert_allclose(result.within, residual.T @ residual / len(codes))
    np.testing.assert_allclose(result.within + result.between, np.cov(codes.T, bias=True))


def test_moments_of_rotated_codes():
    codes, labels = classes()
    basis = np.linalg.qr(rng(1).normal(size=(6, 6)))[0]
    one, other = (
        class_moments(codes, labels, 4).rotated(basis),
        class_moments(codes @ basis, labels, 4),
    )
    np.testing.assert_allclose(one.means, other.means, atol=1e-12)
    np.testing.assert_allclose(one.within, other.within, atol=1e-12)


def test_a_matrix_that_cannot_be_solved_is_refused():
    within = np.array([[1.0, 1e6], [1e6, 1.0]])  # no covariance: beyond its variances
    moments = ClassMoments(np.array([10**9, 10**9]), np.array([[1.0, 0], [-1, 0]]), within)
    with pytest.raises(ValueError, match=r"covariance: not positive definite, even with 1e.03"):
        moments.discriminant()


def test_a_little_below_zero_is_solved():
    within = np.diag([1.0, -1e-12])
    moments = ClassMoments(np.array([50, 50]), np.array([[1.0, 0], [-1, 0]]), within)
    weights, bias = moments.discriminant()
    assert np.isfinite(weights).all()
    assert bias[0] == bias[1]
