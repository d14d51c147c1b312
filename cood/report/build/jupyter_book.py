"""Calling Jupyter Book, and where the files that notebooks saved lie in a book."""

from __future__ import annotations

import glob
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = "executed"  # of the notebooks, in the book
PROGRAM = "jupyter-book"
# What a script of a page loads. Jupyter Book would load files that end in .js in every page.
LOADED_BY_SCRIPTS = (".mjs", ".webp")


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
    if glob.escape(str(folder / source)) == str(folder / source):
        return _call(source, config, output, *options, folder=folder)
    # Sphinx looks for pages by a glob, in which a bracket in the path of the project would count.
    with TemporaryDirectory(prefix="cood-") as name:
        plain = Path(name)
        shutil.copytree(folder / source, plain / "book")
        shutil.copyfile(folder / config, plain / config.name)
        done = _call(Path("book"), Path(config.name), Path("out"), *options, folder=plain)
        if (plain / "out").is_dir():
            shutil.copytree(plain / "out", folder / output, dirs_exist_ok=True)
    return done


def _call(
    source: Path, config: Path, output: Path, *options: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(PROGRAM)
    command = [str(program), "build", str(source), "--config", str(config)]
    command += ["--path-output", str(output), "--all", "-q", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def copy_loaded(folder: Path, book: Path, name: str) -> None:
    """Copy the files of a notebook that a script of its page loads to `_static/<name>/` of a book.

    Parameters
    ----------
    folder
        Of the files that the notebook saved.
    book
        Folder of the sources of the book.
    name
        The notebook.
    """
    for file in sorted(folder.iterdir()):
        if file.suffix in LOADED_BY_SCRIPTS:
            target = book / "_static" / name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
