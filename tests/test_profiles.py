import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from cood.pipeline.plan import plan
from cood.settings.study_file import load_study
from cood.stages import OF_RULE

ROOT = Path(__file__).parents[1]
PROFILE = ROOT / "workflow" / "profiles" / "slurm"
PROFILE_FILE = "config.v8+.yaml"


def test_snakemake_takes_the_profile_and_has_the_jobs_of_the_plan(tmp_path, monkeypatch):
    for name in ("workflow", "notebooks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "_config.yml", tmp_path)
    command = [sys.executable, "-m", "cood", "reproduce", "--study", "paper", "-n"]
    done = subprocess.run(
        [*command, "--", "--profile", str(PROFILE)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("would generate images sdxl-turbo") == 66
    monkeypatch.chdir(tmp_path)
    jobs = plan(load_study("paper")).set_index("stage")["jobs"]
    assert sum(line.startswith("would ") for line in done.stderr.splitlines()) == jobs["total"]


def test_the_profile_says_how_to_do_without_gpus():
    listed = re.findall(r"^#   (\w+): \{gpu: 0\}$", (PROFILE / PROFILE_FILE).read_text(), re.M)
    assert listed == [rule for rule, stage in OF_RULE.items() if stage.resources.gpu]


def test_without_slurm_the_cluster_says_so():
    done = subprocess.run(
        [sys.executable, "-m", "tests.cluster"],
        **{"cwd": ROOT, "env": {**os.environ, "PATH": ""}, "capture_output": True, "text": True},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "cluster: munged is not installed; apt-get install slurm-wlm munge\n"
