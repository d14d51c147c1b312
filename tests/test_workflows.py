import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request):
    # YAML 1.1, which PyYAML reads, takes the key `on` for true.
    return yaml.safe_load(request.param.read_text().replace("\non:", "\n'on':"))


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def sessions():
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_is_one_for_each_push():
    assert [path.stem for path in WORKFLOWS] == ["report", "tests"]


def test_they_may_read_only_but_for_the_job_that_publishes(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        if name == "publish":
            assert job["permissions"] == {"pages": "write", "id-token": "write"}
            assert not any("run" in step for step in job["steps"])
        else:
            assert "permissions" not in job


def test_actions_are_pinned_by_commit(workflow):
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    for action in used:
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action)


def test_the_sessions_that_they_call_exist(workflow):
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    called = [name for command in commands for name in re.findall(r"nox -s (\S+)", command)]
    matrix = [job.get("strategy", {}).get("matrix", {}) for job in workflow["jobs"].values()]
    called += [name for one in matrix for name in one.get("session", [])]
    named = {name for name in called if not name.startswith("${{")}
    assert named
    assert named <= sessions()
    for study in re.findall(r"--study (\w+)", " ".join(commands)):
        assert (ROOT / "workflow" / "studies" / f"{study}.yaml").is_file()


def test_each_push_is_tested_by_the_command_of_the_readme():
    tests = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())
    assert "push" in tests[True]
    assert 'pip install "nox[uv]" && nox -s tests' in (ROOT / "README.md").read_text()
    assert "tests" in tests["jobs"]["tests"]["strategy"]["matrix"]["session"]


def test_what_is_kept_is_what_a_run_makes(done):
    text = (ROOT / ".github" / "workflows" / "report.yml").read_text()
    paths = done.paths
    for path in (paths.settings, paths.benchmarks, paths.scores):
        kept = path.relative_to(paths.root).as_posix().replace("tiny", "mini")
        assert kept.replace("scores.parquet", "*.parquet") in text
    assert paths.html.parent.relative_to(paths.root).as_posix() in text
