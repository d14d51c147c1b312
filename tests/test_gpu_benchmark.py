"""The benchmark of the GPU, with tiny models on a CPU."""

import argparse
import json
import sys
from math import isnan, nan

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import gpu, gpu_stages
from benchmarks.gpu_embedding import first
from benchmarks.gpu_models import photo
from benchmarks.gpu_precision import agreements
from benchmarks.gpu_rows import NOT_MEASURED, TINY, Row, not_measured, ratio
from cood.evaluation.embed.sources import PixelRows

CPU = torch.device("cpu")


@pytest.fixture
def asked(tmp_path):
    """Options of the command, for what needs no process of its own."""
    return argparse.Namespace(
        tiny=True,
        out=tmp_path / "out",
        only=["pixels", "embed", "scoring", "generate"],
        cores=2,
        seconds=1e6,
    )


def test_every_part_is_measured_on_a_cpu(asked, tmp_path, capsys):
    rows = gpu.measure(tmp_path, asked)
    printed = capsys.readouterr().out
    missing = [row for row in rows if row.measured == NOT_MEASURED]
    assert [row.note for row in missing] == ["there is no GPU"]
    measured = [row for row in rows if row not in missing]
    for words in ("make pixels", "from pixels", "top-1", "accuracy", "prompts", "2 cores", "save"):
        (row,) = [row for row in measured if words in row.work and not isnan(row.goal)]
        assert row.value > 0 or words == "accuracy"  # both precisions are single here
        assert row.as_text() in printed
    table = pd.read_csv(asked.out / "gpu.csv")
    assert table["work"].tolist() == [row.work for row in rows]
    saved = json.loads((asked.out / "gpu.json").read_text())
    assert saved["machine"]["torch"] == torch.__version__.partition("+")[0]
    assert len(saved["rows"]) == len(rows)


def test_what_fails_is_marked_and_the_rest_is_measured(capsys):
    def part():
        yield Row("a", "1 s")
        raise ImportError("no module\nof that name")

    rows = gpu.run("the part", part)
    assert [row.work for row in rows] == ["a", "the part"]
    assert rows[1] == not_measured("the part", "ImportError: no module of that name")


def test_no_part_is_begun_after_the_time(asked, tmp_path):
    asked.seconds = 0
    rows = gpu.measure(tmp_path, asked)
    assert {row.note for row in rows} == {"no time was left"}
    assert len(rows) == 5


def test_a_goal_is_reached_from_its_side():
    assert ratio("w", "images/s", 85, 100, "bare", 0.85).reached == "yes"
    assert ratio("w", "images/s", 84, 100, "bare", 0.85).reached == "no"
    assert Row("w", "29 s", "", 29, 30, at_least=False).reached == "yes"
    assert Row("w", "31 s", "", 31, 30, at_least=False).reached == "no"
    assert Row("w", "31 s").reached == ""
    assert Row("w", "?", "", nan, 30).reached == ""


def test_the_first_rows_come_again_when_there_are_too_few():
    arrays = tuple(np.full((n, 1, 1, 3), n, np.uint8) for n in (2, 3))
    for count in (1, 2, 4, 5, 12):
        rows = first(PixelRows(arrays), count)
        out = np.empty((count, 1, 1, 3), np.uint8)
        rows.read(0, out)
        assert out[:, 0, 0, 0].tolist() == ([2, 2, 3, 3, 3] * 3)[:count]


def test_half_is_right_in_single_precision_and_errors_change_answers():
    rng = np.random.default_rng(0)
    images = (1 + 0.3 * rng.standard_normal((400, 64))).astype(np.float32)
    trained, harsh = agreements(images, images, CPU)
    assert trained.same == harsh.same == 1
    assert trained.points == harsh.points == 0
    assert trained.single == pytest.approx(0.5, abs=0.05)
    assert harsh.single == pytest.approx(0.5, abs=0.1)
    last = 1.0
    for size in (0.003, 0.03, 0.3):
        errors = size * rng.standard_normal(images.shape).astype(np.float32)
        trained, harsh = agreements(images, images + errors, CPU)
        assert harsh.same <= trained.same <= last
        last = trained.same
    assert last < 0.9


def test_photos_differ_and_are_the_same_in_every_run():
    one, other = photo(1, 48), photo(2, 48)
    assert one.shape == (48, 48, 3)
    assert np.array_equal(one, photo(1, 48))
    assert np.mean(one != other) > 0.9


def test_stages_run_on_embeddings_that_are_drawn(tmp_path, monkeypatch):
    project = tmp_path / "project"
    study = gpu_stages._write(project, TINY, tiny=True)
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["gpu_stages", "accuracy"])
    gpu_stages.main()
    table = pd.read_parquet(study.paths.model_accuracy(gpu_stages.MODEL))
    assert (table["set"] == gpu_stages.SET).all()
    assert set(table["templates"]) == {"", *study.ablations}


def test_a_stage_that_takes_too_long_is_marked(tmp_path, monkeypatch):
    monkeypatch.setattr(
        gpu_stages, "COMMAND", (sys.executable, "-c", "import time; time.sleep(60)")
    )
    monkeypatch.setattr(gpu_stages, "TIMED", {"accuracy": 0.6, "linear_probe": 0.6})
    left = iter([9.0])
    rows = list(gpu_stages.rows(tmp_path / "project", TINY, True, lambda: next(left, 0.0)))
    assert [row.note for row in rows] == ["not done after 1 s", "no time was left"]


def test_a_stage_that_fails_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_stages, "COMMAND", (sys.executable, "-c", "1 / 0"))
    rows = list(gpu_stages.rows(tmp_path / "project", TINY, True, lambda: 60.0))
    assert all("ZeroDivisionError" in row.note for row in rows)
    assert len(rows) == len(gpu_stages.TIMED)


def test_no_stage_is_begun_without_time(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_stages, "_row", None)
    rows = list(gpu_stages.rows(tmp_path / "project", TINY, True, lambda: 0.0))
    assert {row.note for row in rows} == {"no time was left"}
