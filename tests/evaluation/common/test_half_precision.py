import numpy as np
import pytest

from cood.evaluation.common.half_precision import (
    AGREES,
    ROWS,
    packed,
    smallest_cosine,
    unit_rows,
    unpacked,
)


def rows(n, d, scale):
    values = np.random.default_rng(0).normal(0, scale, (n, d))
    return values.astype(np.float16).astype(np.float32) * np.float32(1 + 2**-13)


def test_cosines_have_known_values():
    left = np.array([[1, 0], [0, 2], [3, 3]], dtype=np.float32)
    assert smallest_cosine(left, 5 * left) == pytest.approx(1)
    assert smallest_cosine(left, np.array([[1, 0], [0, 1], [0, 1]])) == pytest.approx(0.5**0.5)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("n", [1, ROWS + 1])
def test_embeddings_take_half_the_space_and_hardly_move(scale, n):
    values = rows(n, 256, scale)
    stored = packed(values)
    assert stored.dtype == np.float16
    found = unpacked(stored)
    assert found.dtype == np.float32
    assert not np.array_equal(found, values)
    assert 1 - 1e-7 < smallest_cosine(found, values) <= 1
    assert packed(found).tobytes() == stored.tobytes()  # rounded once, they stay


def test_answers_stay_what_they_were():
    images, texts = rows(2000, 512, 1.0), rows(5000, 512, 0.03)
    one, other = (
        (unit_rows(i) @ unit_rows(t).T).argmax(axis=1)
        for i, t in ((images, texts), (unpacked(packed(images)), unpacked(packed(texts))))
    )
    assert (one == other).mean() > 0.99  # of texts without any structure, the hardest to tell apart


@pytest.mark.parametrize("wrong", [1e5, 1e-7, 0.0])
def test_what_float16_cannot_hold_is_stored_as_it_is(wrong):
    values = rows(2 * ROWS, 8, 1.0)
    values[-1] *= wrong
    assert packed(values) is values
    assert unpacked(values) is values
    assert AGREES < 1


def test_no_rows_are_none():
    assert packed(np.empty((0, 4), np.float32)).shape == (0, 4)
