"""Finding out how a CSV or TSV file is to be read: its columns, and what its quotes mean.

CSV quotes fields that hold commas, quotes or line ends. TSV is quoted by some programs (pandas) and
not by others (CC12M, CC3M), which the quotes of the whole file tell.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain

from cood.curation.caption_search.line_records import JOINED
from cood.curation.caption_search.quoting import survey
from cood.curation.caption_search.text_rows import TextTable, Unparsed, by_arrow
from cood.curation.caption_search.text_streams import utf8_blocks
from cood.errors import CoodError

HEAD = 1 << 18  # bytes, in which the first row must end
SAMPLE = 200  # rows that show what the columns hold
ADDRESS = re.compile(r"(https?|s3|gs)://", re.IGNORECASE)
PUBLISHED = ("url", "caption")  # columns of CC12M; CC3M has them in the other order


def is_tsv(name: str) -> bool:
    """Whether a file is one of tabs by the end of its name, as `a.tsv` and `a.tsv.gz`."""
    return re.search(r"\.tsv(\.\w+)?$", name, re.IGNORECASE) is not None


def open_text(file: str) -> TextTable:
    """Find out how a CSV or TSV file is to be read, by a pass over all of it.

    A first row with an address in it is no line of names: CC12M and CC3M are published so.

    Raises
    ------
    CoodError
        If it is empty, or not text; see `utf8_blocks`.
    """
    separator = "\t" if is_tsv(file) else ","
    blocks = utf8_blocks(file)
    head = b""
    while len(head) < HEAD and (block := next(blocks, b"")):
        head += block
    first, *sample = _sample(head, separator) or [[]]
    if not any(first):
        raise CoodError("is empty, or its first line is, which should name the columns")
    address = [ADDRESS.match(value) is not None for value in first]
    header = not any(address)
    # Blanks around a name are part of no name that people mean.
    names = [name.strip() for name in first] if header else _published(address)
    seen = survey(chain([head], blocks), separator if len(names) > 1 else "")
    table = TextTable(file, separator, names, header, sample, seen, quoted=False)
    return replace(table, quoted=_quoted(table))


def _sample(head: bytes, separator: str) -> list[list[str]]:
    """The first rows of a file, from its first bytes."""
    text = head.decode(errors="replace")
    # As they are read: see `text_rows`.
    text = re.sub(r"\r(?!\n)", " ", text) if "\n" in text else text.replace("\r", "\n")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[list[str]] = []
    with suppress(csv.Error):  # a field without end: what is before it will do
        rows += (row for row, _ in zip(reader, range(SAMPLE + 1), strict=False))
    return rows


def _published(address: Sequence[bool]) -> list[str]:
    if len(address) == 2 and sum(address) == 1:
        return list(PUBLISHED if address[0] else reversed(PUBLISHED))
    raise CoodError(
        "has an address in its first line, which should name the columns; add a line with "
        f"{len(address)} names"
    )


def _quoted(table: TextTable) -> bool | None:
    """Whether quotes enclose fields; None if only some do.

    Tabs need no quotes, so a TSV file is quoted only if all of its quotes enclose fields. If some
    of these seem to hold line ends, though each line has all columns, the quotes are text: lines
    that a field joins cannot have so many tabs each.
    """
    seen = table.survey
    if table.separator == ",":
        # A field of many lines may be a stray quote and the rows up to the next one.
        return True if seen.enclosing and seen.longest < JOINED else None
    if not table.header or not seen.enclosing:
        return False
    if not seen.breaks or len(table.names) == 1:
        return True
    lines = Unparsed()
    for _ in by_arrow(table, [0], lines):
        pass
    return lines.total > 0
