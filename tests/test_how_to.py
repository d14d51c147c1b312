"""The how-to pages, taken at their word: their files are written, their commands are run.

Jobs run in this process, one after the other as Snakemake orders them; a page that speaks of the
default study gets the tiny one of the page *Add a study*. What takes a cluster, or is tried by
tests of its own, is only looked up.
"""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cood.cli import main
from cood.settings.study_file import load_study, parse_study

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "book" / "how-to").glob("*.md"))
BLOCK = re.compile(
    r"^```(?:\{code-block\} )?(\w+)\n(?::caption: `(\S+)`\n)?(.*?)^```$", re.MULTILINE | re.DOTALL
)
STUDY = "mine"
FILE = Path("workflow") / "studies" / f"{STUDY}.yaml"
LOOKED_UP = {"lint", "tests", "browser", "cluster", "book"}  # tried by CI, tests or by hand
NO_STUDY = {"compare"}
CHANGING = {"metric", "stage"}  # pages that change the package: followed in a copy of it


def blocks(page):
    """Language, file and text of each fenced block of a page."""
    return [match.groups() for match in BLOCK.finditer(page.read_text())]


def sessions():
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any("session" in ast.unparse(d) for d in node.decorator_list)
    }


def patched(text, diff):
    """A text after a change of one place, which must be there, once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(old) == 1, f"{old!r} must be in the file once"
    return text.replace(old, new)


def make():
    """Do what Snakemake would for the study, in its order but in this process."""
    study = load_study(STUDY)
    command = [sys.executable, "-m", "snakemake", "--snakefile", "workflow/Snakefile", "--nolock"]
    command += ["--config", f"study={study.file}", "--cores", "1", "--dry-run", "--printshellcmds"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = re.findall(r"^Shell command: cood (.+)$", done.stdout + done.stderr, re.MULTILINE)
    assert lines[-1].startswith("book ")
    for line in lines:
        if not line.startswith(("notebook ", "book ")):  # tests/test_reproduce.py runs these
            assert main(shlex.split(line)) == 0, line


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project in which the page *Add a study* was followed."""
    root = tmp_path_factory.mktemp("how-to") / "project"
    ignored = shutil.ignore_patterns("executed", "__pycache__")
    for name in ("workflow", "notebooks", "book", "cood"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    shutil.copy(ROOT / "_config.yml", root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        (_, file, text), (_, _, command), *_ = blocks(ROOT / "book" / "how-to" / "study.md")
        assert command == f"nox -s reproduce -- --study {STUDY}\n"
        Path(file).write_text(text)
        make()
        other = Path("results") / "other"
        shutil.copytree(Path("results") / STUDY, other)
        settings = other / "settings.json"
        settings.write_text(settings.read_text().replace('"seed": 1,', '"seed": 2,', 1))
    return root


@pytest.fixture
def project(made, monkeypatch):
    """That project; its study file is put back afterwards."""
    monkeypatch.chdir(made)
    before = FILE.read_text()
    yield made
    FILE.write_text(before)


def run(line):
    """Do what a line of a page says, as far as that can be done here."""
    program, *words = shlex.split(line)
    if program == "nox":
        assert words[0] == "-s"
        name, given = words[1], words[3:]
        assert name in sessions()
        if name in LOOKED_UP:
            return
        program, words = "cood", [name, *given]
    if program == "cood":
        if "--profile" in words:  # tests/test_profiles.py does it
            assert (Path(words[-1]) / "config.v8+.yaml").is_file()
            return
        if words[0] not in NO_STUDY and "--study" not in words:
            words += ["--study", STUDY]
        if words[0] == "reproduce" and "-n" not in words:
            words += ["-n"]
        if words[0] != "doctor":  # what it says hangs on the machine
            assert main(words) == 0
    else:
        assert line == 'pip install "nox[uv]"'


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.stem not in CHANGING], ids=lambda page: page.stem
)
def test_a_page_does_what_it_says(page, project, settings, capfd):
    found = blocks(page)
    assert found
    for kind, file, text in found:
        if kind == "diff":
            Path(file).write_text(patched(Path(file).read_text(), text))
        elif kind == "yaml" and file is None:  # sections of a study
            own = yaml.safe_load(FILE.read_text())
            parse_study({"name": STUDY, **own, **yaml.safe_load(text)}, page.name)
        elif kind == "yaml":
            assert Path(file).read_text() == text  # the fixture wrote it
        elif kind == "bash":
            if "photos" in FILE.read_text():
                folder = Path("photos") / "red apple"
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path("results") / STUDY / "sets/ao/red apple/0.png", folder)
            capfd.readouterr()
            for line in text.splitlines():
                run(line)
            said = "".join(capfd.readouterr())
        elif kind == "text":
            for line in text.splitlines():
                assert line in said
        else:
            assert kind == "bibtex"


