from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from cood.report.build.sections import GLUED, leave_out_empty

SHOWN = new_output("display_data", {"text/html": "<b>1</b>"})
SAVED = new_output("display_data", {f"{GLUED}/text/plain": "'1'"})


def code(source, *outputs):
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": ["hide-input"]})


def sources(cells):
    return [cell.source for cell in leave_out_empty(cells)]


def test_a_section_that_shows_nothing_is_left_out_but_its_values_stay():
    cells = [new_markdown_cell("# Title"), code("load", SAVED)]
    cells += [new_markdown_cell("## A"), code("a", SAVED), new_markdown_cell("after a")]
    cells += [new_markdown_cell("## B"), code("b"), code("c", SHOWN, SAVED)]
    cells += [new_markdown_cell("## C, of text")]
    assert sources(cells) == ["# Title", "load", "a", "## B", "b", "c", "## C, of text"]


def test_a_cell_that_shows_nothing_has_no_source_and_no_caption():
    empty, shown = code("a", SAVED), code("b", new_output("stream", text="1"))
    empty.metadata["mystnb"] = {"figure": {"name": "fig-a", "caption": "A."}}
    first, second = leave_out_empty([empty, shown])
    assert first.metadata == {"tags": ["remove-input"]}
    assert second.metadata == {"tags": ["hide-input"]}
