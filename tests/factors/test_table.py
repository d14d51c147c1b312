import numpy as np
import pytest

from cood.errors import CoodError
from cood.factors.table import DSPRITES, SHAPES3D, TABLES

# As the repositories of the two data sets list them, written down apart from the code.
PUBLISHED = {
    "shapes3d": {
        "floor_hue": (10, 0, 0.9),
        "wall_hue": (10, 0, 0.9),
        "object_hue": (10, 0, 0.9),
        "scale": (8, 0.75, 1.25),
        "shape": (4, 0, 3),
        "orientation": (15, -30, 30),
    },
    "dsprites": {
        "shape": (3, 1, 3),
        "scale": (6, 0.5, 1),
        "orientation": (40, 0, 2 * np.pi),
        "position_x": (32, 0, 1),
        "position_y": (32, 0, 1),
    },
}
SIZES = {"shapes3d": 480_000, "dsprites": 737_280}

both = pytest.mark.parametrize("name", TABLES)


@both
def test_factors_are_those_of_the_published_set(name):
    table = TABLES[name]
    assert table.size == SIZES[name]
    assert table.names == list(PUBLISHED[name])
    for factor in table.factors:
        count, low, high = PUBLISHED[name][factor.name]
        np.testing.assert_allclose(factor.values, np.linspace(low, high, count))
        assert len(factor.words) == count


@both
def test_scenes_are_numbered_as_the_rows_of_the_file(name):
    table = TABLES[name]
    scenes = np.array([0, 1, 17, table.size - 1])
    ids = table.ids(scenes)
    # The published formula: each factor's id times the number of combinations of later factors.
    weights = np.cumprod((1, *table.shape[::-1]))[:-1][::-1]
    np.testing.assert_array_equal(ids @ weights, scenes)
    np.testing.assert_array_equal(ids[0], 0)
    np.testing.assert_array_equal(ids[1], [0] * (len(table.names) - 1) + [1])
    np.testing.assert_array_equal(ids[-1], np.array(table.shape) - 1)


@both
def test_values_that_share_a_word_are_neighbours(name):
    for factor in TABLES[name].factors:
        steps = np.flatnonzero(np.diff(factor.word_ids))
        # On a circle the first word comes back at the end.
        around = factor.words[0] == factor.words[-1] and len(factor.vocabulary) > 1
        assert len(steps) + 1 == len(factor.vocabulary) + around
        counts = np.bincount(factor.word_ids)
        assert counts.max() - counts.min() <= 2


def test_only_fine_factors_share_words():
    fine = {
        (name, factor.name)
        for name, table in TABLES.items()
        for factor in table.factors
        if len(factor.vocabulary) < len(factor.values)
    }
    assert fine == {
        ("shapes3d", "orientation"),
        ("dsprites", "orientation"),
        ("dsprites", "position_x"),
        ("dsprites", "position_y"),
    }


def test_captions():
    ids = np.array([[6, 3, 0, 5, 0, 0]])
    words = SHAPES3D.word_ids(ids)
    assert SHAPES3D.captions(words, "sentence") == [
        "a large red cube on a blue floor before a green wall, facing far left"
    ]
    vowels = SHAPES3D.word_ids(np.array([[7, 1, 1, 1, 2, 7]]))
    assert SHAPES3D.captions(vowels, "sentence") == [
        "a very small orange sphere on an indigo floor before an orange wall, facing forward"
    ]
    assert SHAPES3D.captions(words, "short") == ["large red cube blue floor green wall far left"]
    named = np.array([[True, False, False, False, True, False]])
    assert SHAPES3D.phrases(words, named) == ["cube blue floor"]
    sprite = DSPRITES.word_ids(np.array([[2, 0, 10, 0, 31]]))
    assert DSPRITES.captions(sprite, "sentence") == [
        "a tiny white heart facing east, far left and very low in the picture"
    ]


@both
@pytest.mark.parametrize("form", ["sentence", "short"])
def test_captions_differ_where_words_do(name, form):
    table = TABLES[name]
    ids = table.ids(np.random.default_rng(0).choice(table.size, 300, replace=False))
    words = table.word_ids(ids)
    captions = np.array(table.captions(words, form))
    same_words = (words[:, None] == words[None]).all(axis=2)
    np.testing.assert_array_equal(captions[:, None] == captions[None], same_words)


@both
def test_a_composition_is_a_combination_of_the_words_of_the_pair(name):
    table = TABLES[name]
    ids = table.ids(np.random.default_rng(1).choice(table.size, 50))
    words = table.pair_words
    for row, composition in zip(ids, table.compositions(ids), strict=True):
        first, second = (
            table.factors[table.index(f)].words[row[table.index(f)]] for f in table.pair
        )
        assert words.compositions()[composition] == f"{first} {second}"


def test_an_unknown_factor_is_refused():
    with pytest.raises(CoodError, match=r"unknown factor 'shpae'; did you mean shape or scale\?"):
        SHAPES3D.index("shpae")
