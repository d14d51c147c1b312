import itertools
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cood.errors import StudyError
from cood.settings import PARTNERS
from cood.splits import CORE, SEEN, UNSEEN, core, core_of, draw_seen, members, seen, times_seen
from cood.vocabulary import CATEGORY, Vocabulary

SIZES = st.integers(2, 14)
SEEDS = st.integers(0, 99)
NOTHING = np.array([], dtype=int)


def vocabulary(n_attributes, n_objects):
    return Vocabulary(
        tuple(list(CATEGORY)[:n_attributes]), tuple(f"object {i}" for i in range(n_objects))
    )


def grid(words, ids):
    """Attributes by objects, true where the composition is among the ids."""
    found = np.zeros(words.size, dtype=bool)
    found[ids] = True
    return found.reshape(len(words.attributes), len(words.objects))


def partners(words, ids):
    """With how many others each word occurs, attributes first."""
    found = grid(words, ids)
    return np.concatenate([found.sum(axis=1), found.sum(axis=0)])


class TestCoreOf:
    @given(SIZES, SIZES, st.floats(0, 1), SEEDS)
    def test_it_has_its_size_and_no_word_more_than_once_above_another(
        self, attributes, objects, share, seed
    ):
        words = vocabulary(attributes, objects)
        ids = core_of(words, share, (seed,))
        assert len(ids) == round(share * words.size)
        assert (np.diff(ids) > 0).all()
        assert np.isin(ids, np.arange(words.size)).all()
        chosen = grid(words, ids)
        for axis in (0, 1):
            assert np.ptp(chosen.sum(axis=axis)) <= 1

    @pytest.mark.parametrize(
        ("attributes", "objects"), [(6, 6), (4, 6), (6, 4), (5, 7), (7, 5), (2, 12), (12, 2)]
    )
    def test_all_compositions_are_reached_as_the_share_grows(self, attributes, objects):
        words = vocabulary(attributes, objects)
        before = set()
        for size in range(words.size + 1):
            ids = set(core_of(words, size / words.size, (3, 1)))
            assert len(ids) == size
            assert before <= ids
            before = ids
        assert before == set(range(words.size))

    def test_it_depends_on_the_seed_alone(self):
        words = vocabulary(10, 15)
        first = core_of(words, 0.1, (7, 0))
        np.testing.assert_array_equal(first, core_of(words, 0.1, (7, 0)))
        draws = {tuple(core_of(words, 0.1, (7, k))) for k in range(30)}
        assert len(draws) == 30

    def test_every_composition_is_about_equally_likely(self):
        words = vocabulary(4, 6)
        times = sum(grid(words, core_of(words, 0.25, (k,))).astype(int) for k in range(2000))
        # Of 2,000 draws with probability 1/4: 500, with a standard error of 19.
        assert abs(times - 500).max() < 5 * 19

    @given(SIZES, SIZES, st.floats(0.01, 0.9), SEEDS, st.integers(1, 2))
    def test_what_it_leaves_gives_every_word_partners_if_it_is_enough(
        self, attributes, objects, share, seed, least
    ):
        words = vocabulary(attributes, objects)
        left = np.setdiff1d(np.arange(words.size), core_of(words, share, (seed,)))
        assume(len(left) >= least * max(attributes, objects))
        assert partners(words, left).min() >= least


