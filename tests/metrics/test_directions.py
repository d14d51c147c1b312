import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cood.metrics.directions import (
    factor_dimension,
    orthogonality,
    word_cosine,
)
from cood.metrics.linear import fit_additive
from cood.metrics.result import MetricWarning

GRID = np.array(list(itertools.product(range(4), range(5))))


def planted(attributes, objects, factors=GRID):
    """Codes that are sums of these vectors [values, d]."""
    return np.asarray(attributes)[factors[:, 0]] + np.asarray(objects)[factors[:, 1]]


def random_vectors(seed, d):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, d)), rng.normal(size=(5, d))


def test_directions_are_the_centred_vectors_that_were_planted():
    attributes, objects = random_vectors(0, 7)
    kept = np.delete(GRID, [3, 8, 12], axis=0)
    result = fit_additive(planted(attributes, objects, kept), kept).directions
    for d, vectors in zip(result, (attributes, objects), strict=True):
        np.testing.assert_allclose(d, vectors - vectors.mean(axis=0), atol=1e-12)


def test_factors_on_axes_of_their_own_are_orthogonal():
    attributes = np.hstack([np.eye(4), np.zeros((4, 5))])
    objects = np.hstack([np.zeros((5, 4)), np.eye(5)])
    score = orthogonality(fit_additive(planted(attributes, objects), GRID))
    assert score.value == pytest.approx(0, abs=1e-12)
    # Corners of a regular simplex are -1 / (values - 1) apart.
    np.testing.assert_allclose(np.diag(score.parts["matrix"]), [1 / 3, 1 / 4])


def test_cosines_as_written_out():
    attributes, objects = random_vectors(1, 6)
    score = orthogonality(fit_additive(planted(attributes, objects), GRID))
    a, o = (v - v.mean(axis=0) for v in (attributes, objects))
    across = [abs(x @ y) / np.linalg.norm(x) / np.linalg.norm(y) for x in a for y in o]
    within = [
        abs(x @ y) / np.linalg.norm(x) / np.linalg.norm(y) for x, y in itertools.combinations(o, 2)
    ]
    assert score.value == pytest.approx(np.mean(across))
    assert score.parts["matrix"][1, 1] == pytest.approx(np.mean(within))
    np.testing.assert_allclose(score.parts["matrix"], score.parts["matrix"].T)


@pytest.mark.parametrize("d", [2, 12, 60])
def test_random_directions_reach_the_chance_level(d):
    rng = np.random.default_rng(2)
    factors = np.tile(GRID, (100, 1))
    scores = [orthogonality(fit_additive(rng.normal(size=(2000, d)), factors)) for _ in range(80)]
    result = np.mean([s.parts["matrix"] for s in scores], axis=0)
    chance = np.mean([s.parts["chance"] for s in scores], axis=0)
    np.testing.assert_allclose(result, chance, rtol=0.06)


def test_two_values_of_a_factor_are_opposed():
    factors = np.array(list(itertools.product(range(2), range(3))))
    codes = np.random.default_rng(2).normal(size=(6, 8))
    score = orthogonality(fit_additive(codes, factors))
    assert score.parts["matrix"][0, 0] == pytest.approx(1)
    assert score.parts["chance"][0, 0] == pytest.approx(1)


def test_the_dimension_is_the_participation_ratio():
    rng = np.random.default_rng(3)
    factors = rng.integers([4, 5], size=(4000, 2))
    codes = rng.normal(size=(4000, 6)) * [1, 1, 1, 0, 0, 0]
    parts = orthogonality(fit_additive(codes, factors)).parts
    assert parts["dimension"] == pytest.approx(3, rel=0.01)
    assert parts["chance"][0, 1] == pytest.approx(0.5, rel=0.01)  # on a sphere


@given(st.integers(0, 9999), st.integers(1, 8))
@settings(max_examples=25)
def test_order_names_scale_and_rotation_do_not_matter(seed, d):
    rng = np.random.default_rng(seed)
    factors = rng.integers([3, 4], size=(40, 2))
    codes = rng.normal(size=(40, d))
    turn, order = np.linalg.qr(rng.normal(size=(d, d)))[0], rng.permutation(40)
    whole = fit_additive(codes, factors)
    matrix = orthogonality(whole).parts["matrix"]
    assert ((matrix >= 0) & (matrix <= 1 + 1e-9)).all()
    assert 0 < factor_dimension(whole).value < 1
    for fit in (
        fit_additive(codes[order], factors[order]),
        fit_additive(codes[:, ::-1], factors),
        fit_additive(codes @ turn, 7 - factors),
        fit_additive(1e-6 * codes - 3, factors),
        fit_additive(np.tile(codes, (2, 1)), np.tile(factors, (2, 1))),
    ):
        np.testing.assert_allclose(orthogonality(fit).parts["matrix"], matrix, rtol=1e-6)
        assert factor_dimension(fit).value == factor_dimension(whole).value


