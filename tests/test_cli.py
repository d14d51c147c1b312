import importlib
import os
import subprocess
import sys

import pytest
import torch
import yaml

from cood.cli import main
from cood.files import read_table
from cood.stages import STAGES


@pytest.fixture
def refused(capsys):
    """Run a command that must fail; give what it says."""

    def run(*arguments):
        assert main([str(a) for a in arguments]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        assert said.err.count("\n") == 1
        assert said.err.startswith(f"cood {arguments[0]}: ")
        return said.err

    return run


@pytest.fixture
def write(project, settings):
    def make(**changes):
        file = project / "workflow" / "studies" / "other.yaml"
        file.write_text(yaml.safe_dump({**settings, **changes}))
        return "other"

    return make


@pytest.mark.parametrize("command", ["reproduce", "baselines", "collect", "book"])
def test_a_study_that_does_not_exist(project, refused, command):
    assert "unknown study 'tinny'; did you mean tiny?" in refused(command, "--study", "tinny")
    assert "no.yaml does not exist" in refused(command, "--study", "no.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coer": 0.1}, "unknown key 'coer'; did you mean core?"),
        ({"seed": "seven"}, "seed: Input should be a valid integer"),
        ({"core": 2}, "core: Input should be less than 1, got 2"),
        ({"models": {"m": {"share": 0.3}}}, "models.m.share: 0.3 of the 16 compositions"),
    ],
)
def test_a_wrong_setting(write, refused, changes, message):
    said = refused("reproduce", "--study", write(**changes), "-n")
    assert message in said
    assert "other.yaml" in said


def test_a_file_that_is_not_yaml(project, refused):
    (project / "workflow" / "studies" / "bad.yaml").write_text("a: [1")
    assert "bad.yaml is not valid YAML" in refused("accuracy", "--study", "bad", "--model", "few")


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "embed",
        "accuracy",
        "dimension-swap",
        "representation-metrics",
        "training-dynamics",
    ],
)
def test_an_unknown_model(project, refused, command):
    said = refused(command, "--study", "tiny", "--model", "fwe")
    assert "unknown model 'fwe'; did you mean few?" in said


def test_an_unknown_set(project, refused):
    assert "unknown set 'oa'" in refused("draw", "--study", "tiny", "--set", "oa")


def test_a_corpus(write, refused):
    study = write(corpora={"own": {"model": "few"}})
    said = refused("caption-search", "--study", study, "--corpus", "onw")
    assert "unknown corpus 'onw'; did you mean own?" in said
    said = refused("caption-search", "--study", study, "--corpus", "own")
    assert "few/captions.parquet does not exist; `nox -s reproduce` makes it" in said


def test_an_unknown_object(write, refused):
    vocabulary = {"attributes": ["red", "blue", "brick"], "objects": ["apple", "hat", "umbrela"]}
    study = write(vocabulary=vocabulary, models={"m": {"share": 1.0}})
    said = refused("draw", "--study", study, "--set", "ao", "--cores", 1)
    assert "unknown object 'umbrela'; did you mean umbrella" in said


def test_an_unknown_tower(write, refused):
    study = write(models={"m": {"share": 0.6, "image_tower": "vti"}})
    assert "unknown tower 'vti'; did you mean vit?" in refused(
        "train", "--study", study, "--model", "m"
    )


def test_an_unknown_notebook(project, write, refused):
    assert "unknown notebook 'nowhere'" in refused("notebook", "nowhere", "--study", "tiny")
    study = write(notebooks={"nowhere": {}})
    assert "unknown notebook 'nowhere'" in refused("reproduce", "--study", study, "-n")


def test_a_parameter_that_is_not_yaml(project, refused):
    assert "names" in refused("notebook", "work", "--study", "tiny", "-p", "names=[1")


