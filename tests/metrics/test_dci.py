import sys

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import Ridge
from xgboost import XGBClassifier

from cood.metrics import importance
from cood.metrics.dci import MODELS, TREES, dci
from cood.metrics.discriminant import standardise
from cood.metrics.result import MetricWarning

quiet = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")
LINEAR = ("boosted lines", "ridge")
PARTS = ("disentanglement", "completeness", "informativeness")
GRID = np.array([[a, o] for a in range(4) for o in range(4)] * 40)


def published_scores(importances):
    """Disentanglement and completeness as in disentanglement_lib, on importances [d, m]."""
    apart = 1 - entropy(importances.T + 1e-11, base=importances.shape[1])
    complete = 1 - entropy(importances + 1e-11, base=importances.shape[0])
    return (
        np.sum(apart * importances.sum(axis=1) / importances.sum()),
        np.sum(complete * importances.sum(axis=0) / importances.sum()),
    )


def boosted_by_rows(z, y, steps, rate):
    """Squared error taken away by each column, fitting residuals row by row."""
    gains = np.zeros(z.shape[1])
    for value in np.unique(y):
        residual = (y == value) - np.mean(y == value)
        for _ in range(steps):
            lines = [np.dot(column, residual) / np.dot(column, column) for column in z.T]
            errors = [
                np.mean((residual - line * column) ** 2)
                for line, column in zip(lines, z.T, strict=True)
            ]
            j = int(np.argmin(errors))
            before = np.mean(residual**2)
            residual = residual - rate * lines[j] * z[:, j]
            gains[j] += before - np.mean(residual**2)
    return gains


@quiet
@pytest.mark.parametrize("model", LINEAR)
@pytest.mark.parametrize("kind", ["aligned", "mixed", "noisy"])
@pytest.mark.parametrize("sizes", [(6, 8), (3, 5, 4)])
def test_entropies_are_the_published_ones(geometry, model, kind, sizes):
    result = dci(*geometry(kind, sizes=sizes), model=model).parts
    apart, complete = published_scores(result["importance"])
    assert result["disentanglement"] == pytest.approx(apart, abs=1e-6)
    assert result["completeness"] == pytest.approx(complete, abs=1e-6)
    assert result["importance"].sum(axis=0) == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_boosted_lines_are_fitted_as_row_by_row(geometry, dtype):
    codes, factors = geometry("mixed", n=300, d=6)
    rows, ids = np.arange(240), factors[:, 0]
    z = (codes[rows] - codes[rows].mean(axis=0)) / codes[rows].std(axis=0)
    expected = boosted_by_rows(z, ids[rows], importance.STEPS, importance.RATE)
    codes = codes.astype(dtype)
    result = importance.boosted(codes, ids, 6, standardise(codes, rows))
    np.testing.assert_allclose(result, expected, rtol=1e-4 if dtype == np.float32 else 1e-8)


def test_ridge_is_that_of_sklearn(geometry):
    codes, factors = geometry("mixed", n=300, d=6)
    rows, ids = np.arange(240), factors[:, 1]
    z = (codes[rows] - codes[rows].mean(axis=0)) / codes[rows].std(axis=0)
    model = Ridge(alpha=importance.RIDGE * len(rows))  # standardised: the mean eigenvalue is 1
    targets = ids[rows, None] == np.arange(8)
    expected = np.abs(model.fit(z, targets.astype(float)).coef_).sum(axis=0)
    np.testing.assert_allclose(importance.ridge(codes, ids, 8, standardise(codes, rows)), expected)


@pytest.mark.parametrize(
    ("model", "trees"),
    [
        ("gradient boosting", GradientBoostingClassifier(random_state=0)),
        ("xgboost", XGBClassifier()),
    ],
)
def test_boosted_trees_are_those_of_their_package(geometry, model, trees):
    codes, factors = geometry("aligned", n=150, d=4, sizes=(2, 3))
    train, test = np.arange(120), np.arange(120, 150)
    result = dci(codes, factors, model=model, test=test).parts
    for k in range(2):
        fitted = trees.fit(codes[train], factors[train, k])
        np.testing.assert_allclose(
            result["importance"][:, k], fitted.feature_importances_, rtol=1e-6, atol=1e-9
        )
        accuracy = fitted.score(codes[test], factors[test, k])
        assert result["factor_informativeness"][k] == accuracy
    apart, complete = published_scores(result["importance"])
    assert result["disentanglement"] == pytest.approx(apart, abs=1e-6)
    assert result["completeness"] == pytest.approx(complete, abs=1e-6)
    assert result["model"] == model


