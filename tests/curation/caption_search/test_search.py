import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import yaml

from cood.curation.caption_search import caption_files as reading
from cood.curation.caption_search.search import search_captions
from cood.curation.caption_search.tally import EXAMPLES, LONGEST
from cood.errors import StudyError
from cood.files import read_table
from cood.settings.study_file import load_study

PLANTED = {"red apple": 7, "blue hat": 2, "brick umbrella": 1}


@pytest.fixture
def write(project, settings):
    """Make the tiny study have one corpus, of the folder `captions`."""
    (project / "captions").mkdir()

    def make(**corpus):
        corpora = {"web": {"files": ["captions"], **corpus}}
        file = project / "workflow" / "studies" / "tiny.yaml"
        file.write_text(yaml.safe_dump({**settings, "corpora": corpora}))
        return load_study("tiny")

    return make


def captions(rng, n, planted):
    """Sentences with one word of the study at most, and planted pairs at random places."""
    filler = np.array(["a dog in the park", "something blue", "hats", "nothing", "the bus stop"])
    text = rng.choice(filler, n).astype(object)
    places = rng.permutation(n)[: sum(planted.values())]
    text[places] = np.repeat([f"here: a {name}!" for name in planted], list(planted.values()))
    return text


def scanned(study, code="1"):
    said = []
    search_captions(study, "web", said.append, code=code)
    paths = study.paths
    return read_table(paths.caption_hits("web")), read_table(paths.caption_files("web")), said


def counts(hits, rule):
    own = hits[(hits["rule"] == rule) & (hits["count"] > 0)]
    return dict(zip(own["attribute"] + " " + own["object"], own["count"], strict=True))


def plain(hits):
    return hits.assign(examples=[list(e) for e in hits["examples"]])


def test_planted_pairs_are_counted_exactly(project, write, monkeypatch):
    monkeypatch.setattr(reading, "BATCH", 300)
    rng = np.random.default_rng(0)
    for i in range(3):
        table = pl.DataFrame({"text": captions(rng, 1000, PLANTED)})
        table.write_parquet(project / "captions" / f"{i}.parquet")
    hits, files, said = scanned(write())
    expected = {name: 3 * n for name, n in PLANTED.items()}
    assert counts(hits, "strict") == counts(hits, "adjacent") == expected
    assert counts(hits, "faithful").items() >= expected.items()
    assert len(hits) == 3 * 20
    assert list(hits.columns) == ["attribute", "object", "rule", "count", "examples"]
    assert files["captions"].tolist() == [1000] * 3
    assert (files["problem"] == "").all()
    assert said[0].startswith("[1/3] 0.parquet: 1,000 captions, ")
    assert said[0].endswith(" left")


def test_examples_are_the_first_captions_cut(project, write):
    text = [f"red apple {i} " + "x" * 300 for i in range(3 * EXAMPLES)]
    for i in range(3):
        table = pl.DataFrame({"caption": text[i::3][:2]})
        table.write_parquet(project / "captions" / f"{i}.parquet")
    hits, _, _ = scanned(write())
    first = hits[(hits["rule"] == "strict") & (hits["count"] > 0)].iloc[0]
    assert list(first["examples"]) == [text[i][:LONGEST] for i in (0, 3, 1)]
    assert hits.loc[hits["count"] == 0, "examples"].map(len).max() == 0


def test_odd_files_are_recorded_and_the_rest_goes_on(project, write):
    folder = project / "captions"
    pl.DataFrame({"TEXT": ["red apple", None, None]}).write_parquet(folder / "a.parquet")
    pl.DataFrame({"pixels": [1]}).write_parquet(folder / "b.parquet")
    (folder / "c.parquet").write_bytes((folder / "a.parquet").read_bytes()[:-9])
    (folder / "d.csv").write_text("caption\nred apple\n")
    (folder / "e.zip").write_bytes(b"x")
    (folder / "f.jsonl").write_text("{}")
    for name in ("g.png", "g.json", "g.txt", "h.json"):
        (folder / name).write_bytes(b"x")
    places = ["captions", "captions/g.txt", "elsewhere/*.parquet"]
    hits, files, said = scanned(write(files=places))
    names = [Path(file).name for file in files["file"]]
    assert "".join(name[0] for name in names) == "abcdefgh*"  # of g, the one that was asked for
    assert names[6] == "g.txt"
    assert counts(hits, "strict") == {"red apple": 2}
    assert files["captions"].tolist() == [1, 0, 0, 1, 0, 0, 0, 0, 0]
    assert files["empty"].tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0]
    assert [bool(problem) for problem in files["problem"]] == [
        False,
        True,
        True,
        False,
        True,
        True,
        True,
        True,
        True,
    ]
    assert files["problem"][8] == "does not exist"
    assert "[2/9] b.parquet: skipped: no column of captions" in said[1]


