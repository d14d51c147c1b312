"""How the lines of a text file end, and whether its quotes enclose fields or are part of the text.

Quotes enclose fields if all of them do: the first is the first sign of a field, the last its last
sign, and those between them are doubled (RFC 4180, as spreadsheets and pandas write). Then one
number says where a byte is: inside a field if the quotes before it are odd in number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

QUOTE, LF, CR = (ord(sign) for sign in '"\n\r')


@dataclass(frozen=True)
class Survey:
    """What the bytes of a text file are, by a first pass over all of it.

    Attributes
    ----------
    quotes
        Whether there are any.
    enclosing
        Whether every quote encloses a field, or is a doubled one inside of it.
    breaks
        Whether a field in quotes holds the end of a line.
    feeds, returns
        Whether lines end with LF, and whether there is a CR without LF outside of quotes.
    """

    quotes: bool = False
    enclosing: bool = True
    breaks: bool = False
    feeds: bool = False
    returns: bool = False


def survey(blocks: Iterable[bytes], separator: str) -> Survey:
    """The survey of a text file, from its blocks of bytes and the sign between fields."""
    sees = dict.fromkeys(Survey.__dataclass_fields__, False) | {"enclosing": True}
    ends = np.zeros(256, bool)
    ends[[LF, CR, *separator.encode()]] = True
    inside = 0
    for before, block, after in _with_neighbours(blocks):
        text = np.frombuffer(before + block + after, np.uint8)
        own = slice(1, len(block) + 1)
        quotes = np.flatnonzero(text[own] == QUOTE) + 1 if b'"' in block else np.array([], int)
        if len(quotes):
            sees["quotes"] = True
            odd = (inside + np.arange(len(quotes))) % 2 == 1  # those that end a field, or seem to
            beside = np.where(odd, text[quotes + 1], text[quotes - 1])
            sees["enclosing"] &= bool((ends[beside] | (beside == QUOTE)).all())
        for sign, key in ((LF, "feeds"), (CR, "returns")):
            if sign not in block:
                continue
            places = np.flatnonzero(text[own] == sign) + 1
            if sign == CR:
                places = places[text[places + 1] != LF]
            within = (inside + np.searchsorted(quotes, places)) % 2 == 1
            sees["breaks"] |= bool(within.any())
            sees[key] |= bool((~within).any())
        inside = (inside + len(quotes)) % 2
    return Survey(**sees | {"enclosing": sees["enclosing"] and not inside})


def _with_neighbours(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each block that is not empty, with the byte before and after; line ends at both ends."""
    before, block = b"\n", b""
    for following in filter(None, blocks):
        if block:
            yield before, block, following[:1]
            before = block[-1:]
        block = following
    if block:
        yield before, block, b"\n"
