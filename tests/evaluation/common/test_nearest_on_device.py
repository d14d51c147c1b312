"""The road through torch, on a CPU that stands in for a GPU."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cood import device_arrays
from cood.evaluation.common import nearest as on_processor
from cood.evaluation.common.nearest import Classes, nearest
from cood.evaluation.common.nearest_on_device import memory_bound, nearest_of_units, unit_rows
from tests.evaluation.common.test_nearest import exact
from tests.tensor_memory import TensorMemory

CPU = torch.device("cpu")


def on_device(images, texts, k=5, block=2**26, **options):
    return nearest_of_units(images, unit_rows(texts, CPU, block), k, block=block, **options)


@given(
    seed=st.integers(0, 2**32),
    n=st.integers(0, 20),
    classes=st.integers(1, 40),
    width=st.integers(1, 20),
    k=st.integers(1, 9),
    rows=st.integers(1, 25),
    columns=st.integers(1, 45),
)
def test_ties_are_resolved_as_on_the_processor(seed, n, classes, width, k, rows, columns):
    rng = np.random.default_rng(seed)
    images, texts = exact(rng, n, width), exact(rng, classes, width)
    found = on_device(images, texts, k, rows=rows, block=rows * columns)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, nearest(images, texts, k))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_answers_differ_from_the_processor_s_only_within_rounding(dtype):
    rng = np.random.default_rng(3)
    images, texts = (rng.normal(size=(n, 32)).astype(dtype) for n in (300, 700))
    found = on_device(images, texts, rows=64, block=64 * 100)
    similarity = on_processor.normalise(images) @ on_processor.normalise(texts).T
    of_found, of_nearest = (
        np.take_along_axis(similarity, ids, axis=1) for ids in (found, nearest(images, texts))
    )
    np.testing.assert_allclose(of_found, of_nearest, atol=1e-6)


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("scale", [1e25, 1e-25])
def test_large_and_small_numbers_have_a_direction_too(scale):
    found = on_device(scale * np.eye(3), scale * np.eye(3)[::-1], 1)
    np.testing.assert_array_equal(found[:, 0], [2, 1, 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_with_their_row(bad):
    vectors = np.ones((4, 3))
    vectors[2, 1] = vectors[3, 0] = bad
    for rows in (1, 2, 3, 4096):
        with pytest.raises(ValueError, match="images: row 2 holds a value that is not finite"):
            on_device(vectors, np.ones((2, 3)), rows=rows)
        with pytest.raises(ValueError, match="texts: row 2 holds a value that is not finite"):
            on_device(np.ones((2, 3)), vectors, block=6 * rows)


def test_arrays_of_a_file_are_read_without_a_warning():
    images = np.eye(3)
    images.flags.writeable = False
    assert on_device(images, images, 1)[:, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("before", ["highest", "medium"])
def test_products_are_in_single_precision_and_the_setting_stays(before, monkeypatch):
    during = []
    product = torch.Tensor.__matmul__
    monkeypatch.setattr(
        torch.Tensor,
        "__matmul__",
        lambda a, b: during.append(torch.get_float32_matmul_precision()) or product(a, b),
    )
    old = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before)
    try:
        on_device(np.eye(3), np.eye(3))
        assert torch.get_float32_matmul_precision() == before
    finally:
        torch.set_float32_matmul_precision(old)
    assert during == ["highest"]


@pytest.mark.parametrize(("n", "classes", "width"), [(3000, 500, 16), (500, 3000, 64)])
def test_memory_is_bounded(monkeypatch, n, classes, width):
    from cood.evaluation.common import nearest_on_device as module

    monkeypatch.setattr(module, "BLOCK", 2**14)
    rng = np.random.default_rng(1)
    images, texts = (rng.normal(size=(size, width)) for size in (n, classes))
    with TensorMemory() as memory:
        on_device(images, texts, rows=32, block=2**14)
    bound = memory_bound(classes, width)
    assert bound / 4 < memory.peak <= bound < 4 * n * classes


@pytest.mark.parametrize("there", [True, False])
def test_only_large_products_go_to_a_gpu_that_is_there(monkeypatch, there):
    asked = []
    monkeypatch.setattr(device_arrays, "LARGE", 30 * 50 * 12)
    monkeypatch.setattr(
        device_arrays, "cuda_device", lambda: asked.append("asked") or (CPU if there else None)
    )
    moved = on_processor.unit_rows
    monkeypatch.setattr(
        on_processor,
        "unit_rows",
        lambda texts, device: asked.append(device) or moved(texts, device),
    )
    rng = np.random.default_rng(2)
    images, texts = rng.normal(size=(30, 12)), rng.normal(size=(50, 12))
    nearest(images, texts[1:], 3)
    assert asked == []
    found = nearest(images, texts, 3)
    assert found.shape == (30, 3)
    assert asked == (["asked", CPU] if there else ["asked"])
    asked.clear()
    monkeypatch.setattr(device_arrays, "cuda_started", lambda: True)
    monkeypatch.setattr(device_arrays, "LARGE_FOR_STARTED", 10 * 50 * 12)
    nearest(images[:9], texts, 3)
    assert asked == []
    nearest(images[:10], texts, 3)
    assert asked == (["asked", CPU] if there else ["asked"])


def test_texts_are_moved_once_for_many_images_which_may_be_there_already():
    rng = np.random.default_rng(4)
    images, texts = exact(rng, 20, 6), exact(rng, 30, 6)
    expected = nearest(images, texts, 4)
    for classes in (Classes.of(texts), Classes.of(texts, CPU), Classes.of(torch.tensor(texts))):
        for here in (images, torch.tensor(images)):
            np.testing.assert_array_equal(classes.nearest(here, 4), expected)
