import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cood.report.build.preview import render

ROOT = Path(__file__).parents[3]


def test_a_preview_is_a_page_that_lists_the_changed_parameters(tiny, project):
    shutil.copytree(ROOT / "book", project / "book")
    shutil.copy(ROOT / "_config.yml", project)
    for name in ("work", "other"):
        nbformat.write(new_notebook(), project / "notebooks" / f"{name}.ipynb")
    tagged = {"tags": ["parameters"]}
    cells = [
        new_markdown_cell("# Work\n\n[](other.ipynb), [](../metrics.md), [](../status.md)."),
        new_code_cell('study: str = "mini"  # name\nrows: int = 1  # how many', metadata=tagged),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    given = {"parameters": {"study": "tiny", "rows": 2}}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel, "papermill": given})
    path = tiny.paths.preview("work")
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    page = render(tiny, "work")
    text = page.read_text()
    assert page.is_relative_to(path.parent)
    assert "This is a copy of a page of the report" in text
    assert "rows = 2" in text.replace("</span>", "").replace('<span class="pre">', "")
    assert "<em>other</em> (not in this report)" in text
    assert "<em>status</em> (in the report)" in text
    assert "Metrics of embeddings" in text  # a page that is rendered with it
    assert not tiny.paths.html.exists()
    assert not (path.parent / "_build").exists()
