"""The user's road: a study from nothing to HTML, again, after changes, and after accidents."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from urllib.parse import quote

import nbformat
import pandas as pd
import psutil
import pytest
import yaml

from cood.evaluation.common.score_table import JOINED_SCORES, check
from cood.files import damage
from tests.projects import HOSTILE, clone

STUDY = "smoke"
MODELS = {"few", "more", "most"}


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "cood", "reproduce", "--study", STUDY, "--cores", "2", *options]


def reproduce(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*options), cwd=project, capture_output=True, text=True, timeout=420, check=False
    )


def scores(project: Path) -> pd.DataFrame:
    return pd.read_parquet(project / "results" / STUDY / "scores.parquet")


def would_run(project: Path) -> set[str]:
    done = reproduce(project, "-n")
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^would (.+?):", done.stderr, flags=re.MULTILINE))


def jobs_of(project: Path) -> list[int]:
    """Processes that train a model of the project."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if process.info["cwd"] == str(project) and "train" in words:
            found.append(process.info["pid"])
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project in which the study was made once, and what the run said."""
    project = clone(tmp_path_factory.mktemp("project") / HOSTILE / "cood")
    return project, reproduce(project)


@pytest.fixture
def project(made, tmp_path):
    """The made project to spoil; it is put back afterwards, times of files included."""
    source, done = made
    assert done.returncode == 0, done.stderr
    kept = tmp_path / "kept"
    shutil.copytree(source, kept, symlinks=True)
    yield source
    for entry in source.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(kept, source, symlinks=True, dirs_exist_ok=True)


def test_from_nothing_to_html(made):
    project, done = made
    assert done.returncode == 0, done.stderr
    page = project / "_build" / "html" / "index.html"
    assert page.as_uri() in done.stdout
    for name in ("index", "method", "status", "data-card", "deviations", "references"):
        assert (page.parent / f"{name}.html").is_file()
    notebooks = yaml.safe_load((project / "workflow" / "studies" / f"{STUDY}.yaml").read_text())
    for notebook in notebooks["notebooks"]:
        html = (page.parent / "executed" / f"{notebook}.html").read_text()
        has_figure = re.search(r'<svg [^>]*role="img" aria-label="[^"]{20,}"', html)
        assert has_figure or notebook == "novelty"  # which has tables only
        text = re.sub(r"<[^>]*>", "", html)
        assert f"nox -s notebook -- {notebook} --study {STUDY} -p " in text
        assert "Traceback" not in html
        assert "{glue" not in html  # a role that was not understood
        assert str(project) not in unescape(html)
        assert quote(str(project)) not in html


def test_the_explorer_loads_its_data_from_files_that_no_other_page_loads(made):
    html = made[0] / "_build" / "html"
    files = {file.name: file for file in (html / "_static" / "explorer").iterdir()}
    assert {"index.mjs", "model-0.mjs", "sheet-0.webp"} <= set(files)
    assert sum(file.stat().st_size for file in files.values()) < 3e6
    assert ".mjs" not in (html / "executed" / "accuracy.html").read_text()
    assert '<div class="explorer">' in (html / "executed" / "explorer.html").read_text()


def test_the_report_is_small_and_has_what_draws_its_formulas(made):
    html = made[0] / "_build" / "html"
    assert sum(file.stat().st_size for file in html.rglob("*")) < 30e6
    (script,) = set(re.findall(r"mathjax/([\w-]+\.js)", (html / "method.html").read_text()))
    assert (html / "_static" / "mathjax" / script).is_file()
    fonts = html / "_static" / "mathjax" / "output" / "chtml" / "fonts"
    assert len(list(fonts.rglob("*.woff"))) > 10


def test_progress_says_what_runs_and_how_long_it_took(made):
    _, done = made
    assert re.search(r"^\[1/42\] ", done.stderr, flags=re.MULTILINE)
    for model in MODELS:
        assert re.search(rf"train {model}: done in [\d.]+ s, \d+ to go", done.stderr)


def test_the_pages_ask_nothing_of_the_network(made):
    project, _ = made
    asks = re.compile(r"<(?:script|img|link|iframe)[^>]*(?:src|href)=\"(?:https?:)?//[^\"]+\"")
    allowed = re.compile(r'rel="(?:canonical|author|license)"')
    found = [
        (page.name, tag)
        for page in (project / "_build" / "html").rglob("*.html")
        for tag in asks.findall(page.read_text(encoding="utf-8"))
        if not allowed.search(tag)
    ]
    assert found == []


def test_scores_are_shares_with_interval_and_chance(made):
    project, _ = made
    table = scores(project)
    assert set(table["model"]) == MODELS | {"text only", "background only"}
    shares = table.dropna(subset=["value"])
    bounded = shares.dropna(subset=["low"])
    assert (bounded["low"] <= bounded["high"]).all()
    accuracy = shares[shares["metric"].str.contains("top|accuracy|class_mean|swapped|intact")]
    accuracy = accuracy[~accuracy["metric"].str.contains("gain")]
    assert accuracy["value"].between(0, 1).all()
    assert accuracy["chance"].between(0, 1, inclusive="neither").all()
    assert (shares["n"] > 0).all()
    check(table, JOINED_SCORES)


def test_once_more_does_nothing(made):
    project, _ = made
    again = reproduce(project)
    assert again.returncode == 0
    assert "nothing to do: everything is up to date" in again.stderr
    assert would_run(project) == set()


def test_a_notebook_parameter_runs_that_notebook_and_the_book_only(project):
    file = project / "workflow" / "studies" / f"{STUDY}.yaml"
    file.write_text(file.read_text().replace("accuracy: {}", "accuracy: {id_split: seen}"))
    assert would_run(project) == {"run notebook accuracy", "render the book"}


def test_a_setting_of_retrieval_runs_it_and_what_joins_only(project):
    file = project / "workflow" / "studies" / f"{STUDY}.yaml"
    file.write_text(
        file.read_text().replace("retrieval:\n  samples: 200", "retrieval:\n  samples: 150")
    )
    planned = would_run(project)
    assert {f"score the accuracy of {model}" for model in MODELS} | {"join the scores"} <= planned
    again = ("score the accuracy", "join", "run notebook", "render")
    assert all(step.startswith(again) for step in planned)


def test_a_models_setting_runs_that_model_and_what_joins(project):
    file = project / "workflow" / "studies" / f"{STUDY}.yaml"
    file.write_text(
        file.read_text().replace("few: {share: 0.45, seed: 1}", "few: {share: 0.45, seed: 5}")
    )
    planned = would_run(project)
    assert {
        "train few",
        "embed with few",
        "score the accuracy of few",
        "swap dimensions of few",
    } <= planned
    assert "join the scores" in planned
    assert not {step for step in planned if "more" in step or "most" in step or "draw" in step}


def test_damaged_artefacts_are_named_and_remade(project):
    before = scores(project)
    results = project / "results" / STUDY
    spoilt = [
        results / "embeddings" / "few" / "ao.safetensors",
        results / "accuracy" / "more.parquet",
        results / "models" / "most" / "open_clip_model.safetensors",
    ]
    for file in spoilt:
        file.write_bytes(file.read_bytes()[:100])
    gone = next((results / "sets" / "ao").rglob("0.png"))
    gone.unlink()
    done = reproduce(project, "--", "--until", "collect")
    assert done.returncode == 0, done.stderr
    assert f"image {gone.relative_to(results / 'sets' / 'ao')} is missing or damaged" in done.stderr
    for file in spoilt:
        assert f"damaged: {file.relative_to(project)}" in done.stderr
    assert gone.is_file()
    assert [damage(file) for file in spoilt] == [None] * len(spoilt)
    pd.testing.assert_frame_equal(scores(project), before)


def test_a_damaged_notebook_is_remade(project):
    file = project / "results" / STUDY / "notebooks" / "dataset" / "dataset.ipynb"
    file.write_bytes(file.read_bytes()[:100])
    done = reproduce(project, "--", "--until", "notebook")
    assert done.returncode == 0, done.stderr
    assert f"damaged: {file.relative_to(project)}" in done.stderr
    assert damage(file) is None
    assert len(re.findall("run notebook [a-z]+: done", done.stderr)) == 1


def test_a_failing_notebook_stops_the_book(project):
    source = project / "notebooks" / "error_analysis.ipynb"
    notebook = nbformat.read(source, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("raise ValueError('the moon is full')"))
    nbformat.write(notebook, source)
    page = project / "_build" / "html" / "index.html"
    page.unlink()
    done = reproduce(project)
    assert done.returncode == 1
    assert "notebook error_analysis failed in cell" in done.stderr
    assert "ValueError: the moon is full" in done.stderr
    assert "failed: run notebook error_analysis" in done.stderr
    assert not page.exists()


def run_until(project: Path, sign: str) -> subprocess.Popen[str]:
    """A run that has just said `sign`; its jobs go on."""
    run = subprocess.Popen(
        command(),
        cwd=project,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    said = []
    for line in run.stderr:
        said.append(line)
        if sign in line:
            return run
    raise AssertionError(f"ended without {sign!r}: {''.join(said)}")


def test_killed_again_and_again_it_goes_on_to_the_same_numbers(made, tmp_path):
    first, _ = made
    project = clone(tmp_path)
    file = project / "workflow" / "studies" / f"{STUDY}.yaml"
    settings = yaml.safe_load(file.read_text())
    for section in ("factor_sets", "factor_models", "corpora"):  # not in the scores
        del settings[section]
    settings["notebooks"] = {"dataset": {}}
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    for sign in ("training images", "embedding 96 images", "run notebook"):
        run = run_until(project, sign)
        time.sleep(1)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        run.stderr.close()
    done = reproduce(project, "--", "--until", "collect")  # the notebooks have no numbers to add
    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(scores(project), scores(first))
    assert not list((project / "results").rglob("*.tmp"))


def test_jobs_end_with_a_killed_run(tmp_path):
    project = clone(tmp_path)
    run = run_until(project, "training images")
    jobs = jobs_of(project)
    run.kill()  # this process alone, not its group
    run.wait()
    run.stderr.close()
    assert jobs
    for _ in range(50):
        if not jobs_of(project):
            break
        time.sleep(0.1)
    assert not jobs_of(project)