class TestDrawSeen:
    @given(SIZES, SIZES, st.floats(0, 0.5), st.floats(0.05, 1), st.integers(1, 3), SEEDS)
    def test_it_has_its_size_nothing_of_the_core_and_every_word_with_partners(
        self, attributes, objects, core_share, share, least, seed
    ):
        words = vocabulary(attributes, objects)
        left_out = core_of(words, core_share, (seed, 0))
        free = words.size - len(left_out)
        try:
            ids = draw_seen(words, left_out, share, least, (seed, 1))
        except StudyError:
            # The cover of the words takes few more than the longer list needs.
            assert round(share * free) < least * max(attributes, objects) + least * 2
            return
        assert len(ids) == len(set(ids)) == round(share * free)
        assert set(ids) <= set(range(words.size)) - set(left_out)
        assert partners(words, ids).min() >= least

    @given(SIZES, SIZES, st.floats(0, 0.5), SEEDS)
    def test_the_smallest_draw_that_is_not_refused_gives_every_word_its_partners(
        self, attributes, objects, core_share, seed
    ):
        words = vocabulary(attributes, objects)
        left_out = core_of(words, core_share, (seed, 0))
        free, least = words.size - len(left_out), 2 * max(attributes, objects)
        assume(free >= least)
        for size in range(least, free + 1):
            with suppress(StudyError):
                ids = draw_seen(words, left_out, size / free, 2, (seed, 1))
                break
        assert len(ids) < least + 4
        assert partners(words, ids).min() >= 2

    def test_with_one_seed_a_larger_share_holds_a_smaller_one(self):
        words = vocabulary(8, 11)
        left_out = core_of(words, 0.1, (1,))
        draws = [set(draw_seen(words, left_out, s, 2, (5,))) for s in (0.3, 0.4, 0.7, 1)]
        for smaller, larger in itertools.pairwise(draws):
            assert smaller < larger
        assert draws[-1] == set(range(88)) - set(left_out)

    def test_seeds_draw_apart(self):
        words = vocabulary(8, 11)
        draws = [draw_seen(words, NOTHING, 0.3, 2, (k,)) for k in range(20)]
        assert len({tuple(np.sort(ids)) for ids in draws}) == 20
        np.testing.assert_array_equal(draws[3], draw_seen(words, NOTHING, 0.3, 2, (3,)))

    def test_every_composition_is_about_equally_likely(self):
        words = vocabulary(4, 6)
        times = sum(grid(words, draw_seen(words, NOTHING, 0.5, 2, (k,))) * 1 for k in range(2000))
        # Of 2,000 draws with probability 1/2: 1,000, with a standard error of 22.
        assert abs(times - 1000).max() < 5 * 22

    def test_just_enough(self):
        words = vocabulary(3, 6)
        ids = draw_seen(words, NOTHING, 12 / 18, 2, (0,))
        np.testing.assert_array_equal(partners(words, ids), [4] * 3 + [2] * 6)

    def test_too_few_compositions_are_refused_with_their_numbers(self):
        words = vocabulary(3, 6)
        with pytest.raises(StudyError) as caught:
            draw_seen(words, np.array([0]), 0.5, 2, (0,))
        assert str(caught.value) == (
            "share: 0.5 gives 8 of 17 compositions, too few to show every word with 2 others; 12 "
            "are needed"
        )

    def test_a_core_that_takes_the_partners_of_a_word_is_refused(self):
        words = vocabulary(3, 6)
        row = np.arange(5)  # of the first attribute, all but one
        with pytest.raises(StudyError) as caught:
            draw_seen(words, row, 1, 2, (0,))
        assert str(caught.value) == (
            "core: 5 of 18 compositions are too many; they leave a word with 1 others, and 2 are "
            "needed"
        )


class TestOfAStudy:
    def test_the_core_is_that_of_the_study_whatever_its_models(self, tiny, parse):
        assert len(core(tiny)) == 4
        other = parse(models={"a": {"share": 0.7}, "b": {"share": 0.8, "seed": 5}})
        np.testing.assert_array_equal(core(tiny), core(other))
        assert (core(parse(seed=8)) != core(tiny)).any()

    def test_a_model_sees_a_draw_by_its_seed(self, parse):
        study = parse(
            models={
                "a": {"share": 0.7},
                "b": {"share": 0.7, "steps": 30, "skew": 1.0, "wrong_captions": 0.5},
                "c": {"share": 0.7, "seed": 1},
                "d": {"share": 0.9},
            }
        )
        a, b, c, d = (set(seen(study, model)) for model in study.trained.values())
        assert a == b
        assert len(a) == len(c) == 11
        assert a != c
        assert a < d
        for ids in (a, c, d):
            assert not ids & set(core(study))
            assert partners(study.words, list(ids)).min() >= PARTNERS

    def test_another_seed_of_the_study_is_another_draw(self, tiny, parse):
        few = tiny.trained["few"]
        assert set(seen(tiny, few)) != set(seen(parse(seed=8), few))

    def test_an_image_encoder_sees_what_a_model_of_its_seed_and_share_sees(self, parse):
        schedule = {"image_tower": "resnet", "images": 64, "steps": 8, "batch": 8, "share": 0.7}
        study = parse(
            models={"m": {"share": 0.7, "seed": 4}},
            image_encoders={"i": {"objective": "labels", **schedule, "seed": 4}},
        )
        encoder = study.trained_image_encoders["i"]
        np.testing.assert_array_equal(seen(study, study.trained["m"]), seen(study, encoder))

    def test_times_seen_count_the_models(self, tiny, parse):
        expected = np.zeros(20, dtype=int)
        for name in ("few", "most"):
            expected[seen(tiny, tiny.trained[name])] += 1
        np.testing.assert_array_equal(times_seen(tiny), expected)
        assert (times_seen(tiny)[core(tiny)] == 0).all()
        assert times_seen(tiny).sum() == 10 + 14
        study = parse(models={"c": {"checkpoint": "ViT-B-32/laion2b_e16"}})
        np.testing.assert_array_equal(times_seen(study), np.zeros(20))

    def test_members_are_the_splits_of_a_model(self, tiny):
        ids = seen(tiny, tiny.trained["few"])
        of_split = members(tiny.words, core(tiny), ids)
        assert list(of_split) == [SEEN, UNSEEN, CORE]
        assert all((np.diff(of) > 0).all() for of in of_split.values())
        assert set(of_split[SEEN]) == set(ids)
        assert set(of_split[SEEN]) | set(of_split[UNSEEN]) == set(range(20))
        assert not set(of_split[SEEN]) & set(of_split[UNSEEN])
        assert set(of_split[CORE]) < set(of_split[UNSEEN])
        assert [len(of) for of in of_split.values()] == [10, 10, 4]
