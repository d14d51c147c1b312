import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from cood.cli import main
from cood.errors import ArtefactError, CoodError
from cood.export import formats
from cood.export.exporting import CARD, MARK, export_set
from cood.files import read_table, write_table
from cood.settings.study_file import load_study
from cood.synthesis.external.importing import import_set
from cood.synthesis.manifests import read_manifest

# What an export says of an image, and what comes back from the release layout.
ROW = ["attribute", "object", "composition", "prompt", "seed"]
KILLED = """
import os, signal
from pathlib import Path
from cood.export import exporting, formats
from cood.settings.study_file import load_study

formats.SHARD, formats.GROUP = 20_000, 8_000
done = 0
class Deadly(exporting.Progress):
    def add(self, n):
        global done
        done += n
        if done >= {count}:
            os.kill(os.getpid(), signal.SIGKILL)
exporting.Progress = Deadly
exporting.export_set(load_study("tiny"), "ao", Path({folder!r}), ["{format}"], lambda text: None)
"""


def quiet(text):
    pass


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def exported(built, tmp_path_factory):
    """An export of the tiny set, in files of few images: to read only."""
    folder = tmp_path_factory.mktemp("export") / "new" / "ao"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(built)
        patch.setattr(formats, "SHARD", 20_000)
        patch.setattr(formats, "GROUP", 8_000)
        export_set(load_study("tiny"), "ao", folder, say=quiet)
    return folder


def test_the_command_writes_all_formats_and_says_so(done, tmp_path, capsys):
    export = ["export", "--study", "tiny", "--set", "ao", "--to", str(tmp_path / "out")]
    assert main(export) == 0
    said = capsys.readouterr().err
    for form in ("release", "parquet", "webdataset"):
        assert f"ao: 40 images written to {tmp_path / 'out' / form}\n" in said
        assert (tmp_path / "out" / form / CARD).is_file()
    before = contents(tmp_path)
    assert main([*export, "--format", "parquet"]) == 0
    assert "parquet is complete already" in capsys.readouterr().err
    assert contents(tmp_path) == before


@pytest.mark.parametrize("key", ["folder", "file"])
def test_the_release_layout_comes_back_as_the_same_set(exported, built, project, settings, key):
    images = exported / "release" / "images"
    source = {"folder": "folder", "file": "release"}[key]
    settings["sets"]["mine"] = {"source": source, key: str(images)}
    (project / "workflow" / "studies" / "tiny.yaml").write_text(yaml.safe_dump(settings))
    study = load_study("tiny")
    back = import_set(study, "mine", say=quiet)
    own = built / "results" / "tiny" / "sets" / "ao"
    original = read_table(own / "manifest.parquet")
    columns = ["image", *ROW, "status", "bytes"]
    pd.testing.assert_frame_equal(
        back[columns].sort_values("image", ignore_index=True),
        original[columns].sort_values("image", ignore_index=True),
    )
    folder = study.paths.manifest("mine").parent
    for image in original["image"]:
        assert (folder / image).read_bytes() == (own / image).read_bytes()


def test_metadata_of_the_release(exported, done):
    table = pd.read_csv(exported / "release" / "metadata.csv")
    original = read_manifest(done, "ao")
    assert table["file_name"].tolist() == [f"images/{image}" for image in original["image"]]
    pd.testing.assert_frame_equal(table[ROW], original[ROW])


def test_parquet_holds_the_files_and_the_convention(exported, done):
    original = read_manifest(done, "ao")
    folder = done.paths.manifest("ao").parent
    files = sorted((exported / "parquet" / "data").iterdir())
    count = len(files)
    assert count > 2
    assert [f.name for f in files] == [f"test-{k:05d}-of-{count:05d}.parquet" for k in range(count)]
    table = pd.concat([pq.read_table(f).to_pandas() for f in files], ignore_index=True)
    pd.testing.assert_frame_equal(table[ROW], original[ROW])
    for picture, image in zip(table["image"], original["image"], strict=True):
        assert picture["path"] == image
        assert picture["bytes"] == (folder / image).read_bytes()
    schema = pq.read_schema(files[0])
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert list(features) == schema.names
    assert pq.ParquetFile(files[0]).num_row_groups > 1  # so that memory does not grow with a file
    sizes = [sum(len(p["bytes"]) for p in pq.read_table(f).to_pandas()["image"]) for f in files]
    assert max(sizes) < 20_000 + original["bytes"].max()


