import json
import re
from pathlib import Path

import pytest
import yaml

from cood.curation.caption_search.search import search_captions
from cood.errors import ArtefactError, CoodError, NotebookError, StudyError
from cood.files import atomic, locked, write_tensors
from cood.pipeline import run as pipeline
from cood.pipeline.damage import discard_damaged
from cood.pipeline.run import reproduce
from cood.settings.study_file import load_study


def truncate(path, kept=0.7):
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])


def files(study):
    root = study.paths.results
    return {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_what_is_intact_is_left(copied, capsys):
    before = files(copied)
    assert discard_damaged(copied, dry_run=False) == []
    assert files(copied) == before
    assert capsys.readouterr() == ("", "")


def test_nothing_made_yet(tiny):
    assert discard_damaged(tiny, dry_run=False) == []


@pytest.fixture
def damaged(copied):
    """Files that are damaged, and the file that each must be discarded with."""
    paths = copied.paths
    model = paths.model("few")
    image = paths.manifest("ao").parent / "striped dog" / "1.png"
    found = [
        model / "captions.parquet",
        model / "open_clip_model.safetensors",
        model / "open_clip_config.json",
        paths.embeddings("few", "ao"),
    ]
    truncate(found[0])
    truncate(found[1])
    found[2].write_text("")
    truncate(found[3], 0.99)
    truncate(image)
    return sorted(str(path) for path in [*found, paths.manifest("ao")])


def test_damaged_artefacts_are_found_and_only_they_go(copied, damaged, capsys):
    before = files(copied)
    assert discard_damaged(copied, dry_run=False) == damaged
    gone = before.keys() - files(copied).keys()
    assert sorted(map(str, gone)) == damaged
    assert all(files(copied)[path] == before[path] for path in before.keys() - gone)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("damaged: results/tiny/") for line in lines)
    assert all(line.endswith("; remade") for line in lines)
    assert sum("image striped dog/1.png is missing or damaged" in line for line in lines) == 1
    assert discard_damaged(copied, dry_run=False) == []


def test_a_dry_run_deletes_nothing(copied, damaged, capsys):
    before = files(copied)
    assert discard_damaged(copied, dry_run=True) == damaged
    assert files(copied) == before
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert all(line.endswith("would be remade") for line in lines)


def test_what_a_killed_run_left_half_written_goes(copied):
    before = files(copied)
    folder = copied.paths.model("few")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", lambda path, missing_ok=False: None)  # as if killed
        with pytest.raises(ZeroDivisionError), atomic(folder / "x.parquet") as half:  # noqa: PT012
            half.write_text("half")
            raise ZeroDivisionError
    (copied.paths.results / ".lock").write_text("")
    assert half.exists()
    discard_damaged(copied, dry_run=True)
    assert half.exists()
    assert discard_damaged(copied, dry_run=False) == []
    assert files(copied).keys() == before.keys() | {copied.paths.results / ".lock"}


def test_a_missing_image_is_damage(copied):
    manifest = copied.paths.manifest("ao")
    (manifest.parent / "red apple" / "0.png").unlink()
    assert discard_damaged(copied, dry_run=False) == [str(manifest)]


def test_a_missing_image_of_an_isolated_word_is_damage(copied):
    table = copied.paths.isolated("ao")
    (table.parent / "isolated" / "objects" / "dog" / "1.png").unlink()
    assert discard_damaged(copied, dry_run=False) == [str(table)]


def test_a_damaged_manifest_is_damage(copied):
    manifest = copied.paths.manifest("ao")
    truncate(manifest)
    assert discard_damaged(copied, dry_run=False) == [str(manifest)]


def test_a_truncated_configuration_is_damage(copied):
    config = copied.paths.model("few") / "open_clip_config.json"
    truncate(config)
    with pytest.raises(json.JSONDecodeError):
        json.loads(config.read_text())
    assert discard_damaged(copied, dry_run=False) == [str(config)]


@pytest.mark.parametrize("dry_run", [True, False])
def test_one_run_at_a_time(tiny, dry_run):
    lock = tiny.paths.results / ".lock"
    with locked(lock, ""), pytest.raises(ArtefactError, match="study tiny is being reproduced"):
        reproduce(tiny, cores=1, dry_run=dry_run)


def test_a_dry_run_leaves_nothing_behind(tiny, monkeypatch):
    monkeypatch.setattr(pipeline, "_snakemake", lambda *given: 0)
    assert reproduce(tiny, cores=1, dry_run=True) == 0
    assert not tiny.paths.results.exists()


