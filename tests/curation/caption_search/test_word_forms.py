import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cood.curation.caption_search.word_forms import each, search_for, written
from cood.vocabulary import ATTRIBUTES, Vocabulary

WORDS = Vocabulary(("red", "blue plaid"), ("traffic light", "T-shirt", "church"))


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("church", {"church", "churches"}),
        ("baby", {"baby", "babies"}),
        ("day", {"day", "days"}),
        ("bus", {"bus", "buses"}),
        ("fox", {"fox", "foxes"}),
        ("goose", {"goose", "geese"}),
        ("ox", {"oxen"}),
        ("computer mouse", {"computer mice", "computer-mice"}),
        ("grey wolf", {"grey wolves", "grey-wolves"}),
        ("man", {"men"}),
        ("knife", {"knives"}),
        ("sheep", {"sheep"}),
        ("cactus", {"cacti", "cactuses"}),
        ("person", {"people", "persons"}),
        ("mother-in-law", {"mothers-in-law", "mother-in-laws", "mothers in law"}),
        ("T-shirt", {"t-shirt", "t shirt", "t-shirts", "t shirts"}),
        ("ram (adult male sheep)", {"ram", "rams"}),
        ("swim trunks / shorts", {"swim trunks", "swim-trunks", "shorts"}),
    ],
)
def test_forms_of_an_object(name, forms):
    assert forms <= written(name, plural=True)
    assert all(form == form.lower() for form in written(name, plural=True))


def test_plurals_are_of_their_own_word():
    assert written("opus", plural=True) == {"opus", "opuses"}
    assert written("stamen", plural=True) == {"stamen", "stamens"}


@given(st.text(st.characters(exclude_categories=("C", "Z")) | st.just(" "), min_size=1))
def test_any_name_has_forms(name):
    name = " ".join(name.split()) or "-"
    assert written(name) <= written(name, plural=True)
    assert all(written(name, plural=True) - {""})


def test_attributes_have_no_plural():
    assert written("moss covered") == {"moss covered", "moss-covered", "moss_covered"}
    assert written("brick") == {"brick"}


def test_the_authors_search_the_first_two_words_of_a_name():
    search = search_for(WORDS)
    named = dict(zip(WORDS.compositions(), search.keys["faithful"], strict=True))
    # The object is not looked at: all of these are "blue" and "plaid".
    assert len({named[f"blue plaid {o}"] for o in WORDS.objects}) == 1
    assert len({named[f"red {o}"] for o in WORDS.objects}) == 3
    patterns = np.array(search.patterns)
    first = patterns[search.first.of(np.arange(len(patterns)))[0]]
    second = patterns[search.second.of(np.arange(len(patterns)))[0]]
    assert set(first) == {"red", "blue"}
    assert set(second) == {"traffic", "t-shirt", "church", "plaid"}


def test_a_form_may_stand_for_two_words():
    words = Vocabulary(("red", "blue"), ("sunglasses", "sunglass", "glas"))
    search = search_for(words)
    shared = np.array([search.patterns.index("sunglasses")])
    assert search.object.of(shared)[1].tolist() == [0, 1]
    assert search.attribute.of(shared)[1].tolist() == []


def test_keys_are_below_their_sizes_at_the_size_of_the_paper():
    attributes = tuple(a for names in ATTRIBUTES.values() for a in names)
    objects = tuple(f"object {i}" for i in range(50))
    search = search_for(Vocabulary(attributes, objects))
    for rule, keys in search.keys.items():
        assert keys.shape == (130 * 50,)
        assert keys.max() < search.sizes[rule]
    assert search.lengths.tolist() == [len(p) for p in search.patterns]
    assert len(set(search.patterns)) == len(search.patterns)


def test_each():
    rows, within = each(np.array([2, 0, 3]))
    assert rows.tolist() == [0, 0, 2, 2, 2]
    assert within.tolist() == [0, 1, 0, 1, 2]
    assert [part.tolist() for part in each(np.array([], dtype=int))] == [[], []]
