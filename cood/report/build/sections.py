"""Leaving out what a study cannot answer: sections of a notebook that show nothing."""

from __future__ import annotations

import nbformat

GLUED = "application/papermill.record"  # type of an output that `glue` only saves
HEADING = "## "


def leave_out_empty(cells: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """The cells of an executed notebook without sections of which no cell of code shows anything.

    A section of text alone stays. A cell of code that shows nothing stays too, without its source
    and its caption, because it may save values that the text of other sections shows.

    Parameters
    ----------
    cells
        Of an executed notebook.
    """
    kept = []
    for section in _sections(cells):
        code = [cell for cell in section if cell.cell_type == "code"]
        has_heading = section[0].source.startswith(HEADING)
        is_empty = has_heading and bool(code) and not any(map(shows_something, code))
        kept += code if is_empty else section
    for cell in kept:
        if cell.cell_type == "code" and not shows_something(cell):
            cell.metadata = nbformat.from_dict({"tags": ["remove-input"]})
    return kept


def shows_something(cell: nbformat.NotebookNode) -> bool:
    """Whether readers see an output of a cell of code."""
    kinds = [kind for output in cell.outputs for kind in output.get("data", {"text": ""})]
    return any(not kind.startswith(GLUED) for kind in kinds)


def _sections(cells: list[nbformat.NotebookNode]) -> list[list[nbformat.NotebookNode]]:
    sections: list[list[nbformat.NotebookNode]] = []
    for cell in cells:
        starts = cell.cell_type == "markdown" and cell.source.startswith(HEADING)
        if starts or not sections:
            sections.append([])
        sections[-1].append(cell)
    return sections
