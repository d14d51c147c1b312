"""What must hold for any codes and factors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cood.metrics import coverage
from cood.metrics.dci import dci
from cood.metrics.information import dcimig, mig, mig_sup, modularity
from cood.metrics.irs import irs
from cood.metrics.prediction import explicitness, sap
from cood.metrics.sampled import z_diff, z_min_variance

pytestmark = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")


def boosted(codes, factors, **options):
    return dci(codes, factors, **options)


def ridge(codes, factors, **options):
    return dci(codes, factors, model="ridge", **options)


def quick_z_diff(codes, factors):
    return z_diff(codes, factors, batch=4, train=60, test=30)


def quick_z_min(codes, factors):
    return z_min_variance(codes, factors, batch=4, train=60, test=30)


TABLES = (mig, mig_sup, dcimig, modularity)
SPLIT = (boosted, ridge, sap, explicitness)  # rows are held out
SAMPLED = (quick_z_diff, quick_z_min)
ALL = (*TABLES, irs, *SPLIT, *SAMPLED)


@pytest.fixture(autouse=True, scope="module")
def _few_points():
    """Which factors are held needs many pairs; here their number does not matter."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("BATCH", 4), ("TRAIN", 40), ("TEST", 20)):
            patch.setattr(coverage, name, value)
        yield


few = settings(max_examples=15)


@st.composite
def problems(draw, least=2, factors=(1, 5)):
    """Small codes [n, d], of few different values or many, and ids [n, m]."""
    n, d = draw(st.integers(least, 24)), draw(st.integers(1, 30))
    sizes = draw(st.lists(st.integers(1, 5), min_size=factors[0], max_size=factors[1]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    codes = rng.standard_normal((n, d))
    if draw(st.booleans()):
        codes = np.round(codes)
    return codes, np.stack([rng.integers(size, size=n) for size in sizes], axis=1)


def value_of(metric, codes, factors, **options):
    return pytest.approx(metric(codes, factors, **options).value, abs=1e-9, nan_ok=True)


@few
@pytest.mark.parametrize("metric", ALL)
@given(problems(least=1))
def test_range(metric, problem):
    result = metric(*problem)
    assert isinstance(result.value, float)
    low = {irs: -1, explicitness: -1}.get(metric, 0)
    assert np.isnan(result.value) or low - 1e-9 <= result.value <= 1 + 1e-9
    varied = (problem[1] != problem[1][0]).any(axis=0)
    if not varied.any():
        assert np.isnan(result.value)
    if not varied.all():
        assert "has one value only: left out" in result.note


@few
@pytest.mark.parametrize("metric", ALL)
@given(problems(), st.randoms(use_true_random=False))
def test_names_of_values_do_not_matter(metric, problem, random):
    codes, factors = problem
    order = random.sample(range(5), 5)
    expected = metric(codes, factors).value
    words = np.array(["ant", "bee", "cat", "dog", "elk"])[order]
    # Pairs and splits are drawn with ids in order, so only a name that keeps it draws the same.
    renamed = np.array(["ant", "bee", "cat", "dog", "elk"])[factors]
    assert metric(codes, renamed).value == pytest.approx(expected, abs=1e-9, nan_ok=True)
    tied = metric is sap and (codes == np.round(codes)).all()  # goes to the first value
    if metric not in SAMPLED and not tied:
        again = metric(codes, words[factors]).value
        assert again == pytest.approx(expected, abs=1e-6, nan_ok=True)


@few
@pytest.mark.parametrize("metric", [*TABLES, irs])
@given(problems(), st.integers(0, 99))
def test_order_does_not_matter(metric, problem, seed):
    codes, factors = problem
    rng = np.random.default_rng(seed)
    expected = value_of(metric, codes, factors)
    rows = rng.permutation(len(codes))
    assert metric(codes[rows], factors[rows]).value == expected
    assert metric(codes[:, rng.permutation(codes.shape[1])], factors).value == expected
    if metric is not dcimig:  # of two equally informative ones, the first is credited
        assert metric(codes, factors[:, rng.permutation(factors.shape[1])]).value == expected


@few
@pytest.mark.parametrize("metric", [sap, explicitness, ridge])
@given(problems(), st.integers(0, 99))
def test_order_does_not_matter_for_rows_held_out(metric, problem, seed):
    codes, factors = problem
    rng = np.random.default_rng(seed)
    n = len(codes)
    test = rng.permutation(n)[: max(1, n // 4)]
    expected = pytest.approx(metric(codes, factors, test=test).value, abs=1e-6, nan_ok=True)
    rows = rng.permutation(n)
    place = np.argsort(rows)[test]
    columns = rng.permutation(codes.shape[1])
    assert metric(codes[rows][:, columns], factors[rows], test=place).value == expected


@few
@pytest.mark.parametrize("metric", ALL)
@given(problems())
def test_layout_does_not_matter(metric, problem):
    codes, factors = problem
    expected = value_of(metric, codes, factors)
    assert metric(np.asfortranarray(codes), np.asfortranarray(factors)).value == expected
    strided = np.repeat(np.repeat(codes, 2, axis=0), 3, axis=1)[::2, ::3]
    assert metric(strided, factors.astype(np.int8)).value == expected
    assert metric(codes.tolist(), factors.tolist()).value == expected


@few
@pytest.mark.parametrize("metric", ALL)
@given(problems())
def test_half_precision_is_that_of_the_same_numbers(metric, problem):
    codes, factors = problem
    half = codes.astype(np.float16)
    assert metric(half, factors).value == value_of(metric, half.astype(np.float32), factors)


@few
@pytest.mark.parametrize("metric", [*TABLES, sap, explicitness, boosted, ridge])
@given(problems(), st.integers(-8, 8), st.integers(0, 99))
def test_scale_of_a_dimension_does_not_matter(metric, problem, power, seed):
    codes, factors = problem
    j = seed % codes.shape[1]
    moved = codes.copy()
    moved[:, j] *= 2.0**power  # exact, so that no edge of a bin moves
    expected = pytest.approx(metric(codes, factors).value, abs=1e-6, nan_ok=True)
    assert metric(moved, factors).value == expected


@few
@pytest.mark.parametrize("metric", [mig, dcimig, irs, sap, explicitness, *SAMPLED])
@given(problems(), st.sampled_from([0.0, 0.3, -1e6]))
def test_constant_columns_do_not_matter(metric, problem, value):
    codes, factors = problem
    if metric is mig or metric is sap:
        codes = np.hstack([codes, codes[:, :1]])  # a single dimension has no rival
    padded = np.hstack([codes, np.full((len(codes), 3), value)])
    expected = pytest.approx(metric(codes, factors).value, abs=1e-6, nan_ok=True)
    assert metric(padded, factors).value == expected


@few
@pytest.mark.parametrize("metric", ALL)
@given(problems(), st.sampled_from([0.0, 0.3, 1e9]))
def test_constant_codes_score_nothing(metric, problem, value):
    codes, factors = problem
    result = metric(np.full(codes.shape, value), factors).value
    if metric is sap and codes.shape[1] == 1:
        return
    if metric is quick_z_diff:
        varied = (factors != factors[0]).any(axis=0).sum()
        assert np.isnan(result) or result == pytest.approx(1 / varied, abs=0.05)
    else:
        assert np.isnan(result) or result == 0
