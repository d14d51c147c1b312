"""Sphinx extension of the book: tables scroll in a box of their own, and long ones are folded.

It is named in `_config.yml`, so that Jupyter Book loads it.
"""

from __future__ import annotations

import re
from html import escape, unescape
from itertools import chain, zip_longest

from docutils import nodes
from sphinx.application import Sphinx

from cood.report.markup import LONG_TABLE, VERDICTS

MOST_ROWS = 15  # of a table that is not folded
LAST = 900  # priority of event handlers that run after those of other extensions
TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
CAPTION = re.compile(r"<caption\b[^>]*>(.*?)</caption>\s*", re.DOTALL)
BODY = re.compile(r"<tbody\b.*?</tbody>", re.DOTALL)
ROW = re.compile(r"<tr\b")
CLASS = re.compile(r'<table\b[^>]*\bclass="([^"]*)"')
TAG = re.compile(r"<[^>]+>")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension; Sphinx calls this."""
    app.connect("doctree-resolved", fold_tables, priority=LAST)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def fold_tables(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the tables of notebooks into boxes, and fold those with more than `MOST_ROWS` rows.

    So are tables of a page that have a title, which come from files: those without are prose.
    """
    if app.builder.format != "html":
        return
    for raw in list(doctree.findall(nodes.raw)):
        text = raw.astext()
        if "<table" in text:
            section, parts = heading(raw), TABLE.split(text)
            tables = [table_box(html, section) for html in TABLE.findall(text)]
            raw.children = [nodes.Text("".join(chain(*zip_longest(parts, tables, fillvalue=""))))]
    for table in list(doctree.findall(nodes.table)):
        title = next(iter(table.findall(nodes.title)), None)
        rows = sum(len(body.children) for body in table.findall(nodes.tbody))
        if title is not None and rows > MOST_ROWS:
            before, after = opening(title.astext(), rows), "</details>"
            table.replace_self(
                [nodes.raw("", before, format="html"), table, nodes.raw("", after, format="html")]
            )


def heading(node: nodes.Node) -> str:
    """Heading of the section that a node is in."""
    while node.parent is not None:
        node = node.parent
        if isinstance(node, nodes.section):
            return str(node.next_node(nodes.title).astext())
    return "Table"


def table_box(table: str, title: str) -> str:
    """HTML of a box with one table, which scrolls where it is too wide, also by keyboard.

    Parameters
    ----------
    table
        HTML of the table. Its caption, if it has one, is the summary of a folded one.
    title
        Summary of a folded table without a caption.

    Examples
    --------
    >>> rows = "<tbody>" + 16 * "<tr><td>1</td></tr>" + "</tbody>"
    >>> "<summary>All (16 rows)</summary>" in table_box(f"<table>{rows}</table>", "All")
    True
    """
    caption = CAPTION.search(table)
    name = unescape(TAG.sub("", caption[1])).strip() if caption else title
    rows = sum(len(ROW.findall(body)) for body in BODY.findall(table))
    classes = CLASS.match(table)
    is_folded = rows > MOST_ROWS and VERDICTS not in (classes[1].split() if classes else [])
    if is_folded:
        table = CAPTION.sub("", table)
    box = (
        '<div class="scroll-cue"><div class="table-box" tabindex="0" role="group" '
        f'aria-label="{escape("Table: " + name)}">{table}</div></div>'
    )
    return f"{opening(name, rows)}{box}</details>" if is_folded else box


def opening(name: str, rows: int) -> str:
    """HTML that opens a folded table of so many rows."""
    return f'<details class="{LONG_TABLE}"><summary>{escape(name)} ({rows:,} rows)</summary>'
