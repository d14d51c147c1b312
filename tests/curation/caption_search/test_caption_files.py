import gzip
import http.server
import re
import threading

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cood.curation.caption_search import caption_files as reading
from cood.curation.caption_search.caption_files import ENDINGS, open_captions
from cood.errors import CoodError
from cood.files import find_files

CAPTIONS = ["a red apple", None, "", 'quoted "blue", bus', "über"]


def read(file, columns=None):
    with open_captions(str(file), columns) as opened:
        return [caption for batch in opened.batches() for caption in batch]


@pytest.mark.parametrize("column", ["caption", "text", "TEXT"])
@pytest.mark.parametrize("kind", ["parquet", "csv", "csv.gz"])
def test_known_columns(tmp_path, column, kind):
    file = tmp_path / f"part.{kind}"
    table = pl.DataFrame({"url": ["x"] * 5, column: CAPTIONS})
    if kind == "parquet":
        table.write_parquet(file)
    else:
        table.write_csv(file, compression="gzip" if kind == "csv.gz" else "uncompressed")
    assert [c or "" for c in read(file)] == [c or "" for c in CAPTIONS]


def test_titles_and_descriptions_of_yfcc(tmp_path):
    file = tmp_path / "yfcc15m.tsv"
    file.write_text('title\tdescription\nred "apple\ton a table\n\tblue bus\nhat\t\n\t\n')
    assert read(file) == ['red "apple on a table', "blue bus", "hat", None]


def test_cc12m_has_no_line_of_names(tmp_path):
    (tmp_path / "cc12m.tsv").write_text('https://a/b.jpg\ta red apple\nhttp://c\t"hat\n')
    assert read(tmp_path / "cc12m.tsv") == ["a red apple", '"hat']


def test_a_named_column_wins(tmp_path):
    file = tmp_path / "a.parquet"
    pl.DataFrame({"caption": ["x"], "alt": ["red"], "top": ["apple"]}).write_parquet(file)
    assert read(file, ["alt"]) == ["red"]
    assert read(file, ["alt", "top"]) == ["red apple"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (pa.array([b"a", None]), ["a", None]),
        (pa.array(["a", None], pa.large_string()), ["a", None]),
        (pa.nulls(2), [None, None]),
        (pa.array([], pa.string()), []),
    ],
)
def test_text_in_other_types(tmp_path, values, expected):
    pq.write_table(pa.table({"caption": values}), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == expected


def test_batches_are_of_limited_size_and_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 1000)
    captions = [str(i) for i in range(5500)]
    pl.DataFrame({"caption": captions}).write_parquet(tmp_path / "a.parquet", row_group_size=3000)
    with open_captions(str(tmp_path / "a.parquet"), None) as opened:
        batches = list(opened.batches())
    assert max(map(len, batches)) <= 1000
    assert [c for batch in batches for c in batch] == captions


