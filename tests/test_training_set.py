import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cood import training_set
from cood.settings import LEAST_DRAWINGS
from cood.splits import core, seen
from cood.training_set import drawings_each, training_captions, training_compositions
from cood.vocabulary import ATTRIBUTE_CAPTIONS, OBJECT_CAPTIONS, PAIR_CAPTIONS

MODEL = {"image_tower": "resnet", "share": 0.7, "images": 600, "steps": 75, "batch": 8}
FORMS = {"pair": PAIR_CAPTIONS, "object": OBJECT_CAPTIONS, "attribute": ATTRIBUTE_CAPTIONS}
EXTREMES = [
    {},
    {"share": 1},
    {"images": 44},  # four of each of eleven compositions
    {"images": 44, "wrong_captions": 0.75, "skew": 3},
    {"images": 47, "wrong_captions": 0.75},
    {"share": 1, "wrong_captions": 0.75, "pair_captions": 1},
    {"pair_captions": 0.001, "wrong_captions": 0.3},
    {"pair_captions": 1},
    {"skew": 1, "wrong_captions": 0.3, "pair_captions": 0.4},
]


@pytest.fixture
def captions_of(parse):
    """Make the study of one model, and the captions of that model."""

    def make(**changes):
        study = parse(models={"m": {**MODEL, **changes}})
        return study, training_captions(study, study.trained["m"])

    return make


def readings(words):
    """What each caption that there can be states: its attribute and its object, or None."""
    stated = {}
    for attribute in words.attributes:
        for form in ATTRIBUTE_CAPTIONS:
            stated |= dict.fromkeys(filled(form, attribute), (attribute, None))
        for object_ in words.objects:
            for form in PAIR_CAPTIONS:
                stated |= dict.fromkeys(
                    filled(form, f"{attribute} {object_}"), (attribute, object_)
                )
            for form in OBJECT_CAPTIONS:
                stated |= dict.fromkeys(filled(form, object_), (None, object_))
    return stated


def filled(form, words):
    """A form with the words in it, with either article."""
    return {form.format(words), form.replace("a {}", "an {}").format(words)}


class TestDrawingsEach:
    @given(st.integers(1, 60), st.integers(0, 500), st.floats(0, 4))
    def test_they_sum_to_the_images_with_the_least_of_each_and_fall_with_the_rank(
        self, compositions, more, skew
    ):
        images = LEAST_DRAWINGS * compositions + more
        each = drawings_each(compositions, images, skew)
        assert len(each) == compositions
        assert each.sum() == images
        assert each.min() >= LEAST_DRAWINGS
        assert (np.diff(each) <= 0).all()

    @given(st.integers(1, 60), st.integers(0, 500))
    def test_without_skew_they_are_equal_within_one(self, compositions, more):
        each = drawings_each(compositions, LEAST_DRAWINGS * compositions + more, 0)
        assert np.ptp(each) <= 1

    @given(st.integers(1, 60), st.integers(0, 500), st.floats(0, 4))
    def test_what_is_left_is_shared_within_one_of_the_proportion(self, compositions, more, skew):
        each = drawings_each(compositions, LEAST_DRAWINGS * compositions + more, skew)
        weights = [1 / rank**skew for rank in range(1, compositions + 1)]
        exact = np.array([more * weight / sum(weights) for weight in weights])
        assert (abs(each - LEAST_DRAWINGS - exact) < 1 + 1e-9).all()

    @pytest.mark.parametrize("skew", [0, 1, 3, 1000])
    def test_the_fewest_images_leave_nothing_to_share(self, skew):
        np.testing.assert_array_equal(drawings_each(9, 36, skew), [4] * 9)

    def test_known_values(self):
        np.testing.assert_array_equal(drawings_each(3, 12 + 11, 1), [10, 7, 6])  # 6, 3 and 2 more
        np.testing.assert_array_equal(drawings_each(3, 12 + 5, 0), [6, 6, 5])
        np.testing.assert_array_equal(drawings_each(4, 16 + 7, 1000), [11, 4, 4, 4])

    def test_the_larger_the_skew_the_more_unequal(self):
        tables = [drawings_each(20, 1000, skew) for skew in (0, 0.3, 1, 3)]
        for less, more in itertools.pairwise(tables):
            assert (more.cumsum() >= less.cumsum()).all()  # the Lorenz curves do not cross
            assert more[0] > less[0]


