"""A preview: a notebook that was run with other parameters, as a page outside the report."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import yaml

from cood.errors import CoodError
from cood.report.build.book import remove_absent, unlink_absent
from cood.report.build.footer import parameters
from cood.report.build.jupyter_book import FOLDER, build_book, copy_loaded
from cood.report.build.sections import leave_out_empty
from cood.settings.study_file import Study

REFERENCES = ("method", "metrics", "references")  # pages to which those of notebooks refer
LOG_LETTERS = 2000  # of Jupyter Book's messages, in an error
PAGE = re.compile(r"\[([^\]]*)\]\((?:\.\./)?([\w-]+)\.md\)")


def render(study: Study, name: str) -> Path:
    """Render a preview notebook and return its page, in the folder `html` next to the notebook.

    Raises
    ------
    CoodError
        With the last messages of Jupyter Book, if it cannot be rendered.
    """
    root, folder = study.paths.root, study.paths.preview(name).parent
    source, html = folder / "book", folder / "html"
    for old in (source, html):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(root / "book", source, ignore=shutil.ignore_patterns(FOLDER))
    absent = [p.stem for p in (root / "notebooks").glob("*.ipynb")]
    for page in REFERENCES:
        file = source / f"{page}.md"
        file.write_text(_unlink_pages(remove_absent(file.read_text(), absent, [])))
    executed = nbformat.reads(study.paths.preview(name).read_text(), as_version=4)
    others = [other for other in absent if other != name]
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            cell.source = _unlink_pages(unlink_absent(cell.source, others))
    executed.cells = leave_out_empty(executed.cells)
    executed.cells.insert(1, nbformat.v4.new_markdown_cell(_note(study, executed)))
    (source / FOLDER).mkdir()
    nbformat.write(executed, source / FOLDER / f"{name}.ipynb")
    copy_loaded(folder, source, name)
    toc = {
        "format": "jb-book",
        "root": f"{FOLDER}/{name}",
        "chapters": [{"file": page} for page in REFERENCES],
    }
    (source / "_toc.yml").write_text(yaml.safe_dump(toc))
    result = build_book(source, root / "_config.yml", folder, folder=root)
    pages = folder / "_build" / "html"
    if result.returncode or not (pages / FOLDER / f"{name}.html").is_file():
        log = result.stderr[-LOG_LETTERS:]
        raise CoodError(
            f"notebook {name} ran, but its page was not rendered; jupyter-book reports:\n{log}"
        )
    pages.rename(html)
    for leftover in (source, folder / "_build"):
        shutil.rmtree(leftover)
    return html / FOLDER / f"{name}.html"


def _unlink_pages(text: str) -> str:
    """A text in which links to pages that are not in the preview are replaced by their names."""

    def to_name(link: re.Match[str]) -> str:
        shown, page = link.groups()
        return link[0] if page in REFERENCES else f"*{shown or page}* (in the report)"

    return PAGE.sub(to_name, text)


def _note(study: Study, executed: nbformat.NotebookNode) -> str:
    passed = executed.metadata["papermill"]["parameters"]
    values = ", ".join(f"`{key} = {value!r}`" for key, value in parameters(executed).items())
    changed = ", ".join(f"`{key}`" for key in passed if key != "study") or "none"
    return (
        f":::{{note}}\nThis is a copy of a page of the report on the study `{study.name}`, run "
        f"with {values}. Changed for this run: {changed}.\n:::"
    )
