import numpy as np

from cood.synthesis.drawing.colours import mix, ramp, tinted
from cood.synthesis.drawing.painting import _fraction


def random(*shape):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def test_a_blend_is_the_formula_for_all_channels_at_once():
    share = 2 * random(9, 7) - 0.5
    picture = (255 * random(9, 7, 3)).astype(np.uint8)
    for a, b in (
        (255 * random(3), 200 * random(3) + 5),
        (picture, np.full(3, 255, np.float32)),
        (picture.astype(np.float32), np.zeros(3, np.float32)),
    ):
        whole = a + share.clip(0, 1)[..., None] * (b - a)
        np.testing.assert_array_equal(mix(share, a, b), whole.astype(np.uint8))
    np.testing.assert_array_equal(mix(np.zeros((1, 1)), picture[0, 0], b), picture[:1, :1])


def test_gray_values_become_the_colours_of_the_ramp():
    colours = ramp((0, (0, 10, 20)), (255, (255, 10, 120)))
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(tinted(gray, colours), colours[gray])
    np.testing.assert_array_equal(tinted(gray, colours)[0, 0], [0, 10, 20])
    np.testing.assert_array_equal(tinted(gray, colours)[-1, -1], [255, 10, 120])


def test_the_part_after_the_point_is_the_remainder_of_one():
    values = 200 * random(100_000) - 100
    edges = np.array([0, -0.0, -1e-9, 1, -1, 2.5, -2.5, 1 - 2**-24, -(2**-30)], np.float32)
    for numbers in (values, edges):
        np.testing.assert_array_equal(_fraction(numbers), numbers % 1)