class TestTrainingCompositions:
    @pytest.mark.parametrize("changes", EXTREMES, ids=str)
    def test_each_that_is_seen_is_drawn_as_often_as_its_rank_says(self, captions_of, changes):
        study, _ = captions_of(**changes)
        training = study.trained["m"]
        ids = training_compositions(study, training)
        assert len(ids) == training.images
        counts = Counter(ids.tolist())
        assert set(counts) == set(seen(study, training))
        expected = drawings_each(len(counts), training.images, training.skew)
        assert sorted(counts.values(), reverse=True) == expected.tolist()

    def test_the_order_and_the_ranks_are_random(self, captions_of):
        study, _ = captions_of(skew=2)
        ids = training_compositions(study, study.trained["m"])
        assert (ids[:-1] != ids[1:]).sum() > 100  # of 599 neighbours
        most = set()
        for seed in range(30):
            study, _ = captions_of(skew=2, seed=seed, share=1)
            most.add(np.bincount(training_compositions(study, study.trained["m"])).argmax())
        assert len(most) > 8  # of 16

    def test_they_depend_on_no_other_setting(self, parse):
        others = {"steps": 90, "wrong_captions": 0.5, "pair_captions": 0.9, "loss": "sigmoid"}
        study = parse(models={"a": MODEL, "b": {**MODEL, **others}, "c": {**MODEL, "seed": 1}})
        a, b, c = (training_compositions(study, model) for model in study.trained.values())
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