def test_a_checkpoint_that_could_not_be_had_is_tried_again(copied, capsys):
    file = copied.paths.embeddings("few", "ao")
    write_tensors({}, file, {"missing": "no network"})
    assert discard_damaged(copied, dry_run=True) == [str(file)]
    assert discard_damaged(copied, dry_run=False) == [str(file)]
    name = file.relative_to(copied.paths.root)
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"skipped before: {name} (no network); would be tried again"
    assert second == f"skipped before: {name} (no network); tried again"


def test_notebooks_are_checked_before_anything_runs(project, parse):
    study = parse(notebooks={"nowhere": {}})
    with pytest.raises(NotebookError, match="unknown notebook 'nowhere'"):
        reproduce(study, cores=1, dry_run=False)
    assert not study.paths.results.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"models": {"m": {"checkpoint": "ViT-B-32/laion2b_s34b_b97k"}}},
            "models.m.checkpoint: unknown checkpoint 'ViT-B-32/laion2b_s34b_b97k'; did you mean "
            "ViT-B-32/laion2b_s34b_b79k",
        ),
        (
            {"models": {"m": {"checkpoint": "file:w.pt", "architecture": "ViT-B32"}}},
            "models.m.architecture: unknown architecture 'ViT-B32'; did you mean ViT-B-32",
        ),
        (
            {"models": {"m": {"checkpoint": "file:w.pt", "architecture": "ViT-B-32/openia"}}},
            "models.m.architecture: unknown tag 'openia'; did you mean openai",
        ),
        (
            {"models": {"m": {"checkpoint": "hf-hub:a/b/c"}}},
            "models.m.checkpoint: 'a/b/c' names no repository, as ORG/NAME does; correct it",
        ),
        (
            {"id_sets": {"val": {"folder": "data/val"}}},
            "data/val is not a folder; put the images there, a folder a class, or correct "
            "id_sets.val.folder",
        ),
    ],
)
def test_mistakes_that_show_before_anything_runs(project, parse, changes, said):
    study = parse(**changes)
    with pytest.raises(CoodError) as caught:
        reproduce(study, cores=1, dry_run=False)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not study.paths.results.exists()


def test_what_will_be_left_out_is_said_before_anything_runs(project, parse, monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "_snakemake", lambda *given: 0)
    models = {"gone": {"checkpoint": "local-dir:data/a"}, "few": {"share": 0.6}}
    assert reproduce(parse(models=models), cores=1, dry_run=True) == 0
    said = capsys.readouterr().err
    assert said.startswith("warning: model gone: ")
    assert said.endswith("does not exist; the model will be skipped unless you put it there\n")


def test_an_untrained_architecture_that_does_not_exist_is_told_before_anything_runs(project, parse):
    study = parse(null_models={"null": {"architecture": "ViT-B-33"}})
    with pytest.raises(StudyError, match=r"null_models.null.architecture: unknown .* ViT-B-32"):
        reproduce(study, cores=1, dry_run=False)
    assert not study.paths.results.exists()


@pytest.mark.parametrize(
    ("folder", "extra", "reader"),
    [
        ("/my {w}/cood", (), "Snakemake"),
        ("/o'r/cood", ("--profile", "workflow/profiles/slurm"), "the job script of a cluster"),
        ("/$x/cood", ("--executor=slurm",), "the job script of a cluster"),
    ],
)
def test_a_path_that_cannot_be_passed_on_is_refused(folder, extra, reader):
    message = f"{folder}: {reader} would not take this path as it is written; move the project"
    with pytest.raises(CoodError, match=re.escape(message)):
        pipeline.check_paths([Path("/plain"), Path(folder)], extra)


def test_other_paths_can():
    pipeline.check_paths([Path("/my (w) & o'r\"k $x;*[ü]é : #1 %d~!`")], [])
    pipeline.check_paths([Path("/my (w) & b;*[ü]é : #1 %d~!")], ["--profile", "slurm"])


def test_the_end_of_a_run_names_captions_that_were_not_read(project, settings, capsys):
    (project / "captions").mkdir()
    for name, lines in {
        "a.csv": "caption,alt\nred, hat,x\n",
        "b.csv": "",
        "c.csv": "caption\n",
    }.items():
        (project / "captions" / name).write_text(lines)
    file = project / "workflow" / "studies" / "tiny.yaml"
    file.write_text(yaml.safe_dump({**settings, "corpora": {"web": {"files": ["captions"]}}}))
    study = load_study("tiny")
    search_captions(study, "web", lambda text: None, code="1")
    pipeline.report_captions(study)
    first, second = capsys.readouterr().err.splitlines()
    folder = f"captions of web: {project / 'captions'}"
    assert first.startswith(f"{folder}/a.csv: 1 row did not parse: 1 without the 2 fields of the")
    assert second.startswith(f"{folder}/b.csv: is empty")
