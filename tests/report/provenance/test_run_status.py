import hashlib
import os
import platform
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from cood.report.provenance import run_status as provenance
from cood.report.provenance.run_status import (
    STAGES,
    commit,
    cost,
    environment,
    fingerprint,
    stages,
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Stands for the package, to be changed."""
    root = tmp_path / "cood"
    (root / "models" / "configs").mkdir(parents=True)
    (root / "files.py").write_text("a = 1\n")
    (root / "models" / "loading.py").write_text("b = 1\n")
    (root / "models" / "configs" / "vit.json").write_text("{}")
    monkeypatch.setattr(provenance, "PACKAGE", root)
    return root


def test_fingerprint_changes_with_the_code_that_is_named(package):
    def both():
        return fingerprint("models"), fingerprint("files.py")

    models, files = both()
    assert both() == (models, files)
    assert models != files
    (package / "models" / "notes.txt").write_text("no code")
    (package / "models" / "__pycache__").mkdir()
    (package / "models" / "__pycache__" / "loading.pyc").write_bytes(b"x")
    assert both() == (models, files)
    (package / "models" / "configs" / "vit.json").write_text("{ }")
    assert both()[0] != models
    assert both()[1] == files
    (package / "models" / "configs" / "vit.json").write_text("{}")
    assert both() == (models, files)
    (package / "models" / "configs" / "vit.json").rename(package / "models" / "vit.json")
    assert both()[0] != models


def test_fingerprint_does_not_depend_on_where_the_package_lies(package, tmp_path, monkeypatch):
    before = fingerprint("models", "files.py")
    monkeypatch.setattr(provenance, "PACKAGE", package.rename(tmp_path / "elsewhere"))
    assert fingerprint("models", "files.py") == before


def test_fingerprints_of_the_package_differ():
    parts = ("synthesis", "models", "evaluation", "metrics", "analysis", "report")
    assert len({fingerprint(part) for part in parts}) == len(parts)


def test_commit_of_a_clean_and_of_a_changed_tree(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit(tmp_path) == "unknown"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    (tmp_path / "a").write_text("1")
    for arguments in (["init", "-q"], ["add", "a"], ["commit", "-q", "--no-gpg-sign", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert commit(tmp_path) == head.stdout[:12]
    (tmp_path / "b").write_text("not tracked")
    assert commit(tmp_path) == head.stdout[:12]
    (tmp_path / "a").write_text("2")
    assert commit(tmp_path) == head.stdout[:12] + " with uncommitted changes"


def test_commit_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit(tmp_path) == "unknown"


def test_environment_names_what_the_report_was_made_of(tiny):
    table = environment(tiny)
    assert list(table.columns) == ["item", "value"]
    values = table.set_index("item")["value"]
    digest = hashlib.sha256(tiny.file.read_bytes()).hexdigest()
    assert values["Study"] == "tiny"
    assert values["Study file"] == f"tiny.yaml, sha256 {digest[:16]}"
    assert values["Seed"] == 7
    assert values["Python"] == platform.python_version()
    assert "not installed" not in set(values)


def test_a_package_that_is_not_there_is_said_to_be(tiny, monkeypatch):
    monkeypatch.setattr(provenance, "SHOWN", ("numpy", "no-such-package"))
    values = environment(tiny).set_index("item")["value"]
    assert values["no-such-package"] == "not installed"


HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def benchmark(paths, name, *seconds_and_memory, end=None):
    paths.benchmarks.mkdir(parents=True, exist_ok=True)
    lines = [f"{s}\t0:00:01\t{m}\t-\t-\t-\t0\t0\t9\t1\n" for s, m in seconds_and_memory]
    file = paths.benchmarks / f"{name}.tsv"
    file.write_text(HEADER + "".join(lines))
    if end is not None:
        os.utime(file, (end, end))


def test_cost_of_the_factor_sets(factored, project):
    benchmark(factored.paths, "embed_factors-few", (1.0, 200.0))
    benchmark(factored.paths, "embed_factors-on-shapes-shapes", (2.0, 300.0))
    table = stages(factored).set_index("stage")
    assert table.loc[STAGES["embed_factors"], ["jobs", "seconds"]].tolist() == [2, 3.0]


def test_cost_of_the_stages(tiny):
    benchmark(tiny.paths, "score-few", (1.0, 200.04))
    benchmark(tiny.paths, "train-few", (10.25, 500.0))
    benchmark(tiny.paths, "train-most", (99, 999), (20.0, 700.0))
    benchmark(tiny.paths, "collect", (0.5, "-"))
    benchmark(tiny.paths, "train-gone", (1000.0, 9000.0))
    table = stages(tiny)
    # In the order of the pipeline; of repeated runs the last; short jobs have no memory;
    # a model that has left the study does not count.
    expected = pd.DataFrame(
        {
            "stage": [STAGES["train"], STAGES["score"], STAGES["collect"]],
            "jobs": [2, 1, 1],
            "seconds": [30.2, 1.0, 0.5],
            "longest": [20.0, 1.0, 0.5],
            "memory": [700.0, 200.0, float("nan")],
        }
    )
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)


def test_every_rule_of_the_pipeline_has_its_row():
    snakefile = Path(__file__).parents[3] / "workflow" / "Snakefile"
    rules = set(re.findall(r"^rule (\w+):", snakefile.read_text(), re.MULTILINE))
    assert rules - {"all", "embed_own_factors"} == set(STAGES)  # that counts as `embed_factors`


def test_no_stage_has_run(tiny):
    assert len(stages(tiny)) == 0
    values = cost(tiny).set_index("item")["value"]
    assert values["Jobs"] == 0
    assert values["Most memory of one job"] == "not known"


def test_time_on_the_clock_counts_jobs_that_ran_together_once(tiny):
    benchmark(tiny.paths, "train-few", (600.0, 500.0), end=10_000)
    benchmark(tiny.paths, "train-most", (600.0, 1500.0), end=10_300)
    benchmark(tiny.paths, "score-few", (120.0, 100.0), end=20_000)  # after a pause
    values = cost(tiny).set_index("item")["value"]
    assert values["Jobs"] == 3
    assert values["Time on the clock"] == "17 min"
    assert values["Time of all jobs, added up"] == "22 min"
    assert values["Most memory of one job"] == "1.5 GB"
