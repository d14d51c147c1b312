import json
import shutil

import pandas as pd
import pytest
import yaml

from cood.analysis.answer_counts import load_answer_counts
from cood.analysis.certificate import CERTIFICATE
from cood.analysis.certificate.saved import certificate_file
from cood.analysis.compare_runs import compare, differs, read_run
from cood.analysis.reference import check_reference, load_reference
from cood.analysis.results import load_results
from cood.cli import main
from cood.errors import ArtefactError, CoodError
from cood.evaluation.accuracy.accuracy import score_accuracy
from cood.evaluation.accuracy.baselines import score_baselines
from cood.evaluation.collect import collect
from cood.evaluation.common.score_table import ANSWER_COUNTS, JOINED_SCORES, check
from cood.evaluation.interventions.dimension_swap import swap_dimensions
from cood.evaluation.representation.representation_metrics import score_representation
from cood.export import publishing
from cood.export.publishing import publish
from cood.files import read_table, sha256, write_tensors
from cood.settings.study_file import load_study

FILES = {"scores.parquet", "models.parquet", "settings.json", "answers.parquet", "claims.csv"}
FILES |= {"claims-models.csv"}
CLAIMS = pd.DataFrame(
    {
        "claim": ["C2", "C13"],
        "title": ["C-OoD rises with ID accuracy", "Image encoders"],
        "verdict": ["supported", "not testable here"],
        "test": ["ID accuracy", ""],
        "value": [0.5, None],
        "low": [0.1, None],
        "high": [0.9, None],
        "n": [2, None],
    }
)


@pytest.fixture(scope="module")
def run(built, tmp_path_factory):
    """A project with a finished run of `tiny`, with a table of claims: to read only."""
    root = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(built, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        file = root / "workflow" / "studies" / "tiny.yaml"
        settings = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump({**settings, "notebooks": {"claims": {}}}))
        study = load_study("tiny")
        write_tensors({}, study.paths.embeddings("most", "ao"), {"missing": "no network"})
        for stage in (score_accuracy, swap_dimensions, score_representation):
            for model in study.models:
                stage(study, model)
        score_baselines(study)
        collect(study)
        claims = study.paths.notebook("claims").with_name("claims.csv")
        claims.parent.mkdir(parents=True)
        CLAIMS.to_csv(claims, index=False)
        numbers = pd.DataFrame({"model": ["few"], "family": ["few"], "cood": [0.5]})
        numbers.to_csv(claims.with_name("claims-models.csv"), index=False)
    return root


@pytest.fixture
def finished(run, tmp_path, monkeypatch):
    """That study, in a copy of the project: to be damaged."""
    root = tmp_path / "project"
    shutil.copytree(run, root)
    monkeypatch.chdir(root)
    return load_study("tiny")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def quiet(text):
    pass


def test_the_command_writes_all_tables(finished, capsys):
    assert main(["publish", "--study", "tiny"]) == 0
    folder = finished.paths.reference
    said = capsys.readouterr()
    assert said.out == f"{folder}\n"
    assert said.err.startswith("  tiny: 7 files, ")
    assert {path.name for path in folder.iterdir()} == {*FILES, "provenance.json"}
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    for name in ("scores", "models"):
        table = read_table(folder / f"{name}.parquet")
        own = read_table(finished.paths.results / f"{name}.parquet")
        pd.testing.assert_frame_equal(table, own)
    check(read_table(folder / "scores.parquet"), JOINED_SCORES)
    answers = read_table(folder / "answers.parquet")
    check(answers, ANSWER_COUNTS)
    assert answers["n"].sum() == 40
    assert (folder / "settings.json").read_bytes() == finished.paths.settings.read_bytes()


def test_a_certificate_of_its_own_goes_with_it(finished, monkeypatch):
    monkeypatch.setattr(publishing, "has_own_certificate", lambda study: True)
    with pytest.raises(CoodError, match=r"certificate.csv missing"):
        publish(finished, quiet)
    file = certificate_file(finished)
    file.parent.mkdir(parents=True)
    file.write_text(",".join(CERTIFICATE) + "\n")
    folder = publish(finished, quiet)
    assert (folder / "certificate.csv").read_bytes() == file.read_bytes()
    file.write_text("metric\n")
    with pytest.raises(ArtefactError, match="is no certificate"):
        publish(finished, quiet)


def test_provenance(finished):
    folder = publish(finished, quiet)
    found = json.loads((folder / "provenance.json").read_text())
    assert found["study"] == "tiny"
    assert found["commit"]["uncommitted_changes"] in (True, False)
    assert found["packages"]["numpy"]
    assert found["machine"]["cores"] >= 1
    assert len(found["settings_sha256"]) == 64
    assert found["files"].keys() == FILES
    for name, about in found["files"].items():
        assert about == {
            "sha256": sha256(folder / name),
            "bytes": (folder / name).stat().st_size,
        }


def test_the_same_run_gives_the_same_bytes_but_for_the_date(finished):
    before = contents(publish(finished, quiet))
    after = contents(publish(finished, quiet))
    dated = [json.loads(files.pop("provenance.json")) for files in (before, after)]
    assert before == after
    assert [found.pop("date")[:2] for found in dated] == ["20", "20"]
    assert dated[0] == dated[1]


def test_it_is_read_as_a_run(finished):
    publish(finished, quiet)
    reference, own = load_reference("tiny"), load_results("tiny")
    results = reference.results()
    pd.testing.assert_frame_equal(results.scores, own.scores)
    pd.testing.assert_frame_equal(results.models, own.models)
    assert (results.study.words, results.set) == (own.study.words, "ao")
    assert results.study.models == own.study.models
    counts = reference.answer_counts()
    pd.testing.assert_frame_equal(counts, load_answer_counts(finished))
    assert reference.claims()["verdict"].tolist() == CLAIMS["verdict"].tolist()
    assert reference.claim_numbers()["cood"].to_dict() == {"few": 0.5}
    assert reference.design() is None
    assert reference.results(models="few").models["model"].tolist() == ["few"]


