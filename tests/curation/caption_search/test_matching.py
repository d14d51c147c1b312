import re

import numpy as np
import polars as pl
import pytest

from cood.curation.caption_search.matching import find_pairs
from cood.curation.caption_search.word_forms import search_for, written
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(
    ("red", "blue", "blue plaid", "moss covered", "orange", "tan"),
    ("apple", "hat", "dog", "hot dog", "orange", "red fox", "traffic light", "T-shirt", "bus"),
)
SEARCH = search_for(WORDS)


def found(captions, words=WORDS):
    """By rule, the names of the pairs that each caption names."""
    search = search_for(words)
    names = np.array(words.compositions())
    result = {}
    for rule, (rows, keys) in find_pairs(pl.Series(captions), search).items():
        of_key = search.keys[rule]
        result[rule] = [
            {n for k in keys[rows == i] for n in names[of_key == k]} for i in range(len(captions))
        ]
    return result


def authors(caption, words=WORDS):
    """What the published filter drops, as it is written there."""
    hit = set()
    for name in words.compositions():
        word1, word2 = name.lower().split()[0], name.lower().split()[1]
        if word1 in caption.lower() and word2 in caption.lower():
            hit.add(name)
    return hit


LETTER = "[a-z0-9\u00c0-\u1fff]"


def spans(caption, names, plural):
    """Places of whole names, by regular expressions; the longest of those at one place."""
    places = []
    for name in names:
        for form in written(name, plural):
            pattern = rf"(?<!{LETTER})(?=({re.escape(form)})(?!{LETTER}))"
            places += [(m.start(1), m.end(1), name) for m in re.finditer(pattern, caption)]
    return [
        (a, b, name)
        for a, b, name in places
        if not any(c <= a and b <= d and d - c > b - a for c, d, _ in places)
    ]


def whole(caption, words=WORDS):
    """Pairs by `strict` and by `adjacent`."""
    lower = re.sub(r"\s+", " ", caption.lower())
    strict, adjacent = set(), set()
    for a, b, attribute in spans(lower, words.attributes, plural=False):
        for c, d, object_ in spans(lower, words.objects, plural=True):
            if b <= c or d <= a:
                strict.add(f"{attribute} {object_}")
            if b + 1 == c and lower[b] in " -_":
                adjacent.add(f"{attribute} {object_}")
    return strict, adjacent


def test_it_agrees_with_loops_over_captions_and_pairs():
    rng = np.random.default_rng(0)
    bits = [*WORDS.attributes, *WORDS.objects, "a", "the", "hundred", "apples", "foxes", "buses"]
    bits += ["Traffic-Light", "RED", "standing", "hats", "t shirt", "chat", "café", "rötan", "赤"]
    joints = [" ", " ", " ", "-", "_", ", ", "", " - ", "—", "é", "\n", "🍎", "\u2019", "。", "İ"]
    captions = []
    for _ in range(2500):
        n = rng.integers(0, 8)
        parts = zip(rng.choice(bits, n), rng.choice(joints, n), strict=True)
        captions.append("".join(word + joint for word, joint in parts))
    result = found(captions)
    hits = 0
    for i, caption in enumerate(captions):
        strict, adjacent = whole(caption)
        assert result["faithful"][i] == authors(caption), caption
        assert result["strict"][i] == strict, caption
        assert result["adjacent"][i] == adjacent, caption
        hits += len(adjacent)
    assert hits > 150


@pytest.mark.parametrize(
    ("caption", "faithful", "strict", "adjacent"),
    [
        ("A Red Apple", 1, 1, 1),
        ("two red apples.", 1, 1, 1),
        ("the apple is red", 1, 1, 0),  # predicates are not counted as adjacent
        ("a red, ripe apple", 1, 1, 0),
        ("hundred pineapples", 1, 0, 0),
        ("red-apple_pie", 1, 1, 1),
        ("red2 apple", 1, 0, 0),
        ("éred apple", 1, 0, 0),
        ("red—apple", 1, 1, 0),
        ("“red” apple", 1, 1, 0),
        ("redapple", 1, 0, 0),
        ("red red apple apple", 1, 1, 1),
        ("", 0, 0, 0),
    ],
)
def test_one_pair(caption, faithful, strict, adjacent):
    result = found([caption])
    expected = {"faithful": faithful, "strict": strict, "adjacent": adjacent}
    assert {rule: int("red apple" in names[0]) for rule, names in result.items()} == expected


