import pytest
from hypothesis import given
from hypothesis import strategies as st

from cood.scorecard.labels import split_labels
from cood.vocabulary import form


def pairs(labels):
    """What each label names, without notes."""
    return {label: tuple(found[:2]) for label, found in split_labels(labels).items()}


def test_two_words_are_an_attribute_and_an_object():
    assert pairs(["rotten apple", "snow_white bus"]) == {
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
    assert pairs([label, *others])[label] == pair


@pytest.mark.parametrize(
    ("label", "others", "note"),
    [
        ("red apple", [], ""),
        ("moss covered, odd thing", [], ""),
        ("moss covered tench", [], ""),  # the paper has one word, ImageNet the other
        ("red brick castle", [], ""),
        ("odd new thing", [], "label divided by a guess: 'odd' and 'new thing'"),
        ("moss covered rock", [], "label divided by a guess: 'moss covered' and 'rock'"),
        ("very old dog", ["red dog"], "label divided by a guess: 'very old' and 'dog'"),
        ("very old dog", ["red dog", "very old, cat"], ""),
        (
            "red brick wall",
            ["red brick, house", "blue wall", "big, brick wall"],
            "label divided by a guess: 'red brick' and 'wall'",
        ),
        ("polar bear", [], "label that is the name of one object: read as 'polar' and 'bear'"),
        ("Granny_Smith", [], "label that is the name of one object: read as 'Granny' and 'Smith'"),
        ("polar, bear", [], ""),
    ],
)
def test_what_is_not_certain_is_noted(label, others, note):
    assert split_labels([label, *others])[label].note == note


def test_signs_make_no_other_word():
    labels = [
        "red t-shirt",
        "blue, T shirt",
        "old T_Shirt",
        "red caf\u00e9",
        "old cafe\u0301",
        "a - b",
    ]
    found = pairs(labels)
    assert {pair[1] for pair in found.values()} == {"t-shirt", found["red caf\u00e9"][1], "b"}
    assert found["old cafe\u0301"][1] == found["red caf\u00e9"][1]
    assert found["a - b"] == ("a", "b")


def test_capitals_make_no_other_word():
    found = pairs(["Rotten apple", "rotten Apple", "rotten pear", "Rotten Pear", "big NASA"])
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
            given = label.replace(",", " ", 1) if "," in label else label
            assert form(" ".join(answer[:2])) == form(given)


@pytest.mark.parametrize("label", ["apple red", "n01440764 tench", "1 2", "red; apple"])
def test_words_that_may_be_something_else_are_noted(label):
    (found,) = split_labels([label]).values()
    assert found.note.startswith(("label that may name the object first", "label with a number or"))
