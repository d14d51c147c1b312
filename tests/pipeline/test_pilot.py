"""The pilot of a design: which models it has, its gates, and its record."""

import json
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from cood.analysis import pilot
from cood.errors import ArtefactError, StudyError
from cood.pipeline.pilot import as_text
from cood.report.topics.design import describe_pilot, pilot_notice
from cood.settings.study_file import load_study, parse_study
from tests.projects import clone

FACTORS = {
    "share": {"low": 0.6, "high": 0.9},
    "steps": {"low": 8, "high": 32, "log": True},
    "wrong_captions": {"low": 0, "high": 0.4},
    "text_tower": {"levels": ["causal", "bidirectional"]},
    "treatment": {"levels": ["none", "orthogonality", "orthogonality_placebo"]},
    "strength": {"orthogonality": {"low": 0.5, "high": 2.0, "log": True}},
}


@pytest.fixture
def study(project, settings):
    design = {"models": 14, "seed": 1, "factors": FACTORS}
    file = project / "workflow" / "studies" / "tiny.yaml"
    file.write_text(yaml.safe_dump({**settings, "design": design, "models": {}}))
    return load_study("tiny")


def test_the_pilot_has_the_middle_two_corners_and_each_other_level(study):
    points = pilot.pilot_points(study)
    assert list(points) == [
        "middle",
        "best-corner",
        "worst-corner",
        "bidirectional",
        "orthogonality",
        "orthogonality-placebo",
    ]
    assert {name for name, (_, gate) in points.items() if not gate} == {
        "best-corner",
        "worst-corner",
    }
    values = {name: value for name, (value, _) in points.items()}
    middle = {"share": 0.75, "steps": 16, "wrong_captions": 0.2, "treatment": "none"}
    assert middle.items() <= values["middle"].items()
    assert {"share": 0.9, "steps": 32, "wrong_captions": 0}.items() <= values["best-corner"].items()
    assert {"share": 0.6, "steps": 8, "wrong_captions": 0.4}.items() <= values[
        "worst-corner"
    ].items()
    assert values["orthogonality-placebo"]["strength"] == 1.0
    assert values["bidirectional"]["strength"] == 0


def test_the_pilot_is_a_study_with_the_same_world_and_seeds_of_its_own(study):
    made = parse_study(pilot.pilot_settings(study), "pilot")
    assert (made.name, made.core, made.vocabulary) == ("tiny-pilot", study.core, study.vocabulary)
    assert made.trained["middle"].images == study.trained["m001"].images
    seeds = {model.seed for model in made.trained.values()}
    assert len(seeds) == 6
    assert not seeds & {model.seed for model in study.trained.values()}


def accuracies(object_=0.9, pair=0.5, attribute=0.6):
    """Tables of accuracy as the stage writes them, in small."""
    rows = [
        ("seen", "object_alone_top1", object_),
        ("seen", "pair_top1", 0.8),
        ("unseen", "pair_top1", pair),
        ("unseen", "attribute_alone_top1", attribute),
    ]
    table = pd.DataFrame(rows, columns=["split", "metric", "value"])
    return table.assign(low=table["value"] - 0.05, high=table["value"] + 0.05, space="image")


def record(study, **changed):
    names = pilot.pilot_points(study)
    trials = pilot.judge(study, {name: changed.get(name, accuracies()) for name in names})
    pilot.write_record(study, trials, {"date": "today"})
    return trials


def test_a_pilot_that_passes_leaves_nothing_to_say(study):
    trials = record(study)
    assert all(trial.passed for trial in trials)
    assert pilot.read_record(study) == (pilot.PASSED, trials)
    assert pilot_notice(study) == ""
    assert "90.0 % of the objects" in describe_pilot(study)
    assert "FAILED" not in as_text(trials)


def test_only_the_middle_and_the_levels_have_a_gate(study):
    low = accuracies(object_=0.3)
    record(study, **{"worst-corner": low})
    assert pilot.read_record(study)[0] == pilot.PASSED
    trials = record(study, **{"orthogonality": low})
    assert pilot.read_record(study)[0] == pilot.FAILED
    assert "failed (orthogonality)" in pilot_notice(study)
    assert as_text(trials).count("FAILED") == 1


def test_a_corner_at_the_floor_is_named(study):
    # 5 objects: with an attribute accuracy of 0.6, guessing the object gives pairs at 0.12.
    trials = record(study, **{"worst-corner": accuracies(pair=0.13)})
    assert [trial.model for trial in trials if trial.at_floor] == ["worst-corner"]
    assert trials[0].attribute_only == pytest.approx(0.12)
    assert "No better than from the attribute alone: worst corner." in describe_pilot(study)


def test_other_settings_and_no_record_are_said(study):
    assert "No pilot of this study was run" in pilot_notice(study)
    record(study)
    file = study.file
    file.write_text(file.read_text().replace("core: 0.2", "core: 0.15"))
    assert "with other settings" in pilot_notice(load_study("tiny"))


@pytest.mark.parametrize("name", ["mini", "lab"])
def test_the_records_of_the_project_are_of_its_studies(name):
    assert pilot.read_record(load_study(name))[0] == pilot.PASSED


def test_a_number_of_models_or_a_seed_of_the_design_changes_no_pilot(study):
    record(study)
    file = study.file
    file.write_text(file.read_text().replace("models: 14", "models: 20"))
    assert pilot.read_record(load_study("tiny"))[0] == pilot.PASSED


def test_a_damaged_record_is_named(study):
    record(study)
    file = study.pilot_record
    whole = json.loads(file.read_text())
    for damaged in ("{", json.dumps({**whole, "trials": [{"model": 1}]})):
        file.write_text(damaged)
        with pytest.raises(ArtefactError, match=r"tiny\.pilot\.json is damaged"):
            pilot.read_record(study)


def test_a_study_without_a_design_has_no_pilot(project):
    tiny = load_study("tiny")
    with pytest.raises(StudyError, match="has no design"):
        pilot.pilot_points(tiny)
    assert pilot_notice(tiny) == ""


def test_the_command_trains_asks_and_keeps_the_record_and_does_nothing_twice(
    tmp_path, settings, monkeypatch
):
    """The user's road, on models too small to pass."""
    project = clone(tmp_path / "project")
    monkeypatch.chdir(project)
    design = {"models": 4, "seed": 1, "factors": {"share": {"low": 0.6, "high": 0.9}}}
    file = project / "workflow" / "studies" / "tiny.yaml"
    file.write_text(yaml.safe_dump({**settings, "design": design, "models": {}}))

    def run():
        command = [sys.executable, "-m", "cood", "pilot", "--study", "tiny", "--cores", "2"]
        return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    done = run()
    state, trials = pilot.read_record(load_study("tiny"))
    assert [trial.model for trial in trials] == ["middle", "best-corner", "worst-corner"]
    assert (state, done.returncode) in {(pilot.PASSED, 0), (pilot.FAILED, 1)}, done.stderr
    results = project / "results" / "tiny-pilot"
    written = {path: path.stat().st_mtime_ns for path in results.rglob("*.parquet")}
    assert {path.parent.name for path in written} >= {"accuracy", "middle", "worst-corner"}
    assert not (results / "representation_metrics").exists()
    again = run()
    assert again.returncode == done.returncode
    assert {path: path.stat().st_mtime_ns for path in results.rglob("*.parquet")} == written