def test_webdataset_holds_the_files_and_the_convention(exported, done):
    original = read_manifest(done, "ao")
    folder = done.paths.manifest("ao").parent
    names = (exported / "webdataset" / "classnames.txt").read_text().splitlines()
    samples = []
    archives = sorted((exported / "webdataset").glob("*.tar"))
    assert [a.name for a in archives] == [f"{k:06d}.tar" for k in range(len(archives))]
    for file in archives:
        with tarfile.open(file) as archive:
            members = archive.getmembers()
            assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {
                (0, 0, 0, "", "")
            }
            # The files of a key stand together.
            for start in range(0, len(members), 4):
                key = {m.name.partition(".")[0] for m in members[start : start + 4]}
                assert len(key) == 1
                samples.append(
                    {
                        m.name.partition(".")[2]: archive.extractfile(m).read()
                        for m in members[start : start + 4]
                    }
                )
    assert len(samples) == len(original)
    for sample, row in zip(samples, original.to_dict("records"), strict=True):
        assert sample["png"] == (folder / row["image"]).read_bytes()
        assert names[int(sample["cls"])] == f"{row['attribute']} {row['object']}"
        assert sample["txt"].decode() == row["prompt"]
        about = json.loads(sample["json"])
        assert {key: about[key] for key in ROW} == {key: row[key] for key in ROW}
    assert len(names) == 20


def test_the_same_set_gives_the_same_bytes(exported, done, tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "SHARD", 20_000)
    monkeypatch.setattr(formats, "GROUP", 8_000)
    monkeypatch.setattr("time.time", lambda: 86_400.0)
    export_set(done, "ao", tmp_path / "again", say=quiet)
    assert contents(tmp_path / "again") == contents(exported)


@pytest.mark.parametrize(("form", "count"), [("release", 7), ("parquet", 21), ("webdataset", 21)])
def test_a_kill_leaves_no_half_file_and_the_next_run_resumes(
    exported, done, tmp_path, monkeypatch, form, count
):
    folder = tmp_path / "out"
    script = KILLED.format(count=count, folder=str(folder), format=form)
    run = subprocess.run([sys.executable, "-c", script], check=False, env=os.environ)
    assert run.returncode == -signal.SIGKILL
    whole = contents(exported / form)
    left = {name: digest for name, digest in contents(folder / form).items() if ".tmp" not in name}
    assert 0 < len(left) < len(whole)
    assert CARD not in left
    times = {name: (folder / form / name).stat().st_mtime_ns for name in left}
    assert left.items() <= whole.items()
    monkeypatch.setattr(formats, "SHARD", 20_000)
    monkeypatch.setattr(formats, "GROUP", 8_000)
    export_set(done, "ao", folder, [form], say=quiet)
    assert contents(folder / form) == whole
    for name, time in times.items():
        again = (folder / form / name).stat().st_mtime_ns != time
        assert not again or name == "classnames.txt"


def test_only_what_was_kept_is_exported(copied, tmp_path):
    manifest = copied.paths.manifest("ao")
    table = read_table(manifest)
    table.loc[:4, ["status", "bytes"]] = ["failed: out of memory | <b>", 0]
    table.loc[5, ["status", "bytes"]] = ["copy: the same as 0.png", 0]
    write_table(table, manifest)
    export_set(copied, "ao", tmp_path / "out", say=quiet)
    images = sorted((tmp_path / "out" / "release" / "images").rglob("*.png"))
    assert len(images) == 34
    text = (tmp_path / "out" / "parquet" / CARD).read_text()
    for line in ("| kept | 34 |", "| failed | 5 |", "| copy | 1 |"):
        assert line in text
    # The set is another one now: the folder is not mixed up with it.
    write_table(table.iloc[:30], manifest)
    with pytest.raises(CoodError, match="or one of an earlier version of this set; delete"):
        export_set(copied, "ao", tmp_path / "out", say=quiet)


def test_nothing_kept(copied, tmp_path):
    table = read_table(copied.paths.manifest("ao")).assign(status="failed: x", bytes=0)
    write_table(table, copied.paths.manifest("ao"))
    with pytest.raises(CoodError, match="set 'ao' has no image that was kept"):
        export_set(copied, "ao", tmp_path / "out", say=quiet)
    assert not (tmp_path / "out").exists()


def test_a_missing_image(copied, tmp_path):
    image = read_manifest(copied, "ao")["image"][3]
    (copied.paths.manifest("ao").parent / image).unlink()
    with pytest.raises(ArtefactError, match=rf"{image} is missing or damaged; run `nox"):
        export_set(copied, "ao", tmp_path / "out", say=quiet)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else(done, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / MARK).write_text("{")
    export = ["export", "--study", "tiny", "--set", "ao", "--to"]
    for place, message in (
        (tmp_path, "is not empty, and not an export; give a new or empty folder"),
        (tmp_path / "notes.txt", "is a file; give a folder that is new or empty"),
        (tmp_path / "broken", "holds another export"),
    ):
        assert main([*export, str(place)]) == 1
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "notes.txt"]


def test_a_name_that_does_not_exist(done, tmp_path, capsys):
    where = ["export", "--study", "tiny", "--to", str(tmp_path / "out")]
    assert main([*where, "--set", "oa"]) == 1
    assert "unknown set 'oa'" in capsys.readouterr().err
    assert main([*where, "--set", "ao", "--format", "parket"]) == 1
    assert "unknown format 'parket'; did you mean parquet?" in capsys.readouterr().err
    assert not Path(tmp_path / "out").exists()


def test_a_set_that_is_not_made(tiny, tmp_path):
    with pytest.raises(ArtefactError, match=r"manifest\.parquet does not exist"):
        export_set(tiny, "ao", tmp_path / "out", say=quiet)
