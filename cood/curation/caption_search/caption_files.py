"""Reading captions from parquet and CSV files, local or remote, a batch at a time."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from cood.curation.caption_search.text_layout import SAMPLE, is_tsv, open_text
from cood.curation.caption_search.text_rows import Unparsed
from cood.curation.caption_search.text_streams import DECOMPRESSORS
from cood.errors import CoodError, unknown
from cood.files import REMOTE

if TYPE_CHECKING:
    import polars as pl

BATCH = 100_000  # captions at a time
PAGES = 1 << 20  # bytes of a parquet file at a time
PARQUET = ".parquet"
ENDINGS = (
    PARQUET,
    *(text + packed for text in (".csv", ".tsv") for packed in ("", *DECOMPRESSORS)),
)
ARCHIVES = (".zip", ".tar", ".tgz", ".7z", *(f".tar{ending}" for ending in DECOMPRESSORS))
PACKINGS = ("", *DECOMPRESSORS, ".lz4", ".br", ".lzma", ".z")  # not all of them are undone
# What may hold captions: those that are not read are named.
LISTED = (
    *(ENDINGS + ARCHIVES),
    *(text + packed for text in (".csv", ".tsv", ".jsonl", ".ndjson") for packed in PACKINGS),
    *(".arrow", ".feather", ".ipc", ".avro", ".orc"),
    *(".pq", ".parq", ".tab", ".xls", ".xlsx", ".ods", ".rds", ".rar"),
)
# May hold captions or say something about other files.
NOTES = tuple(text + packed for text in (".json", ".txt") for packed in PACKINGS)
CHECKSUMS = (".md5", ".sha1", ".sha256", ".sha512", ".crc")
WORDS = 3  # that a text has at least which looks like a caption
LONGEST_NAME = 80  # characters of a column that a message shows

# Columns that hold the captions, tried in this order: CC12M and many sets made with img2dataset;
# DataComp and CommonPool; LAION-400M and LAION-2B; YFCC15M, where titles and descriptions are the
# captions.
KNOWN_COLUMNS = (("caption",), ("text",), ("TEXT",), ("title", "description"))
USUAL = frozenset({"caption", "captions", "text", "title", "description", "alt", "alt_text"})


@dataclass(frozen=True)
class CaptionFile:
    """The captions of a file.

    Attributes
    ----------
    columns
        Columns that make up a caption, joined by blanks.
    others
        Further columns whose texts look like captions.
    unparsed
        Rows that did not parse, among those that were read so far.
    """

    columns: Sequence[str]
    others: Sequence[str]
    unparsed: Unparsed
    tables: Callable[[], Iterator[pl.DataFrame]]

    def batches(self) -> Iterator[pl.Series]:
        """Captions, null in rows without one, at most `BATCH` at a time.

        Raises
        ------
        CoodError
            If the file cannot be read to its end.
        """
        import polars as pl

        parts = [pl.col(name).cast(pl.String, strict=False) for name in self.columns]
        text = pl.concat_str(parts, separator=" ", ignore_nulls=True)
        some = text.str.strip_chars() != ""
        with _refusing():
            for table in self.tables():
                for part in table.select(caption=pl.when(some).then(text)).iter_slices(BATCH):
                    yield part["caption"]


@contextmanager
def open_captions(file: str, columns: Sequence[str] | None) -> Iterator[CaptionFile]:
    """Open a file of captions.

    Parameters
    ----------
    file
        Path, or an address that polars can scan (`https://`, `s3://`, `hf://`, ...).
    columns
        Columns that make up the caption, joined by blanks; None for the first of
        `KNOWN_COLUMNS` that the file has.

    Raises
    ------
    CoodError
        If the file cannot be read, has no such column, or no text in it.
    """
    with ExitStack() as stack:
        with _refusing():
            name = file.split("?")[0] if REMOTE in file else file
            _check_kind(file, name)
            opened = _open_parquet if name.lower().endswith(PARQUET) else _open_text
            captions = opened(file, name, columns, stack)
        yield captions


@contextmanager
def _refusing() -> Iterator[None]:
    """Errors of libraries as one sentence."""
    import polars as pl

    faults = (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException)
    try:
        yield
    except (*faults, OSError, EOFError, UnicodeDecodeError, lzma.LZMAError) as error:
        raise CoodError(f"cannot be read: {_first_line(error)}") from error


def _check_kind(file: str, name: str) -> None:
    if REMOTE not in file and not Path(file).exists():
        raise CoodError("does not exist")
    if Path(name).is_dir():
        raise CoodError(f"a folder without {', '.join(ENDINGS)} files")
    if name.lower().endswith(ARCHIVES):
        raise CoodError("is an archive; unpack it and name the files or their folder")
    if not name.lower().endswith(ENDINGS):
        raise CoodError(f"unknown kind of file; the name must end in {', '.join(ENDINGS)}")


def _open_parquet(
    file: str, name: str, wanted: Sequence[str] | None, stack: ExitStack
) -> CaptionFile:
    import polars as pl

    # Globs of local files are expanded already; what looks like one is part of a name.
    frame = pl.scan_parquet(file, glob=REMOTE in file)
    schema = frame.collect_schema()
    columns = _columns(list(schema), wanted)
    for column in columns:
        if schema[column] not in (pl.String, pl.Binary, pl.Categorical, pl.Enum, pl.Null):
            raise CoodError(f"column {column} holds {schema[column]}, not text")
    texts = [n for n, kind in schema.items() if kind == pl.String and n not in columns]
    if REMOTE in file:
        return CaptionFile(
            columns,
            [name for name in texts if name.lower() in USUAL],
            Unparsed(),
            lambda: frame.select(columns).collect_batches(chunk_size=BATCH),
        )
    with pq.ParquetFile(file, buffer_size=PAGES) as parquet:
        first = next(parquet.iter_batches(SAMPLE, columns=texts), None) if texts else None
    sample = first.to_pydict() if first else {}
    others = [name for name in texts if _like_captions(name, sample.get(name, []))]
    return CaptionFile(columns, others, Unparsed(), lambda: _pages(file, columns))


def _pages(file: str, names: Sequence[str]) -> Iterator[pl.DataFrame]:
    import polars as pl

    # Page by page: polars would load a whole row group, which may be all of a large file.
    with pq.ParquetFile(file, buffer_size=PAGES) as parquet:
        for batch in parquet.iter_batches(BATCH, columns=list(names)):
            batch.validate(full=True)  # that text is UTF-8, on which polars relies
            yield pl.DataFrame(batch)


def _open_text(file: str, name: str, wanted: Sequence[str] | None, stack: ExitStack) -> CaptionFile:
    if REMOTE in file:
        file = _fetched(file, name, stack.enter_context(TemporaryDirectory(prefix="cood-")))
    table = open_text(file)
    columns = _columns(table.names, wanted)
    rows = [row for row in table.sample if len(row) == len(table.names)]
    others = [
        name
        for i, name in enumerate(table.names)
        if name not in columns and _like_captions(name, [row[i] for row in rows])
    ]
    unparsed = Unparsed()
    return CaptionFile(columns, others, unparsed, lambda: table.rows(columns, unparsed))


def _fetched(address: str, name: str, folder: str) -> str:
    """Copy of a remote text file, which is read twice: unpacked, in UTF-8."""
    import polars as pl

    path = Path(folder, "lines.tsv" if is_tsv(name) else "lines.csv")
    with path.open("w", encoding="utf-8", newline="") as copy:
        for lines in pl.scan_lines(address).collect_batches(chunk_size=BATCH):
            copy.writelines(f"{line}\n" for line in lines.to_series())
    return str(path)


def _columns(names: Sequence[str], wanted: Sequence[str] | None) -> Sequence[str]:
    if wanted is None:
        present = [known for known in KNOWN_COLUMNS if set(known) <= set(names)]
        if not present:
            sign = next((s for s in ";\t|," if len(names) == 1 and s in names[0]), None)
            if sign is not None:
                raise CoodError(
                    f"its columns seem to be parted by {sign!r}: {_shown(names[0])!r}; .csv files "
                    "are read with commas, .tsv files with tabs: convert or rename it"
                )
            known = ", ".join(" + ".join(columns) for columns in KNOWN_COLUMNS)
            raise CoodError(
                f"no column of captions ({known}) among {_listed(names)}; name one as `column`"
            )
        wanted = present[0]
    for name in wanted:
        if name not in names:
            raise CoodError(unknown("column", name, map(_shown, names)))
        if list(names).count(name) > 1:
            raise CoodError(f"has several columns {name!r}; give each a name of its own")
    return wanted


def _like_captions(name: str, values: Sequence[str | None]) -> bool:
    """Whether a column has the name of captions, or mostly texts of several words."""
    texts = [value for value in values if value]
    words = [len(t.split()) >= WORDS and "://" not in t and t[:1] not in "{[" for t in texts]
    return name.strip().lower() in USUAL or sum(words) * 2 > len(values)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_shown, names[:20])) + (", ..." if len(names) > 20 else "")


def _shown(name: str) -> str:
    """A name of a column, which may be any text, on one line."""
    return " ".join(name.split())[:LONGEST_NAME]


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
