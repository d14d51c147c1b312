import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from cood.metrics.prediction import explicitness, sap
from cood.metrics.result import MetricWarning

quiet = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")
GRID = np.array([[a, o] for a in range(4) for o in range(4)] * 40)
TEST = np.arange(900, 1200)
TRAIN = np.arange(900)


def gap(accuracy):
    ordered = np.sort(accuracy, axis=0)
    return (ordered[-1] - ordered[-2]).mean()


@pytest.mark.parametrize("kind", ["aligned", "mixed", "noisy"])
def test_nearest_means_by_loops(geometry, kind):
    codes, factors = geometry(kind, sizes=(3, 5, 4))
    expected = np.zeros((16, 3))
    for k in range(3):
        y = factors[:, k]
        for j, x in enumerate(codes.T):
            means = [x[TRAIN][y[TRAIN] == c].mean() for c in range(y.max() + 1)]
            guess = [int(np.argmin([abs(value - mean) for mean in means])) for value in x[TEST]]
            expected[j, k] = np.mean(guess == y[TEST])
    for dtype in (np.float32, np.float64):
        result = sap(codes.astype(dtype), factors, test=TEST)
        np.testing.assert_allclose(result.parts["accuracy"], expected, atol=1e-9)
        assert result.value == pytest.approx(gap(expected), abs=1e-6)


def test_support_vectors_are_those_of_sklearn(geometry):
    codes, factors = geometry("aligned", d=4, sizes=(2, 3))
    expected = np.zeros((4, 2))
    for j in range(4):
        for k in range(2):
            model = LinearSVC(C=0.01, class_weight="balanced", random_state=0)
            model.fit(codes[TRAIN, j, None], factors[TRAIN, k])
            expected[j, k] = np.mean(model.predict(codes[TEST, j, None]) == factors[TEST, k])
    result = sap(codes, factors, classifier="svm", test=TEST)
    np.testing.assert_allclose(result.parts["accuracy"], expected, atol=1e-9)
    assert result.value == pytest.approx(gap(expected))


def test_support_vectors_fail_where_the_spread_is_small(geometry):
    # What the docstring warns of: the same codes, scaled down.
    codes, factors = geometry("aligned", d=4, sizes=(20, 30))
    large, small = (sap(codes * scale, factors, classifier="svm").value for scale in (1, 1e-4))
    assert large > 0.01
    assert small == pytest.approx(0, abs=0.002)


@pytest.mark.parametrize("classifier", ["nearest mean", "svm"])
def test_constant_and_duplicated_codes_have_no_gap(geometry, classifier):
    codes, factors = geometry("aligned", d=4, sizes=(2, 3))
    assert sap(np.full_like(codes, 0.3), factors, classifier=classifier).value == 0
    assert sap(np.hstack([codes, codes]), factors, classifier=classifier).value == 0


def test_a_dimension_for_each_factor_is_chance_short_of_one():
    result = sap(GRID, GRID, test=np.arange(160))
    assert result.value == pytest.approx(1 - 1 / 4)
    # A single dimension has no rival.
    assert sap(GRID[:, :1], GRID[:, 0]).value == 1


def test_sap_is_free_of_scale_and_shift(geometry):
    codes, factors = geometry("mixed")
    result = sap(codes, factors).value
    assert sap(codes * 1e4 ** np.linspace(-1, 1, 16) + 3, factors).value == pytest.approx(result)
    assert sap(codes[:, ::-1], factors).value == pytest.approx(result)
    assert sap(np.hstack([codes, np.ones((1200, 3))]), factors).value == pytest.approx(result)


def test_sap_rests_on_the_axes(geometry):
    codes, factors = GRID + 0.1 * np.random.default_rng(0).standard_normal(GRID.shape), GRID
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    assert sap(codes @ turn, factors).value < sap(codes, factors).value - 0.5


