"""Calling Jupyter Book, and naming pages that are not in a book."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = "executed"  # of the notebooks, in the book
PROGRAM = "jupyter-book"


def build_book(
    source: Path, config: Path, output: Path, *options: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Build a book from scratch; nothing is raised if that fails.

    Parameters
    ----------
    source, config, output
        Folder of the pages, the configuration, and where Jupyter Book makes its folder `_build`.
    options
        Further options, such as ``-W``.
    folder
        In which to call it.
    """
    program = Path(sys.executable).with_name(PROGRAM)
    command = [str(program), "build", str(source), "--config", str(config)]
    command += ["--path-output", str(output), "--all", "-q", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
