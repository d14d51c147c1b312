import importlib.util
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

FOLDER = Path(__file__).parents[1] / "workflow" / "snakemake_logger_plugin_cood"


@pytest.fixture(scope="module")
def plugin():
    spec = importlib.util.spec_from_file_location(FOLDER.name, FOLDER / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def shown(plugin, capsys, monkeypatch):
    """Feed events to the plugin; give the lines it writes."""
    clock = iter(range(100, 200, 2))
    monkeypatch.setattr(plugin.time, "monotonic", lambda: next(clock))

    def feed(*events, dryrun=False):
        handler = plugin.LogHandler(SimpleNamespace(dryrun=dryrun), None)
        for event in events:
            level = event.pop("level", logging.INFO)
            record = logging.LogRecord("snakemake", level, "", 0, event.pop("msg", None), (), None)
            vars(record).update(event)
            handler.emit(record)
        said = capsys.readouterr()
        assert said.out == ""
        return said.err.splitlines()

    return feed


def run_info(**counts):
    return {"event": LogEvent.RUN_INFO, "stats": {**counts, "total": sum(counts.values())}}


def job(number, rule, reason="", **wildcards):
    return {
        "event": LogEvent.JOB_INFO,
        "jobid": number,
        "rule_name": rule,
        "wildcards": wildcards,
        "reason": reason,
    }


def finished(number):
    return {"event": LogEvent.JOB_FINISHED, "job_id": number}


def test_jobs_are_counted_timed_and_explained(shown):
    lines = shown(
        run_info(all=1, draw=1, train=2),
        job(3, "draw", "Missing output files: /a/manifest.parquet", set="ao"),
        finished(3),
        job(1, "train", "Updated input files: x; Code has changed since last execution", model="m"),
        job(2, "train", "Params have changed since last execution: settings", model="few"),
        finished(2),
        finished(1),
        job(0, "all", "Input files updated by another job: x"),
        finished(0),
    )
    assert lines == [
        "[1/3] draw images ao (not made yet)",
        "    draw images ao: done in 2.0 s, 2 to go",
        "[2/3] train m (its inputs have changed; its rule has changed)",
        "[3/3] train few (its settings, its code or a file that they name has changed)",
        "    train few: done in 2.0 s, 1 to go",
        "    train m: done in 6.0 s, 0 to go",
    ]


def test_several_wildcards_and_rules_of_no_stage(shown):
    lines = shown(
        run_info(generate=1, other=1),
        job(1, "generate", "Missing output files: x", generated="turbo", shard="0"),
        job(2, "other"),
    )
    assert lines == ["[1/2] generate images turbo 0 (not made yet)", "[2/2] other ()"]


def test_a_dry_run_says_what_would_run(shown):
    lines = shown(
        run_info(all=1, collect=1),
        job(1, "collect", "Input files updated by another job: x, y"),
        job(0, "all", "Input files updated by another job: x"),
        dryrun=True,
    )
    assert lines == ["would join the scores: its inputs are being remade"]


def test_failures_are_named(shown):
    lines = shown(
        run_info(train=2),
        job(4, "train", model="few"),
        {"event": LogEvent.JOB_ERROR, "jobid": 4, "level": logging.ERROR, "msg": "Error in rule"},
        {"event": LogEvent.JOB_ERROR, "jobid": 9, "level": logging.ERROR},
    )
    assert lines[1:] == ["failed: train few", "failed: a job"]


def test_other_errors_are_shown_and_chatter_is_not(shown):
    lines = shown(
        {"msg": "Building DAG of jobs..."},
        {"msg": "Assuming unrestricted shared filesystem", "level": logging.WARNING},
        {"msg": "MissingInputException in rule draw", "level": logging.ERROR},
        {"msg": "Exiting because a job execution failed.", "level": logging.ERROR},
        {"msg": "Error in rule train, jobid: 3", "level": logging.ERROR},
        {"msg": "  ", "level": logging.CRITICAL},
        {"msg": "disk %s full", "level": logging.CRITICAL, "args": ("a",)},
        {"event": LogEvent.SHELLCMD, "msg": "cood train"},
        {"event": LogEvent.PROGRESS, "done": 1, "total": 2},
    )
    assert lines == ["MissingInputException in rule draw", "disk a full"]


def test_an_end_without_a_start_is_no_crash(shown):
    assert shown(run_info(), finished(5), {"event": LogEvent.JOB_FINISHED, "jobid": 5}) == []


def test_reasons(plugin):
    assert plugin.why("") == ""
    assert plugin.why("Missing output files: a; Missing output files: b") == "not made yet"
    both = plugin.why("Missing output files: /a; b/c;d; Updated input files: /a; b")
    assert both == "not made yet; its inputs have changed"
    assert plugin.why("Forced\n  execution") == "Forced execution"
    assert len(plugin.why("x" * 1000)) == 300
