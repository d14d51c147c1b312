import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cood.splits import seen, splits, training_captions, training_order
from cood.vocabulary import (
    ATTRIBUTE_CAPTIONS,
    CATEGORY,
    OBJECT_CAPTIONS,
    PAIR_CAPTIONS,
    Vocabulary,
)

SIZES = st.integers(2, 12)


def vocabulary(n_attributes, n_objects):
    return Vocabulary(
        tuple(list(CATEGORY)[:n_attributes]), tuple(f"object {i}" for i in range(n_objects))
    )


@given(SIZES, SIZES, st.floats(0.01, 0.6), st.integers(0, 99))
def test_order_covers_every_word_first_and_leaves_a_share_out(attributes, objects, held_out, seed):
    words = vocabulary(attributes, objects)
    order = training_order(words, held_out, seed)
    assert len(order) == words.size - round(held_out * words.size)
    assert len(set(order)) == len(order)
    assert set(order) <= set(range(words.size))
    cover = order[: max(attributes, objects)]
    if len(order) >= max(attributes, objects):
        assert set(words.attribute_of(cover)) == set(range(attributes))
        assert set(words.object_of(cover)) == set(range(objects))
    np.testing.assert_array_equal(order, training_order(words, held_out, seed))


def test_order_depends_on_the_seed():
    words = vocabulary(6, 8)
    assert (training_order(words, 0.2, 1) != training_order(words, 0.2, 2)).any()


def test_more_held_out_takes_only_from_the_end():
    words = vocabulary(6, 8)
    few, many = training_order(words, 0.5, 1), training_order(words, 0.1, 1)
    np.testing.assert_array_equal(many[: len(few)], few)


def test_small_shares_are_inside_large_ones(tiny):
    before = set()
    for share in (0.25, 0.4, 0.6, 0.8):
        ids = seen(tiny, share)
        assert len(ids) == round(share * 20)
        assert before < set(ids)
        assert set(tiny.words.attribute_of(ids)) == set(range(4))
        assert set(tiny.words.object_of(ids)) == set(range(5))
        before = set(ids)


def test_splits_are_disjoint_and_as_large_as_the_shares(tiny):
    split = splits(tiny)
    assert pd.Series(split).value_counts().to_dict() == {"shared": 8, "partial": 8, "unseen": 4}
    for model in tiny.trained.values():
        assert not (split[seen(tiny, model.share)] == "unseen").any()
    assert (split[seen(tiny, 0.4)] == "shared").all()


def test_models_do_not_change_what_is_held_out_at_the_largest_share(tiny, parse):
    other = parse(models={"a": {"share": 0.5}, "b": {"share": 0.8, "seed": 5}})
    np.testing.assert_array_equal(splits(tiny) == "unseen", splits(other) == "unseen")


def test_without_a_model_that_is_trained_all_is_unseen(parse):
    study = parse(models={"c": {"checkpoint": "ViT-B-32/laion2b_e16"}})
    assert (splits(study) == "unseen").all()


@pytest.fixture
def captions(parse):
    study = parse(models={"m": {"share": 0.4, "images": 4000}})
    return study, training_captions(study, study.models["m"])


def test_captions_name_no_held_out_composition(captions):
    study, table = captions
    assert set(table["composition"]) == set(seen(study, 0.4))
    assert not (splits(study)[table["composition"]] == "unseen").any()
    pairs = table["attribute"] + " " + table["object"]
    np.testing.assert_array_equal(pairs, np.array(study.words.compositions())[table["composition"]])


def test_compositions_take_turns(captions, parse):
    _, table = captions
    counts = table["composition"].value_counts()
    assert len(table) == 4000
    assert counts.max() - counts.min() <= 1
    study = parse(models={"m": {"share": 0.4, "images": 13}})
    counts = training_captions(study, study.models["m"])["composition"].value_counts()
    assert counts.sum() == 13
    assert set(counts) == {1, 2}


def test_captions_name_pairs_and_words_in_the_set_proportions(captions):
    _, table = captions
    proportion = table["names"].value_counts(normalize=True)
    # Four standard errors of the largest share.
    for names, share in {"pair": 0.7, "object": 0.15, "attribute": 0.15}.items():
        assert proportion[names] == pytest.approx(share, abs=0.03)


def test_captions_are_templates_filled_in(captions):
    _, table = captions
    for names, templates in (
        ("pair", PAIR_CAPTIONS),
        ("object", OBJECT_CAPTIONS),
        ("attribute", ATTRIBUTE_CAPTIONS),
    ):
        used = set()
        for row in table[table["names"] == names].itertuples():
            name = {"pair": f"{row.attribute} {row.object}"}.get(names, getattr(row, names, None))
            used |= {t for t in templates if t.format(name) == row.caption}
            assert row.caption in {t.format(name) for t in templates}
        assert used == set(templates)


def test_other_proportions(parse):
    captions = {"pair": 1.0, "object": 0.0, "attribute": 0.0}
    study = parse(models={"m": {"share": 0.4, "captions": captions}})
    assert (training_captions(study, study.models["m"])["names"] == "pair").all()


def test_captions_depend_on_the_seeds_alone(parse):
    study = parse(
        models={
            "a": {"share": 0.4},
            "b": {"share": 0.4, "epochs": 3},
            "c": {"share": 0.4, "seed": 1},
        }
    )
    a, b, c = (training_captions(study, model) for model in study.models.values())
    assert a.equals(b)
    assert not a.equals(c)
    other = parse(seed=8)
    assert not a.equals(training_captions(other, other.models["few"]))
