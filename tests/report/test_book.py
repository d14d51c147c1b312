import nbformat

from cood.report.book import _contents, unlinked, without

PAGE = """\
Best {glue:text}`executed/benchmark.ipynb::best:s` by {glue:text}`executed/dataset.ipynb::n:s`.
Kept: {glue:text}`executed/dataset.ipynb::n:s`.
```{glue:} table
:doc: executed/benchmark.ipynb
```
![All models](executed/benchmark.svg)
{numref}`fig-benchmark` shows it, {numref}`tab-stages` too.
- [](executed/benchmark.ipynb): how well; [the set](executed/dataset.ipynb), [](method.md)."""


def test_a_page_says_nothing_of_absent_notebooks():
    page = without(PAGE, ["benchmark"], ["fig-benchmark"])
    assert page.splitlines() == [
        "Kept: {glue:text}`executed/dataset.ipynb::n:s`.",
        "- *benchmark* (not in this report): how well; [the set](executed/dataset.ipynb), "
        "[](method.md).",
    ]


def test_a_notebook_stays_one_where_its_links_go():
    cell = nbformat.v4.new_markdown_cell("One.\n[](other.ipynb) and [x](kept.ipynb).")
    text = nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))
    found = nbformat.reads(unlinked(text, ["other"]), as_version=4)
    assert found.cells[0].source == "One.\n*other* (not in this report) and [x](kept.ipynb)."


def test_a_page_stays_as_it_is_where_all_are_there():
    assert without(PAGE, [], []) == PAGE


def test_a_part_without_chapters_is_left_out():
    chapters = [{"file": "method"}, {"file": "executed/a"}]
    toc = {"root": "index", "parts": [{"caption": "one", "chapters": chapters}]}
    toc["parts"].append({"caption": "two", "chapters": [{"file": "executed/b"}]})
    found = _contents(toc, ["a", "b"])
    assert found["parts"] == [{"caption": "one", "chapters": [{"file": "method"}]}]
    assert found["root"] == "index"
