import json
from pathlib import Path

import pandas as pd
import pytest

from cood.analysis.reference import (
    PROVENANCE_FILE,
    Reference,
    check_reference,
    load_reference,
    read_claims,
)
from cood.errors import ArtefactError, StudyError
from cood.evaluation.collect import NOT_SCORED, scored_settings
from cood.files import sha256
from cood.paths import Paths
from cood.settings.study_file import load_study

ROOT = Path(__file__).parents[2]
STUDIES = sorted(file.stem for file in (ROOT / "workflow" / "studies").glob("*.yaml"))


@pytest.fixture
def folder(project):
    """A reference run of two small files."""
    folder = project / "reference" / "other"
    folder.mkdir(parents=True)
    files = {}
    for name in ("scores.parquet", "claims.csv"):
        (folder / name).write_text(f"{name} of a run\n")
        files[name] = {"sha256": sha256(folder / name), "bytes": 1}
    (folder / PROVENANCE_FILE).write_text(json.dumps({"study": "other", "files": files}))
    return folder


def test_a_reference_is_found_by_the_name_of_its_study(folder):
    assert load_reference("tiny") is None
    reference = load_reference("other")
    assert (reference.name, reference.paths.reference) == ("other", folder)
    assert reference.provenance["study"] == "other"


@pytest.mark.parametrize("name", ["scores.parquet", "claims.csv"])
def test_a_file_that_differs_or_is_missing_is_named(folder, name):
    (folder / name).write_text(f"{name} of b run\n")  # of the same size
    with pytest.raises(ArtefactError, match=f"other/{name} is damaged: its SHA-256 is not the one"):
        load_reference("other")
    (folder / name).unlink()
    with pytest.raises(ArtefactError, match=f"other/{name} is missing from the reference run"):
        check_reference(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": {"a": 1}}', None])
def test_without_checksums_it_cannot_be_checked(folder, text):
    (folder / PROVENANCE_FILE).unlink()
    if text is not None:
        (folder / PROVENANCE_FILE).write_text(text)
    with pytest.raises(ArtefactError, match=f"other/{PROVENANCE_FILE} is missing or damaged"):
        check_reference(folder)


@pytest.mark.parametrize("name", STUDIES)
def test_published_settings_give_the_study_back(name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    study = load_study(name)
    paths = Paths(tmp_path, name)
    paths.reference.mkdir(parents=True)
    (paths.reference / "settings.json").write_text(scored_settings(study))
    for table in ("scores", "models"):
        pd.DataFrame({"model": []}).to_parquet(paths.reference / f"{table}.parquet")
    found = Reference(paths, {}).results().study
    assert found.name == name
    assert scored_settings(found) == scored_settings(study)
    left_out = found.model_dump(include=NOT_SCORED - {"name"})
    assert not any(left_out.values())


def test_settings_of_another_version(folder):
    (folder / "settings.json").write_text('{"seed": 1, "held_uot": 0.2}')
    with pytest.raises(StudyError, match=r"settings.json: .*made by another version .* --study o"):
        load_reference("other").results()


def test_claims_have_empty_texts_where_there_is_none(tmp_path):
    file = tmp_path / "claims.csv"
    file.write_text("claim,verdict\nC1,undecided\n")
    assert read_claims(file).to_dict("records") == [
        {"claim": "C1", "verdict": "undecided", "test": "", "title": ""}
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is missing or damaged"),
        (b"\xff\xfe", "is missing or damaged"),
        (b'claim,verdict\n"C1,a\n', "is missing or damaged"),
        (b"claim,value\nC1,1\n", "is no table of claims, as it has no column 'verdict'"),
    ],
)
def test_a_damaged_table_of_claims(tmp_path, content, message):
    (tmp_path / "claims.csv").write_bytes(content)
    with pytest.raises(ArtefactError, match=message):
        read_claims(tmp_path / "claims.csv")
