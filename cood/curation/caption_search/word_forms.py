"""The forms of words that are searched in captions, by our rules and by the authors'."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from cood.vocabulary import Vocabulary

if TYPE_CHECKING:
    import inflect

# Plurals of opus, stamen, mine and corps, which captions use for something else.
OTHER_WORDS = frozenset({"opera", "stamina", "ours", "corpses"})

# Signs that captions have for others: typographic apostrophes and hyphens, accents beside their
# letters, and the soft hyphen, which is not seen.
OTHERS: dict[str, tuple[str, ...]] = {
    "'": ("\u2019", "\u2018", "\u02bc", "\uff07", "\u00b4", "`"),
    "-": ("\u2010", "\u2011", "\uff0d"),
    "": ("\u00ad",),
}
# With the marks that are put on letters, as macOS writes accents.
OTHER_SIGNS = [*(o for others in OTHERS.values() for o in others), *map(chr, range(0x300, 0x370))]

# How the words of a pair must occur in a caption for it to count:
# faithful  both as parts of the text, the first two words of "attribute object" (the authors' way)
# strict    both as whole words, the full name or its plural, each in a place of its own
# adjacent  the same, and the attribute directly before the object
RULES = ("faithful", "strict", "adjacent")


@dataclass(frozen=True)
class Meaning:
    """Which words each pattern stands for: those of pattern p are `ids[start[p]:start[p + 1]]`."""

    start: np.ndarray
    ids: np.ndarray

    @property
    def has_word(self) -> np.ndarray:
        """Mask [patterns] of those that stand for any word."""
        return np.diff(self.start) > 0

    def of(self, patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For patterns [n]: rows [m] of those that stand for a word, and the words' ids [m]."""
        rows, within = each(self.start[patterns + 1] - self.start[patterns])
        return rows, self.ids[self.start[patterns[rows]] + within]


@dataclass(frozen=True)
class Search:
    """What to search for in lower-cased text, and which words a hit means.

    Attributes
    ----------
    patterns
        Texts, each once.
    lengths
        Their lengths in bytes.
    attribute, object
        Which attributes and objects a pattern is a form of, for the rules of whole words.
    first, second
        Which first and second word of a composition's name it is, for the faithful rule.
    firsts, seconds
        Of each composition, the ids of its first and second word.
    objects
        Number of objects.
    """

    patterns: list[str]
    lengths: np.ndarray
    attribute: Meaning
    object: Meaning
    first: Meaning
    second: Meaning
    firsts: np.ndarray
    seconds: np.ndarray
    objects: int

    @property
    def width(self) -> int:
        """Number of distinct second words."""
        return int(self.seconds.max()) + 1

    @property
    def keys(self) -> dict[str, np.ndarray]:
        """For each rule, the key [compositions] under which the captions of a pair are counted.

        The faithful rule cannot distinguish pairs whose names begin with the same two words.
        """
        own = np.arange(len(self.firsts))
        shared = self.firsts * self.width + self.seconds
        return {"faithful": shared, "strict": own, "adjacent": own}

    @property
    def sizes(self) -> dict[str, int]:
        """For each rule, one more than its largest key can be."""
        n = len(self.firsts)
        shared = (int(self.firsts.max()) + 1) * self.width
        return {"faithful": shared, "strict": n, "adjacent": n}


def search_for(words: Vocabulary) -> Search:
    """The search for all compositions of a vocabulary."""
    tokens = [plain_signs(name).split()[:2] for name in words.compositions()]
    firsts, first_ids = np.unique([t[0] for t in tokens], return_inverse=True)
    seconds, second_ids = np.unique([t[1] for t in tokens], return_inverse=True)
    forms = [
        [(form, i) for i, name in enumerate(words.attributes) for form in written(name)],
        [(form, i) for i, name in enumerate(words.objects) for form in written(name, plural=True)],
        [(str(text), i) for i, text in enumerate(firsts)],
        [(str(text), i) for i, text in enumerate(seconds)],
    ]
    patterns = sorted({form for role in forms for form, _ in role})
    place = {pattern: i for i, pattern in enumerate(patterns)}
    attribute, object_, first, second = (_meaning(place, role) for role in forms)
    lengths = np.array([len(pattern.encode()) for pattern in patterns])
    return Search(
        patterns=patterns,
        lengths=lengths,
        attribute=attribute,
        object=object_,
        first=first,
        second=second,
        firsts=first_ids,
        seconds=second_ids,
        objects=len(words.objects),
    )


def plain_signs(name: str) -> str:
    """A name in lower case with the accents, apostrophes and hyphens that are searched."""
    text = unicodedata.normalize("NFC", name.lower())
    for sign, others in OTHERS.items():
        for other in others:
            text = text.replace(other, sign)
    return text


def written(name: str, plural: bool = False) -> set[str]:
    """Forms in which a name is written in captions, in lower case.

    Blanks may be hyphens or underscores, and hyphens blanks. Explanations in brackets are left
    out, and names separated by " / " are alternatives. Plurals are those of the package `inflect`,
    modern and classical, and the regular one.

    Examples
    --------
    >>> sorted(written("T-shirt", plural=True))
    ['t shirt', 't shirts', 't-shirt', 't-shirts', 't_shirt', 't_shirts']
    >>> sorted(written("ram (adult male sheep)", plural=True))
    ['ram', 'rams']
    >>> sorted(written("cactus", plural=True))
    ['cacti', 'cactus', 'cactuses']
    """
    forms = set()
    for part in re.sub(r"\(.*?\)", " ", plain_signs(name)).split(" / "):
        bare = " ".join(part.split()) or plain_signs(name)
        for form in {bare, *(_plurals(bare) if plural else ())}:
            spaced = form.replace("-", " ")
            forms |= {form, form.replace(" ", "-"), spaced, spaced.replace(" ", "_")}
    return forms


def _plurals(name: str) -> set[str]:
    nouns = {str(engine.plural_noun(name) or name).lower() for engine in _engines()}
    return {_regular_plural(name), *nouns} - OTHER_WORDS


@cache
def _engines() -> tuple[inflect.engine, ...]:
    import inflect  # half a second

    modern, classical = inflect.engine(), inflect.engine()
    classical.classical(all=True)
    return modern, classical


def _regular_plural(name: str) -> str:
    if re.search(r"(s|x|z|ch|sh)$", name):
        return f"{name}es"
    return re.sub(r"(?<=[^aeiou])y$", "ie", name) + "s"


def _meaning(place: dict[str, int], forms: Iterable[tuple[str, int]]) -> Meaning:
    pairs = np.array(sorted({(place[form], i) for form, i in forms}))
    return Meaning(np.searchsorted(pairs[:, 0], np.arange(len(place) + 1)), pairs[:, 1])


def each(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers [sum], each repeated `counts` [n] times, and the place within its row."""
    rows = np.repeat(np.arange(len(counts)), counts)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