def test_a_run_is_compared_with_a_reference(finished, capsys):
    folder = publish(finished, quiet)
    run, reference = read_run("tiny"), read_run(str(folder))
    assert run.folder == finished.paths.results
    assert run.settings == reference.settings
    table = compare(run, reference)
    assert set(table["state"]) == {"same"}
    assert {"claim", "score"} == set(table["kind"])
    assert not differs(table)
    shutil.rmtree(finished.paths.results)
    assert read_run("tiny").folder == folder
    assert main(["compare", "tiny", str(folder)]) == 0
    assert "supported 0.500 [0.100, 0.900]" in capsys.readouterr().out
    finished.file.unlink()  # nor is the study file needed
    assert read_run("tiny").models == ["few", "most"]
    (folder / "scores.parquet").write_bytes(b"PAR1")
    assert main(["compare", "tiny", "tiny"]) == 2
    assert "tiny/scores.parquet is damaged: its SHA-256 is not" in capsys.readouterr().err


def test_neither_a_run_nor_a_reference(project, capsys):
    assert main(["compare", "tiny", "tiny"]) == 2
    said = capsys.readouterr().err
    assert "study tiny has neither a completed run in results/tiny nor a reference run" in said
    assert said.count("\n") == 1


def test_a_reference_that_is_too_large_is_refused_with_the_sizes(finished, monkeypatch):
    before = contents(publish(finished, quiet))
    monkeypatch.setattr(publishing, "LIMIT", 20_000)
    with pytest.raises(CoodError, match=r"may take 0\.02 MB \(in MB: .*scores.parquet 0\.") as said:
        publish(finished, quiet)
    assert all(name in str(said.value) for name in FILES)
    assert contents(finished.paths.reference) == before


@pytest.mark.parametrize("step", ["_provenance", "_check_size", "_tables"])
def test_a_failure_in_the_middle_leaves_the_old_one(finished, monkeypatch, step):
    before = contents(publish(finished, quiet))

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publishing, step, fail)
    with pytest.raises(OSError, match="No space left"):
        publish(finished, quiet)
    assert contents(finished.paths.reference) == before
    assert [path.name for path in finished.paths.reference.parent.iterdir()] == ["tiny"]


def test_the_old_one_comes_back_if_it_cannot_be_replaced(finished):
    folder = publish(finished, quiet)
    before = contents(folder)
    with pytest.raises(FileNotFoundError):
        publishing._replace(folder, folder.with_name("missing"))
    assert contents(folder) == before


def test_what_a_killed_run_left_is_put_back_or_deleted(finished, monkeypatch):
    folder = publish(finished, quiet)
    before = contents(folder)
    folder.rename(folder.with_name(".tiny.old"))  # killed between the two renames
    folder.with_name(".tiny.0badcafe.tmp").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "LIMIT", 0)
        with pytest.raises(CoodError, match="may take"):
            publish(finished, quiet)
    assert contents(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ("answers/few.parquet", r"answers/few.parquet missing"),
        ("scores.parquet", r"results/tiny/scores.parquet missing"),
        ("notebooks/claims/claims.csv", r"claims/claims.csv missing"),
    ],
)
def test_an_unfinished_study_is_refused(finished, file, what):
    (finished.paths.results / file).unlink()
    run = "run `nox -s reproduce -- --study tiny`, then publish"
    with pytest.raises(CoodError, match=f"study tiny is not finished: .*{what}; {run}"):
        publish(finished, quiet)
    assert not finished.paths.reference.exists()


def test_a_study_that_has_changed_since_is_refused(finished):
    file = finished.file
    file.write_text(file.read_text().replace("resamples: 100", "resamples: 200"))
    with pytest.raises(CoodError, match="its settings have changed since its scores were joined"):
        publish(load_study("tiny"), quiet)


@pytest.mark.parametrize(
    "file",
    [
        "scores.parquet",
        "answers/few.parquet",
        "settings.json",
        "notebooks/claims/claims.csv",
        "notebooks/claims/claims-models.csv",
    ],
)
def test_a_damaged_table_is_refused(finished, file):
    path = finished.paths.results / file
    path.write_bytes(path.read_bytes()[: 0 if path.suffix == ".csv" else -20])
    with pytest.raises(ArtefactError, match=f"{file} is .*damaged"):
        publish(finished, quiet)
    assert not finished.paths.reference.exists()


def test_the_design_is_published_if_a_stage_writes_one(finished, monkeypatch):
    file = finished.paths.results / "design.parquet"
    written = publishing.targets(finished)
    monkeypatch.setattr(publishing, "targets", lambda study: [*written, file])
    with pytest.raises(CoodError, match=r"not finished: results/tiny/design.parquet missing"):
        publish(finished, quiet)
    design = pd.DataFrame({"model": ["few", "most"], "share": [0.4, 0.8]})
    design.to_parquet(file)
    assert "design.parquet" in contents(publish(finished, quiet))
    pd.testing.assert_frame_equal(load_reference("tiny").design(), design)


def test_a_study_without_the_page_of_claims_has_no_table_of_claims(finished):
    file = finished.file
    file.write_text(file.read_text().replace("claims: {}", "accuracy: {}"))
    folder = publish(load_study("tiny"), quiet)
    assert not (folder / "claims.csv").exists()
    assert load_reference("tiny").claim_numbers() is None
    assert check_reference(folder)["files"].keys() == FILES - {"claims.csv", "claims-models.csv"}
    assert load_reference("tiny").claims() is None