def spoilt(folder):
    """Files that cannot be read, and what is said of each."""
    good, big = folder / "good.parquet", folder / "big.parquet"
    pl.DataFrame({"caption": CAPTIONS}).write_parquet(good)
    rng = np.random.default_rng(0)
    pl.DataFrame({"caption": [str(x) for x in rng.random(20_000)]}).write_parquet(big)
    content, inside = good.read_bytes(), bytearray(big.read_bytes())
    inside[len(inside) // 3 : len(inside) // 3 + 3000] = rng.bytes(3000)
    pl.DataFrame({"pixels": [1], "url": ["x"]}).write_parquet(folder / "column.parquet")
    pl.DataFrame({"caption": [1]}).write_parquet(folder / "numbers.parquet")
    pl.DataFrame({"caption": [["a"]]}).write_parquet(folder / "lists.parquet")
    pq.write_table(pa.table({"caption": pa.array([b"\xff\xfe"])}), folder / "bytes.parquet")
    broken = pa.array([b"red", b"\xff\xfe"]).view(pa.string())
    pq.write_table(pa.table({"caption": broken}), folder / "unicode.parquet")
    (folder / "footer.parquet").write_bytes(content[:-20])
    (folder / "inside.parquet").write_bytes(inside)
    (folder / "zero.parquet").write_bytes(b"")
    (folder / "zero.csv").write_bytes(b"")
    (folder / "text.parquet").write_text("this is no parquet file at all")
    (folder / "picture.png").write_bytes(b"x")
    (folder / "empty").mkdir()
    return {
        "column.parquet": "no column of captions (caption, text, TEXT, title + description) among "
        "pixels, url; name one as `column`",
        "numbers.parquet": "column caption holds Int64, not text",
        "lists.parquet": "column caption holds List(String), not text",
        "bytes.parquet": "cannot be read: invalid utf8",
        "unicode.parquet": "cannot be read: In column 0: Invalid: Invalid UTF8 sequence",
        "footer.parquet": "cannot be read: parquet: File out of specification",
        "inside.parquet": "cannot be read: ",
        "zero.parquet": "cannot be read: parquet: File out of specification",
        "zero.csv": "is empty",
        "text.parquet": "cannot be read: parquet: File out of specification",
        "picture.png": "unknown kind of file; the name must end in .parquet, .csv",
        "empty": "a folder without .parquet, .csv",
        "gone.parquet": "does not exist",
    }


def test_unreadable_files_are_reported_in_one_sentence(tmp_path):
    for name, message in spoilt(tmp_path).items():
        with pytest.raises(CoodError) as caught:
            read(tmp_path / name)
        assert str(caught.value).startswith(message), name
        assert "\n" not in str(caught.value)
    with pytest.raises(CoodError, match=r"unknown column 'Caption'; did you mean caption\?"):
        read(tmp_path / "good.parquet", ["Caption"])


def test_places(tmp_path):
    (tmp_path / "laion" / "deep").mkdir(parents=True)
    for name in ("b.parquet", "a.parquet", "deep/c.csv", "deep/read.me"):
        (tmp_path / "laion" / name).write_text("")
    found = find_files(
        ["laion", "laion/*.parquet", "s3://b/*.parquet", "no/*.csv"], tmp_path, ENDINGS
    )
    local = [str(tmp_path / "laion" / name) for name in ("a.parquet", "b.parquet", "deep/c.csv")]
    assert found == [*local, "s3://b/*.parquet", str(tmp_path / "no" / "*.csv")]
    assert (
        find_files([str(tmp_path / "laion" / "a.parquet")], tmp_path.parent, ENDINGS) == local[:1]
    )


def test_a_name_with_signs_of_a_glob_is_that_file(tmp_path):
    file = tmp_path / "part[1].parquet"
    pl.DataFrame({"caption": ["red"]}).write_parquet(file)
    assert find_files(["part[1].parquet"], tmp_path, ENDINGS) == [str(file)]
    assert read(file) == ["red"]


class Files(http.server.BaseHTTPRequestHandler):
    """Serves the files in `folder`, whole or in part."""

    folder = None

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        try:
            content = (self.folder / self.path.strip("/")).read_bytes()
        except OSError:
            self.send_error(404)
            return
        size, asked = len(content), re.match(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if asked:
            first = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
            last = min(int(asked[2]), size - 1) if asked[1] and asked[2] else size - 1
            content = content[first : last + 1]
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Of a web server on this machine that serves `tmp_path`."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(Files, "folder", tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_remote_files(tmp_path, address):
    pl.DataFrame({"caption": CAPTIONS}).write_parquet(tmp_path / "a.parquet")
    assert find_files([f"{address}/a.parquet"], tmp_path, ENDINGS) == [f"{address}/a.parquet"]
    assert read(f"{address}/a.parquet") == [caption or None for caption in CAPTIONS]
    lines = b'caption,alt\r\n"a ""red""\nhat, new",x\r\na blue bus,y\r\n'
    (tmp_path / "a.csv").write_bytes(lines)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(lines[:20]) + gzip.compress(lines[20:]))
    for name in ("a.csv", "a.csv.gz"):
        assert read(f"{address}/{name}") == ['a "red"\nhat, new', "a blue bus"]
    with pytest.raises(CoodError, match=r"cannot be read: .*not found"):
        read(f"{address}/gone.parquet")


def test_places_in_a_project_whose_path_has_signs_of_a_glob(tmp_path):
    root = tmp_path / "my [w]*?"
    (root / "captions").mkdir(parents=True)
    (root / "captions" / "a.csv").write_text("")
    file = [str(root / "captions" / "a.csv")]
    assert find_files(["captions/*.csv"], root, ENDINGS) == file
    assert find_files(["captions"], root, ENDINGS) == file


def test_folders_that_are_links_are_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.csv").write_text("caption\nx\n")
    (tmp_path / "captions").mkdir()
    (tmp_path / "captions" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop.csv").symlink_to(tmp_path / "captions")
    found = find_files(["captions"], tmp_path, ENDINGS)
    inside = tmp_path / "captions" / "link"
    assert found == [str(inside / "a.csv"), str(inside / "loop.csv")]
    with pytest.raises(CoodError, match="a folder without"):
        read(inside / "loop.csv")
