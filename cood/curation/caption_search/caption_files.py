"""Reading captions from parquet and CSV files, local or remote, a batch at a time."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from cood.errors import CoodError, unknown

if TYPE_CHECKING:
    import polars as pl

BATCH = 100_000  # captions at a time
PAGES = 1 << 20  # bytes of a parquet file at a time
REMOTE = "://"  # in the address of a remote file
ENDINGS = (".parquet", ".csv", ".csv.gz", ".tsv", ".tsv.gz")

# Columns that hold the captions, tried in this order: CC12M and many sets made with img2dataset;
# DataComp and CommonPool; LAION-400M and LAION-2B; YFCC15M, where titles and descriptions are the
# captions.
KNOWN_COLUMNS = (("caption",), ("text",), ("TEXT",), ("title", "description"))


def find_files(places: Sequence[str], root: Path, endings: tuple[str, ...] = ENDINGS) -> list[str]:
    """Files named by paths, globs, folders and remote addresses, each once, in that order.

    Local places are relative to `root`. A folder stands for all files in it, at any depth, that
    have one of the endings. A place that names nothing is returned as it is, so that reading it
    reports the error.
    """
    files: dict[str, None] = {}
    for place in places:
        files |= dict.fromkeys([place] if REMOTE in place else _local(place, root, endings))
    return list(files)


def _local(place: str, root: Path, endings: tuple[str, ...]) -> list[str]:
    path = root / Path(place).expanduser()
    if path.is_dir():
        inside = sorted(str(p) for p in path.rglob("*") if p.name.endswith(endings))
        return inside or [str(path)]
    if path.exists():
        return [str(path)]
    return sorted(glob.glob(str(path), recursive=True)) or [str(path)]


def size_of(file: str) -> tuple[int, int]:
    """Bytes and time of change of a local file; zeros if it is remote or does not exist."""
    try:
        about = os.stat(file)
    except OSError:
        return 0, 0
    return about.st_size, about.st_mtime_ns


def caption_batches(file: str, columns: Sequence[str] | None) -> Iterator[pl.Series]:
    """Captions of a file, some of them null, in batches of at most `BATCH`.

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
        If the file cannot be read to its end, has no such column, or no text in it.
    """
    import polars as pl

    try:
        frame = _scan(file)
        chosen = _columns(frame.collect_schema(), columns)
        parts = [pl.col(name).cast(pl.String, strict=False) for name in chosen]
        text = pl.concat_str(parts, separator=" ", ignore_nulls=True)
        some = pl.any_horizontal(part.is_not_null() for part in parts)
        for table in _tables(file, frame, chosen):
            for part in table.select(caption=pl.when(some).then(text)).iter_slices(BATCH):
                yield part["caption"]
    except (
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        pa.ArrowException,
        OSError,
    ) as error:
        raise CoodError(f"cannot be read: {_first_line(error)}") from error


def _tables(file: str, frame: pl.LazyFrame, names: Sequence[str]) -> Iterator[pl.DataFrame]:
    import polars as pl

    if REMOTE in file or not file.endswith(".parquet"):
        yield from frame.select(names).collect_batches(chunk_size=BATCH)
        return
    # Page by page: polars would load a whole row group, which may be all of a large file.
    with pq.ParquetFile(file, buffer_size=PAGES) as parquet:
        for batch in parquet.iter_batches(BATCH, columns=list(names)):
            batch.validate(full=True)  # that text is UTF-8, on which polars relies
            yield pl.DataFrame(batch)


def _scan(file: str) -> pl.LazyFrame:
    import polars as pl

    name = file.split("?")[0] if REMOTE in file else file
    if REMOTE not in file and not Path(file).exists():
        raise CoodError("does not exist")
    if Path(name).is_dir():
        raise CoodError(f"a folder without {', '.join(ENDINGS)} files")
    if not name.endswith(ENDINGS):
        raise CoodError(f"unknown kind of file; the name must end in {', '.join(ENDINGS)}")
    # Globs of local files are expanded already; what looks like one is part of a name.
    expand = REMOTE in file
    if name.endswith(".parquet"):
        return pl.scan_parquet(file, glob=expand)
    tabs = ".tsv" in name
    as_text = partial(
        pl.scan_csv,
        file,
        glob=expand,
        separator="\t" if tabs else ",",
        quote_char=None if tabs else '"',
        infer_schema=False,
        encoding="utf8-lossy",
    )
    if tabs and next(iter(as_text().collect_schema()), "").startswith("http"):
        # CC12M as published: addresses and captions, without a header.
        return as_text(has_header=False, new_columns=["url", "caption"])
    return as_text()


def _columns(schema: pl.Schema, wanted: Sequence[str] | None) -> Sequence[str]:
    import polars as pl

    if wanted is None:
        present = [names for names in KNOWN_COLUMNS if set(names) <= set(schema)]
        if not present:
            listed = ", ".join(" + ".join(names) for names in KNOWN_COLUMNS)
            raise CoodError(
                f"no column of captions ({listed}) among {_listed(schema)}; name one as `column`"
            )
        wanted = present[0]
    for name in wanted:
        if name not in schema:
            raise CoodError(unknown("column", name, schema))
        if schema[name] not in (pl.String, pl.Binary, pl.Categorical, pl.Enum, pl.Null):
            raise CoodError(f"column {name} holds {schema[name]}, not text")
    return wanted


def _listed(schema: pl.Schema) -> str:
    names = list(schema)
    return ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