@pytest.mark.parametrize("kind", ["aligned", "noisy"])
def test_logistic_explicitness_is_that_of_sklearn(geometry, kind):
    codes, factors = geometry(kind, sizes=(2, 4))
    expected = []
    for y in factors.T:
        scale = StandardScaler().fit(codes[TRAIN])
        model = LogisticRegression().fit(scale.transform(codes[TRAIN]), y[TRAIN])
        chances = model.predict_proba(scale.transform(codes[TEST]))
        expected.append(
            np.mean([roc_auc_score(y[TEST] == c, chances[:, c]) for c in range(y.max() + 1)])
        )
    options = {"classifier": "logistic", "test": TEST}
    plain = explicitness(codes, factors, scaled=False, **options)
    assert plain.value == pytest.approx(np.mean(expected), abs=1e-6)
    assert plain.parts["factors"] == pytest.approx(expected, abs=1e-6)
    scaled = explicitness(codes, factors, **options).value
    assert scaled == pytest.approx(2 * plain.value - 1)


def test_both_classifiers_nearly_agree(geometry):
    codes, factors = geometry("noisy")
    closed, fitted = (
        explicitness(codes, factors, classifier=name, test=TEST).value
        for name in ("discriminant", "logistic")
    )
    assert closed == pytest.approx(fitted, abs=0.03)


@pytest.mark.parametrize("classifier", ["discriminant", "logistic"])
def test_extremes_of_explicitness(classifier):
    codes = np.hstack([np.eye(4)[GRID[:, 0]], np.eye(4)[GRID[:, 1]]])
    assert explicitness(codes, GRID, classifier=classifier).value == pytest.approx(1)
    for value in (0.0, 0.3, 1e6):
        constant = np.full((len(GRID), 3), value)
        assert explicitness(constant, GRID, classifier=classifier).value == 0


def test_codes_without_factors_are_predicted_only_on_training_rows():
    rng = np.random.default_rng(0)
    codes, factors = rng.standard_normal((300, 250)), rng.integers(4, size=(300, 2))
    assert abs(explicitness(codes, factors).value) < 0.15
    assert explicitness(codes, factors, held_out=False).value > 0.8


def test_explicitness_invariances(geometry):
    codes, factors = geometry("noisy")
    result = explicitness(codes, factors).value
    moved = codes * 1e3 ** np.linspace(-1, 1, 16) + 3
    assert explicitness(moved, factors).value == pytest.approx(result, abs=1e-6)
    padded = np.hstack([codes, np.full((1200, 40), 0.3)])
    assert explicitness(padded, factors).value == pytest.approx(result, abs=1e-9)
    assert explicitness(np.hstack([codes, codes]), factors).value == pytest.approx(result, abs=0.03)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((16, 16)))[0]
    assert explicitness(codes @ turn, factors).value == pytest.approx(result, abs=0.01)


def test_a_code_of_one_factor_shows_in_the_parts(geometry):
    result = explicitness(*geometry("one")).parts["factors"]
    assert result[0] > 0.95
    assert abs(result[1]) < 0.15


@pytest.mark.parametrize("metric", [sap, explicitness])
def test_degenerate_input(metric):
    with pytest.warns(MetricWarning, match="factor 2 has one value only"):
        assert metric(GRID, np.c_[GRID, np.zeros(len(GRID), int)]).value > 0.5
    with pytest.warns(MetricWarning, match="factor 0 has one value only"):
        assert np.isnan(metric(GRID, np.zeros(len(GRID), int)).value)
    with pytest.warns(MetricWarning, match="single row"):
        assert np.isnan(metric(GRID[:1], GRID[:1]).value)
    with pytest.raises(ValueError, match=r"classifier: expected one of .* got 'trees'"):
        metric(GRID, GRID, classifier="trees")


@quiet
@pytest.mark.parametrize("classifier", ["discriminant", "logistic"])
def test_values_that_were_not_fitted_are_left_out(classifier):
    # Value 2 is in the rows held out only.
    ids = np.array([0, 1] * 20 + [2, 0, 1])
    codes = ids[:, None] + np.random.default_rng(0).normal(0, 0.1, (43, 2))
    with pytest.warns(MetricWarning, match="1 of 3 values of factor 0 are left out: too few rows"):
        result = explicitness(codes, ids, classifier=classifier, test=[40, 41, 42])
    areas = result.parts["auc"][0]
    assert np.isnan(areas).tolist() == [False, False, True]
    assert result.value == pytest.approx(2 * (areas[:2].mean() - 0.5))
