"""Records of CSV files in which quotes enclose some fields and are part of the text of others."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator

JOINED = 20  # lines that a record may have


def records(lines: Iterable[bytes], separator: bytes, n: int) -> Iterator[list[bytes] | None]:
    """The n fields of each record; None for a line that has not n of them.

    A field is in quotes if it begins with one and the next one that is not doubled ends it. Other
    quotes are text. A field in quotes may hold line ends; if a line begins one that does not end
    well within some lines, that line alone is no record. An empty line is a record of empty fields.

    Examples
    --------
    >>> lines = [b'a red hat,12" wide', b'"a hat, red",x', b'"a', b'hat",x', b'"hat,x', b"a,b,c"]
    >>> for fields in records(lines, b",", 2):
    ...     print(fields)
    [b'a red hat', b'12" wide']
    [b'a hat, red', b'x']
    [b'a\\nhat', b'x']
    None
    None
    """
    # Without going back (`*+`), so that no text takes long.
    between = re.escape(separator) if n > 1 else b""
    field = re.compile(rb'(?:"((?:[^"]|"")*+)"|((?:(?!")[^%s\n]++)?))' % between)
    every = re.compile(b"%s(?:%s%s){%d}" % (field.pattern, between, field.pattern, n - 1))
    waiting: deque[bytes] = deque()
    source = iter(lines)
    while (line := waiting.popleft() if waiting else next(source, None)) is not None:
        if b'"' not in line:
            yield _plain(line, separator, n)
            continue
        text: bytes | None = line
        while text is not None and not every.fullmatch(text):
            text = _longer(text, line, waiting, source)
        if text is None:
            # Where there is but one column, all of the line is its text.
            yield [line] if n == 1 else None
            continue
        for _ in range(text.count(b"\n")):
            waiting.popleft()
        yield _fields(text, field, n)


def _plain(line: bytes, separator: bytes, n: int) -> list[bytes] | None:
    fields = line.split(separator) if n > 1 else [line]
    if not line:
        return [b""] * n
    return fields if len(fields) == n else None


def _longer(
    text: bytes, line: bytes, waiting: deque[bytes], source: Iterator[bytes]
) -> bytes | None:
    """Text and one more line, which is read if it is not waiting; None if there is none."""
    lines = text.count(b"\n") + 1
    if lines == JOINED:
        return None
    if len(waiting) < lines:
        following = next(source, None)
        if following is None:
            return None
        waiting.append(following)
    return b"\n".join([text, waiting[lines - 1]])


def _fields(text: bytes, field: re.Pattern[bytes], n: int) -> list[bytes]:
    fields, place = [], 0
    for _ in range(n):
        found = field.match(text, place)
        if found is None:
            raise AssertionError(f"not a record: {text!r}")
        inner, bare = found.groups()
        fields.append(bare if inner is None else inner.replace(b'""', b'"'))
        place = found.end() + 1
    return fields
