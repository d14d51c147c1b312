"""Parsing names of folders as an attribute and an object of a vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cood import imagenet
from cood.vocabulary import CATEGORY, Vocabulary

LONGEST = 200  # characters of a label


@dataclass(frozen=True)
class Lookup:
    """The words of a vocabulary by the forms in which labels may write them.

    Attributes
    ----------
    attributes, objects
        The vocabulary's word for each form.
    any_attributes
        Forms of all attributes of the paper, also those outside the vocabulary.
    """

    attributes: dict[str, str]
    objects: dict[str, str]
    any_attributes: frozenset[str]


def lookup(words: Vocabulary) -> Lookup:
    """Forms of all words of a vocabulary.

    A label may use any of the names that WordNet has for an object that is a class of ImageNet,
    and may lack the last letter of a name: the public release has an "egyptian ca" and a "lesser
    pand". Forms that fit two objects are left out.
    """
    own = {form(name): name for name in words.objects}
    synonyms = imagenet.synonyms()
    others = [(form(s), name) for name in words.objects for s in synonyms.get(name, ())]
    named = _unambiguous(others) | own
    shortened = [(text[:-1].rstrip(), name) for text, name in named.items()]
    objects = {text: name for text, name in _unambiguous(shortened).items() if text} | named
    attributes = {form(name): name for name in words.attributes}
    return Lookup(attributes, objects, frozenset(map(form, CATEGORY)) | attributes.keys())


def form(text: str) -> str:
    """Form in which words are compared: lower case, underscores, hyphens and slashes as blanks.

    Examples
    --------
    >>> form("Blue_plaid  T-shirt")
    'blue plaid t shirt'
    """
    for sign in "_-/":
        text = text.replace(sign, " ")
    return " ".join(text.casefold().split())


def parse(label: str, words: Lookup) -> tuple[str, str] | str:
    """Attribute and object that a label names, or why it names none.

    If a label may begin with several attributes, the longest that leaves an object is taken: "red
    brick castle" is a castle of red brick.

    Parameters
    ----------
    label
        Name of a folder.
    words
        What `lookup` gives.

    Examples
    --------
    >>> words = lookup(Vocabulary(("stained", "blue plaid"), ("polar bear", "Egyptian Mau")))
    >>> parse("Blue_plaid egyptian ca", words)
    ('blue plaid', 'Egyptian Mau')
    >>> parse("stainedblue plaid ice bear", words)
    'unknown attribute: two attributes run together'
    """
    if len(label) > LONGEST:
        return f"bad label: longer than {LONGEST} characters"
    if not label.isprintable():
        return "bad label: it holds a character that cannot be printed"
    text = form(label)
    if not text:
        return "bad label: empty"
    begins = [start for start in _starts(text) if start in words.attributes]
    for start in begins:
        object_ = words.objects.get(text[len(start) :].strip())
        if object_ is not None:
            return words.attributes[start], object_
    if begins:
        return "unknown object: not in the vocabulary, or several of that name"
    if any(start in words.any_attributes for start in _starts(text)):
        return "unknown attribute: not in the vocabulary"
    for start in _starts(text):
        halves = ((start[:i], start[i:]) for i in range(1, len(start)))
        if any(a in words.any_attributes and b in words.any_attributes for a, b in halves):
            return "unknown attribute: two attributes run together"
    return "unknown attribute: not in the vocabulary"


def _starts(text: str) -> list[str]:
    # The first words of a text, from most to fewest.
    parts = text.split()
    return [" ".join(parts[:n]) for n in range(len(parts), 0, -1)]


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    distinct = set(pairs)
    count = Counter(text for text, _ in distinct)
    return {text: name for text, name in sorted(distinct) if count[text] == 1}
