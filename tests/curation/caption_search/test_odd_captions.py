"""Captions as people write them are read as they were written, and every row is counted."""

import bz2
import csv
import gzip
import io
import lzma
import re

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from cood.curation.caption_search import text_rows, text_streams
from cood.curation.caption_search.caption_files import LISTED, open_captions
from cood.curation.caption_search.corpus_files import copies, notes_on_others
from cood.errors import CoodError
from cood.files import find_files


def read(file, content=None, columns=None):
    """Captions of a file, and what was not read of it."""
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with open_captions(str(file), columns) as opened:
        captions = [caption for batch in opened.batches() for caption in batch]
        return captions, opened


def captions_of(file, content=None, columns=None):
    captions, opened = read(file, content, columns)
    assert opened.unparsed.problem == ""
    return captions


@pytest.fixture(params=["usual", "small"])
def blocks(request, monkeypatch):
    """Blocks as usual, and so small that rows and quotes lie across their borders."""
    if request.param == "small":
        monkeypatch.setattr(text_streams, "BLOCK", 5)
        monkeypatch.setattr(text_rows, "ROWS_BLOCK", 64)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.usefixtures("blocks")
def test_quotes_within_a_text_that_is_not_in_quotes(tmp_path, end):
    lines = ["caption,alt", 'a red apple,12" plate', "a blue bus,x", 'a green hat,14" pan', "hat,z"]
    content = end.join([*lines, ""])
    assert captions_of(tmp_path / "a.csv", content) == [
        "a red apple",
        "a blue bus",
        "a green hat",
        "hat",
    ]
    plates = ['12" plate', "x", '14" pan', "z"]
    assert captions_of(tmp_path / "a.csv", content, ["alt"]) == plates


@pytest.mark.usefixtures("blocks")
def test_quotes_of_both_kinds_in_one_file(tmp_path):
    content = 'caption,alt\n"a red, round\napple",12" plate\n"the ""best"" hat",x\n"hat,y\n"",z\n'
    captions, opened = read(tmp_path / "a.csv", content)
    assert captions == ["a red, round\napple", 'the "best" hat', None]
    assert opened.unparsed.total == 1
    assert "row 4" in opened.unparsed.problem


TEXTS = ['a "shiny"\nred apple', "a blue bus", "on a table, a\tred hat", '"quoted"', "", "a\r\nb"]


@pytest.mark.parametrize(("sep", "ending"), [("\t", "tsv"), (",", "csv")])
@pytest.mark.parametrize("others", [{}, {"url": ["https://a/b.jpg"] * 6}, {"alt": TEXTS[::-1]}])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.usefixtures("blocks")
def test_what_pandas_writes_is_read_as_it_was(tmp_path, sep, ending, others, quoting):
    file = tmp_path / f"a.{ending}"
    table = pd.DataFrame({**others, "caption": TEXTS})
    table.to_csv(file, sep=sep, index=False, quoting=quoting)
    assert captions_of(file) == [text or None for text in TEXTS]


def test_tsv_without_quoting_keeps_its_quotes(tmp_path):
    lines = 'url\tcaption\nu\t"hat\nv\tbus"\nw\tthe "red" one\n'
    assert captions_of(tmp_path / "a.tsv", lines) == ['"hat', 'bus"', 'the "red" one']
    # All quotes enclose something, but then one row would be two lines of two fields each.
    lines = 'url\tcaption\nu\t"hat\nv\tbus"\n'
    assert captions_of(tmp_path / "b.tsv", lines) == ['"hat', 'bus"']


@pytest.mark.parametrize(
    "lines",
    [
        'https://a/b.jpg\ta red apple\nhttp://c\t"hat\n',
        'a red apple\thttps://a/b.jpg\n"hat\thttp://c\n',
    ],
    ids=["CC12M", "CC3M"],
)
@pytest.mark.usefixtures("blocks")
def test_published_files_without_a_line_of_names(tmp_path, lines):
    assert captions_of(tmp_path / "a.tsv", lines) == ["a red apple", '"hat']
    assert captions_of(tmp_path / "a.tsv", lines, ["caption"]) == ["a red apple", '"hat']


def test_an_address_among_other_fields_of_the_first_line_is_refused(tmp_path):
    with pytest.raises(CoodError, match=r"has an address in its first line, .* with 3 names"):
        read(tmp_path / "a.tsv", "1\ta red apple\thttps://a/b.jpg\n")
    with pytest.raises(CoodError, match=r"no column of captions .* among a red apple; name one"):
        read(tmp_path / "a.csv", "a red apple\na blue bus\n")


def test_commas_without_quotes_are_counted_and_the_file_is_named(tmp_path):
    lines = "url,caption\nu1,on a table, a red apple\nu2,a hat\n\nu3\n"
    captions, opened = read(tmp_path / "a.csv", lines)
    assert captions == ["a hat", None]
    assert opened.unparsed.total == 2
    assert opened.unparsed.problem == (
        "2 rows did not parse: 2 without the 2 fields of the first, so commas in a text may lack "
        "quotes (first: row 2)"
    )


