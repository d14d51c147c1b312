import subprocess
import sys

import numpy as np
import pytest

from cood.synthesis.drawing.draw import (
    check_words,
    draw,
    draw_background,
    draw_many,
    draw_mask,
)
from cood.synthesis.drawing.icons import UnknownNameError, icons
from cood.synthesis.drawing.painting import NEUTRAL, PAINTERS
from cood.vocabulary import CATEGORY

OBJECTS = list(icons())


def rng(*seed):
    return np.random.default_rng(seed)


def test_attributes_are_the_papers_and_span_categories():
    assert len(PAINTERS) >= 24
    assert PAINTERS.keys() <= CATEGORY.keys()
    assert len({CATEGORY[attribute] for attribute in PAINTERS}) >= 4


@pytest.mark.parametrize("size", [16, 32, 48, 64, 100, 224])
def test_shape_and_type(size):
    picture = draw("dog", "striped", rng(1), size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert draw_background(rng(1), size).shape == (size, size, 3)


@pytest.mark.parametrize("attribute", PAINTERS)
def test_every_attribute_is_painted_at_any_size(attribute):
    for size in (32, 64, 96):
        assert draw("shield", attribute, rng(2), size).shape == (size, size, 3)


@pytest.mark.parametrize("attribute", PAINTERS)
def test_equal_generators_give_equal_bytes(attribute):
    first = draw("umbrella", attribute, rng(3, 1))
    np.testing.assert_array_equal(first, draw("umbrella", attribute, rng(3, 1)))
    assert (first != draw("umbrella", attribute, rng(3, 2))).any()


def test_order_and_batch_do_not_matter():
    pairs = [(attribute, OBJECTS[i]) for i, attribute in enumerate(PAINTERS)]
    seeds = [(4, i) for i in range(len(pairs))]
    together = draw_many(pairs, seeds, 32)
    backwards = draw_many(pairs[::-1], seeds[::-1], 32)
    np.testing.assert_array_equal(together, backwards[::-1])
    for i in (0, 7, len(pairs) - 1):
        np.testing.assert_array_equal(together[i], draw_many([pairs[i]], [seeds[i]], 32)[0])


def test_a_fresh_process_gives_the_same_bytes():
    code = (
        "import sys; from cood.synthesis.drawing.draw import draw_many;"
        "sys.stdout.buffer.write(draw_many([('furry', 'cat')], [(5, 6)]).tobytes());"
        "assert not {'qtawesome', 'qtpy', 'torch'} & sys.modules.keys()"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert made == draw_many([("furry", "cat")], [(5, 6)]).tobytes()


@pytest.mark.parametrize("attribute", [a for a in PAINTERS if a != "red"])
def test_the_attribute_changes_the_object_only(attribute):
    for seed in range(4):
        mask, _ = draw_mask("camera", rng(6, seed))
        changed = draw("camera", attribute, rng(6, seed)) != draw("camera", "red", rng(6, seed))
        changed = changed.any(axis=2)
        assert not changed[mask == 0].any()
        assert changed[mask > 200].mean() > 0.5


def test_attributes_differ_inside_the_mask():
    mask, _ = draw_mask("shield", rng(7))
    painted = [draw("shield", attribute, rng(7))[mask > 200] for attribute in PAINTERS]
    for i, one in enumerate(painted):
        for other in painted[:i]:
            assert np.abs(one.astype(int) - other).mean() > 8


@pytest.mark.parametrize("size", [32, 64])
def test_background_alone_is_the_one_behind_the_object(size):
    for seed in range(5):
        _, rim = draw_mask("guitar", rng(8, seed), size)
        outside = rim == 0
        picture = draw("guitar", "blue", rng(8, seed), size)
        np.testing.assert_array_equal(
            picture[outside], draw_background(rng(8, seed), size)[outside]
        )


@pytest.mark.parametrize("object_", OBJECTS)
def test_objects_are_whole_and_large_enough(object_):
    for seed in range(12):
        mask, rim = draw_mask(object_, rng(9, seed))
        assert (mask > 127).mean() > 0.06
        for border in (rim[0], rim[-1], rim[:, 0], rim[:, -1]):
            assert border.max() < 40
        for border in (mask[0], mask[-1], mask[:, 0], mask[:, -1]):
            assert not border.any()


@pytest.mark.parametrize("attribute", ["white", "black", "transparent"])
def test_objects_stand_out_from_any_background(attribute):
    for seed in range(30):
        mask, rim = (layer > 127 for layer in draw_mask("shield", rng(10, seed)))
        picture = draw("shield", attribute, rng(10, seed)).astype(int)
        background = draw_background(rng(10, seed)).astype(int)
        outline = rim & ~mask
        assert np.abs(picture - background)[outline].mean() > 25


def shown(object_, attribute, seed):
    """Pixels of the painted part."""
    mask, _ = draw_mask(object_, rng(seed))
    return draw(object_, attribute, rng(seed))[mask == 255]


def test_an_object_alone_is_of_one_gray_that_is_no_attribute():
    assert "gray" not in PAINTERS
    for object_ in OBJECTS[:5]:
        for seed in range(3):
            assert (shown(object_, "", seed) == NEUTRAL).all()


@pytest.mark.parametrize("attribute", PAINTERS)
def test_no_attribute_looks_neutral(attribute):
    differ = [np.abs(shown("shield", attribute, seed).astype(int) - NEUTRAL) for seed in range(4)]
    assert min(d.mean() for d in differ) > 8


def test_an_object_alone_lies_where_it_lies_with_an_attribute():
    mask, _ = draw_mask("dog", rng(3))
    alone, red = draw("dog", "", rng(3)), draw("dog", "red", rng(3))
    np.testing.assert_array_equal(alone[mask == 0], red[mask == 0])


def test_the_body_of_an_attribute_is_drawn_by_the_generator_alone():
    masks = []
    for seed in range(40):
        mask, _ = draw_mask("", rng(4, seed))
        differ = draw("", "red", rng(4, seed)) != draw("", "blue", rng(4, seed))
        assert not differ.any(axis=2)[mask == 0].any()
        assert (mask > 127).mean() > 0.15
        assert not np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).any()
        masks.append((mask > 127).mean())
    assert np.std(masks) > 0.02


def test_an_object_alone_stands_out_from_any_background():
    for seed in range(30):
        mask, rim = (layer > 127 for layer in draw_mask("shield", rng(10, seed)))
        picture = draw("shield", "", rng(10, seed)).astype(int)
        background = draw_background(rng(10, seed)).astype(int)
        outline = rim & ~mask
        assert np.abs(picture - background)[outline].mean() > 25
        assert np.abs(picture - NEUTRAL)[outline].mean() > 25


def test_unknown_names_are_refused_with_close_ones():
    with pytest.raises(ValueError, match=r"'tracter'.*tractor"):
        draw("tracter", "red", rng(0))
    with pytest.raises(ValueError, match=r"'stripped'.*striped"):
        draw("dog", "stripped", rng(0))


def test_bad_sizes_and_lengths_are_refused():
    with pytest.raises(ValueError, match="size 8 is too small"):
        draw("dog", "red", rng(0), 8)
    with pytest.raises(ValueError, match="2 pairs but 1 seeds"):
        draw_many([("red", "dog"), ("blue", "dog")], [(1,)])


def test_words_are_checked_before_long_work():
    check_words(["red", "striped"], ["dog", "umbrella"])
    for attributes, objects in ((["", "red"], ["dog"]), (["red"], ["dog", ""])):
        with pytest.raises(UnknownNameError, match=r"unknown .* ''"):
            check_words(attributes, objects)
    with pytest.raises(UnknownNameError, match="unknown object 'dgo'; did you mean dog"):
        check_words(["red"], ["dgo"])
    # In the paper's list, but nothing paints it.
    with pytest.raises(UnknownNameError, match="can be painted 'octagonal'"):
        check_words(["octagonal"], ["dog"])
