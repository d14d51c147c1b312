"""How the lines of a text file end, and whether its quotes enclose fields or are part of the text.

Quotes enclose fields if all of them do: the first is the first sign of a field, the last its last
sign, and those between them are doubled (RFC 4180, as spreadsheets and pandas write). Then one
number says where a byte is: inside a field if the quotes before it are odd in number.
"""

from __future__ import annotations

import codecs
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
        Whether a field in quotes holds the end of a line; CR alone is none if lines end with LF.
    longest
        The most line ends of one kind that a field in quotes holds.
    feeds, returns
        Whether lines end with LF, and whether there is a CR without LF. In a file whose quotes
        enclose fields, what they enclose does not count.
    utf8
        Whether all of it is UTF-8.
    """

    quotes: bool = False
    enclosing: bool = True
    breaks: bool = False
    longest: int = 0
    feeds: bool = False
    returns: bool = False
    utf8: bool = True


def survey(blocks: Iterable[bytes], separator: str) -> Survey:
    """The survey of a text file, from its blocks of bytes and the sign between fields."""
    ends = np.zeros(256, bool)
    ends[[LF, CR, *separator.encode()]] = True
    quotes = 0  # so far
    enclosing = utf8 = True
    inside, outside = set[int](), set[int]()  # of LF and CR, those within quotes and others
    longest, open_field = 0, {LF: (0, 0), CR: (0, 0)}  # the last field and its line ends
    decoder = codecs.getincrementaldecoder("utf-8")()
    for before, block, after in _with_neighbours(blocks):
        text = np.frombuffer(before + block + after, np.uint8)
        own = text[1:-1]
        places = np.flatnonzero(own == QUOTE) + 1 if b'"' in block else np.array([], int)
        # Those that end a field, or seem to.
        closing = (quotes + np.arange(len(places))) % 2 == 1
        beside = np.where(closing, text[places + 1], text[places - 1])
        enclosing = enclosing and bool((ends[beside] | (beside == QUOTE)).all())
        for sign in (LF, CR):
            found = np.flatnonzero(own == sign) + 1 if sign in block else np.array([], int)
            if sign == CR:
                found = found[text[found + 1] != LF]
            field = quotes + np.searchsorted(places, found)
            within = field % 2 == 1
            if within.any():
                open_field[sign], most = _line_ends(field[within], *open_field[sign])
                longest = max(longest, most)
            inside |= {sign} if within.any() else set()
            outside |= {sign} if (~within).any() else set()
        quotes += len(places)
        utf8 = utf8 and _is_utf8(decoder, block)
    enclosing = enclosing and quotes % 2 == 0
    lines = outside if enclosing else inside | outside
    breaks = LF in inside if LF in lines else bool(inside)
    return Survey(
        quotes=quotes > 0,
        enclosing=enclosing,
        breaks=breaks,
        longest=longest,
        feeds=LF in lines,
        returns=CR in lines,
        utf8=utf8 and _is_utf8(decoder, b"", final=True),
    )


def _line_ends(fields: np.ndarray, last: int, before: int) -> tuple[tuple[int, int], int]:
    """The last field in quotes with its line ends, and the most line ends of one field.

    Parameters
    ----------
    fields
        Number [n] of the field of each line end, rising.
    last, before
        Number of the last field of the block before, and how many it has had.
    """
    numbers, counts = np.unique(fields, return_counts=True)
    counts[0] += before if numbers[0] == last else 0
    return (int(numbers[-1]), int(counts[-1])), int(counts.max())


def _is_utf8(decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


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
