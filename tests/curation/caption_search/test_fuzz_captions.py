"""Mutated files of captions: every row is counted, and errors are one sentence."""

import csv
import gzip
import io
import random
import re

import pandas as pd
import pytest
import yaml

from cood.curation.caption_search.search import search_captions
from cood.files import read_table
from cood.settings.study_file import load_study

MUTATIONS = 200
CAPTIONS = ["a red apple", "the blue hat, new", 'a "striped" dog', "", "red\nbus", "brick umbrella"]
ODD = [b",", b"\t", b'"', b'""', b"\n", b"\r", b"\r\n", b"\x00", b"\xff", b"\xc3", b"\xef\xbb\xbf"]
ODD += [
    "\u2028".encode(),
    "\u00a0".encode(),
    b"http://",
    b"caption",
    b'",',
    b',"',
    b"\n\n",
    b"&nbsp;",
]
ENDINGS = ("csv", "tsv", "parquet", "csv.gz", "tsv")


def written(ending, rng):
    """A file of captions, as some program writes it."""
    rows = [(f"https://a/{i}.jpg", rng.choice(CAPTIONS)) for i in range(rng.randint(1, 8))]
    if ending == "parquet":
        file = io.BytesIO()
        pd.DataFrame(rows, columns=["url", "caption"]).to_parquet(file)
        return file.getvalue()
    text = io.StringIO(newline="")
    mark = "\t" if ending == "tsv" else ","
    end = rng.choice(["\n", "\r\n"])
    writer = csv.writer(text, delimiter=mark, lineterminator=end)
    writer.writerows([("url", "caption"), *rows])
    return text.getvalue().encode(rng.choice(["utf-8"] * 5 + ["utf-16"]))


def mutated(content, rng):
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(content) + 1)
        end = place + rng.choice([0, 0, 1, 2, 5])
        content = content[:place] + rng.choice(ODD) + content[end:]
    return content


@pytest.fixture
def corpus(project, settings):
    (project / "captions").mkdir()
    file = project / "workflow" / "studies" / "tiny.yaml"
    file.write_text(yaml.safe_dump({**settings, "corpora": {"web": {"files": ["captions"]}}}))
    return load_study("tiny")


def test_mutations_lose_no_row(corpus):
    rng = random.Random(0)
    folder = corpus.paths.root / "captions"
    contents = {}
    for number in range(MUTATIONS):
        ending = ENDINGS[number % len(ENDINGS)]
        content = mutated(written(ending, rng), rng)
        name = f"{number:03}.{ending}"
        contents[name] = content
        (folder / name).write_bytes(gzip.compress(content) if ending == "csv.gz" else content)
    search_captions(corpus, "web", lambda text: None, code="1")
    table = read_table(corpus.paths.caption_files("web"))
    assert len(table) == MUTATIONS
    read = 0
    for row in table.itertuples():
        assert "\n" not in row.problem
        name = row.file.rpartition("/")[2]
        rows = row.captions + row.empty + row.unparsed
        assert bool(row.problem) == (row.unparsed > 0 or not row.column), name
        if row.problem and not row.unparsed:
            assert rows == 0, name
            continue
        read += 1
        if not name.endswith("parquet"):
            least, most = expected_rows(contents[name], name)
            assert least <= rows <= most, (name, contents[name])
    assert MUTATIONS / 3 < read < MUTATIONS


def expected_rows(content, name):
    """Fewest and most rows of a text file: as quotes join lines for `csv`, and each line one."""
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = content.decode("utf-16" if wide else "utf-8", errors="replace").removeprefix("\ufeff")
    text = re.sub(r"\r(?!\n)", " ", text) if "\n" in text else text.replace("\r", "\n")
    mark = "\t" if ".tsv" in name else ","
    lines = text.removesuffix("\n").split("\n")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True))
    except csv.Error:
        return 0, len(lines)
    header = not any(value.startswith(("http://", "https://")) for value in rows[0])
    return len(rows) - header, len(lines if '"' in text else rows) - header
