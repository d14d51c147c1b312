import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from cood.metrics.information import dcimig, mig, mig_sup, modularity
from cood.metrics.mutual_information import mutual_information
from cood.metrics.result import MetricWarning

quiet = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")
KINDS = ("aligned", "mixed", "noisy")
GRID = np.array([[a, o] for a in range(4) for o in range(6)] * 40)


def table(codes, factors, bins):
    """Informations and entropies as disentanglement_lib has them: numpy's histogram edges."""
    d, m = codes.shape[1], factors.shape[1]
    result = np.zeros((d, m))
    for j in range(d):
        edges = np.histogram(codes[:, j], bins)[1]
        place = np.digitize(codes[:, j], edges[:-1])
        for k in range(m):
            result[j, k] = mutual_info_score(factors[:, k], place)
    return result, [mutual_info_score(f, f) for f in factors.T]


def reference_mig(information, entropies):
    gaps = []
    for k, entropy in enumerate(entropies):
        first, second = sorted(information[:, k], reverse=True)[:2]
        gaps.append((first - second) / entropy)
    return sum(gaps) / len(gaps)


def reference_mig_sup(information, entropies):
    gaps = []
    for row in information:
        first, second = sorted((i / h for i, h in zip(row, entropies, strict=True)), reverse=True)[
            :2
        ]
        gaps.append(first - second)
    return sum(gaps) / len(gaps)


def reference_dcimig(information, entropies):
    best = dict.fromkeys(range(len(entropies)), 0.0)
    for row in information:
        order = sorted(range(len(row)), key=lambda k: row[k], reverse=True)
        best[order[0]] = max(best[order[0]], row[order[0]] - row[order[1]])
    return sum(best.values()) / sum(entropies)


def reference_modularity(information, entropies):
    scores = []
    for row in information:
        best = max(row)
        template = [best if i == list(row).index(best) else 0 for i in range(len(row))]
        away = sum((i - t) ** 2 for i, t in zip(row, template, strict=True))
        scores.append(1 - away / (best**2 * (len(row) - 1)))
    return sum(scores) / len(scores)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_informations_are_those_of_sklearn(geometry, kind, dtype):
    codes, factors = geometry(kind, d=6)
    codes = codes.astype(dtype)
    for bins in (2, 10, 20):
        result = mutual_information(codes, factors, bins=bins)
        matrix, entropies = table(codes, factors, bins)
        np.testing.assert_allclose(result.matrix, matrix, atol=1e-9)
        np.testing.assert_allclose(result.entropies, entropies, atol=1e-9)


@quiet
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", [(6, 8), (3, 5, 4), (2, 3, 2, 4, 5)])
def test_scores_are_those_of_loops_over_the_definitions(geometry, kind, sizes):
    codes, factors = geometry(kind, d=6, sizes=sizes)
    expected = table(codes, factors, 20)
    for metric, reference in (
        (mig, reference_mig),
        (mig_sup, reference_mig_sup),
        (dcimig, reference_dcimig),
        (modularity, reference_modularity),
    ):
        assert metric(codes, factors).value == pytest.approx(reference(*expected), abs=1e-9)


def test_parts_lead_to_the_value(geometry):
    codes, factors = geometry("aligned")
    result = mig(codes, factors)
    assert result.value == pytest.approx(result.parts["gaps"].mean())
    assert mig_sup(codes, factors).parts["gaps"].shape == (16,)
    assert modularity(codes, factors).parts["dimensions"].shape == (16,)
    credit = dcimig(codes, factors)
    entropies = credit.parts["entropies"]
    assert credit.value == pytest.approx(credit.parts["credit"].sum() / entropies.sum())


@pytest.mark.parametrize("metric", [mig, mig_sup, dcimig, modularity])
def test_each_factor_in_a_dimension_of_its_own_gives_one(metric):
    result = metric(GRID, GRID)
    assert result.value == pytest.approx(1)
    assert result.note == ""


@quiet
@pytest.mark.parametrize("metric", [mig, mig_sup, dcimig, modularity])
@pytest.mark.parametrize("value", [0.0, 0.3, -1e9])
def test_constant_codes_give_zero(metric, value):
    assert metric(np.full((len(GRID), 3), value), GRID).value == 0


def test_duplicated_dimensions(geometry):
    codes, factors = geometry("aligned")
    twice = np.hstack([codes, codes])
    assert mig(twice, factors).value == 0
    for metric in (mig_sup, dcimig, modularity):
        assert metric(twice, factors).value == pytest.approx(metric(codes, factors).value)


@quiet
@pytest.mark.parametrize("metric", [mig_sup, dcimig])
def test_a_dimension_equally_informative_about_the_best_two_gives_zero(metric):
    factors = GRID % 4
    square = np.array([[a, o] for a in range(4) for o in range(4)] * 40)
    assert metric(square @ [[4], [1]], square).value == pytest.approx(0)
    assert factors.max() == 3


def test_modularity_of_a_dimension_equally_informative_about_all_is_zero():
    square = np.array([[a, o] for a in range(4) for o in range(4)] * 40)
    assert modularity(square @ [[4], [1]], square).value == pytest.approx(0)