@quiet
@pytest.mark.parametrize("model", TREES)
def test_trees_and_values_that_are_not_fitted(model):
    # Value 1 stands in the test rows only, value 2 thus has the second label.
    ids = np.array([0, 2] * 20 + [0, 2, 1, 1])
    codes = np.c_[ids == 2, np.zeros(44)].astype(float)
    result = dci(codes, ids, model=model, test=np.arange(40, 44)).parts
    assert result["factor_informativeness"] == [0.5]
    assert result["importance"][:, 0].tolist() == [1, 0]
    alone = dci(codes, ids, model=model, test=np.flatnonzero(ids != 2)).parts
    assert alone["factor_informativeness"] == [0]
    assert not alone["importance"].any()


def test_a_package_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    with pytest.raises(ImportError, match=r"model: 'xgboost' needs .* pip install"):
        dci(GRID, GRID, model="xgboost")


@pytest.mark.parametrize("model", MODELS)
def test_each_factor_in_a_dimension_of_its_own(model):
    result = dci(GRID % 2, GRID % 2, model=model)
    assert [result.parts[name] for name in PARTS] == pytest.approx([1, 1, 1], abs=1e-3)
    assert result.note == ""


@quiet
@pytest.mark.parametrize("model", LINEAR)
@pytest.mark.parametrize("value", [0.0, 0.3, 1e6])
def test_constant_codes(model, value):
    result = dci(np.full((len(GRID), 3), value), GRID, model=model)
    assert result.parts["disentanglement"] == 0
    assert result.parts["completeness"] == 0
    assert (
        result.note
        == "factor 0, 1 is not predicted significantly better than by the majority class"
    )


def test_duplicated_dimensions():
    rng = np.random.default_rng(0)
    codes = GRID + 0.1 * rng.standard_normal(GRID.shape)
    twice = np.hstack([codes, codes])
    for model in LINEAR:
        once, both = dci(codes, GRID, model=model).parts, dci(twice, GRID, model=model).parts
        # The penalty of ridge is shared among copies too.
        assert both["disentanglement"] == pytest.approx(once["disentanglement"], abs=1e-3)
        if model == "ridge":
            assert both["completeness"] < once["completeness"] - 0.3


@pytest.mark.parametrize("model", LINEAR)
def test_codes_that_are_less_disentangled_score_lower(geometry, model):
    aligned, mixed = (dci(*geometry(kind), model=model) for kind in ("aligned", "mixed"))
    assert aligned.value > mixed.value + 0.3


def test_wide_codes_keep_the_order(geometry):
    result = [
        dci(*geometry(kind, n=5000, d=512, sizes=(25, 40))).value
        for kind in ("aligned", "mixed", "noisy")
    ]
    assert result[0] >= 0.8
    assert result[0] > result[1] > result[2]


@pytest.mark.parametrize(("kind", "missing"), [("one", 1), ("other", 0), ("half", 1)])
def test_the_factor_that_is_missing_is_named(geometry, kind, missing):
    with pytest.warns(
        MetricWarning, match=f"factor {missing} is not predicted significantly better"
    ):
        dci(*geometry(kind))


def test_a_missing_factor_of_two_values_is_named():
    # Guessing one of two gets above the share of the commoner one in a third of the cases.
    unnoticed = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        factors = rng.integers(2, size=(500, 2))
        codes = factors[:, :1] + 0.3 * rng.standard_normal((500, 4))
        with pytest.warns(MetricWarning) as caught:
            dci(codes, np.c_[factors, np.zeros(500, int)], rng=seed)
        unnoticed += "factor 1 is not predicted" not in str(caught[0].message)
    assert unnoticed <= 2


def test_no_false_alarm_for_codes_that_hold_both_weakly(geometry):
    assert dci(*geometry("noisy", n=5000, d=32, sizes=(12, 30))).note == ""


@quiet
def test_invariances(geometry):
    codes, factors = geometry("mixed")
    for model in LINEAR:
        result = dci(codes, factors, model=model).parts
        moved = dci(codes[:, ::-1] * 1e3 ** np.linspace(-1, 1, 16) - 5, factors, model=model).parts
        for name in PARTS:
            assert moved[name] == pytest.approx(result[name], abs=1e-6)


def test_a_rotation_lowers_aligned_codes(geometry):
    codes, factors = geometry("aligned")
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((16, 16)))[0]
    assert dci(codes @ turn, factors).value < dci(codes, factors).value - 0.3


@quiet
def test_a_factor_that_never_varies_is_left_out():
    result = dci(GRID, np.c_[GRID, np.zeros(len(GRID), int)]).parts
    assert result["disentanglement"] == pytest.approx(1, abs=0.02)
    assert np.isnan(result["factor_completeness"]).tolist() == [False, False, True]
    assert np.isnan(dci(GRID, np.zeros(len(GRID), int)).value)
    assert np.isnan(dci(GRID[:1], GRID[:1]).value)


def test_an_unknown_model_is_refused():
    with pytest.raises(ValueError, match=r"model: expected one of .* got 'trees'"):
        dci(GRID, GRID, model="trees")
