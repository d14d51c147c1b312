import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import OneHotEncoder

from cood.metrics import row_sums
from cood.metrics.linear import (
    fit_additive,
    held_out_r_squared,
    projected_r_squared,
    r_squared,
)
from cood.metrics.result import MetricWarning

GRID = np.array(list(itertools.product(range(3), range(4))))


def quiet(metric, *args, **kwargs):
    """The score of input that is too small to warn about each time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)
        return metric(*args, **kwargs)


def sums(factors, seed=0, width=6):
    """Codes that are sums of one random vector for each value."""
    rng = np.random.default_rng(seed)
    vectors = [rng.normal(size=(column.max() + 1, width)) for column in factors.T]
    return sum(v[column] for v, column in zip(vectors, factors.T, strict=True)) + 5


def one_hot(factors):
    return OneHotEncoder(sparse_output=False).fit_transform(factors)


@st.composite
def problems(draw):
    """Codes and two to three factors; any compositions, some values perhaps only once."""
    n, m, d, seed = draw(
        st.tuples(st.integers(4, 30), st.integers(2, 3), st.integers(1, 5), st.integers(0, 9999))
    )
    rng = np.random.default_rng(seed)
    factors = np.column_stack([rng.integers(rng.integers(2, 6), size=n) for _ in range(m)])
    return rng.normal(size=(n, d)) + 3, factors


@given(problems())
@settings(max_examples=25)
def test_the_fit_is_the_least_squares_solution_of_least_norm(problem):
    codes, factors = problem
    varied = [k for k in range(factors.shape[1]) if len(set(factors[:, k])) > 1]
    fit = fit_additive(codes, factors)
    if not varied:
        assert fit.rank == 1
        return
    design = one_hot(factors[:, varied])
    centred = codes - codes.mean(axis=0)
    expected, _, rank, _ = np.linalg.lstsq(design, centred)
    np.testing.assert_allclose(np.vstack([fit.vectors[k] for k in varied]), expected, atol=1e-9)
    assert fit.rank == rank
    np.testing.assert_allclose(fit.mean, codes.mean(axis=0))
    residual = centred - design @ expected
    r2 = 1 - (residual**2).sum() / (centred**2).sum()
    assert quiet(r_squared, fit).value == pytest.approx(r2, abs=1e-9)


def test_r_squared_is_that_of_a_linear_regression():
    rng = np.random.default_rng(1)
    factors = rng.integers([3, 5], size=(60, 2))
    codes = sums(factors) + rng.normal(size=(60, 6))
    design = one_hot(factors)
    # Plain R^2 pools the columns by their variance; sklearn can do the same.
    expected = LinearRegression().fit(design, codes).predict(design)
    r2 = 1 - ((codes - expected) ** 2).sum() / ((codes - codes.mean(axis=0)) ** 2).sum()
    score = r_squared(fit_additive(codes, factors))
    assert score.value == pytest.approx(r2)
    n, r = 60, 7
    assert score.parts["chance"] == pytest.approx((r - 1) / (n - 1))
    assert score.parts["adjusted"] == pytest.approx(1 - (1 - r2) * (n - 1) / (n - r))


def test_vectors_of_a_full_grid_are_means_of_centred_codes():
    codes = np.random.default_rng(2).normal(size=(12, 5))
    fit = fit_additive(codes, GRID)
    centred = codes - codes.mean(axis=0)
    for k, size in enumerate((3, 4)):
        means = [centred[GRID[:, k] == v].mean(axis=0) for v in range(size)]
        np.testing.assert_allclose(fit.vectors[k], means, atol=1e-12)


def test_sums_are_explained_in_full_even_where_compositions_are_missing():
    kept = np.delete(GRID, [1, 6, 11], axis=0)
    fit = fit_additive(sums(GRID)[np.delete(np.arange(12), [1, 6, 11])], kept)
    assert r_squared(fit).value == pytest.approx(1)
    assert fit.rank == fit.full_rank == 6
    missing = [fit.mean + fit.vectors[0][a] + fit.vectors[1][o] for a, o in GRID[[1, 6, 11]]]
    np.testing.assert_allclose(missing, sums(GRID)[[1, 6, 11]])


def test_an_exclusive_or_is_not_explained_at_all():
    factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    score = r_squared(fit_additive([[0.0], [1], [1], [0]], factors))
    assert score.value == pytest.approx(0, abs=1e-12)


def test_a_part_of_the_variance():
    # Variance 1/4 of each kind: of the first factor, of the second, of their product.
    a, o = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]).T
    codes = np.column_stack([a, o, a == o]).astype(float)
    fit = fit_additive(codes, np.column_stack([a, o]))
    assert r_squared(fit).value == pytest.approx(2 / 3)
    assert projected_r_squared(fit, np.eye(3)).value == pytest.approx(2 / 3)
    assert projected_r_squared(fit, [[1, 0, 0]]).value == pytest.approx(1)
    assert projected_r_squared(fit, [[0, 0, 5]]).value == pytest.approx(0, abs=1e-12)
    assert projected_r_squared(fit, [[1, 0, 0], [0, 0, 1]]).value == pytest.approx(1 / 2)


def test_chance_is_the_mean_over_shuffled_codes():
    rng = np.random.default_rng(3)
    factors = rng.integers([4, 6], size=(40, 2))
    codes = sums(factors)
    probes = rng.normal(size=(3, 6))
    plain, projected = [], []
    for _ in range(300):
        fit = fit_additive(rng.permutation(codes), factors)
        plain.append(r_squared(fit).value)
        projected.append(projected_r_squared(fit, probes).value)
    assert np.mean(plain) == pytest.approx(fit.chance, rel=0.05)
    assert np.mean(projected) == pytest.approx(fit.chance, rel=0.05)
    adjusted = r_squared(fit_additive(codes, factors)).parts["adjusted"]
    assert adjusted == pytest.approx(1)


def test_projection_and_whitening_as_written_out():
    rng = np.random.default_rng(4)
    factors = rng.integers([3, 4], size=(50, 2))
    codes = (sums(factors) + rng.normal(size=(50, 6))) * [1, 10, 1, 1, 0.1, 1]
    probes = rng.normal(size=(2, 3)) @ rng.normal(size=(3, 6))
    probes = np.vstack([probes, probes.sum(axis=0)])  # three, of rank two
    fit = fit_additive(codes, factors)
    design = one_hot(factors)
    rebuilt = LinearRegression().fit(design, codes).predict(design)
    projector = np.linalg.pinv(probes) @ probes
    whitener = PCA(2, whiten=True).fit(codes @ projector)
    x, y = (whitener.transform(z @ projector) for z in (codes, rebuilt))
    expected = 1 - ((x - y) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    score = projected_r_squared(fit, probes)
    assert score.value == pytest.approx(expected)
    assert score.parts["dimensions"] == 2


@given(problems(), st.integers(0, 99))
@settings(max_examples=25)
def test_order_names_scale_and_rotation_do_not_matter(problem, seed):
    codes, factors = problem
    rng = np.random.default_rng(seed)
    n, d = codes.shape
    turn, order = np.linalg.qr(rng.normal(size=(d, d)))[0], rng.permutation(n)
    probes = rng.normal(size=(2, d))
    names = np.array(["e", "b", "f", "a", "d", "c"])[factors]
    whole = fit_additive(codes, factors)
    changed = {
        "rows": (fit_additive(codes[order], factors[order]), probes),
        "columns": (fit_additive(codes[:, ::-1], factors), probes[:, ::-1]),
        "factors": (fit_additive(codes, factors[:, ::-1]), probes),
        "names": (fit_additive(codes, names), probes),
        "scale": (fit_additive(1e-4 * codes, factors), 100 * probes),
        "shift": (fit_additive(codes - 10, factors), probes),
        "rotation": (fit_additive(codes @ turn, factors), probes @ turn),
        "repetition": (fit_additive(np.tile(codes, (2, 1)), np.tile(factors, (2, 1))), probes),
    }
    plain, projected = (
        quiet(r_squared, whole).value,
        quiet(projected_r_squared, whole, probes).value,
    )
    for name, (fit, seen) in changed.items():
        assert quiet(r_squared, fit).value == pytest.approx(plain, nan_ok=True), name
        result = quiet(projected_r_squared, fit, seen).value
        assert result == pytest.approx(projected, nan_ok=True, abs=1e-9), name
    for value in (plain, projected):
        assert np.isnan(value) or 0 <= value <= 1


def test_sums_predict_compositions_that_were_held_out():
    assert held_out_r_squared(sums(GRID), GRID).value == pytest.approx(1)


def test_noise_predicts_nothing():
    rng = np.random.default_rng(5)
    factors = np.repeat(GRID, 4, axis=0)
    score = held_out_r_squared(rng.normal(size=(48, 30)), factors, rng=0)
    assert -1 < score.value < 0.05
    assert r_squared(fit_additive(rng.normal(size=(48, 30)), factors)).value > 0.05


def test_held_out_as_written_out():
    rng = np.random.default_rng(6)
    factors = np.repeat(GRID, 3, axis=0)
    codes = sums(factors) + rng.normal(size=(36, 6))
    fold = np.random.default_rng(7).permutation(np.arange(12) % 3)[np.repeat(np.arange(12), 3)]
    design = one_hot(factors)
    residual = total = 0
    for k in range(3):
        train, test = fold != k, fold == k
        model = LinearRegression().fit(design[train], codes[train])
        residual += ((codes[test] - model.predict(design[test])) ** 2).sum()
        total += ((codes[test] - codes[train].mean(axis=0)) ** 2).sum()
    score = held_out_r_squared(codes, factors, folds=3, rng=np.random.default_rng(7))
    assert score.value == pytest.approx(1 - residual / total)
    assert score.parts["left_out"] == 0


def test_codes_of_a_composition_stay_together():
    # Were copies on both sides, each composition would be known.
    rng = np.random.default_rng(8)
    factors = np.repeat(GRID, 20, axis=0)
    codes = np.repeat(rng.normal(size=(12, 6)), 20, axis=0)
    assert held_out_r_squared(codes, factors).value < 0.3


def test_what_cannot_be_predicted_is_left_out_and_noted():
    factors = np.vstack([GRID, [[9, 0]]])  # the value 9 occurs once
    codes = np.vstack([sums(GRID), [[100.0] * 6]])
    with pytest.warns(MetricWarning, match="1 of 13 codes cannot be predicted"):
        score = held_out_r_squared(codes, factors)
    assert score.parts["left_out"] == 1
    assert score.value == pytest.approx(1)


def test_values_that_never_link_up_are_not_predicted():
    halves = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 2], [2, 3], [3, 2], [3, 3]])
    codes = sums(halves)
    fit = fit_additive(codes, halves)
    assert (fit.rank, fit.full_rank) == (6, 7)
    assert r_squared(fit).value == pytest.approx(1)
    with pytest.warns(MetricWarning, match="1 of 9 codes cannot be predicted"):
        score = held_out_r_squared(
            np.vstack([codes, codes[:1]]), np.vstack([halves, [[0, 3]]]), folds=9
        )
    assert score.value == pytest.approx(1)


def test_a_factor_with_one_value_is_left_out_and_noted():
    constant = np.column_stack([GRID, np.zeros(12, dtype=int)])
    fit = fit_additive(sums(GRID), constant)
    np.testing.assert_array_equal(fit.vectors[2], np.zeros((1, 6)))
    with pytest.warns(MetricWarning, match="factor 2 has one value only"):
        assert r_squared(fit).value == pytest.approx(1)
    with pytest.warns(MetricWarning, match="factor 2 has one value only"):
        assert held_out_r_squared(sums(GRID), constant).value == pytest.approx(1)


@pytest.mark.parametrize("codes", [np.full((12, 3), 0.1), np.zeros((12, 3), dtype=np.float32)])
def test_codes_that_never_vary_have_no_score(codes):
    fit = fit_additive(codes, GRID)
    for score, args in (
        (r_squared, (fit,)),
        (projected_r_squared, (fit, np.eye(3))),
        (held_out_r_squared, (codes, GRID)),
    ):
        with pytest.warns(MetricWarning, match="the codes do not vary"):
            assert np.isnan(score(*args).value)


def test_one_code_has_no_score():
    fit = fit_additive([[1.0, 2.0]], [[0, 0]])
    assert np.isnan(fit.chance)
    with pytest.warns(MetricWarning, match="factor 0, 1 has one value only"):
        assert np.isnan(r_squared(fit).value)
    with pytest.warns(MetricWarning, match="no composition can be predicted"):
        assert np.isnan(held_out_r_squared([[1.0, 2.0]], [[0, 0]]).value)


def test_as_many_vectors_as_codes_are_noted():
    with pytest.warns(MetricWarning, match="as many vectors as codes"):
        score = r_squared(fit_additive(np.eye(4), np.arange(4)))
    assert score.value == pytest.approx(1)
    assert np.isnan(score.parts["adjusted"])


def test_probes_that_see_nothing():
    codes = np.column_stack([sums(GRID), np.full(12, 4.0)])
    fit = fit_additive(codes, GRID)
    for probe in (np.zeros((1, 7)), [[0] * 6 + [1]]):
        with pytest.warns(MetricWarning, match="do not vary in the span of the probes"):
            assert np.isnan(projected_r_squared(fit, probe).value)


def test_columns_that_never_vary_add_nothing():
    codes = sums(GRID) + np.random.default_rng(9).normal(size=(12, 6))
    wide = np.column_stack([codes, np.full(12, 0.3)])
    fit, other = fit_additive(codes, GRID), fit_additive(wide, GRID)
    assert r_squared(other).value == pytest.approx(r_squared(fit).value)
    whole = projected_r_squared(fit, np.eye(6))
    result = projected_r_squared(other, np.eye(7))
    assert result.value == pytest.approx(whole.value)
    assert result.parts["dimensions"] == whole.parts["dimensions"] == 6


def test_blocks_of_rows_change_nothing(monkeypatch):
    codes = sums(GRID) + np.random.default_rng(10).normal(size=(12, 6))
    whole = r_squared(fit_additive(codes, GRID)).value, held_out_r_squared(codes, GRID).value
    monkeypatch.setattr(row_sums, "ROWS", 5)
    result = r_squared(fit_additive(codes, GRID)).value, held_out_r_squared(codes, GRID).value
    assert result == pytest.approx(whole)


def test_other_types_and_layouts():
    codes = (sums(GRID) + np.random.default_rng(11).normal(size=(12, 6))).astype(np.float16)
    whole = r_squared(fit_additive(codes.astype(np.float64), GRID)).value
    held = held_out_r_squared(codes.astype(np.float64), GRID).value
    for other in (codes, codes.astype(np.float32), np.asfortranarray(codes)):
        assert r_squared(fit_additive(other, GRID)).value == pytest.approx(whole, rel=1e-6)
        assert held_out_r_squared(other, GRID).value == pytest.approx(held, rel=1e-6)


@pytest.mark.parametrize("metric", [fit_additive, held_out_r_squared])
@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        ([[np.nan], [1.0]], [0, 1], "codes: nan in row 0"),
        ([[1.0], [2.0]], [0, 1, 1], "factors: 3 rows, but codes has 2"),
        (np.empty((0, 2)), [], "codes: empty"),
        ([[1.0], [2.0]], [0.0, np.inf], "factors: inf in row 1"),
    ],
)
def test_bad_input_is_refused(metric, codes, factors, message):
    with pytest.raises(ValueError, match=message):
        metric(codes, factors)


def test_bad_probes_and_folds_are_refused():
    fit = fit_additive(sums(GRID), GRID)
    with pytest.raises(ValueError, match="probes: 4 dimensions, but codes have 6"):
        projected_r_squared(fit, np.ones((2, 4)))
    with pytest.raises(ValueError, match="probes: nan in row 1, column 0"):
        projected_r_squared(fit, [[1.0] * 6, [np.nan] * 6])
    with pytest.raises(ValueError, match="folds: expected a whole number from 2, got 1"):
        held_out_r_squared(sums(GRID), GRID, folds=1)
