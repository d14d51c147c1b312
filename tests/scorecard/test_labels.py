import pytest
from hypothesis import given
from hypothesis import strategies as st

from cood.scorecard.labels import split_labels


def test_two_words_are_an_attribute_and_an_object():
    assert split_labels(["rotten apple", "snow_white bus"]) == {
        "rotten apple": ("rotten", "apple"),
        "snow_white bus": ("snow", "white bus"),  # an underscore is a blank
    }


@pytest.mark.parametrize(
    ("label", "others", "pair"),
    [
        ("rotten polar bear", [], ("rotten", "polar bear")),
        ("moss covered rock", [], ("moss covered", "rock")),  # the paper has it
        ("red brick castle", ["red castle"], ("red brick", "castle")),  # the longest known
        ("very old dog", ["red dog"], ("very old", "dog")),  # another label has the object
        ("half eaten red pear", ["half eaten, pear"], ("half eaten", "red pear")),
        ("moss, covered bear", [], ("moss", "covered bear")),
        ("odd new thing", [], ("odd", "new thing")),
        ("red t-shirt", [], ("red", "t-shirt")),
    ],
)
def test_more_words(label, others, pair):
    assert split_labels([label, *others])[label] == pair


def test_capitals_make_no_other_word():
    found = split_labels(["Rotten apple", "rotten Apple", "rotten pear", "Rotten Pear", "big NASA"])
    assert set(found.values()) == {("rotten", "apple"), ("rotten", "pear"), ("big", "NASA")}


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("", "lies in no folder named by"),
        ("apple", "one word"),
        ("  _ ", "one word"),
        ("red, ", "one word"),
        ("red\napple", "cannot be printed"),
        ("red " + "x" * 300, "longer than 200 characters"),
    ],
)
def test_what_names_no_pair_has_a_reason(label, reason):
    found = split_labels([label])[label]
    assert isinstance(found, str)
    assert reason in found


@given(st.lists(st.text(max_size=30), max_size=8))
def test_every_label_is_answered_and_no_word_is_lost(labels):
    found = split_labels(labels)
    assert set(found) == set(labels)
    for label, answer in found.items():
        if isinstance(answer, tuple):
            said = " ".join(answer).casefold().split()
            given = label.replace(",", " ", 1) if "," in label else label
            assert said == given.replace("_", " ").casefold().split()
