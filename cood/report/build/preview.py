"""A notebook that was run with other parameters, as a page to look at: never in the report."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

from cood.errors import CoodError
from cood.report.build.book import FOLDER, unlinked, without
from cood.report.build.footer import parameters
from cood.report.build.html_postprocess import finish
from cood.settings.study_file import Study

AROUND = ("method", "metrics", "references")  # pages that those of notebooks refer to
PAGE = re.compile(r"\[([^\]]*)\]\((?:\.\./)?([\w-]+)\.md\)")


def render(study: Study, name: str) -> Path:
    """Render a preview notebook and return its page, in a folder `html` beside it.

    Raises
    ------
    CoodError
        With the last lines of what was said, if it cannot be rendered.
    """
    root, folder = study.paths.root, study.paths.preview(name).parent
    source, html = folder / "book", folder / "html"
    for old in (source, html):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(root / "book", source, ignore=shutil.ignore_patterns(FOLDER))
    absent = [p.stem for p in (root / "notebooks").glob("*.ipynb")]
    for page in AROUND:
        file = source / f"{page}.md"
        file.write_text(_alone(without(file.read_text(), absent, [])))
    executed = nbformat.reads(study.paths.preview(name).read_text(), as_version=4)
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            cell.source = _alone(unlinked(cell.source, [one for one in absent if one != name]))
    executed.cells.insert(1, nbformat.v4.new_markdown_cell(_note(study, executed)))
    (source / FOLDER).mkdir()
    nbformat.write(executed, source / FOLDER / f"{name}.ipynb")
    toc = {"format": "jb-book", "root": f"{FOLDER}/{name}"}
    toc["chapters"] = [{"file": page} for page in AROUND]  # type: ignore[assignment]
    (source / "_toc.yml").write_text(yaml.safe_dump(toc))
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(source), "--all"]
    command += ["--config", str(root / "_config.yml"), "--path-output", str(folder), "-q"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    made = folder / "_build" / "html"
    if done.returncode or not (made / FOLDER / f"{name}.html").is_file():
        raise CoodError(f"the notebook ran, but no page was made of it:\n{done.stderr[-2000:]}")
    finish(made)
    made.rename(html)
    for used in (source, folder / "_build"):
        shutil.rmtree(used)
    return html / FOLDER / f"{name}.html"


def _alone(text: str) -> str:
    """A text without links to pages that are not rendered with it."""

    def name(link: re.Match[str]) -> str:
        shown, page = link.groups()
        return link[0] if page in AROUND else f"*{shown or page}* (in the report)"

    return PAGE.sub(name, text)


def _note(study: Study, executed: nbformat.NotebookNode) -> str:
    given = executed.metadata["papermill"]["parameters"]
    values = ", ".join(f"`{key} = {value!r}`" for key, value in parameters(executed).items())
    changed = ", ".join(f"`{key}`" for key in given if key != "study") or "nothing"
    return (
        f":::{{note}}\nA copy of a page of the report on the study `{study.name}`, run with "
        f"{values}. Given for this run: {changed}.\n:::"
    )
