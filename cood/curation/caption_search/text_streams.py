"""Text files as UTF-8 blocks: what compressed them and how they encode letters is undone here."""

from __future__ import annotations

import codecs
import io
import lzma
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from cood.errors import CoodError

BLOCK = 1 << 20  # bytes at a time
# By the last ending of a name. All of them read files that are several compressed ones in a row.
DECOMPRESSORS: dict[str, Callable[[str], Any]] = {
    ".gz": lambda file: pa.CompressedInputStream(pa.OSFile(file), "gzip"),
    ".bz2": lambda file: pa.CompressedInputStream(pa.OSFile(file), "bz2"),
    ".zst": lambda file: pa.CompressedInputStream(pa.OSFile(file), "zstd"),
    ".xz": lzma.LZMAFile,
}
# The longest first: that of UTF-32 begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

OTHER_KINDS = {
    "compressed by gzip": b"\x1f\x8b",
    "compressed by zstd": b"\x28\xb5\x2f\xfd",
    "compressed by bzip2": b"BZh",
    "compressed by xz": b"\xfd7zXZ",
    "a zip archive or an Excel sheet": b"PK\x03\x04",
    "parquet": b"PAR1",
    "notes of macOS": b"\0\5\x16\7",
}


def utf8_blocks(file: str) -> Iterator[bytes]:
    """Content of a text file as UTF-8, without byte order mark.

    A file is UTF-8 unless it begins with the byte order mark of UTF-16 or UTF-32. Bytes that are
    not UTF-8 are left as they are.

    Raises
    ------
    CoodError
        If it is UTF-16 or UTF-32 without a mark, or damaged in one of these encodings.
    OSError, EOFError, lzma.LZMAError
        If it cannot be read, or is compressed and damaged.
    """
    blocks = _raw(file)
    first = next(blocks, b"")
    encoding = next((name for mark, name in MARKS if first.startswith(mark)), None)
    if encoding is not None:
        yield from _decoded([first], blocks, encoding)
        return
    for kind, mark in OTHER_KINDS.items():
        if first.startswith(mark):
            raise CoodError(f"is no text but {kind}, whatever its name; rename or convert it")
    if b"\0" in first[:BLOCK]:
        raise CoodError(
            "holds zero bytes, as UTF-16 does, and no byte order mark; convert it to UTF-8"
        )
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from blocks


def _raw(file: str) -> Iterator[bytes]:
    ending = next((e for e in DECOMPRESSORS if file.lower().endswith(e)), None)
    with DECOMPRESSORS[ending](file) if ending else open(file, "rb") as stream:
        while block := stream.read(BLOCK):
            yield bytes(block)


def _decoded(first: list[bytes], others: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for blocks in (first, others):
            for block in blocks:
                yield decoder.decode(block).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as error:
        raise CoodError(f"is damaged: {encoding} by its mark, but {error}") from error


class Stream(io.RawIOBase):
    """Blocks as a file to read from."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, memoryview(b"")

    def readable(self) -> bool:  # noqa: D102
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # noqa: D102
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        n = min(len(buffer), len(self._rest))
        buffer[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n
