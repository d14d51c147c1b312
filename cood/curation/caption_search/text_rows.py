"""Rows of CSV and TSV files, as people write them: every row is read or counted."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pc

from cood.curation.caption_search.line_records import records
from cood.curation.caption_search.quoting import Survey
from cood.curation.caption_search.text_streams import Stream, utf8_blocks

if TYPE_CHECKING:
    import polars as pl

ROWS_BLOCK = 1 << 23  # bytes that become rows at a time: no row may be longer
NO_SEPARATOR = "\x1f"  # of files of one column, whose lines are whole
NO_LETTER = "\uffff"  # which Unicode keeps free
MARKING = "cood-mark"  # what decoding does with bytes that are not UTF-8
NOT_UTF8 = "not in UTF-8, to which the file should be converted"
LINES = 20_000  # that become rows at a time, where each is looked at


@dataclass
class Unparsed:
    """Rows that were not read: how many, by the reason, and where the first of them is."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, n: int = 1, where: str = "") -> None:
        """Count rows."""
        self.counts[reason] = self.counts.get(reason, 0) + n
        self.first.setdefault(reason, where)

    @property
    def total(self) -> int:
        """Number of rows."""
        return sum(self.counts.values())

    @property
    def problem(self) -> str:
        """How many were not read and why, as a sentence; empty if all were read."""
        if not self.counts:
            return ""
        reasons = "; ".join(f"{n:,} {why}{self.first[why]}" for why, n in self.counts.items())
        return f"{self.total:,} row{'s' if self.total > 1 else ''} did not parse: {reasons}"


@dataclass(frozen=True)
class TextTable:
    """A CSV or TSV file, and how it is to be read.

    Attributes
    ----------
    file
        Path.
    separator
        Between fields.
    names
        Of the columns.
    header
        Whether the first row holds them.
    sample
        Some rows, as lists of fields.
    survey
        Of its quotes and line ends.
    quoted
        Whether quotes enclose fields; None if some do and others are part of the text.
    """

    file: str
    separator: str
    names: list[str]
    header: bool
    sample: list[list[str]]
    survey: Survey
    quoted: bool | None

    def rows(self, columns: Sequence[str], unparsed: Unparsed) -> Iterator[pl.DataFrame]:
        """Some columns of all rows, as text; rows that are not read are counted in `unparsed`."""
        import polars as pl

        places = [self.names.index(name) for name in columns]
        batches = by_line if self.quoted is None else by_arrow
        for batch in batches(self, places, unparsed):
            yield _as_text(pl.DataFrame(batch), unparsed).rename(
                {str(place): name for place, name in zip(places, columns, strict=True)}
            )


def by_arrow(
    table: TextTable, places: Sequence[int], unparsed: Unparsed
) -> Iterator[pa.RecordBatch]:
    """Columns, by number, of all rows that have all columns, as bytes; no field is null."""
    n = len(table.names)
    if table.header and not (table.survey.feeds or table.survey.returns):
        return  # but a line of names without an end, which pyarrow does not skip
    empty = 0  # empty lines, of which pyarrow says that they lack fields

    def without_all_fields(row: pc.InvalidRow) -> str:
        nonlocal empty
        if row.text:
            unparsed.add(other_number(table), where=f" (first: row {row.number})")
        else:
            empty += 1
        return "skip"

    names = [str(i) for i in range(n)]
    chosen = [names[i] for i in places]
    batches = pc.open_csv(
        io.BufferedReader(Stream(_with_line_ends(table)), ROWS_BLOCK),
        pc.ReadOptions(
            use_threads=False,  # so that rows have numbers
            block_size=ROWS_BLOCK,
            column_names=names,
            skip_rows_after_names=int(table.header),
        ),
        pc.ParseOptions(
            delimiter=table.separator if n > 1 else NO_SEPARATOR,
            quote_char='"' if table.quoted else False,
            newlines_in_values=bool(table.quoted),
            ignore_empty_lines=False,
            invalid_row_handler=without_all_fields,
        ),
        pc.ConvertOptions(
            check_utf8=False,
            include_columns=chosen,
            column_types=dict.fromkeys(chosen, pa.binary()),
        ),
    )
    yield from batches
    nothing = pa.repeat(pa.scalar(b"", pa.binary()), empty)
    yield pa.record_batch([nothing] * len(chosen), names=chosen)


def by_line(
    table: TextTable, places: Sequence[int], unparsed: Unparsed
) -> Iterator[pa.RecordBatch]:
    """The same, where quotes enclose some fields and are part of the text of others."""
    n = len(table.names)
    chosen = [str(i) for i in places]
    rows: list[list[bytes]] = []
    numbered = enumerate(records(_lines(table), table.separator.encode(), n), 1)
    for number, fields in numbered:
        if number == 1 and table.header:
            continue
        if fields is None:
            unparsed.add(other_number(table), where=f" (first: row {number})")
        else:
            rows.append([fields[i] for i in places])
        if len(rows) == LINES:
            yield _batch(rows, chosen)
            rows = []
    yield _batch(rows, chosen)


def other_number(table: TextTable) -> str:
    """Why a row was not read that has not as many fields as there are columns."""
    sign = "commas" if table.separator == "," else "tabs"
    return (
        f"without the {len(table.names)} fields of the first, so {sign} in a text may lack quotes"
    )


def _batch(rows: list[list[bytes]], names: list[str]) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else repeat((), len(names))
    return pa.record_batch([pa.array(list(c), pa.binary()) for c in columns], names=names)


def _lines(table: TextTable) -> Iterator[bytes]:
    """Lines of a file, without their ends."""
    blocks: Iterator[bytes]
    if not table.survey.feeds:
        blocks = (block.replace(b"\r", b"\n") for block in _with_line_ends(table))
    else:
        blocks = _with_line_ends(table)
    for line in io.BufferedReader(Stream(blocks)):
        yield line.removesuffix(b"\n").removesuffix(b"\r")


def _with_line_ends(table: TextTable) -> Iterator[bytes]:
    """Blocks in which CR alone is a blank, unless it ends the lines of the file."""
    blocks = utf8_blocks(table.file)
    if not table.survey.utf8:
        blocks = _marked(blocks)
    if not (table.survey.feeds and table.survey.returns):
        yield from blocks
        return
    rest = b""
    for block in blocks:
        whole = rest + block
        rest = whole[-1:] if whole.endswith(b"\r") else b""
        yield re.sub(rb"\r(?!\n)", b" ", whole[: len(whole) - len(rest)])
    yield rest


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return NO_LETTER, error.end


codecs.register_error(MARKING, _mark)


def _marked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks with `NO_LETTER` in place of what is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")(MARKING)
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _as_text(table: pl.DataFrame, unparsed: Unparsed) -> pl.DataFrame:
    """Bytes as text, empty ones as null; rows that were not UTF-8 are counted."""
    import polars as pl

    text = table.cast(pl.String)
    marked = pl.any_horizontal(pl.all().str.contains(NO_LETTER, literal=True))
    whole = text.filter(~marked)
    if len(whole) < len(text):
        unparsed.add(NOT_UTF8, len(text) - len(whole))
    return whole.with_columns(pl.when(pl.all() != "").then(pl.all()))
