"""Reading names of folders as an attribute and an object, whatever the words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from cood import imagenet
from cood.synthesis.external.folder_names import LONGEST, Label, classes_by_form
from cood.vocabulary import CATEGORY, form

SEPARATOR = ","
DIVIDED = "label divided by a guess"
ONE_OBJECT = "label that is the name of one object"
NO_WORD = "label with a number or sign for a word"
OTHER_ORDER = "label that may name the object first"
Pair = tuple[str, str]


def split_labels(labels: Iterable[str]) -> dict[str, Label | str]:
    """Attribute and object that each label names, or why it names none.

    Words are separated by blanks or underscores, and two of them are an attribute and an object.
    Of more words, the first are the attribute: as many as make a word that another label has, or
    that the paper has; if none does, one. It is noted if the words do not settle this. Attributes
    and objects are compared without regard to capitals, dashes and how accents are encoded. A comma
    settles it: ``moss covered, polar bear``.

    Parameters
    ----------
    labels
        Names of folders.

    Examples
    --------
    >>> found = split_labels(["rotten apple", "Rotten Granny Smith", "very old, dog", "apple"])
    >>> found["Rotten Granny Smith"][:2], found["very old, dog"][:2]
    (('rotten', 'Granny Smith'), ('very old', 'dog'))
    >>> found["apple"]
    'bad label: one word, and an attribute and an object are needed'
    >>> split_labels(["odd new thing"])["odd new thing"].note
    "label divided by a guess: 'odd' and 'new thing'"
    """
    names = list(dict.fromkeys(labels))
    candidates = {label: _candidates(label) for label in names}
    certain = [pairs[0] for pairs in candidates.values() if len(pairs) == 1]
    attributes = {form(word) for word, _ in certain} | {form(word) for word in CATEGORY}
    objects = {form(word) for _, word in certain} | {form(word) for word in imagenet.objects()}

    def known(pair: Pair) -> tuple[bool, bool]:
        return form(pair[0]) in attributes, form(pair[1]) in objects

    def likelihood(pair: Pair) -> tuple[int, bool, int]:
        attribute, object_ = known(pair)
        length = len(pair[0].split())
        return attribute + object_, attribute, length if attribute else -length

    chosen = {label: max(pairs, key=likelihood) for label, pairs in candidates.items() if pairs}
    spelled = [_spelling(pair[side] for pair in chosen.values()) for side in (0, 1)]
    found: dict[str, Label | str] = {}
    for label in names:
        if label not in chosen:
            found[label] = _fault(label)
            continue
        attribute, object_ = (
            words[form(word)] for words, word in zip(spelled, chosen[label], strict=True)
        )
        settled = [all(known(one)) for one in candidates[label]]
        note = _note(label, (attribute, object_), len(settled) == 1 or sum(settled) == 1)
        found[label] = Label(attribute, object_, note)
    return found


def _note(label: str, pair: Pair, settled: bool) -> str:
    """A note if a label can be read otherwise."""
    if not settled:
        return f"{DIVIDED}: {pair[0]!r} and {pair[1]!r}"
    if not all(map(_is_word, pair)):
        return f"{NO_WORD}: {pair[0]!r} and {pair[1]!r}"
    first, second = map(form, pair)
    if second in _attributes_of_the_paper() and first not in _attributes_of_the_paper():
        return f"{OTHER_ORDER}: read as the attribute {pair[0]!r} and the object {pair[1]!r}"
    if SEPARATOR not in label and form(label) in classes_by_form():
        return f"{ONE_OBJECT}: read as {pair[0]!r} and {pair[1]!r}"
    return ""


def _is_word(text: str) -> bool:
    """Whether a text has a letter, is no WordNet id and holds no sign that parts words."""
    plain = any(sign.isalpha() for sign in text) and not re.search(r"[;:=&+%]", text)
    return plain and not re.fullmatch(r"n\d{8}", text)


@cache
def _attributes_of_the_paper() -> frozenset[str]:
    return frozenset(map(form, CATEGORY))


def _candidates(label: str) -> list[Pair]:
    """Every way to read a label; none if it names no attribute and object."""
    if len(label) > LONGEST or not label.isprintable():
        return []
    if SEPARATOR in label:
        halves = [tuple(_words(part) for part in label.split(SEPARATOR, 1))]
    else:
        words = _words(label)
        halves = [(words[:n], words[n:]) for n in range(1, len(words))]
    return [(" ".join(left), " ".join(right)) for left, right in halves if left and right]


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s_]+", text) if form(word)]  # not "-" alone


def _fault(label: str) -> str:
    if not label:
        return "bad label: the file lies in no folder named by an attribute and an object"
    if len(label) > LONGEST:
        return f"bad label: longer than {LONGEST} characters"
    if not label.isprintable():
        return "bad label: it holds a character that cannot be printed"
    return "bad label: one word, and an attribute and an object are needed"


def _spelling(words: Iterator[str]) -> dict[str, str]:
    """One spelling of each word: without capitals if some label writes it so."""
    spelled: dict[str, str] = {}
    for word in sorted(set(words), reverse=True):  # capitals come before small letters
        spelled.setdefault(form(word), word)
    return spelled
