"""The how-to pages as a reader follows them: their blocks, written into a copy of the project."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(
    r"^```(?:\{code-block\} )?(\w+)\n(?::caption: `(\S+)`\n)?(.*?)^```$", re.MULTILINE | re.DOTALL
)


def blocks(page):
    """Language, file and text of each fenced block of a page."""
    return [match.groups() for match in BLOCK.finditer(page.read_text())]


def patched(text, diff):
    """A text after a change of one place, which must be there, once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(old) == 1, f"{old!r} must be in the file once"
    return text.replace(old, new)


def apply(page, copy, skipped=()):
    """Write the files of a page and make its changes in a copy of the project; its commands."""
    commands, cells = [], {}
    for kind, file, text in blocks(ROOT / "book" / "how-to" / f"{page}.md"):
        target = copy / (file or "")
        if file in skipped:
            continue
        if target.suffix == ".ipynb":
            cells.setdefault(target, []).append((kind, text))
        elif kind == "diff":
            target.write_text(patched(target.read_text(), text))
        elif kind in ("python", "yaml") and file:
            target.write_text(text)
        elif kind == "bash":
            commands += text.splitlines()
    for target, own in cells.items():
        nbformat.write(notebook_of(own), target)
    return commands


def notebook_of(cells):
    """A notebook from the cells of a page; the first of code has the parameters."""
    made = nbformat.v4.new_notebook()
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made.metadata["kernelspec"] = kernel
    tag = "parameters"
    for kind, text in cells:
        if kind == "json":
            made.cells[-1].metadata |= json.loads(text)
        elif kind == "markdown":
            made.cells.append(nbformat.v4.new_markdown_cell(text.rstrip()))
        else:
            cell = nbformat.v4.new_code_cell(text.rstrip(), metadata={"tags": [tag]})
            made.cells.append(cell)
            tag = "hide-input"
    return made


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


def run_tests(copy, *arguments):
    """Run tests of the copy."""
    return in_copy(copy, "-m", "pytest", "-q", "--rootdir", str(copy), *arguments)
