import numpy as np
import pytest

from cood import imagenet
from cood.errors import unknown
from cood.synthesis.drawing.icons import icons
from cood.vocabulary import (
    ANY_OBJECT,
    ATTRIBUTE_CAPTIONS,
    ATTRIBUTES,
    CATEGORY,
    OBJECT_CAPTIONS,
    PAIR_CAPTIONS,
    SYNONYMS,
    TEMPLATES,
    Vocabulary,
    fill,
    form,
    indefinite_article,
    named_attributes,
)

WORDS = Vocabulary(("red", "striped"), ("apple", "hat", "dog"))


def test_attributes_of_the_paper():
    names = [name for group in ATTRIBUTES.values() for name in group]
    assert len(names) == len(set(names)) == len(CATEGORY) == 130
    assert CATEGORY["striped"] == "pattern"
    assert CATEGORY["red"] == "color"


def test_near_synonyms_are_attributes_and_in_one_group_each():
    named = [name for names in SYNONYMS for name in names]
    assert set(named) <= set(CATEGORY)
    assert len(named) == len(set(named))
    assert all(len(names) > 1 for names in SYNONYMS)
    words = Vocabulary(("red", "turquoise", "steel", "teal", "metal", "aqua"), ("cat", "dog"))
    np.testing.assert_array_equal(words.merged(), [0, 1, 2, 1, 2, 1])
    np.testing.assert_array_equal(WORDS.merged(), [0, 1])


