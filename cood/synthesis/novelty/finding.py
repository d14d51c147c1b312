"""Finding the words of all pairs in a batch of captions at once.

Aho and Corasick's automaton finds all words in one pass over the text; pairs are then formed among
the words that one caption holds. So the time hangs on the text, not on the number of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cood.synthesis.novelty.words import Meaning, Search, each

if TYPE_CHECKING:
    import polars as pl

JOINTS = np.frombuffer(b" -_", np.uint8)  # what may stand between two words that belong together

# Bytes that continue a word: letters, digits, and the first byte in UTF-8 of U+00C0 to U+1FFF, the
# letters of scripts that put blanks between words. Typographic marks, emoji and Chinese do not.
_IN_WORD = np.zeros(256, dtype=bool)
_IN_WORD[np.frombuffer(b"abcdefghijklmnopqrstuvwxyz0123456789", np.uint8)] = True
_IN_WORD[0xC3:0xE2] = True


@dataclass(frozen=True)
class Hits:
    """Patterns found: in which caption, which, and where in the text of the batch [bytes]."""

    text: np.ndarray
    caption: np.ndarray
    pattern: np.ndarray
    start: np.ndarray
    end: np.ndarray
    opens: np.ndarray
    closes: np.ndarray

    def only(self, chosen: np.ndarray) -> Hits:
        """Some of the hits, by number or by a mask."""
        columns = (self.caption, self.pattern, self.start, self.end, self.opens, self.closes)
        return Hits(self.text, *(column[chosen] for column in columns))


def find_pairs(captions: pl.Series, search: Search) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Which pairs each caption of a batch names, by each rule.

    Parameters
    ----------
    captions
        Text without nulls, n captions.
    search
        What to look for.

    Returns
    -------
    dict
        For each rule the captions [m], as numbers below n in rising order, and the keys [m] of
        the pairs that they name (see `Search.keys`); each combination once.
    """
    hits = _find(captions, search)
    first_words, second_words = _both(hits, search.first, search.second)
    i, j = _matches(first_words[0], second_words[0])
    faithful = first_words[0][i], first_words[1][i] * search.width + second_words[1][j]
    whole = hits.only(_whole(hits))
    attribute, object_ = (_longest(whole, m) for m in (search.attribute, search.object))
    i, j = _matches(attribute[0].caption, object_[0].caption)
    first, second = attribute[0].only(i), object_[0].only(j)
    pair = attribute[1][i] * search.objects + object_[1][j]
    size = search.sizes["strict"]
    apart = (first.end <= second.start) | (second.end <= first.start)
    strict = _distinct(first.caption[apart], pair[apart], size)
    joint = np.minimum(first.end, len(hits.text) - 1)
    directly = (first.end + 1 == second.start) & np.isin(hits.text[joint], JOINTS)
    adjacent = _distinct(first.caption[directly], pair[directly], size)
    return {"faithful": faithful, "strict": strict, "adjacent": adjacent}


def _find(captions: pl.Series, search: Search) -> Hits:
    import polars as pl

    lower = captions.str.to_lowercase()
    places = lower.str.find_many(search.patterns, overlapping=True)
    counts = places.list.len()
    some = counts > 0
    # The second pass, for which pattern it was, needs to see only the captions with a hit.
    names = lower.filter(some).str.extract_many(search.patterns, overlapping=True)
    number = names.explode().cast(pl.Enum(search.patterns)).to_physical().to_numpy()
    pattern = number.astype(np.int64)
    within = places.filter(some).explode().to_numpy().astype(np.int64)
    caption, _ = each(counts.to_numpy())
    array = lower.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    edges = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    text = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    opens, closes = edges[caption], edges[caption + 1]
    start = opens + within
    return Hits(text, caption, pattern, start, start + search.lengths[pattern], opens, closes)


def _whole(hits: Hits) -> np.ndarray:
    # Is the match bounded by what is no part of a word?
    before = hits.start - 1
    for _ in range(3):  # back to the first byte of a character of several
        inside = (before >= hits.opens) & (hits.text[before] & 0xC0 == 0x80)
        before = before - inside
    left = (before < hits.opens) | ~_IN_WORD[hits.text[before]]
    after = np.minimum(hits.end, len(hits.text) - 1)
    return left & ((hits.end >= hits.closes) | ~_IN_WORD[hits.text[after]])


def _longest(hits: Hits, meaning: Meaning) -> tuple[Hits, np.ndarray]:
    # The hits of one kind of word, and its ids. A place belongs to the longest name that covers
    # it: "hot dog" is no dog, if both are looked for.
    hits = hits.only(meaning.start[hits.pattern + 1] > meaning.start[hits.pattern])
    hits = hits.only(np.lexsort((-hits.end, hits.start)))
    reached = np.maximum.accumulate(hits.end)
    inside = np.zeros(len(reached), dtype=bool)
    inside[1:] = reached[:-1] >= hits.end[1:]
    hits = hits.only(~inside)
    rows, ids = meaning.of(hits.pattern)
    return hits.only(rows), ids


Words = tuple[np.ndarray, np.ndarray]  # captions and ids, in the order of captions


def _both(hits: Hits, first: Meaning, second: Meaning) -> tuple[Words, Words]:
    # The first and the second words of captions that hold some of both, each once.
    (rows, ids), (other_rows, other_ids) = first.of(hits.pattern), second.of(hits.pattern)
    caption, other = hits.caption[rows], hits.caption[other_rows]
    marks = np.zeros((2, 1 + int(hits.caption.max(initial=0))), dtype=bool)
    marks[0, caption] = True
    marks[1, other] = True
    both = marks[0] & marks[1]
    kept, other_kept = both[caption], both[other]
    return (
        _distinct(caption[kept], ids[kept], len(first.ids)),
        _distinct(other[other_kept], other_ids[other_kept], len(second.ids)),
    )


def _matches(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # All combinations of a row of `left` and one of `right` of the same caption; `right` sorted.
    start = np.searchsorted(right, left, "left")
    rows, within = each(np.searchsorted(right, left, "right") - start)
    return rows, start[rows] + within


def _distinct(captions: np.ndarray, ids: np.ndarray, size: int) -> Words:
    # By sorting, which is several times faster here than `np.unique`.
    found = np.sort(captions * size + ids)
    found = found[np.diff(found, prepend=-1) > 0]
    caption = found // size
    return caption, found - caption * size