def test_dimensions_of_a_quantity_and_of_classes():
    line = np.outer(np.arange(4), [1.0, 2, 0, 0, 0, 0, 0, 0])
    classes = np.hstack([np.zeros((5, 3)), np.eye(5)])
    score = factor_dimension(fit_additive(planted(line, classes), GRID))
    assert score.parts["components"] == [1, 4]
    assert score.parts["relative"] == pytest.approx([1 / 4, 4 / 5])
    assert score.value == pytest.approx((1 / 4 + 4 / 5) / 2)


def test_the_share_decides_how_many_components():
    rng = np.random.default_rng(4)
    axes = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    axes -= axes.mean(axis=0)
    left = np.linalg.svd(axes)[0][:, :3]  # orthonormal columns that sum to 0
    vectors = left * np.sqrt([0.7, 0.2, 0.1])
    fit = fit_additive(vectors, np.arange(6))
    for share, components in ((0.5, 1), (0.7, 1), (0.8, 2), (0.9, 2), (0.95, 3)):
        assert factor_dimension(fit, share=share).parts["components"] == [components]
    with pytest.raises(ValueError, match="share: expected a number between 0 and 1, got 95"):
        factor_dimension(fit, share=95)


def test_a_factor_that_does_nothing_has_no_direction():
    attributes, _ = random_vectors(5, 6)
    fit = fit_additive(planted(attributes, np.zeros((5, 6))), GRID)
    with pytest.warns(MetricWarning, match="fewer than two factors have directions"):
        score = orthogonality(fit)
    assert np.isnan(score.value)
    assert np.isfinite(score.parts["matrix"][0, 0])
    assert np.isnan(score.parts["matrix"][1, 1])
    dimension = factor_dimension(fit)
    assert dimension.parts["components"][1] == 0
    assert dimension.value == dimension.parts["relative"][0]


def test_codes_that_never_vary_have_no_directions():
    fit = fit_additive(np.full((20, 3), 0.1), GRID)
    with pytest.warns(MetricWarning, match="fewer than two"):
        assert np.isnan(orthogonality(fit).value)
    with pytest.warns(MetricWarning, match="no factor has directions"):
        assert np.isnan(factor_dimension(fit).value)


def test_a_factor_with_one_value_is_left_out_and_noted():
    fit = fit_additive(planted(*random_vectors(6, 6)), np.column_stack([GRID, [0] * 20]))
    with pytest.warns(MetricWarning, match="factor 2 has one value only"):
        score = orthogonality(fit)
    assert score.value == pytest.approx(score.parts["matrix"][0, 1])
    assert np.isnan(score.parts["matrix"][2]).all()


def test_values_that_no_composition_connects_are_named():
    halves = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 2], [2, 3], [3, 2], [3, 3]])
    fit = fit_additive(np.random.default_rng(7).normal(size=(8, 5)), halves)
    for metric in (orthogonality, factor_dimension):
        with pytest.warns(MetricWarning, match="determine 6 of 7 vectors"):
            metric(fit)


def test_words_that_point_where_the_values_do():
    _, vectors = random_vectors(8, 6)
    assert word_cosine(vectors, vectors).value == pytest.approx(1)
    assert word_cosine(vectors, 4 - 2 * vectors).value == pytest.approx(-1)
    away = np.hstack([np.zeros((5, 6)), vectors])
    wide = np.hstack([vectors, np.zeros((5, 6))])
    assert word_cosine(wide, away).value == pytest.approx(0, abs=1e-12)


def test_chance_of_words_is_the_mean_over_all_ways_to_deal_them():
    rng = np.random.default_rng(9)
    result, words = rng.normal(size=(2, 4, 3))
    permuted = [word_cosine(result, words[list(p)]).value for p in itertools.permutations(range(4))]
    assert word_cosine(result, words).parts["chance"] == pytest.approx(np.mean(permuted))


def test_words_without_a_direction_are_left_out():
    vectors = np.array([[1.0, 0], [-1, 0], [0, 0]])
    score = word_cosine(vectors, 3 * vectors + 0.1)
    np.testing.assert_allclose(score.parts["cosines"], [1, 1, np.nan])
    assert score.value == pytest.approx(1)
    with pytest.warns(MetricWarning, match="all equal"):
        assert np.isnan(word_cosine(vectors, np.full((3, 2), 0.1)).value)


def test_words_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"words: shape \(2, 3\), but vectors has shape \(3, 3\)"):
        word_cosine(np.eye(3), np.eye(3)[:2])
    with pytest.raises(ValueError, match="words: nan in row 1, column 0"):
        word_cosine(np.eye(2), [[0, 1], [np.nan, 0]])