def test_one_place_stands_for_one_word():
    result = found(["an orange", "an orange orange", "a red fox", "a red red fox", "a red hot dog"])
    assert result["strict"][0] == set()
    assert result["strict"][1] == {"orange orange"}
    assert result["strict"][2] == set()
    assert result["adjacent"][3] == {"red red fox"}
    assert result["strict"][4] == {"red hot dog"}
    assert "orange orange" in result["faithful"][0]


def test_a_place_belongs_to_the_longest_name():
    result = found(["a blue plaid hat", "a hot dog, a red dog"])
    assert result["strict"][0] == {"blue plaid hat"}
    assert result["strict"][1] == {"red hot dog", "red dog"}
    assert result["adjacent"][1] == {"red dog"}


def test_only_the_first_word_of_an_object_counts_for_the_authors():
    result = found(["heavy traffic on a red bridge", "moss covered"])
    assert result["faithful"][0] == {"red traffic light", "red red fox"}
    covered = {f"moss covered {o}" for o in WORDS.objects}
    assert result["faithful"][1] == covered | {"red red fox"}  # "red" is a part of "covered"
    assert result["strict"] == [set(), set()]


def test_captions_without_any_word():
    for rows, keys in find_pairs(pl.Series(["nothing", "", "none here"]), SEARCH).values():
        assert len(rows) == len(keys) == 0


def test_each_caption_counts_once_and_in_order():
    captions = ["red apple red apple", "x", "an apple, red and blue"] * 3
    for rows, keys in find_pairs(pl.Series(captions), SEARCH).values():
        assert len(set(zip(rows.tolist(), keys.tolist(), strict=True))) == len(rows)
        assert (np.diff(rows) >= 0).all()


BLANKS = [chr(c) for c in range(0x110000) if chr(c).isspace() and not 0x1C <= c <= 0x1F]


@pytest.mark.parametrize(
    ("caption", "pair"),
    [
        ("a red traffic_light", "red traffic light"),
        ("a red t&#45;shirt", "red T-shirt"),
        ("a red t\uff0dshirt", "red T-shirt"),
        ("a red &amp;quot;apple&amp;quot;", "red apple"),
        ("AT&T shows a red apple & a dog; &unknown;", "red apple"),
    ],
)
def test_other_writings_of_names_and_signs(caption, pair):
    words = Vocabulary(("red", "blue"), ("apple", "traffic light", "T-shirt"))
    matched = find_pairs(pl.Series([caption]), search_for(words))
    names = [words.compositions()[key] for key in matched["strict"][1]]
    assert names == [pair]


@pytest.mark.parametrize(
    "blank", [*BLANKS, "  ", "\r\n", "&nbsp;", "&NBSP;", "&#160;", "&amp;nbsp;", "\u200b"]
)
def test_all_white_space_parts_words(blank):
    text = ["a red apple", "a blue plaid hot dog", "two red traffic lights"]
    for captions in (text, [text[0], *(t.replace(" ", blank) for t in text[1:])]):
        names = [{"red apple"}, {"blue plaid hot dog"}, {"red traffic light"}]
        matched = found(captions)
        assert matched["strict"] == matched["adjacent"] == names
    kept = pl.Series(["a red\u00a0apple"])
    find_pairs(kept, SEARCH)
    assert kept.to_list() == ["a red\u00a0apple"]


@pytest.mark.parametrize(
    "caption",
    [
        "a red\u200bapple",
        "a red&ensp;apple",
        "a red&#8195;apple",
        "a red\u2060 apple",
        "a red ap\u00adple",
        "a re\u200ed\u200e apple".replace("\u200e", ""),
        "a red\x1fapple",
    ],
)
def test_signs_that_are_not_seen_part_words_or_do_nothing(caption):
    assert found([caption])["adjacent"] == [{"red apple"}]


@pytest.mark.parametrize(
    "caption",
    ["a red cre\u0302pe", "a red crêpe", "red jack-o\u2019-lantern", "red jack-o&#39;-lantern"],
)
def test_accents_and_apostrophes_in_any_form(caption):
    words = Vocabulary(("red", "blue"), ("crêpe", "jack-o'-lantern"))
    assert len(found([caption], words)["strict"][0]) == 1
