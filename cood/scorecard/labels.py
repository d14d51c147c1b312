"""Reading names of folders as an attribute and an object, whatever the words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cood import imagenet
from cood.synthesis.external.folder_names import LONGEST
from cood.vocabulary import CATEGORY

SEPARATOR = ","
Pair = tuple[str, str]


def split_labels(labels: Iterable[str]) -> dict[str, Pair | str]:
    """Attribute and object that each label names, or why it names none.

    Words are separated by blanks or underscores, and two of them are an attribute and an object.
    Of more words, the first are the attribute: as many as make a word that another label has, or
    that the paper has; if none does, one. Attributes and objects are compared without regard to
    capitals. A comma settles it: ``moss covered, polar bear``.

    Parameters
    ----------
    labels
        Names of folders.

    Examples
    --------
    >>> split_labels(["rotten apple", "Rotten Granny Smith", "very old, dog", "apple"])
    ... # doctest: +NORMALIZE_WHITESPACE
    {'rotten apple': ('rotten', 'apple'),
     'Rotten Granny Smith': ('rotten', 'Granny Smith'),
     'very old, dog': ('very old', 'dog'),
     'apple': 'bad label: one word, and an attribute and an object are needed'}
    """
    names = list(dict.fromkeys(labels))
    candidates = {label: _candidates(label) for label in names}
    certain = [pairs[0] for pairs in candidates.values() if len(pairs) == 1]
    attributes = {_key(word) for word, _ in certain} | {_key(word) for word in CATEGORY}
    objects = {_key(word) for _, word in certain} | {_key(word) for word in imagenet.objects()}

    def likelihood(pair: Pair) -> tuple[int, bool, int]:
        attribute, object_ = (_key(pair[0]) in attributes), (_key(pair[1]) in objects)
        length = len(pair[0].split())
        return attribute + object_, attribute, length if attribute else -length

    chosen = {label: max(pairs, key=likelihood) for label, pairs in candidates.items() if pairs}
    spelled = [_spelling(pair[side] for pair in chosen.values()) for side in (0, 1)]
    return {
        label: (spelled[0][_key(chosen[label][0])], spelled[1][_key(chosen[label][1])])
        if label in chosen
        else _fault(label)
        for label in names
    }


def _candidates(label: str) -> list[Pair]:
    """Every way to read a label; none if it names no attribute and object."""
    if len(label) > LONGEST or not label.isprintable():
        return []
    if SEPARATOR in label:
        attribute, object_ = (_words(part) for part in label.split(SEPARATOR, 1))
        return [(" ".join(attribute), " ".join(object_))] if attribute and object_ else []
    words = _words(label)
    return [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]


def _words(text: str) -> list[str]:
    return re.split(r"[\s_]+", text.strip(" _\t")) if text.strip(" _\t") else []


def _fault(label: str) -> str:
    if not label:
        return "bad label: the file lies in no folder named by an attribute and an object"
    if len(label) > LONGEST:
        return f"bad label: longer than {LONGEST} characters"
    if not label.isprintable():
        return "bad label: it holds a character that cannot be printed"
    return "bad label: one word, and an attribute and an object are needed"


def _key(word: str) -> str:
    return word.casefold()


def _spelling(words: Iterator[str]) -> dict[str, str]:
    """One spelling of each word: without capitals if some label writes it so."""
    spelled: dict[str, str] = {}
    for word in sorted(set(words), reverse=True):  # capitals come before small letters
        spelled.setdefault(_key(word), word)
    return spelled
