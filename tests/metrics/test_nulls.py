import numpy as np
import pytest

from cood.metrics.dci import dci
from cood.metrics.information import mig, mig_sup
from cood.metrics.nulls import project_pca, project_random, rotate_codes, shuffle_factors, with_null
from cood.metrics.prediction import explicitness, sap
from cood.metrics.result import MetricWarning, Score

GRID = np.array([[a, o] for a in range(4) for o in range(4)] * 40)


def rng():
    return np.random.default_rng(0)


def test_shuffled_rows_stay_whole():
    factors = GRID * [1, 10]
    shuffled = shuffle_factors(factors, rng())
    assert (shuffled != factors).any()
    np.testing.assert_array_equal(np.sort(shuffled @ [1, 100]), np.sort(factors @ [1, 100]))


def test_a_rotation_keeps_distances_and_type():
    codes = rng().standard_normal((30, 7)).astype(np.float32)
    turned = rotate_codes(codes, rng())
    assert turned.dtype == np.float32
    np.testing.assert_allclose(turned @ turned.T, codes @ codes.T, atol=1e-4)
    assert np.abs(turned - codes).max() > 0.1


def test_rotations_are_uniform():
    random = rng()
    turns = np.array([rotate_codes(np.eye(3), random) for _ in range(2000)])
    # Without the signs, QR gives a mean far from zero.
    assert np.abs(turns.mean(axis=0)).max() < 0.06
    assert (turns**2).mean(axis=0) == pytest.approx(np.full((3, 3), 1 / 3), abs=0.04)


def test_principal_components_are_those_of_the_singular_values(geometry):
    codes, _ = geometry("mixed", d=10)
    result = project_pca(codes, 4)
    u, s, _ = np.linalg.svd(codes - codes.mean(axis=0), full_matrices=False)
    expected = u[:, :4] * s[:4]
    signs = np.sign((result * expected).sum(axis=0))
    np.testing.assert_allclose(result, expected * signs, atol=1e-8)
    assert project_pca(codes, 99).shape == (1200, 10)
    np.testing.assert_allclose(project_pca(codes * -1, 4), -result, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_components_without_variance_are_zero(dtype):
    wide = rng().standard_normal((20, 100)).astype(dtype)
    result = project_pca(wide, 64)
    assert result.shape == (20, 64)
    assert (result[:, 19:] == 0).all()
    assert result[:, :19].std(axis=0).min() > 0.1
    assert (project_pca(np.full((50, 10), 0.3, dtype), 4) == 0).all()


def test_shuffled_labels_are_near_chance(geometry):
    codes, factors = geometry("aligned")
    for metric in (mig, sap, explicitness):
        result = with_null(metric, codes, factors, repeats=3)
        assert np.abs(result.null).max() < 0.1
        assert result.excess == pytest.approx(result.score.value - result.null.mean())
        assert len(result.null) == 3


def test_a_rotation_distinguishes_axes_from_content(geometry):
    codes, factors = geometry("aligned")
    apart = with_null(dci, codes, factors, null="rotated", repeats=2)
    assert apart.null.max() < apart.score.value - 0.3
    whole = with_null(explicitness, codes, factors, null="rotated", repeats=2)
    assert whole.null == pytest.approx(whole.score.value, abs=0.01)


def test_projected_codes_are_the_same_each_time(geometry):
    codes, factors = geometry("aligned")
    result = with_null(mig, codes, factors, null="pca", dimensions=4)
    assert result.null == pytest.approx([mig(project_pca(codes, 4), factors).value])


@pytest.mark.filterwarnings("ignore:3 bins are fewer than the values")
def test_options_and_seeds_are_passed_on(geometry):
    codes, factors = geometry("mixed")
    coarse = with_null(mig, codes, factors, bins=3, rng=1)
    assert coarse.score.value == mig(codes, factors, bins=3).value
    again = with_null(mig, codes, factors, bins=3, rng=1)
    np.testing.assert_array_equal(coarse.null, again.null)
    assert (with_null(mig, codes, factors, bins=3, rng=2).null != coarse.null).all()


def test_a_null_warns_of_nothing_but_the_score_does(geometry):
    # Under shuffled labels no dimension is informative, as intended.
    assert with_null(mig_sup, GRID, GRID).score.value == pytest.approx(1)
    with pytest.warns(MetricWarning):
        with_null(mig_sup, GRID[:, :1], GRID)


def test_string_ids_and_lists():
    result = with_null(mig, GRID.tolist(), np.array(list("abcd"))[GRID], repeats=1)
    assert result.score.value == pytest.approx(1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"null": "none"}, "null: expected one of shuffled, rotated, pca, got 'none'"),
        ({"repeats": 0}, "repeats: expected a whole number from 1, got 0"),
        ({"dimensions": 0}, "dimensions: expected a whole number from 1, got 0"),
    ],
)
def test_options_are_checked(option, message):
    with pytest.raises(ValueError, match=message):
        with_null(lambda codes, factors: Score(0.0), GRID, GRID, **option)


def test_a_random_projection_keeps_what_all_directions_share():
    codes = rng().standard_normal((400, 24))
    result = project_random(codes, 8, rng())
    assert result.shape == (400, 8)
    np.testing.assert_allclose(result, rotate_codes(codes, rng())[:, :8])
    # Mean squared lengths shrink as the number of dimensions does.
    shares = [(project_random(codes, 8, np.random.default_rng(k)) ** 2).sum() for k in range(20)]
    assert np.mean(shares) / (codes**2).sum() == pytest.approx(8 / 24, rel=0.05)
    whole = project_random(codes, 99, rng())
    np.testing.assert_allclose(whole @ whole.T, codes @ codes.T, atol=1e-9)
