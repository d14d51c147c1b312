import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx

from cood.report.build.sphinx_tables import MOST_ROWS, table_box


def table(rows, kind="dataframe", caption=""):
    body = "".join(f"<tr><td>{i}</td></tr>" for i in range(rows))
    head = "<thead><tr><th>n</th></tr></thead>"
    return f'<table class="{kind}">{caption}{head}<tbody>{body}</tbody></table>'


def indented(text):
    return "".join(f"   {line}\n" for line in text.splitlines())


def csv_table(title, rows):
    return f".. csv-table:: {title}\n\n{indented(chr(10).join(map(str, range(rows))))}\n"


@pytest.fixture
def render(tmp_path):
    def make(text):
        source = tmp_path / "source"
        source.mkdir()
        (source / "index.rst").write_text(f"Title\n=====\n\nAll <models>?\n-------------\n\n{text}")
        settings = {"extensions": ["cood.report.build.sphinx_tables"]}
        folders = (source, None, tmp_path / "html", tmp_path / "trees")
        Sphinx(*folders, "html", settings, status=None, warning=None).build()
        return BeautifulSoup((tmp_path / "html" / "index.html").read_text(), "html.parser")

    return make


def parsed(html):
    return BeautifulSoup(html, "html.parser")


def test_a_short_table_stays_and_a_long_one_is_folded():
    assert not parsed(table_box(table(MOST_ROWS), "All")).find("details")
    page = parsed(table_box(table(MOST_ROWS + 1), "All"))
    assert page.details.summary.text == "All (16 rows)"
    assert len(page.details.find_all("td")) == MOST_ROWS + 1


def test_the_box_can_be_scrolled_by_keyboard():
    box = parsed(table_box(table(1), 'A "b"')).select_one(".scroll-cue > .table-box")
    assert box["tabindex"] == "0"
    assert box["aria-label"] == 'Table: A "b"'


def test_the_caption_is_the_summary():
    caption = "<caption>Settings of <b>a</b> &amp; b</caption>"
    page = parsed(table_box(table(16, caption=caption), "All"))
    assert page.summary.text == "Settings of a & b (16 rows)"
    assert not page.caption
    assert parsed(table_box(table(1, caption=caption), "All")).caption


def test_the_verdicts_are_not_folded():
    assert not parsed(table_box(table(16, "dataframe verdicts"), "All")).find("details")


def test_tables_of_notebooks_are_named_by_their_section(render):
    page = render(f".. raw:: html\n\n{indented(f'<style></style>{table(16)}')}")
    assert page.select_one("details.long-table > summary").text == "All <models>? (16 rows)"
    assert page.select_one("details .table-box > table.dataframe")


def test_tables_from_files_are_folded_and_those_of_prose_are_not(render):
    page = render(csv_table("Sums of files", 16) + csv_table("", 16) + csv_table("Short", 3))
    (folded,) = page.select("details.long-table")
    assert folded.summary.text == "Sums of files (16 rows)"
    assert len(folded.find_all("tr")) == 16
    assert len(page.select("table")) == 3
