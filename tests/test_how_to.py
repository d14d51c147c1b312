"""The how-to pages, taken at their word: their files are written, their commands are run.

Jobs run in this process, one after the other as Snakemake orders them; a page that speaks of the
default study gets the tiny one of the page *Add a study*. What takes a cluster, or is tried by
tests of its own, is only looked up.
"""

import ast
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
from tests.how_to_pages import ROOT, apply, blocks, in_copy, patched, run_tests

PAGES = sorted((ROOT / "book" / "how-to").glob("*.md"))
STUDY = "mine"
FILE = Path("workflow") / "studies" / f"{STUDY}.yaml"
LOOKED_UP = {"lint", "tests", "browser", "cluster", "book"}  # tried by CI, tests or by hand
NO_STUDY = {"compare"}
LONG = "lab"  # a study of hours; tests of publishing and comparing do it with a tiny one
# Pages that change the package: followed in a copy of it.
CHANGING = {"metric", "stage", "notebook", "claim", "model-family", "weights"}
OWN = {"own-photos"}  # tests/test_own_photos.py follows it, with photos and a checkpoint


def sessions():
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any("session" in ast.unparse(d) for d in node.decorator_list)
    }


def make(name=STUDY):
    """Do what Snakemake would for a study, in its order but in this process."""
    study = load_study(name)
    command = [sys.executable, "-m", "snakemake", "--snakefile", "workflow/Snakefile", "--nolock"]
    command += ["--config", f"study={study.file}", "--cores", "1", "--dry-run", "--printshellcmds"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = re.findall(r"^Shell command: cood (.+)$", done.stdout + done.stderr, re.MULTILINE)
    assert lines, done.stderr
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
        if any(LONG in word.split("/") for word in words):
            assert main([words[0], "--help"]) == 0
            return
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
    "page", [page for page in PAGES if page.stem not in CHANGING | OWN], ids=lambda page: page.stem
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
    checked = run_tests(copy, "tests/test_stages.py")
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
    checked = run_tests(copy, "tests/test_stages.py")
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
import doctest, importlib
from cood.cli import main
module = importlib.import_module("cood.metrics.between")  # its function has the same name
assert doctest.testmod(module) == (0, 2)
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
    correlations = pd.read_csv(saved / "disentanglement-correlations.csv")
    assert "Variance between values" in set(correlations["metric"])


@pytest.fixture
def copy(project, tmp_path):
    """A copy of the project of the page *Add a study*, with the tests."""
    root = tmp_path / "project"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(project, root, ignore=ignored)
    shutil.copytree(ROOT / "tests", root / "tests", ignore=ignored)
    shutil.copy(ROOT / "CHANGELOG.md", root)
    return root


CLAIM_TESTS = ("tests/analysis/claims/test_definitions.py",)
FAMILY_TESTS = (
    "tests/catalogue/test_families.py",
    "tests/analysis/test_results.py::test_every_architecture_has_one_kind_of_image_encoder",
)
SOURCE_TESTS = ("tests/models/test_sources.py",)
NOTEBOOK_TESTS = ("tests/test_notebook_sources.py", "-k", "model_size or named")


def test_a_notebook_is_added_as_the_page_says(copy):
    _, dry_run = apply("notebook", copy)
    assert dry_run == f"nox -s reproduce -- --study {STUDY} -n"
    script = f"""
from cood.cli import main
assert main(["notebook", "model_size", "--study", {STUDY!r}]) == 0
assert main(["reproduce", "--study", {STUDY!r}, "-n"]) == 0
"""
    done = in_copy(copy, "-c", script)
    assert done.returncode == 0, done.stderr
    assert "would run notebook model_size: not made yet" in done.stdout + done.stderr
    saved = copy / "results" / STUDY / "preview" / "model_size"
    assert set(pd.read_csv(saved / "model-size.csv")["model"]) == {"few", "most"}
    checked = run_tests(copy, *NOTEBOOK_TESTS)
    assert checked.returncode == 0, checked.stdout


def test_a_claim_is_added_as_the_page_says(copy):
    commands = apply("claim", copy)
    assert commands[-1] == f"nox -s notebook -- claims --study {STUDY}"
    script = f"""
from cood.analysis.claims.evidence import gather_evidence
from cood.analysis.claims.tables import verdict_table
from cood.analysis.claims.verdicts import judge
from cood.analysis.results import load_results
verdicts = judge(gather_evidence(load_results({STUDY!r})))
verdict_table(verdicts).to_csv("claims.csv", index=False)
"""  # as the page of claims does
    done = in_copy(copy, "-c", script)
    assert done.returncode == 0, done.stderr
    verdicts = pd.read_csv(copy / "claims.csv")
    (row,) = verdicts[verdicts["claim"] == "C16"].itertuples()
    assert row.title == "larger models compose better"
    assert row.verdict == "not testable here"  # of two models
    checked = run_tests(copy, *CLAIM_TESTS, "tests/analysis/claims/test_model_size.py")
    assert checked.returncode == 0, checked.stdout


def test_a_family_of_models_is_added_as_the_page_says(copy):
    apply("model-family", copy)
    script = """
from cood.catalogue import checkpoints, image_encoders
facts = checkpoints.facts("PE-Core-B-16/meta")
assert (facts["family"], facts["pairs"], facts["embed_dim"]) == ("pe", 5.4e9, 1024), facts
assert checkpoints.select(["pe"]) == ["PE-Core-B-16/meta"]
facts = image_encoders.facts("convnext_tiny.fb_in1k")
assert (facts["family"], facts["embed_dim"]) == ("supervised", 768), facts
"""
    done = in_copy(copy, "-c", script)
    assert done.returncode == 0, done.stderr
    checked = run_tests(copy, *FAMILY_TESTS)
    assert checked.returncode == 0, checked.stdout


def test_a_source_of_weights_is_added_as_the_page_says(copy):
    (command,) = apply("weights", copy)
    program, _, *tests = shlex.split(command)[1:]
    assert program == "-m"
    checked = run_tests(copy, *tests)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("page", "skipped", "tests", "messages"),
    [
        (
            "notebook",
            ["book/_toc.yml", "workflow/studies/mine.yaml"],
            NOTEBOOK_TESTS,
            [
                "book/_toc.yml: no entry `file: executed/model_size`",
                "workflow/studies: no study has model_size under `notebooks`",
            ],
        ),
        (
            "notebook",
            ["notebooks/model_size.ipynb"],
            NOTEBOOK_TESTS,
            [
                "book/_toc.yml names ['model_size']; there is no such file in notebooks/",
                "workflow/studies/mine.yaml names ['model_size']",
            ],
        ),
        (
            "claim",
            [
                "cood/analysis/claims/claim_tests/__init__.py",
                "book/analysis-plan.md",
                "CHANGELOG.md",
            ],
            CLAIM_TESTS,
            [
                "add a function for {'C16'} to STATISTICS in claims/claim_tests",
                "book/analysis-plan.md: list ['C16']",
                "CHANGELOG.md: list ['C16']",
            ],
        ),
        (
            "claim",
            [
                "cood/analysis/claims/claims.yaml",
                "tests/analysis/claims/test_model_size.py",
            ],
            CLAIM_TESTS,
            [
                "add {'C16'} to claims.yaml with its tests",
                "tests/analysis/claims: no test computes ['C16']",
            ],
        ),
        (
            "model-family",
            ["cood/analysis/results.py", "cood/analysis/pretraining_sets.py"],
            FAMILY_TESTS,
            [
                "PE-Core-B-16: []; see ENCODER_KINDS in cood/analysis/results.py",
                "cood/analysis/pretraining_sets.py: pe must be in one of LARGE, SMALL, NEITHER",
            ],
        ),
        (
            "weights",
            ["cood/models/loading.py", "book/how-to/model.md"],
            SOURCE_TESTS,
            [
                "cood/models/loading.py: LOADERS has no function for zip:",
                "cood/models/loading.py: the docstring of load does not describe zip:",
                "book/how-to/model.md: no example of zip:",
            ],
        ),
    ],
)
def test_a_forgotten_place_is_named(copy, page, skipped, tests, messages):
    apply(page, copy, skipped)
    checked = run_tests(copy, *tests)
    assert checked.returncode == 1
    for message in messages:
        assert message in checked.stdout


def test_forgotten_parts_of_the_catalogue_are_named(copy):
    apply("model-family", copy)
    file = copy / "cood" / "catalogue" / "checkpoints.yaml"
    parts = {"data": "  PE-5.4B: 5400", "parameters": "  PE-Core-B-16: 447660545"}
    kept = [
        line
        for line in file.read_text().splitlines(keepends=True)
        if not line.startswith(tuple(parts.values()))
    ]
    file.write_text("".join(kept))
    checked = run_tests(copy, *FAMILY_TESTS)
    assert checked.returncode == 1
    for part in parts:
        assert f"cood/catalogue/checkpoints.yaml: `{part}`" in checked.stdout