def test_rows_of_a_file_are_captions_or_counted(project, write):
    lines = "url,caption,alt\nu,a red apple,one that is red\nu,,\nu,a hat, blue,\nu,blue hat,x\n"
    (project / "captions" / "a.csv").write_text(lines)
    study = write()
    for _ in range(2):  # the second time from what was kept
        hits, files, said = scanned(study)
        assert counts(hits, "strict") == {"red apple": 1, "blue hat": 1}
        row = files.iloc[0]
        assert row[["column", "others"]].tolist() == ["caption", "alt"]
        assert row[["captions", "empty", "unparsed"]].tolist() == [2, 1, 1]
        assert row["problem"].startswith("1 row did not parse: 1 without the 3 fields of the first")
        assert said[0] == f"[1/1] a.csv: {row['problem']}"
        assert said[1] == "[1/1] a.csv: caption was read; alt may be captions too"
        assert said[2].startswith("[1/1] a.csv: 2 captions, ")
    assert said[2].endswith("cached")


def test_finished_files_are_not_read_again(project, write):
    folder = project / "captions"
    good = pl.DataFrame({"caption": ["red apple"]})
    good.write_parquet(folder / "a.parquet")
    (folder / "b.parquet").write_text("not yet there")
    study = write()
    scanned(study)
    pl.DataFrame({"caption": ["red apple", "blue hat"]}).write_parquet(folder / "b.parquet")
    hits, files, said = scanned(study)
    assert said[0] == "[1/2] a.parquet: 1 captions, cached"
    assert "cached" not in said[1]
    assert counts(hits, "strict") == {"red apple": 2, "blue hat": 1}
    assert (files["problem"] == "").all()
    good.write_parquet(folder / "b.parquet")
    hits, _, said = scanned(study)
    assert "cached" not in said[1]
    assert counts(hits, "strict") == {"red apple": 2}
    assert not any("cached" in line for line in scanned(study, code="2")[2])
    parts = list(study.paths.caption_parts("web").iterdir())
    assert len(parts) == 2
    parts[0].write_bytes(parts[0].read_bytes()[:50])
    again, _, said = scanned(study, code="2")
    assert sum("cached" in line for line in said) == 1
    pd.testing.assert_frame_equal(plain(again), plain(hits))


def test_a_file_that_comes_later_changes_nothing_but_itself(project, write):
    """Examples too are those of a run that found all files at once."""
    folder = project / "captions"
    text = [[f"red apple {i}{k}" for k in range(2)] for i in "abc"]
    for i in (0, 2):
        pl.DataFrame({"caption": text[i]}).write_parquet(folder / f"{i}.parquet")
    study = write()
    scanned(study)
    pl.DataFrame({"caption": text[1]}).write_parquet(folder / "1.parquet")
    later, _, _ = scanned(study)
    fresh, _, _ = scanned(study, code="2")
    pd.testing.assert_frame_equal(plain(later), plain(fresh))


PROGRAM = """
import sys
from cood.curation.caption_search.search import search_captions
from cood.settings.study_file import load_study

def say(text):
    print(text, file=sys.stderr, flush=True)

search_captions(load_study("tiny"), "web", say, code="1")
"""


def test_a_killed_search_resumes_to_the_same_numbers(project, write):
    rng = np.random.default_rng(1)
    for i in range(6):
        table = pl.DataFrame({"caption": captions(rng, 40_000, PLANTED)})
        table.write_parquet(project / "captions" / f"{i}.parquet")
    study = write()
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        said = run.stderr.readline()
        os.kill(run.pid, signal.SIGKILL)
    assert said.startswith("[1/6] 0.parquet: 40,000 captions")
    assert run.returncode == -signal.SIGKILL
    assert not study.paths.caption_hits("web").exists()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert lines[0] == "[1/6] 0.parquet: 40,000 captions, cached"
    assert "cached" not in lines[-1]
    hits = read_table(study.paths.caption_hits("web"))
    assert counts(hits, "strict") == {name: 6 * n for name, n in PLANTED.items()}
    fresh, _, _ = scanned(study)
    pd.testing.assert_frame_equal(plain(hits), plain(fresh))


def test_the_captions_of_a_model(copied):
    file = copied.file
    raw = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**raw, "corpora": {"own": {"model": "few"}}}))
    lines = []
    search_captions(load_study("tiny"), "own", lines.append, code="1")
    assert "captions.parquet: 64 captions" in lines[-1]
    hits = read_table(copied.paths.caption_hits("own"))
    table = read_table(copied.paths.model("few") / "captions.parquet")
    named = table.loc[table["names"] == "pair"]
    names = np.array(copied.words.compositions())[named["captioned"]]
    expected = Counter(names.tolist())
    assert counts(hits, "adjacent") == counts(hits, "strict") == expected


def test_an_unknown_corpus(tiny):
    with pytest.raises(StudyError, match="unknown corpus 'web'; known: none"):
        search_captions(tiny, "web", print, code="1")
