import numpy as np
import pytest

from cood.metrics.irs import irs
from cood.metrics.result import MetricWarning

quiet = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")
GRID = np.array([[a, o] for a in range(4) for o in range(4)] * 40)


def reference(codes, factors, quantile):
    """Robustness [d, m] and largest deviations, loop by loop as in disentanglement_lib."""
    d, m = codes.shape[1], factors.shape[1]
    largest = np.max(np.abs(codes - codes.mean(axis=0)), axis=0)
    robustness = np.zeros((d, m))
    for k in range(m):
        values = np.unique(factors[:, k])
        for value in values:
            own = codes[factors[:, k] == value]
            for j in range(d):
                away = np.abs(own[:, j] - own[:, j].mean())
                robustness[j, k] += np.percentile(away, 100 * quantile) / len(values)
    return 1 - robustness / largest[:, None], largest


@quiet
@pytest.mark.parametrize("kind", ["aligned", "mixed", "noisy"])
@pytest.mark.parametrize("sizes", [(6, 8), (3, 5, 4)])
@pytest.mark.parametrize("quantile", [1.0, 0.99, 0.5])
def test_the_definition_by_loops(geometry, kind, sizes, quantile):
    codes, factors = geometry(kind, sizes=sizes)
    robustness, largest = reference(codes, factors, quantile)
    expected = np.average(robustness.max(axis=1), weights=largest)
    for dtype in (np.float32, np.float64):
        result = irs(codes.astype(dtype), factors, quantile=quantile)
        assert result.value == pytest.approx(expected, abs=1e-6)
        np.testing.assert_allclose(result.parts["robustness"], robustness, atol=1e-6)
        np.testing.assert_allclose(result.parts["weights"], largest, rtol=1e-6)


def test_single_precision_far_from_zero():
    rng = np.random.default_rng(0)
    codes = (rng.standard_normal((200_000, 1)) + 1000).astype(np.float32)
    factors = rng.integers(3, size=(200_000, 2))
    with pytest.warns(MetricWarning):
        single, double = irs(codes, factors).value, irs(codes.astype(float), factors).value
    assert single == pytest.approx(double, abs=1e-5)


def test_known_values():
    assert irs(GRID, GRID).value == 1
    assert irs(np.hstack([GRID, GRID]), GRID).value == 1
    assert irs(GRID.sum(axis=1, keepdims=True), GRID).value == pytest.approx(0.5)
    with pytest.warns(MetricWarning, match="factor 0, 1"):
        assert irs(np.full(GRID.shape, 0.3), GRID).value == 0


@quiet
def test_below_zero_where_rows_lie_further_from_their_own_mean():
    codes = np.array([0.0] * 9 + [1.0] + [1.0] * 9 + [0.0])[:, None]
    ids = np.repeat([0, 1], 10)
    assert irs(codes, ids).value == pytest.approx(1 - 0.9 / 0.5)


@quiet
def test_invariances(geometry):
    codes, factors = geometry("mixed")
    result = irs(codes, factors).value
    assert irs(codes * 1e4 + 7, factors).value == pytest.approx(result)
    assert irs(-codes, factors).value == pytest.approx(result)
    assert irs(np.hstack([codes, np.ones_like(codes)]), factors).value == pytest.approx(result)
    rows = np.random.default_rng(0).permutation(1200)
    moved = irs(codes[rows, ::-1], factors[rows, ::-1]).value
    assert moved == pytest.approx(result)


@quiet
def test_it_rests_on_the_axes():
    codes, factors = GRID, GRID
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    assert irs(codes @ turn, factors).value < irs(codes, factors).value - 0.1


@pytest.mark.parametrize(("kind", "missing"), [("one", 1), ("other", 0), ("half", 1)])
def test_the_factor_that_is_missing_is_named(geometry, kind, missing):
    with pytest.warns(MetricWarning, match=f"more informative about factor {missing} than"):
        irs(*geometry(kind, n=3000, d=32, sizes=(12, 30)))


def test_no_false_alarm_for_codes_that_hold_both_weakly(geometry):
    assert irs(*geometry("noisy", n=5000, d=32, sizes=(12, 30))).note == ""


@quiet
def test_it_grows_with_the_number_of_values():
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((500, 4))
    few, many = (irs(codes, rng.integers(size, size=500)).value for size in (2, 100))
    assert few < 0.1 < 0.4 < many


@quiet
def test_factors_that_never_vary():
    result = irs(GRID, np.c_[GRID, np.zeros(len(GRID), int)])
    assert result.value == 1
    assert np.isnan(result.parts["robustness"]).tolist() == [[False, False, True]] * 2
    assert np.isnan(irs(GRID, np.zeros(len(GRID), int)).value)


@pytest.mark.parametrize("quantile", [0, -1, 1.5, float("nan")])
def test_the_quantile_is_checked(quantile):
    with pytest.raises(ValueError, match="quantile: expected a number above 0 and up to 1, got"):
        irs(GRID, GRID, quantile=quantile)
