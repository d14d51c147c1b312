"""Codes that are tensors of torch, on a CPU that stands in for a GPU, against arrays of NumPy."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from cood import device_arrays
from cood.metrics import dci, discriminant, metric_table, mig, on_device, sampled
from cood.metrics import table as tables
from cood.metrics.checks import check_codes
from cood.metrics.coverage import confusion
from cood.metrics.dependence import part_dependence
from cood.metrics.discriminant import one_vs_rest_auc, standardise
from cood.metrics.irs import irs
from cood.metrics.linear import fit_additive, held_out_r_squared, projected_r_squared
from cood.metrics.mutual_information import mutual_information
from cood.metrics.nulls import project_pca, project_random
from cood.metrics.pairs import batch_variances, mean_differences
from cood.metrics.prediction import explicitness, sap
from cood.metrics.rank import rank_table
from cood.metrics.registry import BY_NAME, Metric, Output
from cood.metrics.result import Score
from tests.tensor_memory import TensorMemory

pytestmark = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")
KINDS = ("mixed", "noisy", "copies", "one-hot", "lattice", "flat", "constant", "far", "one")
# Rank of a held-out row more or less, where scores are equal but for rounding.
ONE_RANK = {"explicitness": 1e-3, "coverage": 1e-3}


def problem(geometry, kind, dtype):
    """Codes that are easy, or full of ties: copies of columns, one-hot, values on edges of bins."""
    codes, factors = geometry(kind if kind in ("mixed", "noisy") else "noisy", n=600, d=12)
    rng = np.random.default_rng(1)
    if kind == "copies":
        codes = np.hstack([codes[:, :5]] * 3)
    elif kind == "one-hot":
        codes = np.hstack([np.eye(6)[factors[:, 0]], np.eye(8)[factors[:, 1]]] * 2)
    elif kind == "lattice":
        codes = rng.integers(0, 5, size=codes.shape)
    elif kind == "flat":
        codes = np.where(np.arange(12) % 3, codes, 0.1)
    elif kind == "constant":
        codes = np.full((600, 3), 0.3)
    elif kind == "far":
        codes = codes + 1000
    elif kind == "one":
        codes = codes[:, :1]
    return codes.astype(dtype), factors


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        *((kind, np.float32) for kind in KINDS),
        *((kind, np.float64) for kind in ("mixed", "copies", "one-hot", "lattice")),
    ],
)
def test_all_metrics_of_a_tensor_are_those_of_the_array(geometry, kind, dtype):
    codes, factors = problem(geometry, kind, dtype)
    options = {"nulls": ("shuffled", "rotated"), "pca_width": 3, "repeats": 1}
    options["folds"] = 2 if kind == "mixed" else 0
    expected = metric_table(codes, factors, **options)
    found = metric_table(torch.from_numpy(codes), factors, **options)
    assert found["note"].tolist() == expected["note"].tolist()
    for column in ("value", "low", "high", "chance"):
        away = (found[column] - expected[column]).abs().fillna(0)
        bound = found["metric"].map(ONE_RANK).fillna(2e-5)
        assert (away <= bound).all(), found[away > bound]
        assert found[column].isna().tolist() == expected[column].isna().tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_ranks_dependence_and_projections_are_those_of_the_array(geometry, kind):
    codes, factors = problem(geometry, kind, np.float64)
    tensor = torch.from_numpy(codes)
    ours, theirs = (pd.DataFrame(rank_table(z))["value"] for z in (tensor, codes))
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    probes = np.random.default_rng(0).standard_normal((3, codes.shape[1]))
    for score in (
        lambda z: part_dependence(z, factors),
        lambda z: part_dependence(z, factors, kernel="gaussian"),
        lambda z: projected_r_squared(fit_additive(z, factors), probes),
    ):
        assert score(tensor).value == pytest.approx(score(codes).value, abs=1e-9, nan_ok=True)
    for project in (project_pca, lambda z, k: project_random(z, k, np.random.default_rng(0))):
        found = project(tensor, 2)
        assert isinstance(found, torch.Tensor)
        scale = np.abs(codes).max()
        np.testing.assert_allclose(found.numpy(), project(codes, 2), atol=1e-9 * scale)


@pytest.mark.parametrize("block", [2**11, 2**30])
def test_blocks_change_nothing(geometry, block, monkeypatch):
    codes, factors = problem(geometry, "mixed", np.float64)
    tensor, options = torch.from_numpy(codes), {"nulls": (), "pca_width": 3}
    expected = metric_table(tensor, factors, **options)["value"]
    monkeypatch.setattr(on_device, "BLOCK", block)
    found = metric_table(tensor, factors, **options)["value"]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_each_run_gives_the_same_bits(geometry):
    codes, factors = problem(geometry, "mixed", np.float32)
    first, second = (metric_table(torch.from_numpy(codes), factors) for _ in range(2))
    assert first["value"].tolist() == second["value"].tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_variances_of_batches_have_the_same_bits_hence_the_same_least(dtype):
    rng = np.random.default_rng(0)
    rows = rng.integers(50, size=(200, 64))
    for codes in (rng.standard_normal((50, 9)), rng.integers(0, 2, size=(50, 9))):
        codes = codes.astype(dtype)
        found = batch_variances(torch.from_numpy(codes), rows).numpy()
        expected = batch_variances(codes, rows)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == dtype
    least = (expected == expected.min(axis=1, keepdims=True)).sum(axis=1)
    assert (least > 1).sum() > 20  # ties


def test_mean_differences_leave_out_what_fills_no_batch():
    codes = np.random.default_rng(0).standard_normal((9, 2))
    first, second = np.random.default_rng(1).integers(9, size=(2, 11))
    found = mean_differences(torch.from_numpy(codes), first, second, 4)
    np.testing.assert_allclose(found.numpy(), mean_differences(codes, first, second, 4))
    assert found.shape == (2, 2)


@pytest.mark.parametrize("block", [1, 40, 2**20])
def test_areas_under_the_curve_are_exact_with_ties(block, monkeypatch):
    monkeypatch.setattr(on_device, "BLOCK", block)
    rng = np.random.default_rng(0)
    scores, ids = rng.integers(0, 4, size=(30, 5)).astype(float), rng.integers(0, 4, size=30)
    ids[ids == 2] = 6  # beyond the columns
    found = one_vs_rest_auc(torch.from_numpy(scores), ids)
    for c in (0, 1, 3):
        own, rest = scores[ids == c, c], scores[ids != c, c]
        statistic = stats.mannwhitneyu(own, rest).statistic
        assert found[c] == pytest.approx(statistic / len(own) / len(rest))
    assert np.isnan(found[[2, 4]]).all()
    np.testing.assert_array_equal(found, one_vs_rest_auc(scores, ids))


def test_values_on_edges_are_in_the_same_bins():
    rng = np.random.default_rng(0)
    codes = np.c_[rng.integers(0, 21, 500) / 20, rng.integers(0, 11, 500), np.full(500, 0.1)]
    factors = rng.integers(4, size=(500, 2))
    codes = codes.astype(np.float32)
    found, expected = (mutual_information(z, factors) for z in (torch.from_numpy(codes), codes))
    np.testing.assert_allclose(found.matrix, expected.matrix, atol=1e-12)
    np.testing.assert_array_equal(found.matrix[2], [0, 0])
    assert found.unclaimed == expected.unclaimed


def test_options_that_need_arrays_have_them(geometry):
    codes, factors = problem(geometry, "mixed", np.float64)
    tensor = torch.from_numpy(codes)
    for score in (
        lambda z: sap(z, factors, classifier="svm"),
        lambda z: explicitness(z, factors, classifier="logistic"),
        lambda z: irs(z, factors, quantile=0.9),
        lambda z: dci(z, factors, model="ridge"),
        lambda z: dci(z[:60], factors[:60, :1], model="gradient boosting"),
        lambda z: sampled.z_diff(z, factors, train=100, test=50, classifier="logistic"),
    ):
        assert score(tensor).value == pytest.approx(score(codes).value, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_equal_variances_the_first_counts_whatever_rounding_says(dtype):
    variances = np.array([[0.5, 0.3, 0.1 * 3, 0.9], [1e-15, 0, 1, 1], [2, 1.01, 1, 1]], dtype)
    for array in (variances, torch.from_numpy(variances)):
        assert sampled._first_least(array).tolist() == [1, 0, 2]


def test_memory_is_bounded(geometry, monkeypatch):
    monkeypatch.setattr(on_device, "BLOCK", 2**16)
    monkeypatch.setattr(discriminant, "ROWS", 2048)
    codes, factors = geometry("noisy", n=30_000)
    single = torch.from_numpy(codes.astype(np.float32))
    with TensorMemory() as memory:
        metric_table(single, factors, nulls=("rotated",), repeats=1, pca_width=8)
    # Beside the codes their rotation, and what one metric makes of it.
    assert single.nbytes < memory.peak < 3 * single.nbytes


@pytest.mark.parametrize("there", [True, False])
def test_only_many_numbers_go_to_a_gpu_that_is_there(geometry, there, monkeypatch):
    codes, factors = problem(geometry, "mixed", np.float32)
    device, asked = torch.device("cpu"), []
    monkeypatch.setattr(device_arrays, "cuda_started", lambda: False)
    monkeypatch.setattr(
        device_arrays, "cuda_device", lambda: asked.append("asked") or (device if there else None)
    )
    monkeypatch.setattr(on_device, "entropies", lambda *arguments: asked.append("used") or 1 / 0)
    options = {"metrics": ["mig"], "nulls": (), "folds": 3}
    enough = tables.PRODUCTS * (4 * codes.size // len(BY_NAME))
    monkeypatch.setattr(device_arrays, "LARGE", enough + 1)
    few = metric_table(codes, factors, **options)
    assert asked == []
    monkeypatch.setattr(device_arrays, "LARGE", enough)
    if there:
        with pytest.raises(ZeroDivisionError):
            metric_table(codes, factors, **options)
        assert asked == ["asked", "used"]
    else:
        assert metric_table(codes, factors, **options)["value"].tolist() == few["value"].tolist()
        assert asked == ["asked"]


def test_a_metric_of_one_s_own_gets_arrays(geometry, monkeypatch):
    codes, factors = problem(geometry, "mixed", np.float32)
    seen = []
    own = Metric("own", lambda z, f: seen.append(z) or Score(0.5), (Output("own", "Own", 0, 1),))
    monkeypatch.setitem(tables.BY_NAME, "own", own)
    monkeypatch.setitem(tables.OUTPUTS, "own", own.outputs[0])
    metric_table(torch.from_numpy(codes), factors, metrics=["own", "mig"], nulls=())
    np.testing.assert_array_equal(seen[0], codes)


@pytest.mark.parametrize(
    ("tensor", "kind"),
    [
        (torch.ones(3, 2, dtype=torch.float16), torch.float32),
        (torch.ones(3, 2, dtype=torch.bfloat16), torch.float32),
        (torch.ones(3, 2).double(), torch.float64),
        (torch.ones(3, 2, requires_grad=True), torch.float32),
        (torch.ones(2, 3).T, torch.float32),
        (torch.zeros(3, 2), torch.float32),
    ],
)
def test_tensors_of_floats_stay_tensors(tensor, kind):
    found = check_codes(tensor)
    assert isinstance(found, torch.Tensor)
    assert (found.dtype, found.shape) == (kind, (3, 2))
    assert found.is_contiguous()
    assert not found.requires_grad


def test_other_tensors_become_arrays():
    np.testing.assert_array_equal(check_codes(torch.arange(6).view(3, 2)), [[0, 1], [2, 3], [4, 5]])
    labels = torch.tensor([[0, 1], [1, 0], [1, 1], [0, 0]])
    assert mig(torch.eye(4), labels).value == mig(np.eye(4, dtype=np.float32), labels.numpy()).value


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.tensor([[1.0, 2.0], [3.0, float("nan")]]), "codes: nan in row 1, column 1"),
        (torch.tensor([[1.0, 2.0], [float("inf"), 1.0]]), "codes: inf in row 1, column 0"),
        (torch.full((2, 2), 1e20), "is too large for float32"),
        (torch.full((2, 2), 1e-20), "is too small for float32"),
        (torch.ones(3), r"codes: expected \[n, d\]"),
        (torch.ones(0, 3), "codes: empty"),
        (torch.ones(2, 2, dtype=torch.complex64), "codes: expected numbers"),
        (torch.eye(2).to_sparse(), "codes: Tensor makes no array"),
    ],
)
def test_what_is_wrong_with_a_tensor_is_said_as_of_an_array(tensor, message):
    with pytest.raises(ValueError, match=message):
        check_codes(tensor)


def test_a_row_s_class_is_the_first_of_those_that_are_as_likely():
    points = [torch.ones(6, 2), torch.ones(6, 2)]
    np.testing.assert_array_equal(confusion(points, 3, "discriminant"), [[3, 0], [3, 0]])
    known = standardise(points[0], np.arange(6))
    assert not known.standard(points[0]).any()


def test_a_fold_without_a_row_to_predict_is_left_out():
    codes = np.random.default_rng(0).standard_normal((6, 2))
    factors = [[0, 0], [0, 0], [1, 1], [1, 1], [2, 2], [2, 2]]  # no value occurs twice elsewhere
    found, expected = (held_out_r_squared(z, factors) for z in (torch.from_numpy(codes), codes))
    assert found.parts == expected.parts == {"left_out": 6}
    assert np.isnan([found.value, expected.value]).all()
