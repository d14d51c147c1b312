import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cood.evaluation.common.nearest import nearest, normalise


def reference(images, texts, k):
    """Sort the whole matrix of similarities."""
    similarity = normalise(images) @ normalise(texts).T
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


def exact(rng, n, width):
    """Rows of length 0, 1, 2 or 4: their products are exact whatever the order of summing."""
    ones = rng.choice([0, *(4**p for p in range(3) if 4**p <= width)], size=n)
    rows = np.zeros((n, width), dtype=np.float32)
    for row, count in zip(rows, ones, strict=True):
        row[rng.permutation(width)[:count]] = rng.choice([-1, 1], size=count)
    return rows


@given(
    seed=st.integers(0, 2**32),
    n=st.integers(0, 20),
    classes=st.integers(1, 40),
    width=st.integers(1, 20),
    k=st.integers(1, 9),
    rows=st.integers(1, 25),
    columns=st.integers(1, 45),
)
def test_nearest_is_a_stable_sort_of_all_similarities(seed, n, classes, width, k, rows, columns):
    rng = np.random.default_rng(seed)
    images, texts = exact(rng, n, width), exact(rng, classes, width)
    found = nearest(images, texts, k, rows=rows, columns=columns)
    assert found.shape == (n, min(k, classes))
    np.testing.assert_array_equal(found, reference(images, texts, k))


@given(seed=st.integers(0, 2**32), rows=st.integers(1, 40), columns=st.integers(1, 60))
def test_nearest_of_any_numbers_has_the_highest_similarities(seed, rows, columns):
    rng = np.random.default_rng(seed)
    images, texts = rng.normal(size=(30, 12)), rng.normal(size=(50, 12))
    found = nearest(images, texts, rows=rows, columns=columns)
    similarity = normalise(images).astype(float) @ normalise(texts).astype(float).T
    best = np.sort(similarity, axis=1)[:, ::-1][:, :5]
    np.testing.assert_allclose(np.take_along_axis(similarity, found, axis=1), best, atol=1e-6)
    assert all(len(set(row)) == 5 for row in found)


@pytest.mark.parametrize("columns", [1, 2, 3, 4096])
def test_ties_go_to_the_lower_index(columns):
    images = np.array([[1.0, 0], [0, 1], [0, 0]])
    texts = np.array([[0.0, 1], [1, 0], [0, 1], [1, 0], [1, 0]])
    found = nearest(images, texts, 4, columns=columns)
    np.testing.assert_array_equal(found, [[1, 3, 4, 0], [0, 2, 1, 3], [0, 1, 2, 3]])


def test_length_does_not_matter():
    rng = np.random.default_rng(1)
    images, texts = rng.normal(size=(20, 8)), rng.normal(size=(30, 8))
    scaled = texts * rng.uniform(0.1, 10, size=(30, 1))
    np.testing.assert_array_equal(nearest(images, texts), nearest(7 * images, scaled))


def test_no_more_classes_than_there_are():
    found = nearest(np.eye(3), np.eye(3), 5)
    np.testing.assert_array_equal(found, [[0, 1, 2], [1, 0, 2], [2, 0, 1]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_with_their_row(bad):
    vectors = np.ones((4, 3))
    vectors[2, 1] = vectors[3, 0] = bad
    with pytest.raises(ValueError, match="images: row 2 holds a value that is not finite"):
        nearest(vectors, np.ones((2, 3)))
    with pytest.raises(ValueError, match="texts: row 2 holds a value that is not finite"):
        nearest(np.ones((2, 3)), vectors)


def test_widths_must_agree():
    with pytest.raises(ValueError, match="images have 3 dimensions and texts 4"):
        nearest(np.ones((2, 3)), np.ones((2, 4)))


def test_normalise():
    unit = normalise(np.array([[3.0, 4], [0, 0], [-2, 0]]))
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0, 0], [-1, 0]], rtol=1e-6)


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("scale", [1e25, 1e-25])
def test_normalise_of_large_and_small_numbers(scale):
    np.testing.assert_allclose(normalise(scale * np.eye(2)), np.eye(2))
