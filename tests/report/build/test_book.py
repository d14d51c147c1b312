import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

from cood.errors import CoodError
from cood.report.build.book import (
    _contents_without,
    _figures,
    _without_missing_images,
    build,
    remove_absent,
    unlink_absent,
)

ROOT = Path(__file__).parents[3]

PAGE = """\
Best {glue:text}`executed/accuracy.ipynb::best:s` by {glue:text}`executed/dataset.ipynb::n:s`.
Kept: {glue:text}`executed/dataset.ipynb::n:s`.
```{glue:} table
:doc: executed/accuracy.ipynb
```
![All models](executed/accuracy.svg)
{numref}`fig-accuracy` shows it, {numref}`tab-stages` too.
- [](executed/accuracy.ipynb): how well; [the set](executed/dataset.ipynb), [](method.md).
See [](executed/accuracy.ipynb) and [the set](executed/dataset.ipynb)."""


def test_a_page_has_no_reference_to_absent_notebooks():
    page = remove_absent(PAGE, ["accuracy"], ["fig-accuracy"])
    assert page.splitlines() == [
        "Kept: {glue:text}`executed/dataset.ipynb::n:s`.",
        "See *accuracy* (not in this report) and [the set](executed/dataset.ipynb).",
    ]


def test_a_notebook_without_its_links_is_valid():
    cell = nbformat.v4.new_markdown_cell("One.\n[](other.ipynb) and [x](kept.ipynb).")
    text = nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))
    found = nbformat.reads(unlink_absent(text, ["other"]), as_version=4)
    assert found.cells[0].source == "One.\n*other* (not in this report) and [x](kept.ipynb)."


def test_a_page_is_unchanged_if_no_notebook_is_absent():
    assert remove_absent(PAGE, [], []) == PAGE


def drawing(name, *outputs):
    figure = {"mystnb": {"figure": {"name": name, "caption": "A."}}}
    return nbformat.v4.new_code_cell("plot()", outputs=list(outputs), metadata=figure)


def test_a_figure_that_was_not_drawn_is_not_referred_to(tiny):
    shown = nbformat.v4.new_output("display_data", {"image/svg+xml": "<svg/>"})
    path = tiny.paths.notebook("accuracy")
    path.parent.mkdir(parents=True)
    cells = [drawing("fig-a", shown), drawing("fig-b")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert _figures(path) == {"fig-a", "fig-b"}
    assert _figures(path, shown=True) == {"fig-a"}


def test_an_image_that_a_notebook_did_not_save_is_left_out(tiny):
    text = "Above\n![All models](executed/accuracy.svg)\nbelow"
    assert _without_missing_images(text, tiny) == "Above\nbelow"
    image = tiny.paths.notebook("accuracy").with_suffix(".svg")
    image.parent.mkdir(parents=True)
    image.touch()
    assert _without_missing_images(text, tiny) == text


def test_a_part_without_chapters_is_removed():
    chapters = [{"file": "method"}, {"file": "executed/a"}]
    toc = {"root": "index", "parts": [{"caption": "one", "chapters": chapters}]}
    toc["parts"].append({"caption": "two", "chapters": [{"file": "executed/b"}]})
    found = _contents_without(toc, ["a", "b"])
    assert found["parts"] == [{"caption": "one", "chapters": [{"file": "method"}]}]
    assert found["root"] == "index"


def test_the_last_report_stays_until_the_new_one_is_complete(tiny, monkeypatch):
    shutil.copytree(ROOT / "book", tiny.paths.root / "book")
    page = tiny.paths.html
    page.parent.mkdir(parents=True)
    page.write_text("old")
    (page.parent / "gone.html").write_text("old")
    status, run = 1, subprocess.run

    def render(command, **given):
        if "--path-output" not in command:
            return run(command, **given)
        out = tiny.paths.root / command[command.index("--path-output") + 1] / "_build" / "html"
        out.mkdir(parents=True)
        (out / "index.html").write_text("new")
        return subprocess.CompletedProcess(command, status, "one warning", "")

    monkeypatch.setattr(subprocess, "run", render)
    with pytest.raises(CoodError, match=r"the book was not rendered; .* reports:\none warning"):
        build(tiny)
    assert page.read_text() == "old"
    status = 0
    assert build(tiny) == page
    assert page.read_text() == "new"
    assert sorted(file.name for file in page.parent.iterdir()) == ["index.html"]
    assert sorted(file.name for file in page.parents[1].iterdir()) == [".lock", "html"]