def test_a_stage_before_the_one_it_needs(project, refused):
    said = refused("accuracy", "--study", "tiny", "--model", "few")
    assert "few/ao.safetensors does not exist; `nox -s reproduce` makes it" in said
    assert "manifest.parquet does not exist" in refused("baselines", "--study", "tiny")
    for stage in ("dimension-swap", "representation-metrics"):
        said = refused(stage, "--study", "tiny", "--model", "few")
        assert "few/ao.safetensors does not exist" in said
    said = refused("training-dynamics", "--study", "tiny", "--model", "few")
    assert "moments.safetensors does not exist" in said
    for stage in ("interventions", "linear-probe"):
        said = refused(stage, "--study", "tiny", "--model", "few")
        assert f"study tiny has no job of the stage {stage.replace('-', '_')}" in said
    assert "few.parquet does not exist" in refused("collect", "--study", "tiny")


def test_a_folder_that_is_in_the_way(project, refused):
    (project / "results").write_text("")
    said = refused("draw", "--study", "tiny", "--set", "ao", "--cores", 1)
    assert f"cannot write {project / 'results'}" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["paint"], "No such command 'paint'. Did you mean"),
        (["train", "--study", "tiny"], "Missing option '--model'"),
        (["draw", "--set", "ao", "--cores", "0"], "greater than or equal to 1"),
        (["draw", "--set", "ao", "--cores", "two"], "Invalid value for '--cores'"),
        (["notebook"], "Missing argument"),
        (["review", "--set", "ao"], "give either --rater NAME or --collect FILE..."),
    ],
)
def test_a_wrong_command_line_shows_the_usage(project, capsys, arguments, message):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "Usage: cood" in said
    assert message in " ".join(said.split())


def test_a_parameter_needs_a_name_and_a_value(project, refused):
    said = refused("notebook", "work", "--study", "tiny", "-p", "names")
    assert "parameter 'names': expected NAME=VALUE" in said


def test_the_help_groups_the_commands(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    places = [
        shown.index(f" {panel} ")
        for panel in ("Make", "Look", "Evaluate", "Share")
        if f" {panel} " in shown
    ]
    assert places == sorted(places)
    for stage in STAGES.values():
        assert f" {stage.command} " in shown


def test_stages_one_after_the_other(project, capsys):
    study = ["--study", "tiny"]
    assert main(["draw", *study, "--set", "ao", "--cores", "1"]) == 0
    assert main(["baselines", *study]) == 0
    assert "Traceback" not in capsys.readouterr().err
    results = project / "results" / "tiny"
    assert len(read_table(results / "sets" / "ao" / "manifest.parquet")) == 40
    assert len(read_table(results / "sets" / "ao" / "isolated.parquet")) == 27
    assert len(read_table(results / "accuracy" / "baselines.parquet")) > 0


def test_the_status_and_the_sentence_of_a_process(project):
    command = [sys.executable, "-m", "cood", "train", "--study", "tinny", "--model", "few"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("cood train: unknown study 'tinny'; did you mean tiny?")
    assert done.stderr.count("\n") == 1


def test_stopping_is_no_crash(project, monkeypatch, capsys):
    def stop(study):
        raise KeyboardInterrupt

    monkeypatch.setattr("cood.evaluation.collect.collect", stop)
    assert main(["collect", "--study", "tiny"]) == 130
    assert "stopped; run it again to resume" in capsys.readouterr().err


def test_the_study_of_a_notebook_is_not_a_parameter(project, capsys):
    assert main(["notebook", "work", "--study", "tiny", "-p", "study=smoke"]) == 1
    assert "parameter study: use --study NAME instead" in capsys.readouterr().err


@pytest.mark.parametrize(("stage", "again"), [("accuracy", True), ("train", False)])
def test_what_fills_a_gpu_is_done_on_the_cpu_if_that_needs_no_torch(
    project, monkeypatch, capsys, stage, again
):
    seen = []

    def filling(study, model, **options):
        seen.append(os.environ.get("CUDA_VISIBLE_DEVICES"))
        if len(seen) == 1:
            raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    module, _, function = STAGES[stage].entry.partition(":")
    monkeypatch.setattr(importlib.import_module(module), function, filling)
    command = [STAGES[stage].command, "--study", "tiny", "--model", "few"]
    if again:
        main(command)
        assert "the memory of the GPU does not suffice: on the CPU" in capsys.readouterr().err
        assert seen == ["0", ""]
    else:
        with pytest.raises(torch.OutOfMemoryError):
            main(command)
        assert seen == ["0"]
