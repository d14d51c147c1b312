"""The page *Add a metric*: followed in a copy, its metric passes all tests of the registry."""

import re
import shutil
from pathlib import Path

import pytest

from tests.how_to_pages import in_copy, run_tests

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "book" / "how-to" / "metric.md"
BLOCK = re.compile(
    r"^```(?:\{code-block\} )?(\w+)\n(?::caption: `?(\S+?)`?\n)?(.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
BLOCKS = [match.groups() for match in BLOCK.finditer(PAGE.read_text())]
PLACES = [file for _, file, _ in BLOCKS if file and not file.endswith("mine.yaml")]


def apply(copy, skipped=None):
    """Write the files of the page and make its changes, but for one of its places."""
    for kind, file, text in BLOCKS:
        if file not in PLACES or file == skipped:
            continue
        target = copy / file
        if kind == "python":
            target.write_text(text)
            continue
        lines = text.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] in f" {mark}") for mark in "-+")
        assert target.read_text().count(old) == 1, f"{file}: {old!r} must be in the file once"
        target.write_text(target.read_text().replace(old, new))


@pytest.fixture
def copy(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__", "executed")
    for folder in ("cood/metrics", "book", "tests/metrics"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    needed = ("__init__", "devices", "device_arrays")
    files = [f"cood/{name}.py" for name in needed]
    files += [f"tests/{name}.py" for name in ("how_to_pages", "tensor_memory")]
    for file in (*files, "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def check(copy):
    files = ("tests/metrics/test_registry.py", "tests/metrics/test_between.py")
    there = [file for file in files if (copy / file).is_file()]
    return run_tests(copy, "-k", "between", *there)


def test_the_page_names_every_place(copy):
    apply(copy)
    done = check(copy)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    doctested = in_copy(copy, "-m", "doctest", "cood/metrics/between.py")
    assert doctested.returncode == 0, doctested.stdout
    listed = in_copy(copy, "-c", "import cood.metrics as m; print(m.METRICS['between'], m.SCORES)")
    assert "('between',)" in listed.stdout


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("book/api/metrics.md", "book/api/metrics.md: no automodule cood.metrics.between"),
        ("cood/metrics/__init__.py", "cood/metrics/__init__.py: no between of cood.metrics"),
        ("book/metrics.md", "book/metrics.md: no row 'Variance between values'"),
        ("tests/metrics/test_between.py", "tests/metrics/test_reference.py: no published value"),
    ],
)
def test_a_forgotten_place_is_named(copy, place, message):
    assert place in PLACES
    apply(copy, skipped=place)
    done = check(copy)
    assert done.returncode == 1
    assert message in done.stdout


@pytest.mark.parametrize("page", ["README.md", "book/metrics.md", "book/how-to/metric.md"])
def test_the_example_prints_what_the_page_says(page):
    blocks = [match.groups() for match in BLOCK.finditer((ROOT / page).read_text())]
    (code,) = (text for kind, file, text in blocks if kind == "python" and file is None)
    after = blocks[blocks.index(("python", None, code)) + 1]
    done = in_copy(ROOT, "-c", code)
    assert ("text", None, done.stdout) == after, done.stderr
