import hashlib
import os
import platform
import subprocess

import pandas as pd

from cood.files import write_table
from cood.report.provenance import run_status
from cood.report.provenance.commit import commit, head_and_changes
from cood.report.provenance.run_status import (
    cost,
    environment,
    pipeline,
    precision,
    stages,
)
from cood.stages import STAGES


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
    assert head_and_changes(tmp_path) == (head.stdout.strip(), True)
    assert head_and_changes(tmp_path, "a") == (head.stdout.strip(), False)
    assert head_and_changes(tmp_path, "c") == (head.stdout.strip(), True)


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
    monkeypatch.setattr(run_status, "SHOWN", ("numpy", "no-such-package"))
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
    benchmark(factored.paths, "embed-few", (1.0, 200.0))
    benchmark(factored.paths, "embed-on-shapes-shapes", (2.0, 300.0))
    table = stages(factored).set_index("stage")
    assert table.loc[STAGES["embed"].title, ["jobs", "seconds"]].tolist() == [2, 3.0]


def test_cost_of_the_stages(tiny):
    benchmark(tiny.paths, "accuracy-few", (1.0, 200.04))
    benchmark(tiny.paths, "train-few", (10.25, 500.0))
    benchmark(tiny.paths, "train-most", (99, 999), (20.0, 700.0))
    benchmark(tiny.paths, "collect", (0.5, "-"))
    benchmark(tiny.paths, "train-gone", (1000.0, 9000.0))
    table = stages(tiny)
    # In the order of the pipeline; of repeated runs the last; short jobs have no memory;
    # a model that has left the study does not count.
    expected = pd.DataFrame(
        {
            "stage": [STAGES[name].title for name in ("train", "accuracy", "collect")],
            "jobs": [2, 1, 1],
            "seconds": [30.2, 1.0, 0.5],
            "longest": [20.0, 1.0, 0.5],
            "memory": [700.0, 200.0, float("nan")],
        }
    )
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)


def test_the_table_of_stages_has_those_of_the_study(tiny, factored):
    of_tiny, of_factored = (pipeline(study)["stage"].tolist() for study in (tiny, factored))
    assert of_tiny[:2] == ["draw", "train"]
    assert of_tiny[-1] == "book"
    assert set(of_factored) - set(of_tiny) == {
        "draw-factor-set",
        "train-factor-model",
        "factor-scores",
    }


def test_no_stage_has_run(tiny):
    assert len(stages(tiny)) == 0
    values = cost(tiny).set_index("item")["value"]
    assert values["Jobs"] == 0
    assert values["Most memory of one job"] == "not known"


def test_time_on_the_clock_counts_jobs_that_ran_together_once(tiny):
    benchmark(tiny.paths, "train-few", (600.0, 500.0), end=10_000)
    benchmark(tiny.paths, "train-most", (600.0, 1500.0), end=10_300)
    benchmark(tiny.paths, "accuracy-few", (120.0, 100.0), end=20_000)  # after a pause
    values = cost(tiny).set_index("item")["value"]
    assert values["Jobs"] == 3
    assert values["Time on the clock"] == "17 min"
    assert values["Time of all jobs, added up"] == "22 min"
    assert values["Most memory of one job"] == "1.5 GB"


def test_precision_of_the_models_and_their_worst_agreement(parse, project):
    study = parse(image_encoders={"images-only": {"untrained": "resnet"}})
    assert precision(study)["precision"].tolist() == ["not known"]
    single = {"precision": "single", "embedded_again": 0}
    half = {"precision": "half", "embedded_again": 3, "image_cosine": 0.99999, "same_answers": 1.0}
    worse = {**half, "image_cosine": 0.9998, "text_cosine": 0.99999, "same_answers": 0.992}
    models = [single, half, worse, {"precision": ""}]
    write_table(pd.DataFrame(models).assign(model=list("abcd")), study.paths.models)
    write_table(pd.DataFrame([{"model": "e", **single}]), study.paths.image_encoders)
    table = precision(study).set_index("precision")
    assert table.loc["half"].tolist() == [2, "6", "0.999800", "0.999990", "99.2%"]
    assert table.loc["single"].tolist() == [2, "0", "", "", ""]
