"""Assembling the executed notebooks and the prose into the HTML report."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import nbformat
import yaml

from cood.errors import CoodError
from cood.files import locked
from cood.paths import Paths
from cood.report.build.footer import add_footer
from cood.report.build.html_postprocess import finish
from cood.report.provenance.checksums import checksums, seeds
from cood.report.provenance.run_status import cost, environment, pipeline, stages
from cood.report.topics.dataset import designs
from cood.settings.study_file import Study

FOLDER = "executed"  # of the notebooks, in the book
LINK = re.compile(rf"\[([^\[\]]*)\]\((?:\.\./)?(?:{FOLDER}/)?([\w.-]+)\.ipynb\)")
NUMBER = re.compile(rf"\{{glue:\w*\}}`{FOLDER}/([\w.-]+)\.ipynb::")
# A table or a figure of a notebook, in three lines.
PIECE = re.compile(rf"^```\{{glue:\}} [\w-]+\n:doc: {FOLDER}/([\w.-]+)\.ipynb\n```\n", re.M)
PICTURE = re.compile(rf"!\[[^\]]*\]\({FOLDER}/([\w-]+)\.svg\)")  # named after its notebook
FIGURE = re.compile(r"\{numref\}`(fig-[\w-]+)`")


def build(study: Study) -> Path:
    """Render the book of a study and return its front page.

    Everything is built anew and every warning is an error: an incremental build would pass with a
    notebook missing. The pages of an earlier build stay until the new ones are whole.

    Raises
    ------
    CoodError
        With the warnings, if the book has any.
    """
    paths = study.paths
    built = paths.root / "_build"
    with locked(built / ".lock", "another study's book is being rendered; wait"):
        source = gather(study)
        # A place of its own: `--all` leaves old images, and myst-nb's store of glued numbers.
        fresh = built / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        command = ["jupyter-book", "build", str(source.relative_to(paths.root))]
        command += ["--config", "_config.yml", "--path-output", str(fresh.relative_to(paths.root))]
        command += ["--all", "-n", "-W", "--keep-going", "-q"]
        done = subprocess.run(
            [str(Path(sys.executable).with_name("jupyter-book")), *command[1:]],
            cwd=paths.root,
            capture_output=True,
            text=True,
            check=False,
        )
        pages = fresh / "_build" / "html"
        if done.returncode or not (pages / paths.html.name).is_file():
            said = (done.stdout + done.stderr).splitlines()
            log = "\n".join(line for line in said if line.strip())
            raise CoodError(f"the book was not rendered; {' '.join(command)} says:\n{log[-4000:]}")
        finish(pages)
        shutil.rmtree(paths.html.parent, ignore_errors=True)
        pages.rename(paths.html.parent)
        shutil.rmtree(fresh)
    return paths.html


def gather(study: Study) -> Path:
    """Copy `book/` to the results of a study, without what it says of notebooks that are not there.

    In `executed/` lie the notebooks, what they saved, and the run's own tables.
    """
    paths: Paths = study.paths
    book, executed = paths.book, paths.book / FOLDER
    shutil.rmtree(book, ignore_errors=True)
    shutil.copytree(paths.root / "book", book, ignore=shutil.ignore_patterns(FOLDER))
    executed.mkdir()
    sources = sorted((paths.root / "notebooks").glob("*.ipynb"))
    absent = {file.stem: _figures(file) for file in sources if file.stem not in study.notebooks}
    figures = {name for names in absent.values() for name in names}
    for page in book.rglob("*.md"):
        page.write_text(without(page.read_text(), absent, figures))
    toc = book / "_toc.yml"
    toc.write_text(yaml.safe_dump(_contents(yaml.safe_load(toc.read_text()), absent)))
    for name in study.notebooks:
        for file in sorted(paths.notebook(name).parent.iterdir()):
            if file.name.startswith("."):
                continue
            if (executed / file.name).exists():
                raise CoodError(
                    f"notebook {name} saves {file.name}, and so does another; rename one"
                )
            shutil.copyfile(file, executed / file.name)
        notebook = executed / f"{name}.ipynb"
        notebook.write_text(unlinked(notebook.read_text(), absent))
        add_footer(study, name, notebook)
    for table in (environment, pipeline, stages, cost, seeds, checksums, designs):
        table(study).to_csv(executed / f"{table.__name__}.csv", index=False)
    return book


def without(text: str, absent: Collection[str], figures: Collection[str]) -> str:
    r"""A page without what it says of notebooks that are not in the book.

    A line with a number, a picture or a figure of theirs is left out, and so is a table that is
    glued in, so a page must be whole without it; a link to one becomes its name.

    Examples
    --------
    >>> page = "Best: {glue:text}`executed/a.ipynb::best:s`\nSee [](executed/a.ipynb).\nEnd"
    >>> print(without(page, ["a"], []))
    See *a* (not in this report).
    End
    """
    kept = []
    text = PIECE.sub(lambda piece: "" if piece[1] in absent else piece[0], text)
    for line in text.split("\n"):
        if any(name in absent for name in NUMBER.findall(line) + PICTURE.findall(line)):
            continue
        if any(name in figures for name in FIGURE.findall(line)):
            continue
        kept.append(unlinked(line, absent))
    return "\n".join(kept)


def unlinked(text: str, absent: Collection[str]) -> str:
    """A text whose links to notebooks that are not in the book are their names alone."""

    def name(link: re.Match[str]) -> str:
        shown, notebook = link.groups()
        return f"*{shown or notebook}* (not in this report)" if notebook in absent else link[0]

    return LINK.sub(name, text)


def _figures(notebook: Path) -> list[str]:
    """Names of the figures of a notebook."""
    cells = nbformat.read(notebook, as_version=4).cells
    about = [cell.metadata.get("mystnb", {}).get("figure", {}) for cell in cells]
    return [figure["name"] for figure in about if "name" in figure]


def _contents(toc: dict[str, Any], absent: Collection[str]) -> dict[str, Any]:
    """The table of contents without absent notebooks, and without parts that have nothing left."""
    gone = {f"{FOLDER}/{name}" for name in absent}
    parts = [
        part | {"chapters": [c for c in part["chapters"] if c["file"] not in gone]}
        for part in toc["parts"]
    ]
    return toc | {"parts": [part for part in parts if part["chapters"]]}