def test_a_line_of_a_file_of_one_column_is_whole(tmp_path):
    lines = 'caption\non a table, a red apple\n14" pan, new\n\n"a, ""b"""\n'
    whole = ["on a table, a red apple", '14" pan, new', None, 'a, "b"']
    assert captions_of(tmp_path / "a.csv", lines) == whole
    assert captions_of(tmp_path / "b.csv", lines.replace('14" pan', "pan"))[1] == "pan, new"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_encodings_with_a_mark(tmp_path, encoding, ending):
    content = "caption\na red café\r\nü\u2028x\x85\x0b\n".encode(encoding)
    assert captions_of(tmp_path / f"a.{ending}", content) == ["a red café", "ü\u2028x\x85\x0b"]
    content = "﻿caption\nx\n".encode("utf-16-be")
    assert captions_of(tmp_path / f"b.{ending}", content) == ["x"]


@pytest.mark.parametrize("quote", ["", '"', '14" '])
def test_rows_in_another_encoding_are_counted(tmp_path, quote):
    lines = f"caption,alt\n{quote}a red apple{quote[:1] if quote == chr(34) else ''},x\na café,y\n"
    captions, opened = read(tmp_path / "a.csv", lines.encode("latin-1"))
    assert len(captions) == 1
    assert opened.unparsed.problem == (
        "1 row did not parse: 1 not in UTF-8, to which the file should be converted"
    )


def test_utf_16_without_a_mark_is_refused(tmp_path):
    with pytest.raises(CoodError, match="holds zero bytes, as UTF-16 does"):
        read(tmp_path / "a.csv", "caption\nx\n".encode("utf-16-le"))
    with pytest.raises(CoodError, match="is damaged: utf-16 by its mark"):
        read(tmp_path / "a.csv", "caption\nx\n".encode("utf-16")[:-1])


PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}


@pytest.mark.parametrize("packer", PACKERS)
def test_files_of_several_compressed_parts_are_read_to_their_end(tmp_path, packer):
    pack, file = PACKERS[packer], tmp_path / f"a.csv.{packer}"
    packed = pack(b"caption\na red apple\n") + pack(b"a blue bus\n")
    assert captions_of(file, packed) == ["a red apple", "a blue bus"]
    for damaged in (packed[:-4], b"caption\nx\n"):
        with pytest.raises(CoodError, match="cannot be read: "):
            read(file, damaged)


def test_archives_are_refused_by_name(tmp_path):
    for name in ("a.zip", "a.tar", "a.csv.tar.gz", "A.TGZ"):
        with pytest.raises(CoodError, match="is an archive; unpack it"):
            read(tmp_path / name, b"x")


def test_which_column_was_read_and_which_look_like_captions(tmp_path):
    table = {
        "url": ["https://a/a red apple.jpg"] * 4,
        "caption": ["a red apple", "a", None, "b"],
        "alt": ["x"] * 4,
        "synthetic": ["a photo of an apple", "a b c", "d e f", None],
        "license": ["CC BY"] * 4,
        "size": [1] * 4,
    }
    pl.DataFrame(table).write_csv(tmp_path / "a.csv")
    pl.DataFrame(table).write_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        captions, opened = read(tmp_path / name)
        assert captions == table["caption"]
        assert list(opened.columns) == ["caption"]
        assert list(opened.others) == ["alt", "synthetic"]
        _, opened = read(tmp_path / name, columns=["synthetic"])
        assert list(opened.others) == ["caption", "alt"]


def test_two_columns_of_one_name(tmp_path):
    with pytest.raises(CoodError, match="has several columns 'caption'"):
        read(tmp_path / "a.csv", "caption,caption\na,b\n")
    assert captions_of(tmp_path / "a.csv", "x,caption,x\na,b,c\n") == ["b"]


SIGNS = st.text(st.sampled_from('ab ,\t\n\r"\u2028é'), max_size=8)


@given(st.lists(st.tuples(SIGNS, SIGNS), min_size=1), st.booleans(), st.sampled_from("\n\r"))
@example([("", "\r\t")], True, "\n")
def test_rows_of_a_writer_that_quotes_come_back(tmp_path_factory, rows, tabs, feed):
    file = tmp_path_factory.mktemp("rows") / ("a.tsv" if tabs else "a.csv")
    text = io.StringIO(newline="")
    end = "\r\n" if feed == "\r" else "\n"
    writer = csv.writer(text, "excel-tab" if tabs else "excel", lineterminator=end)
    writer.writerows([("caption", "other"), *rows])
    lines = text.getvalue().replace("\r\n", "\n").removesuffix("\n").split("\n")
    # Nobody can tell a field of several lines, each with all tabs, from quotes that are text.
    assume(not tabs or len(lines) == 1 + len(rows) or any(x.count("\t") != 1 for x in lines))
    # Where LF ends the lines, this writer does not quote CR, which is read as a blank.
    # A caption of blanks is none.
    expected = [re.sub(r"\r(?!\n)", " ", first if first.strip() else "") for first, _ in rows]
    found = [re.sub(r"\r(?!\n)", " ", text or "") for text in captions_of(file, text.getvalue())]
    assert found == expected


