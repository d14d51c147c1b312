import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROFILE = ROOT / "workflow" / "profiles" / "slurm"


@pytest.fixture
def profile():
    return yaml.safe_load((PROFILE / "config.v8+.yaml").read_text())


def test_the_profile_speaks_of_rules_that_there_are(profile):
    rules = re.findall(r"^rule (\w+):", (ROOT / "workflow" / "Snakefile").read_text(), re.M)
    assert {*profile["set-resources"], *profile["set-threads"]} <= set(rules)
    for asked in profile["set-resources"].values():
        assert asked.keys() == {"mem_mb", "runtime"}


def test_rules_that_use_a_gpu_ask_for_one():
    rules = re.split(r"^rule ", (ROOT / "workflow" / "Snakefile").read_text(), flags=re.M)[1:]
    asking = {rule.partition(":")[0] for rule in rules if re.search(r"gpu=1", rule)}
    wanted = {
        "generate",
        "train",
        "embed",
        "train_factor_model",
        "embed_factors",
        "embed_own_factors",
    }
    assert wanted <= asking


def test_snakemake_takes_the_profile(tmp_path):
    for name in ("workflow", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "_config.yml", tmp_path)
    command = [sys.executable, "-m", "cood", "reproduce", "--study", "paper", "-n"]
    done = subprocess.run(
        [*command, "--", "--profile", str(PROFILE), "--until", "join"],
        **{"cwd": tmp_path, "capture_output": True, "text": True, "check": False},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("would generate images sdxl-turbo") == 66


def test_without_slurm_the_cluster_says_so():
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster"],
        **{"cwd": ROOT, "env": {**os.environ, "PATH": ""}, "capture_output": True, "text": True},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "cluster: munged is not installed; apt-get install slurm-wlm munge\n"