@quiet
def test_constant_columns_lower_the_means_over_dimensions(geometry):
    codes, factors = geometry("aligned")
    padded = np.hstack([codes, np.ones_like(codes)])
    for metric in (mig, dcimig):
        assert metric(padded, factors).value == pytest.approx(metric(codes, factors).value)
    for metric in (mig_sup, modularity):
        assert metric(padded, factors).value == pytest.approx(metric(codes, factors).value / 2)


def test_a_code_of_one_factor_gets_its_share():
    with pytest.warns(MetricWarning, match="more informative about factor 1 than"):
        assert mig_sup(GRID[:, :1], GRID).value == pytest.approx(1)
    with pytest.warns(MetricWarning, match="more informative about factor 1 than"):
        assert modularity(GRID[:, :1], GRID).value == pytest.approx(1)
    share = np.log(4) / (np.log(4) + np.log(6))
    with pytest.warns(MetricWarning, match="more informative about factor 1 than"):
        assert dcimig(GRID[:, :1], GRID).value == pytest.approx(share)
    assert mig(GRID[:, :1], GRID).parts["gaps"] == pytest.approx([1, 0])


@pytest.mark.parametrize("metric", [mig_sup, dcimig, modularity])
@pytest.mark.parametrize(("kind", "missing"), [("one", 1), ("other", 0), ("half", 1)])
def test_the_factor_that_is_missing_is_named(geometry, metric, kind, missing):
    # With noise dimensions too: their estimates are highest for the factor with most values.
    codes, factors = geometry(kind, n=3000, d=32, sizes=(12, 30))
    with pytest.warns(MetricWarning, match=f"more informative about factor {missing} than"):
        metric(codes, factors)


@pytest.mark.parametrize("metric", [mig_sup, dcimig, modularity])
def test_a_factor_that_only_correlates_with_another_is_named(metric):
    rng = np.random.default_rng(3)
    compositions = np.argwhere(rng.random((10, 20)) < 0.3)
    factors = compositions[rng.integers(len(compositions), size=4000)]
    codes = rng.standard_normal((20, 8))[factors[:, 1]] + 0.3 * rng.standard_normal((4000, 8))
    with pytest.warns(MetricWarning, match="more informative about factor 0 than"):
        metric(codes, factors)


@pytest.mark.parametrize("metric", [mig_sup, dcimig, modularity])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.filterwarnings("ignore:20 bins are fewer than the values")
def test_no_false_alarm_for_codes_that_hold_both_weakly(geometry, metric, seed):
    codes, factors = geometry("noisy", n=5000, d=32, sizes=(12, 30), seed=seed)
    assert "more informative" not in metric(codes, factors).note


def test_the_bias_of_the_estimate_is_as_documented():
    rng = np.random.default_rng(0)
    factors = rng.integers(12, size=(4000, 1))
    result = mutual_information(rng.random((4000, 100)), factors, bins=20)
    expected = (20 - 1) * (12 - 1) / (2 * 4000)
    assert result.matrix.mean() == pytest.approx(expected, rel=0.05)
    assert result.chance.mean() == pytest.approx(expected, rel=0.05)


def test_a_value_on_an_edge_belongs_to_the_bin_above():
    # Edges 0, 1, 2: the ones lie in the upper bin with the twos.
    codes = np.array([[0.0], [0.0], [1.0], [2.0]])
    result = mutual_information(codes, np.array([0, 0, 1, 1]), bins=2)
    assert result.matrix[0, 0] == pytest.approx(np.log(2))


@pytest.mark.parametrize("n", [22, 23, 1000])
def test_entropy_without_rounding_for_a_factor_that_never_varies(n):
    codes = np.arange(n, dtype=float)[:, None]
    result = mutual_information(codes, np.c_[np.arange(n) % 2, np.zeros(n, int)])
    assert result.entropies[1] == 0
    assert result.varied.tolist() == [0]


def test_factors_that_never_vary():
    factors = np.c_[GRID, np.zeros(len(GRID), int)]
    for metric in (mig, mig_sup, dcimig, modularity):
        with pytest.warns(MetricWarning, match="factor 2 has one value only: left out"):
            assert metric(GRID, factors).value == pytest.approx(1)
        with pytest.warns(MetricWarning, match="factor 0 has one value only"):
            assert np.isnan(metric(GRID, np.zeros(len(GRID), int)).value)


@pytest.mark.parametrize("metric", [mig_sup, modularity])
def test_one_factor_is_too_few(metric):
    with pytest.warns(MetricWarning, match="fewer than two factors"):
        assert np.isnan(metric(GRID, GRID[:, 0]).value)


def test_one_factor_or_dimension_will_do_for_the_others():
    assert mig(GRID, GRID[:, 0]).value == pytest.approx(1)
    assert dcimig(GRID, GRID[:, 0]).value == pytest.approx(1)


@pytest.mark.parametrize("bins", [1, 0, 2.0, True, "20"])
def test_bins_are_checked(bins):
    with pytest.raises(ValueError, match="bins: expected a whole number from 2, got"):
        mutual_information(GRID, GRID, bins=bins)
