"""GPUs in name only: a stand-in for nvidia-smi lists them, and stand-in jobs share them."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from cood.pipeline import run as pipeline
from cood.pipeline.gpus import VISIBLE, gpu_names, on_one_gpu, place, take
from cood.stages import CARD

SNAKEFILE = """
resource_scopes:
    gpu_eighths="local",

JOBS = {"small": 11, "whole": 2}

rule all:
    input: [f"{kind}-{k}" for kind, n in JOBS.items() for k in range(n)]

for name, eighths in (("small", 1), ("whole", 8)):
    rule:
        name: name
        output: name + "-{k}"
        resources: gpu=1, gpu_eighths=eighths
        shell: "echo + {resources.gpu_eighths} >> log; sleep 0.5; "
               "echo - {resources.gpu_eighths} >> log; touch {output}"
"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Give the machine GPUs of some names."""

    def make(*names):
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n" + "".join(f"echo {name}\n" for name in names))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    monkeypatch.delenv(VISIBLE, raising=False)
    return make


def test_without_a_gpu_nothing_happens(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(VISIBLE, raising=False)
    assert gpu_names() == []
    assert pipeline._limits([]) == []
    with on_one_gpu(CARD), on_one_gpu(CARD):  # not one after the other
        assert VISIBLE not in os.environ


def test_a_gpu_that_does_not_answer_is_none(machine):
    machine("GPU-a; exit 1")
    assert gpu_names() == []


@pytest.mark.parametrize(
    ("shown", "names"),
    [
        (None, ["GPU-a", "GPU-b"]),
        ("1", ["GPU-b"]),
        ("1,0", ["GPU-b", "GPU-a"]),
        ("GPU-b", ["GPU-b"]),
        ("MIG-c/1", ["MIG-c/1"]),  # a part of a GPU, which nvidia-smi does not list so
        ("", []),
        ("-1", []),
    ],
)
def test_only_gpus_that_this_process_may_use_count(machine, monkeypatch, shown, names):
    machine("GPU-a", "GPU-b")
    if shown is not None:
        monkeypatch.setenv(VISIBLE, shown)
    assert gpu_names() == names
    limits = [f"--resources=gpu_eighths={CARD * len(names)}"] if names else []
    assert pipeline._limits(["--profile", "x"]) == limits
    assert pipeline._limits(["--resources", "gpu_eighths=4"]) == []


def test_with_several_gpus_a_job_sees_the_one_with_most_left(machine, monkeypatch):
    machine("GPU-a", "GPU-b")
    monkeypatch.setenv(VISIBLE, "0,1")
    seen = []
    with ExitStack() as stack:
        for eighths in (3, 2, 2, 1, 4):
            monkeypatch.setenv(VISIBLE, "0,1")  # each job is a process of its own
            stack.enter_context(on_one_gpu(eighths))
            seen.append(os.environ[VISIBLE][-1])
        assert "".join(seen) == "abbaa"  # used: 3 0, 3 2, 3 4, 4 4, 8 4
    monkeypatch.setenv(VISIBLE, "0")
    with on_one_gpu(CARD):
        assert os.environ[VISIBLE] == "0"  # there is no choice


def test_a_gpu_holds_eight_eighths_and_no_more(tmp_path):
    with ExitStack() as stack:
        for _ in range(CARD):
            assert stack.enter_context(place(1, ["a"], tmp_path)) == "a"
        assert take(1, ["a"], tmp_path) is None
        name, locks = take(1, ["a", "b"], tmp_path)
        assert name == "b"
        assert take(CARD, ["a", "b"], tmp_path) is None  # though seven and none are free
        for lock in locks:
            lock.release()
        with place(CARD, ["a", "b"], tmp_path) as name:
            assert name == "b"
            assert take(1, ["a", "b"], tmp_path) is None
    assert take(CARD, ["a"], tmp_path)[0] == "a"


def test_jobs_that_share_two_gpus_never_overload_one(tmp_path, monkeypatch):
    monkeypatch.setattr("cood.pipeline.gpus.PAUSE", 0.005)
    used, most, done, lock = Counter(), Counter(), Counter(), threading.Lock()

    def job(eighths):
        with place(eighths, ["a", "b"], tmp_path) as name:
            with lock:
                used[name] += eighths
                most[name] = max(most[name], used[name])
            time.sleep(0.02)
            with lock:
                used[name] -= eighths
                done[name] += eighths

    sizes = [1, 1, 1, CARD, 1, 4, 1, 1, CARD, 2, 1, 4]
    threads = [threading.Thread(target=job, args=(eighths,)) for eighths in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert done.total() == sum(sizes)
    assert max(most.values()) == CARD  # where a whole one was


def test_the_place_of_a_killed_job_is_free(tmp_path):
    program = (
        "import time; from pathlib import Path; from cood.pipeline.gpus import place\n"
        f"with place(8, ['a'], Path({str(tmp_path)!r})):\n    print('in', flush=True)\n"
        "    time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as job:
        assert job.stdout.readline() == b"in\n"
        assert take(1, ["a"], tmp_path) is None
        job.send_signal(signal.SIGKILL)
        job.wait()
    assert take(CARD, ["a"], tmp_path) is not None


def test_snakemake_starts_what_one_gpu_holds(machine, tmp_path):
    """Stand-in jobs on a machine with cores for all, as `cood reproduce` limits them."""
    machine("GPU-a")
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores=16", "--quiet=all", *pipeline._limits([])],
        cwd=tmp_path,
        check=True,
    )
    steps = re.findall(r"([+-]) (\d)", (tmp_path / "log").read_text())
    assert len(steps) == 2 * 13
    total = most = 0
    for sign, eighths in steps:
        total += int(sign + eighths)
        most = max(most, total)
    assert most == CARD
