from colorsys import hsv_to_rgb

import numpy as np
import pytest

from cood.factors.table import DSPRITES, SHAPES3D
from cood.synthesis.scenes import shapes3d, sprites


def scene(**ids):
    """A 3D scene with these value ids, 0 for the others."""
    return SHAPES3D.values(np.array([[ids.get(name, 0) for name in SHAPES3D.names]]))


def sprite(**values):
    middle = {"shape": 1, "scale": 1, "orientation": 0, "position_x": 0.5, "position_y": 0.5}
    return np.array([[{**middle, **values}[name] for name in DSPRITES.names]], dtype=float)


@pytest.mark.parametrize(("table", "module"), [(SHAPES3D, shapes3d), (DSPRITES, sprites)])
def test_a_scene_alone_is_the_scene_among_others(table, module):
    values = table.values(table.ids(np.random.default_rng(0).choice(table.size, 12)))
    together = module.render(values, 32)
    assert together.shape == (12, 32, 32, 3)
    assert together.dtype == np.uint8
    for k in range(len(values)):
        np.testing.assert_array_equal(module.render(values[k : k + 1], 32)[0], together[k])


@pytest.mark.parametrize("factor", SHAPES3D.names)
def test_every_factor_of_a_3d_scene_is_visible(factor):
    ids = np.zeros((SHAPES3D.shape[SHAPES3D.index(factor)], 6), dtype=int)
    ids[:, SHAPES3D.index(factor)] = np.arange(len(ids))
    pixels = shapes3d.render(SHAPES3D.values(ids), 64)
    assert len(np.unique(pixels.reshape(len(ids), -1), axis=0)) == len(ids)


@pytest.mark.parametrize(
    ("factor", "place"), [("floor_hue", (60, 60)), ("wall_hue", (2, 32)), ("object_hue", (34, 32))]
)
def test_hues_are_where_they_belong(factor, place):
    for hue in range(10):
        # The others red, which has no share in the hue that is looked at.
        pixel = shapes3d.render(scene(**{factor: hue}, shape=1, orientation=7), 64)[0][place]
        expected = np.array(hsv_to_rgb(hue / 10, 1, 1))
        np.testing.assert_allclose(pixel / pixel.max(), expected, atol=0.02)


def test_a_ball_has_the_outline_of_a_ball():
    # Blue on red and green: its pixels are those whose blue is the largest channel.
    size = 128
    pixels = shapes3d.render(scene(floor_hue=3, object_hue=6, scale=3, shape=2), size)[0].astype(
        int
    )
    inside = pixels.argmax(axis=2) == 2
    # Rays within the cone that touches the ball, from the camera's place alone.
    scale = SHAPES3D.factors[3].values[3]
    distance, height = shapes3d.CAMERA
    angle = np.deg2rad(-30)
    eye = np.array([distance * np.sin(angle), height, distance * np.cos(angle)])
    centre = np.array([0, shapes3d.BALL * scale, 0]) - eye
    reach = np.linalg.norm(centre)
    ahead = np.array([0, shapes3d.TARGET, 0]) - eye
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, [0, 1, 0])
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    steps = shapes3d.VIEW * (2 * (np.arange(size) + 0.5) / size - 1)
    rays = ahead + steps[None, :, None] * right - steps[:, None, None] * up
    cosine = rays @ centre / (np.linalg.norm(rays, axis=2) * reach)
    cone = cosine > np.sqrt(1 - (shapes3d.BALL * scale / reach) ** 2)
    assert (inside != cone).mean() < 0.01  # the edge alone
    assert inside.sum() > 1000


def test_larger_scales_cover_more():
    for shape in range(4):
        covered = []
        for scale in range(8):
            pixels = shapes3d.render(scene(object_hue=6, scale=scale, shape=shape), 64)[0]
            covered.append(int((pixels.argmax(axis=2) == 2).sum()))
        assert covered == sorted(covered)
        assert covered[-1] > 1.8 * covered[0]


def test_turning_the_camera_both_ways_mirrors_the_outline():
    for shape in range(4):
        left, right = (
            shapes3d.render(scene(object_hue=6, shape=shape, scale=5, orientation=k), 64)[0]
            for k in (2, 12)
        )
        # The light stays, so brightness differs, and with it what is seen in pixels of the edge.
        differ = (left.argmax(axis=2) == 2) != (right.argmax(axis=2) == 2)[:, ::-1]
        assert differ.mean() < 0.01


def test_sprites_are_white_on_black():
    pixels = sprites.render(DSPRITES.values(DSPRITES.ids(np.arange(0, 737_280, 40_001))), 64)
    assert set(np.unique(pixels)) == {0, 255}
    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize("shape", [1, 2, 3])
def test_areas_of_sprites(shape):
    radius = 512 * sprites.RADIUS
    found = (sprites.render(sprite(shape=shape, scale=0.8), 512)[0, ..., 0] > 0).sum()
    if shape < 3:  # a square and an ellipse in a circle of that radius
        area = {1: 2, 2: np.pi / 2}[shape] * (0.8 * radius) ** 2
        assert found == pytest.approx(area, rel=0.01)
    half = (sprites.render(sprite(shape=shape, scale=0.4), 512)[0, ..., 0] > 0).sum()
    assert half == pytest.approx(found / 4, rel=0.02)


def test_every_sprite_stays_in_the_picture():
    corners = [(x, y) for x in (0, 1) for y in (0, 1)]
    for shape in (1, 2, 3):
        whole = (sprites.render(sprite(shape=shape, orientation=0.7), 64) > 0).sum()
        for x, y in corners:
            values = sprite(shape=shape, orientation=0.7, position_x=x, position_y=y)
            found = (sprites.render(values, 64) > 0).sum()
            assert found == pytest.approx(whole, rel=0.03)


def test_a_step_of_position_is_a_pixel():
    one, other = (
        sprites.render(sprite(shape=3, position_x=k / 31, position_y=j / 31), 64)[0]
        for k, j in ((10, 20), (11, 20))
    )
    np.testing.assert_array_equal(np.roll(one, 1, axis=1), other)


def test_a_full_turn_shows_the_same():
    for shape in (1, 2, 3):
        one, other = (
            sprites.render(sprite(shape=shape, orientation=t), 64) for t in (0, 2 * np.pi)
        )
        np.testing.assert_array_equal(one, other)


def test_a_heart_turns_as_its_words_say():
    # East: its two lobes, with most of its area, to the right.
    pixels = sprites.render(sprite(shape=3, orientation=np.pi / 2), 64)[0, ..., 0]
    columns = np.flatnonzero(pixels.any(axis=0))
    middle = (columns[0] + columns[-1]) / 2
    assert np.average(np.arange(64), weights=pixels.sum(axis=0)) > middle + 0.5