@pytest.mark.parametrize("changes", EXTREMES, ids=str)
class TestTrainingCaptions:
    def test_rows_are_the_drawings(self, captions_of, changes):
        study, table = captions_of(**changes)
        assert list(table.columns) == ["composition", "captioned", "caption", "names", "wrong"]
        expected = training_compositions(study, study.trained["m"])
        np.testing.assert_array_equal(table["composition"], expected)

    def test_one_drawing_of_each_composition_has_a_right_caption_that_names_it(
        self, captions_of, changes
    ):
        study, table = captions_of(**changes)
        counts = table["composition"].value_counts()
        assert set(counts.index) == set(seen(study, study.trained["m"]))
        assert counts.min() >= LEAST_DRAWINGS
        right = table[(table["names"] == "pair") & ~table["wrong"]]
        assert set(right["composition"]) == set(counts.index)
        assert (right["captioned"] == right["composition"]).all()

    def test_captions_name_no_composition_that_is_unseen(self, captions_of, changes):
        study, table = captions_of(**changes)
        ids = set(seen(study, study.trained["m"]))
        assert set(table["captioned"]) <= ids
        assert not ids & set(core(study))
        named = [readings(study.words)[caption] for caption in table["caption"]]
        pairs = [(a, o) for a, o in named if a is not None and o is not None]
        assert set(study.words.ids(*zip(*pairs, strict=True))) == ids

    def test_kinds_are_counted_exactly(self, captions_of, changes):
        study, table = captions_of(**changes)
        training = study.trained["m"]
        n, compositions = training.images, len(seen(study, training))
        # One of each composition names it, be the share of such captions ever so small.
        pairs = max(compositions, round(training.pair_captions * n))
        counts = table["names"].value_counts().to_dict()
        expected = {"pair": pairs, "object": round(0.8 * (n - pairs))}
        expected["attribute"] = n - pairs - expected["object"]
        assert counts == {kind: count for kind, count in expected.items() if count}

    def test_captions_are_forms_filled_in_with_what_they_were_written_for(
        self, captions_of, changes
    ):
        study, table = captions_of(**changes)
        words, stated = study.words, readings(study.words)
        for row in table.itertuples():
            attribute = words.attributes[words.attribute_of(row.captioned)]
            object_ = words.objects[words.object_of(row.captioned)]
            expected = {
                "pair": (attribute, object_),
                "object": (None, object_),
                "attribute": (attribute, None),
            }
            assert stated[row.caption] == expected[row.names]

    def test_wrong_is_what_the_drawing_does_not_show(self, captions_of, changes):
        study, table = captions_of(**changes)
        words, stated = study.words, readings(study.words)
        for row in table.itertuples():
            shown = (
                words.attributes[words.attribute_of(row.composition)],
                words.objects[words.object_of(row.composition)],
            )
            said = zip(stated[row.caption], shown, strict=True)
            assert row.wrong == any(word is not None and word != here for word, here in said)

    def test_wrong_captions_are_those_of_other_drawings_and_nothing_else_changes(
        self, captions_of, changes
    ):
        study, table = captions_of(**changes)
        _, own = captions_of(**{**changes, "wrong_captions": 0.0})
        assert not own["wrong"].any()
        np.testing.assert_array_equal(own["captioned"], own["composition"])
        np.testing.assert_array_equal(own["composition"], table["composition"])
        columns = ["captioned", "caption", "names"]
        assert Counter(own[columns].itertuples(index=False, name=None)) == Counter(
            table[columns].itertuples(index=False, name=None)
        )
        training = study.trained["m"]
        changed = (own[columns] != table[columns]).any(axis=1).sum()
        # Another drawing may have had the same caption.
        assert changed <= round(training.wrong_captions * training.images)
        assert table["wrong"].sum() <= changed
        if training.wrong_captions:
            assert table["wrong"].sum() > 0.5 * training.wrong_captions * training.images


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.75])
def test_as_many_drawings_as_set_get_the_caption_of_another(captions_of, monkeypatch, share):
    # So many forms that no two drawings have the same caption.
    forms = tuple(f"{k} {{}}" for k in range(100_000))
    monkeypatch.setattr(training_set, "FORMS", dict.fromkeys(FORMS, forms))
    _, own = captions_of()
    _, table = captions_of(wrong_captions=share)
    assert own["caption"].is_unique
    assert (own["caption"] != table["caption"]).sum() == round(share * 600)


def test_the_captions_that_are_wrong_are_spread_over_all_kinds(captions_of):
    _, table = captions_of(wrong_captions=0.5, images=4000, steps=500, pair_captions=0.4)
    of_another = table["captioned"] != table["composition"]
    for _, of_kind in table.assign(of_another=of_another).groupby("names"):
        assert 0.3 < of_kind["of_another"].mean() < 0.6


def test_every_form_is_used(captions_of):
    study, table = captions_of(images=4000, steps=500)
    for kind, forms in FORMS.items():
        for form in forms:
            names = {
                "pair": study.words.compositions(),
                "object": study.words.objects,
                "attribute": study.words.attributes,
            }[kind]
            written = {caption for words in names for caption in filled(form, words)}
            assert table.loc[table["names"] == kind, "caption"].isin(written).any()


def test_captions_depend_on_the_seeds_and_their_settings_alone(parse):
    study = parse(
        models={
            "a": MODEL,
            "b": {**MODEL, "steps": 90, "learning_rate": 0.1, "treatment": "additivity"},
            "c": {**MODEL, "seed": 1},
        }
    )
    a, b, c = (training_captions(study, model) for model in study.trained.values())
    assert a.equals(b)
    assert not a.equals(c)
    other = parse(models={"a": MODEL}, seed=8)
    assert not a.equals(training_captions(other, other.trained["a"]))
