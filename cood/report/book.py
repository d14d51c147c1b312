"""Assembling the executed notebooks and the prose into the HTML report."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from cood.errors import CoodError
from cood.files import locked
from cood.paths import Paths
from cood.report.provenance import environment, stages
from cood.study import Study


def build(study: Study) -> Path:
    """Render the book of a study and return its front page.

    Everything is built anew and every warning is an error: an incremental build would pass with a
    notebook missing.

    Raises
    ------
    CoodError
        With the warnings, if the book has any.
    """
    paths = study.paths
    with locked(paths.root / "_build" / ".lock", "another study's book is being rendered; wait"):
        gather(study)
        # `--all` leaves old images, and myst-nb's store of glued numbers, from earlier builds.
        for old in ("html", "jupyter_execute", ".doctrees"):
            shutil.rmtree(paths.root / "_build" / old, ignore_errors=True)
        command = ["jupyter-book", "build", "book", "--all", "-n", "-W", "--keep-going", "-q"]
        done = subprocess.run(
            [str(Path(sys.executable).with_name("jupyter-book")), *command[1:]],
            cwd=paths.root,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or not paths.html.is_file():
        log = "\n".join(line for line in (done.stdout + done.stderr).splitlines() if line.strip())
        raise CoodError(f"the book was not rendered; {' '.join(command)} says:\n{log[-4000:]}")
    return paths.html


def gather(study: Study) -> Path:
    """Copy what a study's notebooks made to `book/executed/`, and add the run's own tables."""
    paths: Paths = study.paths
    executed = paths.root / "book" / "executed"
    shutil.rmtree(executed, ignore_errors=True)
    executed.mkdir(parents=True)
    for name in study.notebooks:
        for file in sorted(paths.notebook(name).parent.iterdir()):
            if file.name.startswith("."):
                continue
            if (executed / file.name).exists():
                raise CoodError(
                    f"notebook {name} saves {file.name}, and so does another; rename one"
                )
            shutil.copyfile(file, executed / file.name)
    environment(study).to_csv(executed / "environment.csv", index=False)
    stages(study).to_csv(executed / "stages.csv", index=False)
    return executed
