"""Assembling the executed notebooks and the pages of `book/` into the HTML report."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import nbformat
import yaml

from cood.errors import CoodError
from cood.files import locked
from cood.paths import Paths
from cood.report.build.data_card import data_card, has_drawings
from cood.report.build.footer import add_footer
from cood.report.build.jupyter_book import (
    FOLDER,
    LOADED_BY_SCRIPTS,
    PROGRAM,
    build_book,
    copy_loaded,
)
from cood.report.build.sections import shows_something
from cood.report.provenance.checksums import checksums, seeds
from cood.report.provenance.run_status import (
    cost,
    environment,
    pipeline,
    precision,
    stages,
)
from cood.report.tables.training_settings import training_settings
from cood.report.topics.dataset import icon_designs
from cood.settings.study_file import Study

LINK = re.compile(rf"\[([^\[\]]*)\]\((?:\.\./)?(?:{FOLDER}/)?([\w.-]+)\.ipynb\)")
NUMBER = re.compile(rf"\{{glue:\w*\}}`{FOLDER}/([\w.-]+)\.ipynb::")
# A table or a figure of a notebook that another page shows, in three lines.
GLUED_OUTPUT = re.compile(rf"^```\{{glue:\}} [\w-]+\n:doc: {FOLDER}/([\w.-]+)\.ipynb\n```\n", re.M)
IMAGE = re.compile(rf"!\[[^\]]*\]\({FOLDER}/([\w-]+)\.svg\)")  # named after its notebook
FIGURE_REFERENCE = re.compile(r"\{numref\}`(fig-[\w-]+)`")
ITEM = re.compile(rf"- \[\]\((?:{FOLDER}/)?([\w.-]+)\.ipynb\)")  # of a list, on a page
LOG_LETTERS = 4000  # of Jupyter Book's messages, in an error
TABLES = {  # of the run, by the file name under which the pages show them
    "environment": environment,
    "pipeline": pipeline,
    "stages": stages,
    "precision": precision,
    "cost": cost,
    "seeds": seeds,
    "checksums": checksums,
    "designs": icon_designs,
    "training": training_settings,
}


def build(study: Study) -> Path:
    """Render the book of a study and return its front page.

    The book is built from scratch and every warning is an error: an incremental build would pass
    with a notebook missing. The pages of an earlier build stay until the new ones are complete.

    Raises
    ------
    CoodError
        With the warnings, if the book has any.
    """
    paths = study.paths
    root, output = paths.root, paths.root / "_build"
    with locked(output / ".lock", "another study's book is being rendered; wait until it is done"):
        source = gather(study)
        # A separate folder: `--all` leaves old images, and the glued values of myst-nb.
        fresh = output / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        result = build_book(
            source.relative_to(root),
            Path("_config.yml"),
            fresh.relative_to(root),
            "-n",
            "-W",
            "--keep-going",
            folder=root,
        )
        pages = fresh / "_build" / "html"
        if result.returncode or not (pages / paths.html.name).is_file():
            lines = (result.stdout + result.stderr).splitlines()
            log = "\n".join(line for line in lines if line.strip())[-LOG_LETTERS:]
            command = " ".join([PROGRAM, *result.args[1:]])
            raise CoodError(f"the book was not rendered; {command} reports:\n{log}")
        shutil.rmtree(paths.html.parent, ignore_errors=True)
        pages.rename(paths.html.parent)
        shutil.rmtree(fresh)
    return paths.html


def gather(study: Study) -> Path:
    """Copy `book/` to the results of a study, without references to notebooks that it lacks.

    The folder `executed/` has the notebooks, the files that they saved, and tables of the run; what
    scripts of their pages load is in `_static/`.

    Raises
    ------
    CoodError
        If two notebooks save a file of the same name.
    """
    paths: Paths = study.paths
    book, executed = paths.book, paths.book / FOLDER
    shutil.rmtree(book, ignore_errors=True)
    shutil.copytree(paths.root / "book", book, ignore=shutil.ignore_patterns(FOLDER))
    executed.mkdir()
    if not has_drawings(study):
        (book / "data-card.md").write_text(data_card(study))
    sources = sorted((paths.root / "notebooks").glob("*.ipynb"))
    absent = [file.stem for file in sources if file.stem not in study.notebooks]
    figures = {name for file in sources for name in _figures(file)}
    for name in study.notebooks:  # of some studies, a notebook draws fewer figures
        figures -= _figures(paths.notebook(name), shown=True)
    for page in book.rglob("*.md"):
        text = remove_absent(page.read_text(), absent, figures)
        page.write_text(_without_missing_images(text, study))
    toc = book / "_toc.yml"
    toc.write_text(yaml.safe_dump(_contents_without(yaml.safe_load(toc.read_text()), absent)))
    for name in study.notebooks:
        copy_loaded(paths.notebook(name).parent, book, name)
        for file in sorted(paths.notebook(name).parent.iterdir()):
            if file.name.startswith(".") or file.suffix in LOADED_BY_SCRIPTS:
                continue
            if (executed / file.name).exists():
                raise CoodError(
                    f"notebook {name} saves {file.name}, and another notebook saves a file of this "
                    "name; rename one of them"
                )
            shutil.copyfile(file, executed / file.name)
        notebook = executed / f"{name}.ipynb"
        notebook.write_text(unlink_absent(notebook.read_text(), absent))
        add_footer(study, name, notebook)
    for name, table in TABLES.items():
        table(study).to_csv(executed / f"{name}.csv", index=False)
    return book


def remove_absent(text: str, absent: Collection[str], figures: Collection[str]) -> str:
    r"""A page without references to notebooks that are not in the book.

    A line with a number, an image or a figure of an absent notebook is removed, and so is a table
    that is glued in, or an item of a list that starts with a link to such a notebook: a page must
    be complete without them. Another link becomes the name of its page.

    Examples
    --------
    >>> page = "Best: {glue:text}`executed/a.ipynb::best:s`\nSee [](executed/a.ipynb).\nEnd"
    >>> print(remove_absent(page, ["a"], []))
    See *a* (not in this report).
    End
    """
    kept = []
    text = GLUED_OUTPUT.sub(lambda match: "" if match[1] in absent else match[0], text)
    for line in text.split("\n"):
        if any(name in absent for name in NUMBER.findall(line) + IMAGE.findall(line)):
            continue
        if any(name in figures for name in FIGURE_REFERENCE.findall(line)):
            continue
        if (item := ITEM.match(line)) and item[1] in absent:
            continue
        kept.append(unlink_absent(line, absent))
    return "\n".join(kept)


def unlink_absent(text: str, absent: Collection[str]) -> str:
    """A text in which links to notebooks that are not in the book are replaced by their names."""

    def to_name(link: re.Match[str]) -> str:
        shown, notebook = link.groups()
        return f"*{shown or notebook}* (not in this report)" if notebook in absent else link[0]

    return LINK.sub(to_name, text)


def _figures(notebook: Path, *, shown: bool = False) -> set[str]:
    """Names of the figures of a notebook; `shown`: of those that an executed one shows."""
    cells = nbformat.read(notebook, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    drawn = [cell for cell in code if not shown or shows_something(cell)]
    figures = [cell.metadata.get("mystnb", {}).get("figure", {}) for cell in drawn]
    return {figure["name"] for figure in figures if "name" in figure}


def _without_missing_images(text: str, study: Study) -> str:
    """A page without the images that a notebook of the study did not save."""

    def is_missing(line: str) -> bool:
        names = IMAGE.findall(line)
        return any(not study.paths.notebook(n).with_suffix(".svg").is_file() for n in names)

    return "\n".join(line for line in text.split("\n") if not is_missing(line))


def _contents_without(toc: dict[str, Any], absent: Collection[str]) -> dict[str, Any]:
    """The table of contents without absent notebooks, and without parts that are then empty."""
    missing = {f"{FOLDER}/{name}" for name in absent}
    parts = [
        part | {"chapters": [c for c in part["chapters"] if c["file"] not in missing]}
        for part in toc["parts"]
    ]
    return toc | {"parts": [part for part in parts if part["chapters"]]}