def test_numbers_of_compositions_and_back():
    ids = np.arange(WORDS.size)
    np.testing.assert_array_equal(WORDS.attribute_of(ids), [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(WORDS.object_of(ids), [0, 1, 2, 0, 1, 2])
    named = [name.split() for name in WORDS.compositions()]
    np.testing.assert_array_equal(WORDS.ids(*zip(*named, strict=True)), ids)
    assert WORDS.compositions()[4] == "striped hat"


def test_any_shape_of_ids():
    ids = np.arange(6).reshape(2, 3)
    assert WORDS.attribute_of(ids).shape == WORDS.object_of(ids).shape == (2, 3)
    assert int(WORDS.object_of(5)) == 2


def test_ids_need_as_many_attributes_as_objects():
    with pytest.raises(ValueError, match="zip"):
        WORDS.ids(["red"], ["apple", "hat"])


@pytest.mark.parametrize(
    "template", [*TEMPLATES, *PAIR_CAPTIONS, *OBJECT_CAPTIONS, *ATTRIBUTE_CAPTIONS]
)
def test_templates_hold_the_name_once_and_name_no_attribute(template):
    assert template.format("NAME").count("NAME") == 1
    rest = template.format("").split()
    assert not set(rest) & set(CATEGORY)


def test_the_word_for_any_object_occurs_in_training():
    assert any(ANY_OBJECT in template.split() for template in ATTRIBUTE_CAPTIONS)


def test_an_unknown_name_gets_near_ones_or_all():
    assert unknown("key", "sed", ["seed", "sets"]) == "unknown key 'sed'; did you mean seed?"
    assert unknown("key", "xyz", ["a", "b"]) == "unknown key 'xyz'; known: a, b"
    assert unknown("key", "xyz", []) == "unknown key 'xyz'; known: none"
    assert unknown("key", "xyz", map(str, range(99))).endswith("38, 39, ...")


def test_openais_templates_name_attributes():
    found = named_attributes(imagenet.templates(), list(CATEGORY))
    assert set(found) == {"black", "clean", "dirty", "plastic", "white"}
    assert found["dirty"] == ["a photo of a dirty {}.", "a photo of the dirty {}."]
    assert named_attributes(TEMPLATES, list(CATEGORY)) == {}


# All words of the project whose article is not the one of their first letter, read by a person.
AGAINST_THE_LETTER = {
    "Euarctos americanus": "a",
    "European fire salamander": "a",
    "European gallinule": "a",
    "European garden spider": "a",
    "European green lizard": "a",
    "European polecat": "a",
    "R.V.": "an",
    "RV": "an",
    "U-boat": "a",
    "ewer": "a",
    "hourglass": "an",
    "one-armed bandit": "a",
    "one-piece bathing suit": "a",
    "unicycle": "a",
}


def test_the_article_of_every_word_of_the_project():
    other_names = (name for names in imagenet.synonyms().values() for name in names)
    names = {*CATEGORY, *imagenet.objects(), *icons(), *other_names}
    by_letter = {name: "an" if name[0].lower() in "aeiou" else "a" for name in names}
    by_sound = {name: indefinite_article(name) for name in names}
    assert {n: a for n, a in by_sound.items() if a != by_letter[n]} == AGAINST_THE_LETTER


@pytest.mark.parametrize(
    ("words", "article"),
    [
        ("unicorn", "a"), ("unidentified object", "an"), ("uniform", "a"), ("unnamed hat", "an"),
        ("used car", "a"), ("usher", "an"), ("urn", "an"), ("ukulele", "a"), ("utensil", "a"),
        ("utter mess", "an"), ("once-red hat", "a"), ("onerous task", "an"), ("oneiric hat", "an"),
        ("ewe", "a"), ("honest dog", "an"), ("honey pot", "a"), ("heirloom", "an"),
        ("T-shirt", "a"), ("U-boat", "a"), ("X-ray", "an"), ("SUV", "an"), ("CD player", "a"),
        ("iPod", "an"), ("yellow hat", "a"), ("", "a"),
    ],
)  # fmt: skip
def test_the_article_follows_the_sound(words, article):
    assert indefinite_article(words) == article


def test_only_the_article_before_the_gap_is_chosen():
    assert fill("a photo of a {}", "orange hat") == "a photo of an orange hat"
    assert fill("a photo of an {}", "red hat") == "a photo of a red hat"
    assert fill("A {}!", "ice cream") == "An ice cream!"
    assert fill("a pair: the {}", "owl") == "a pair: the owl"
    assert fill("a photo of many {}", "owls and a owl") == "a photo of many owls and a owl"
    assert fill("pasta {}", "oven") == "pasta oven"
    assert fill("{}", "a orange") == "a orange"


def test_gaps_with_names_have_an_article_each():
    sentence = "a {hue} {shape} on a {floor} floor"
    assert fill(sentence, hue="indigo", shape="cube", floor="red") == (
        "an indigo cube on a red floor"
    )
    assert fill("Is a {x} like an {x}?", x="hat") == "Is a hat like a hat?"


@pytest.mark.parametrize("template", [*PAIR_CAPTIONS, *OBJECT_CAPTIONS, *ATTRIBUTE_CAPTIONS])
def test_filling_differs_from_format_in_articles_only(template):
    for words in ("orange hat", "red umbrella"):
        literal = template.format(words)
        assert fill(template, words) in (literal, literal.replace(f"a {words}", f"an {words}"))
        assert fill(template, words).count(words) == 1
    assert fill(template, "red hat") == template.format("red hat")


@pytest.mark.parametrize(
    ("attributes", "objects"),
    [
        (("red", "red brick"), ("wall", "brick wall")),
        (("Red", "red brick"), ("Wall", "brick-wall")),
        (("old", "old, grey", "old grey stone"), ("wall", "grey stone wall")),
    ],
)
def test_two_pairs_of_one_text_are_refused(attributes, objects):
    # The independent way: all texts.
    texts = [form(f"{a} {o}") for a in attributes for o in objects]
    assert len(set(texts)) < len(texts)
    with pytest.raises(ValueError, match=r"have one text, .*; leave one of these words out"):
        Vocabulary(attributes, objects)


def test_pairs_of_different_texts_are_not_refused():
    words = Vocabulary(("red", "red brick", "brick"), ("wall", "brick house", "walled brick"))
    texts = [form(text) for text in words.compositions()]
    assert len(set(texts)) == words.size
    whole = Vocabulary(tuple(CATEGORY), tuple(imagenet.objects()))
    assert len({form(text) for text in whole.compositions()}) == whole.size


@pytest.mark.parametrize(
    "names", [("T-shirt", "t shirt"), ("Red", "red"), ("a/b", "a_b"), ("caf\u00e9", "cafe\u0301")]
)
def test_words_that_differ_only_in_signs_are_refused(names):
    with pytest.raises(ValueError, match="differ only in capitals, dashes or blanks; leave one"):
        Vocabulary(names, ("cat", "dog"))
