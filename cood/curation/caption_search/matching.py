"""Finding the words of all pairs in a batch of captions at once.

Aho and Corasick's automaton finds all words in one pass over the text; pairs are then formed among
the words of one caption. So the time depends on the text, not on the number of pairs.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cood.curation.caption_search.word_forms import OTHER_SIGNS, OTHERS, Meaning, Search, each

if TYPE_CHECKING:
    import polars as pl

# A sign as HTML writes it: `&#39;`, `&nbsp;`; some captions have it encoded twice (`&amp;nbsp;`).
ENTITY = re.compile(r"&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z]\w{1,30});|&nbsp\b")
# The zero width space parts words too; the byte order mark within a text was such a space once.
# So do its kin, and marks of direction.
WHITE_SPACE = r"[\s\x{1c}-\x{1f}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2064}\x{feff}]+"
OTHER_BLANKS = [
    "  ",
    *map(chr, (0x1C, 0x1D, 0x1E, 0x1F, *range(0x200C, 0x2010), *range(0x202A, 0x202F))),
    *map(chr, range(0x2060, 0x2065)),
    *"\t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff",
    *map(chr, range(0x2000, 0x200C)),
]
JOINTS = np.frombuffer(b" -_", np.uint8)  # what may join two words that belong together

# Bytes that continue a word: letters, digits, and the first byte in UTF-8 of U+00C0 to U+1FFF, the
# letters of scripts with blanks between words. Typographic marks, emoji and Chinese do not.
_IN_WORD = np.zeros(256, dtype=bool)
_IN_WORD[np.frombuffer(b"abcdefghijklmnopqrstuvwxyz0123456789", np.uint8)] = True
_IN_WORD[0xC3:0xE2] = True


Words = tuple[np.ndarray, np.ndarray]  # captions and ids [m], in the order of captions


@dataclass(frozen=True)
class Hits:
    """Patterns in captions: numbers of caption and pattern, first byte and end in the text."""

    caption: np.ndarray
    pattern: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def only(self, chosen: np.ndarray) -> Hits:
        """Some of the hits, by number or by a mask."""
        columns = (self.caption, self.pattern, self.start, self.end)
        return Hits(*(column[chosen] for column in columns))


def find_pairs(captions: pl.Series, search: Search) -> dict[str, Words]:
    """Which pairs each caption of a batch names, by each rule.

    Parameters
    ----------
    captions
        Text without nulls, n captions.
    search
        What to search for.

    Returns
    -------
    dict
        For each rule the captions [m], as numbers below n in rising order, and the keys [m] of
        the pairs that they name (see `Search.keys`); each combination once.
    """
    import polars as pl

    lower = without_html(captions.str.to_lowercase())
    lower = with_single_blanks(with_plain_signs(lower))
    names = lower.str.extract_many(search.patterns, overlapping=True)
    caption, _ = each(names.list.len().to_numpy())
    numbers = names.explode(empty_as_null=False).cast(pl.Enum(search.patterns)).to_physical()
    pattern = numbers.to_numpy().astype(np.int64)
    # Places matter only in captions that hold both an attribute and an object.
    rich = _with_both(caption, pattern, search.attribute, search.object, len(captions))
    chosen = rich[caption]
    hits, text = _placed(lower.filter(rich), caption[chosen], pattern[chosen], search)
    faithful = _faithful(caption, pattern, search, len(captions))
    return {"faithful": faithful, **_whole_words(hits, text, search)}


def without_html(text: pl.Series) -> pl.Series:
    """Lower-cased text with the signs that HTML writes as `&...;`.

    Examples
    --------
    >>> import polars as pl
    >>> without_html(pl.Series(["jack&#039;s", "cr&ecirc;pe &amp;amp; tea", "plain"])).to_list()
    ["jack's", 'crêpe & tea', 'plain']
    """

    def read(some: pl.Series) -> list[str]:
        lines = some.to_list()
        for _ in range(2):
            lines = [ENTITY.sub(lambda s: html.unescape(s[0]).lower(), line) for line in lines]
        return lines

    return _changed(text, text.str.contains("&", literal=True).arg_true(), read)


def with_plain_signs(text: pl.Series) -> pl.Series:
    """Text with accents, apostrophes and hyphens as the vocabulary writes them (`plain_signs`).

    Examples
    --------
    >>> import polars as pl
    >>> with_plain_signs(pl.Series(["a jack-o\u2019-lantern", "cre\u0302pe", "plain"])).to_list()
    ["a jack-o'-lantern", 'crêpe', 'plain']
    """
    # Most captions are ASCII without such a sign, which is seen sooner.
    odd = (text.str.len_bytes() != text.str.len_chars()) | text.str.contains("`", literal=True)
    rows = odd.arg_true()
    rows = rows.gather(text.gather(rows).str.contains_any(OTHER_SIGNS).arg_true())

    def plain(some: pl.Series) -> pl.Series:
        some = some.str.normalize("NFC")
        for sign, others in OTHERS.items():
            some = some.str.replace_many(list(others), [sign] * len(others))
        return some

    return _changed(text, rows, plain)


def with_single_blanks(text: pl.Series) -> pl.Series:
    """Text in which one blank stands for each run of white space of Unicode.

    Examples
    --------
    >>> import polars as pl
    >>> with_single_blanks(pl.Series(["a red\u00a0\u2003 apple", "plain"])).to_list()
    ['a red apple', 'plain']
    """
    # Few captions have other white space, and to look for it takes less time than to replace it.
    rows = text.str.contains_any(OTHER_BLANKS).arg_true()
    return _changed(text, rows, lambda some: some.str.replace_all(WHITE_SPACE, " "))


def _changed(
    text: pl.Series, rows: pl.Series, change: Callable[[pl.Series], pl.Series | list[str]]
) -> pl.Series:
    """Text of which some rows, by number, are changed; most texts need none."""
    return text.clone().scatter(rows, change(text.gather(rows))) if len(rows) else text


def _faithful(caption: np.ndarray, pattern: np.ndarray, search: Search, n: int) -> Words:
    both = _with_both(caption, pattern, search.first, search.second, n)[caption]
    caption, pattern = caption[both], pattern[both]
    words = []
    for meaning in (search.first, search.second):
        rows, ids = meaning.of(pattern)
        words.append(_distinct(caption[rows], ids, len(meaning.ids)))
    (captions, first), (others, second) = words
    i, j = _matches(captions, others)
    return captions[i], first[i] * search.width + second[j]


def _whole_words(hits: Hits, text: np.ndarray, search: Search) -> dict[str, Words]:
    # The rules `strict` and `adjacent`.
    whole = hits.only(_whole(hits, text))
    (attribute, a), (object_, o) = (_longest(whole, m) for m in (search.attribute, search.object))
    i, j = _matches(attribute.caption, object_.caption)
    first, second, pair = attribute.only(i), object_.only(j), a[i] * search.objects + o[j]
    apart = (first.end <= second.start) | (second.end <= first.start)
    directly = (first.end + 1 == second.start) & np.isin(text[first.end], JOINTS)
    return {
        "strict": _distinct(first.caption[apart], pair[apart], len(search.firsts)),
        "adjacent": _distinct(first.caption[directly], pair[directly], len(search.firsts)),
    }


def _placed(
    lower: pl.Series, caption: np.ndarray, pattern: np.ndarray, search: Search
) -> tuple[Hits, np.ndarray]:
    # The same hits with their places, and the text that these refer to. Both searches of polars
    # return them in the same order. Line ends around each caption separate it from the others.
    import polars as pl

    parted = pl.select(pl.concat_str(pl.lit("\n"), lower, pl.lit("\n"))).to_series()
    places = parted.str.find_many(search.patterns, overlapping=True)
    within = places.explode(empty_as_null=False).to_numpy().astype(np.int64)
    row, _ = each(places.list.len().to_numpy())
    _, offsets, data = parted.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()
    text = np.frombuffer(data or b"", np.uint8)
    start = np.frombuffer(offsets or b"", np.int64)[row] + within
    return Hits(caption, pattern, start, start + search.lengths[pattern]), text


def _whole(hits: Hits, text: np.ndarray) -> np.ndarray:
    # Whether there is no letter or digit right before and after a match.
    before = hits.start - 1
    for _ in range(3):  # back to the first byte of a character of several
        before = before - (text[before] & 0xC0 == 0x80)
    return ~(_IN_WORD[text[before]] | _IN_WORD[text[hits.end]])


def _longest(hits: Hits, meaning: Meaning) -> tuple[Hits, np.ndarray]:
    # The hits of one kind of word, and its ids. A place belongs to the longest name that covers
    # it: "hot dog" is no dog, if both are searched.
    hits = hits.only(meaning.has_word[hits.pattern])
    hits = hits.only(np.lexsort((-hits.end, hits.start)))
    reached = np.maximum.accumulate(hits.end)
    inside = np.zeros(len(reached), dtype=bool)
    inside[1:] = reached[:-1] >= hits.end[1:]
    hits = hits.only(~inside)
    rows, ids = meaning.of(hits.pattern)
    return hits.only(rows), ids


def _with_both(
    caption: np.ndarray, pattern: np.ndarray, left: Meaning, right: Meaning, n: int
) -> np.ndarray:
    # Which of n captions hold a word of each kind.
    marks = np.zeros((2, n), dtype=bool)
    marks[0, caption[left.has_word[pattern]]] = True
    marks[1, caption[right.has_word[pattern]]] = True
    return marks[0] & marks[1]


def _matches(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # All combinations of a row of `left` and one of `right` of the same caption; `right` sorted.
    counts = np.bincount(right, minlength=int(left.max(initial=0)) + 1)
    start = np.cumsum(counts) - counts
    rows, within = each(counts[left])
    return rows, start[left[rows]] + within


def _distinct(captions: np.ndarray, ids: np.ndarray, size: int) -> Words:
    # By sorting, which is several times faster here than `np.unique`.
    keys = np.sort(captions * size + ids)
    keys = keys[np.diff(keys, prepend=-1) > 0]
    caption = keys // size
    return caption, keys - caption * size
