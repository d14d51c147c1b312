"""Parsing names of folders as an attribute and an object of a vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from cood import imagenet
from cood.vocabulary import CATEGORY, Vocabulary, form

LONGEST = 200  # characters of a label
CUT_OFF = "label cut off"
TWO_READINGS = "label with two readings"


@dataclass(frozen=True)
class Lookup:
    """The words of a vocabulary by the forms in which labels may write them.

    Attributes
    ----------
    attributes, own
        The vocabulary's attribute or object for the form of each.
    synonyms
        Its object for each other name that WordNet has for it alone.
    cut_off
        Its object for each of these names without the last letter; empty if names are whole.
    any_attributes
        Forms of all attributes of the paper, also those outside the vocabulary.
    """

    attributes: dict[str, str]
    own: dict[str, str]
    synonyms: dict[str, str]
    cut_off: dict[str, str]
    any_attributes: frozenset[str]


class Label(NamedTuple):
    """What a label names, and a note if it was not certain."""

    attribute: str
    object: str
    note: str = ""


def lookup(words: Vocabulary, *, release: bool = False) -> Lookup:
    """Forms of all words of a vocabulary.

    A label may use any of the names that WordNet has for an object that is a class of ImageNet. A
    name that two classes have, such as "crane", stands for neither, even if the vocabulary has one
    of them only.

    Parameters
    ----------
    words
        The vocabulary.
    release
        Whether the labels are those of the public release, which lack the last letter of some
        names: it has an "egyptian ca" and a "lesser pand". A form that is or may be something else
        of ImageNet is left out.
    """
    own = {form(name): name for name in words.objects}
    known = set(words.objects)
    synonyms = {
        text: min(names)
        for text, names in classes_by_form().items()
        if len(names) == 1 and names <= known and text not in own
    }
    cut_off: dict[str, set[str]] = {}
    if release:
        for text, names in (
            *classes_by_form().items(),
            *((text, {name}) for text, name in own.items()),
        ):
            cut_off.setdefault(text[:-1].rstrip(), set()).update(names)
    whole = classes_by_form().keys() | own.keys() | {""}
    shortened = {
        text: min(names)
        for text, names in cut_off.items()
        if len(names) == 1 and names <= known and text not in whole
    }
    attributes = {form(name): name for name in words.attributes}
    any_attributes = frozenset(map(form, CATEGORY)) | attributes.keys()
    return Lookup(attributes, own, synonyms, shortened, any_attributes)


@cache
def classes_by_form() -> dict[str, set[str]]:
    """The classes of ImageNet, by their names in open_clip, that have each name."""
    named: dict[str, set[str]] = {}
    for name, others in imagenet.synonyms().items():
        for text in (name, *others):
            named.setdefault(form(text), set()).add(name)
    return named


def parse(label: str, words: Lookup) -> Label | str:
    """Attribute and object that a label names, or why it names none.

    A label that can be read in two ways is read with the vocabulary's own words, which is noted; if
    neither reading has these, it names none.

    Parameters
    ----------
    label
        Name of a folder.
    words
        What `lookup` gives.

    Examples
    --------
    >>> words = Vocabulary(("stained", "blue plaid"), ("polar bear", "Egyptian Mau"))
    >>> parse("Blue_plaid egyptian cat", lookup(words))
    Label(attribute='blue plaid', object='Egyptian Mau', note='')
    >>> parse("Blue_plaid egyptian ca", lookup(words, release=True)).note
    "label cut off: read as 'Egyptian Mau'"
    >>> parse("stainedblue plaid ice bear", lookup(words))
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
    read = _readings(text, begins, words)
    if read:
        return read[0] if len(read) == 1 else _one_of(read, text)
    if begins:
        return "unknown object: not in the vocabulary, or several of that name"
    if any(start in words.any_attributes for start in _starts(text)):
        return "unknown attribute: not in the vocabulary"
    for start in _starts(text):
        halves = ((start[:i], start[i:]) for i in range(1, len(start)))
        if any(a in words.any_attributes and b in words.any_attributes for a, b in halves):
            return "unknown attribute: two attributes run together"
    return "unknown attribute: not in the vocabulary"


def _readings(text: str, begins: list[str], words: Lookup) -> list[Label]:
    """Every way to read a label; those with the vocabulary's own words first."""
    found = []
    for objects in (words.own, words.synonyms, words.cut_off):
        for start in begins:
            object_ = objects.get(text[len(start) :].strip())
            if object_ is not None:
                note = f"{CUT_OFF}: read as {object_!r}" if objects is words.cut_off else ""
                found.append(Label(words.attributes[start], object_, note))
    return found


def _one_of(read: list[Label], text: str) -> Label | str:
    """The reading with the vocabulary's own words, of which no two pairs have one text."""
    named = " or ".join(f"{label.attribute!r} with {label.object!r}" for label in read)
    first = read[0]
    if form(f"{first.attribute} {first.object}") != text:
        return f"two readings: {named}"
    return first._replace(note=f"{TWO_READINGS}: {named}")


def _starts(text: str) -> list[str]:
    # The first words of a text, from most to fewest.
    parts = text.split()
    return [" ".join(parts[:n]) for n in range(len(parts), 0, -1)]