def apply(page, copy):
    """Write the files of a page and make its changes in a copy of the project; its commands."""
    commands = []
    for kind, file, text in blocks(ROOT / "book" / "how-to" / f"{page}.md"):
        target = copy / (file or "")
        if kind == "diff":
            target.write_text(patched(target.read_text(), text))
        elif kind in ("python", "yaml") and file:
            target.write_text(text)
        elif kind == "bash":
            commands += text.splitlines()
    return commands


def in_copy(copy, *arguments):
    """Run Python in a copy of the project, with the package of the copy."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_stage_is_added_as_the_page_says(project, tmp_path):
    copy = tmp_path / "project"
    shutil.copytree(project, copy)
    said = []
    for line in apply("stage", copy):
        program, *words = shlex.split(line)
        if program == "nox":
            words = [words[1], *words[3:]]
        done = in_copy(copy, "-m", "cood", *words, "--study", STUDY)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout + done.stderr)
    table = pd.read_parquet(copy / "results" / STUDY / "norms" / "few.parquet")
    assert (table["value"] > 0).all()
    _, plan, dry_run = said
    assert re.search(r"^norms +1 of 2 ", plan, re.MULTILINE)
    assert "would compute the lengths of most: not made yet" in dry_run
    shutil.copytree(ROOT / "tests", copy / "tests")
    checked = in_copy(copy, "-m", "pytest", "-q", "tests/test_stages.py", "--rootdir", str(copy))
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("workflow/Snakefile", "the Snakefile and cood/stages have other stages"),
        ("cood/pipeline/costs.py", "cood/pipeline/costs.py and cood/stages have other stages"),
    ],
)
def test_a_stage_without_one_of_its_places_fails_with_the_name(project, tmp_path, file, message):
    copy = tmp_path / "project"
    shutil.copytree(project, copy)
    forgotten = (copy / file).read_text()
    apply("stage", copy)
    (copy / file).write_text(forgotten)
    shutil.copytree(ROOT / "tests", copy / "tests")
    checked = in_copy(copy, "-m", "pytest", "-q", "tests/test_stages.py", "--rootdir", str(copy))
    assert checked.returncode == 1
    assert message in checked.stdout


def test_a_metric_is_added_as_the_page_says(project, tmp_path):
    """In a copy of the package, by a process of its own."""
    copy = tmp_path / "project"
    shutil.copytree(project, copy)
    apply("metric", copy)
    page = blocks(ROOT / "book" / "how-to" / "metric.md")
    python = [text for kind, file, text in page if kind == "python" and not file]
    stages = [["representation-metrics", "--model", name] for name in ("few", "most")]
    stages += [["collect"], ["notebook", "disentanglement"]]
    script = f"""
import doctest, cood.metrics.between
from cood.cli import main
assert doctest.testmod(cood.metrics.between) == (0, 2)
for stage in {stages}:
    assert main([*stage, "--study", {STUDY!r}]) == 0
{python[0]}
"""
    done = in_copy(copy, "-c", script)
    assert done.returncode == 0, done.stderr
    assert "explicitness" in done.stdout
    results = copy / "results" / STUDY
    scores = pd.read_parquet(results / "scores.parquet").query("metric == 'between'")
    assert set(scores["model"]) == {"few", "most"}
    assert set(scores["space"]) == {"image", "text"}
    assert {"", "attribute", "object"} <= set(scores["factor"])
    assert {"", "rotated"} <= set(scores["null"])
    assert {"", "concepts"} <= set(scores["basis"])
    assert scores["value"].between(0, 1).all()
    saved = results / "preview" / "disentanglement"
    assert "between" in set(pd.read_csv(saved / "disentanglement-nulls.csv")["metric"])
    assert "between" in set(pd.read_csv(saved / "disentanglement-correlations.csv")["metric"])