@given(st.lists(st.text(st.sampled_from('ab,"\n\r\té'), max_size=12), max_size=12), st.booleans())
def test_every_line_is_a_caption_or_counted(tmp_path_factory, lines, tabs):
    file = tmp_path_factory.mktemp("lines") / ("a.tsv" if tabs else "a.csv")
    mark = "\t" if tabs else ","
    lines = [line.replace("\n", " ").replace("\r", " ") for line in lines]
    plain = [line.replace('"', "") for line in lines]
    captions, opened = read(file, "\n".join([f"caption{mark}b", *plain, ""]))
    assert len(captions) + opened.unparsed.total == len(plain)
    kept = [line.split(mark)[0] for line in plain if line.count(mark) == 1 or not line]
    kept = [caption if caption.strip() else None for caption in kept]
    assert sorted(map(str, captions)) == sorted(map(str, kept))
    # With quotes a row may have several lines, but no text is lost without a word.
    captions, opened = read(file, "\n".join([f"caption{mark}b", *lines, ""]))
    joined = sum((caption or "").count("\n") for caption in captions)
    assert len(captions) + opened.unparsed.total + joined <= len(lines)
    assert opened.unparsed.total or len(captions) + joined >= len(lines) - 12


@pytest.mark.parametrize("name", ["B.CSV", "b.Csv.GZ", "c.Parquet"])
def test_endings_in_capitals(tmp_path, name):
    file = tmp_path / name
    if name.endswith("GZ"):
        file.write_bytes(gzip.compress(b"caption\na red apple\n"))
    elif name.endswith("CSV"):
        file.write_text("caption\na red apple\n")
    else:
        pl.DataFrame({"caption": ["a red apple"]}).write_parquet(file)
    assert find_files([str(tmp_path)], tmp_path, LISTED) == [str(file)]
    assert captions_of(file) == ["a red apple"]


def test_copies_that_programs_make_are_no_files_of_captions(tmp_path):
    for name in ("a.csv", ".ipynb_checkpoints/a-checkpoint.csv", "__MACOSX/a.csv", "._a.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("caption\nx\n")
    assert find_files([str(tmp_path)], tmp_path, LISTED) == [str(tmp_path / "a.csv")]


def test_notes_on_other_files_are_passed_over_and_other_texts_are_not(tmp_path):
    names = ["0.parquet", "0_stats.json", "1.jpg", "1.json", "1.TXT", "coco.json", "lines.txt"]
    for name in names:
        (tmp_path / name).touch()
    files = [str(tmp_path / name) for name in names]
    assert notes_on_others(files) == {
        str(tmp_path / n) for n in ("0_stats.json", "1.json", "1.TXT")
    }
    with pytest.raises(CoodError, match="unknown kind of file"):
        read(tmp_path / "coco.json")


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stray_quote_swallows_no_rows(tmp_path, end):
    rows = [f"u,a plain row {k}" for k in range(100)]
    lines = ["url,caption", 'u,"Hello red apple', *rows, 'u,he said red bus"', "u,end"]
    captions, opened = read(tmp_path / "a.csv", end.join([*lines, ""]))
    assert captions == [*(row[2:] for row in rows), 'he said red bus"', "end"]
    assert opened.unparsed.total == 1
    few = ["url,caption", 'u,"Hello', 'red apple"', "u,end"]
    assert captions_of(tmp_path / "b.csv", end.join([*few, ""])) == [
        f"Hello{end}red apple",
        "end",
    ]


def test_a_file_under_two_names_is_read_once(tmp_path):
    first, packed, link = (str(tmp_path / name) for name in ("a.csv", "a.csv.gz", "latest.csv"))
    for name in (first, packed):
        open(name, "wb").close()
    (tmp_path / "latest.csv").symlink_to(first)
    assert copies([first, packed, link]) == {
        packed: "is a.csv, packed, by its name; only that is read",
        link: f"is the same file as {first}, which is read",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id;caption\n1;a red apple\n", "its columns seem to be parted by ';'"),
        (
            gzip.compress(b"caption\nx\n", mtime=0),
            "is no text but compressed by gzip, whatever its name",
        ),
        (b"PAR1 and more", "is no text but parquet"),
    ],
)
def test_files_of_another_form_are_refused_by_it(tmp_path, content, message):
    with pytest.raises(CoodError, match=message):
        read(tmp_path / "a.csv", content)


def test_a_line_of_names_alone_has_no_captions(tmp_path):
    assert captions_of(tmp_path / "a.csv", "caption") == []


def test_tabs_are_told_by_the_end_of_the_name(tmp_path):
    (tmp_path / "d.tsv").mkdir()
    content = "caption,b\na red apple,x\n"
    assert captions_of(tmp_path / "d.tsv" / "part-0.csv", content) == ["a red apple"]
