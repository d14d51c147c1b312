import base64
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from sphinx.application import Sphinx

from cood.report.build.sphinx_figures import figure_box

SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="72pt"><defs>
<style type="text/css">*{stroke-linejoin: round}</style></defs>
<path id="f1-a" class="mark" style="fill: #262626"/></svg>"""
DATA = base64.b64encode(SVG.encode()).decode()
PAGE = f"""\
Title
=====

.. figure:: one.svg
   :alt: A "dot".

   The caption

.. image:: other.png

.. raw:: html

   <p><img src="data:image/svg+xml;base64,{DATA}" alt="Another"></p>
"""


@pytest.fixture
def render(tmp_path):
    """Render a page as HTML, and return it with the folder of the output."""

    def make(text):
        source, output = tmp_path / "source", tmp_path / "html"
        (source / "static" / "mathjax").mkdir(parents=True)
        for name in ("tex-chtml.js", "output/chtml/fonts/a.woff", "tex-svg.js", "sre/en.json"):
            (source / "static" / "mathjax" / name).parent.mkdir(parents=True, exist_ok=True)
            (source / "static" / "mathjax" / name).touch()
        (source / "index.rst").write_text(text)
        (source / "one.svg").write_text(SVG)
        (source / "other.png").touch()
        settings = {
            "extensions": ["sphinx.ext.mathjax", "cood.report.build.sphinx_figures"],
            "html_static_path": ["static"],
            "mathjax_path": "mathjax/tex-chtml.js",
        }
        app = Sphinx(
            source, None, output, tmp_path / "trees", "html", settings, status=None, warning=None
        )
        app.add_js_file(None, body='const THEBE_JS_URL = "x"')
        app.add_js_file("sphinx-thebe.js")
        app.build()
        return BeautifulSoup((output / "index.html").read_text(), "html.parser"), output

    return make


def test_a_figure_scrolls_and_has_its_text():
    page = BeautifulSoup(figure_box(SVG, 'A "dot".'), "html.parser")
    box = page.select_one(".scroll-cue > div")
    assert box["class"] == ["drawing", "has-marks"]
    assert box["style"] == "--wide: 72pt"
    assert box["tabindex"] == "0"
    assert box["aria-label"].endswith("Use the arrow keys to move from mark to mark.")
    assert box.svg["role"] == "img"
    assert box.svg["aria-label"] == 'A "dot".'
    assert box.svg.path["style"] == "fill: var(--figure-ink, #262626)"
    assert box.style is None  # its rules would apply to the whole page


def test_a_figure_may_have_another_form_on_a_phone(render):
    image = f'<img class="{{}}" src="data:image/svg+xml;base64,{DATA}" alt="{{}}">'
    both = image.format("wide", "Three columns") + image.format("narrow", "Two columns")
    page, _ = render(f"Title\n=====\n\n.. raw:: html\n\n   <p>{both}</p>\n")
    boxes = page.select(".scroll-cue")
    assert [box["class"] for box in boxes] == [["scroll-cue", "wide"], ["scroll-cue", "narrow"]]
    assert [box.svg["aria-label"] for box in boxes] == ["Three columns", "Two columns"]


def test_figures_are_in_the_page_and_not_in_files(render):
    page, output = render(PAGE)
    first, second = page.select("div.drawing > svg")
    assert first["aria-label"] == 'A "dot".'
    assert second["aria-label"] == "Another"
    assert first.find_parent("figure").figcaption.text.strip().startswith("The caption")
    assert [file.name for file in (output / "_images").iterdir()] == ["other.png"]
    assert "stroke-linejoin" not in (output / "searchindex.js").read_text()


def test_scripts_that_run_cells_are_left_out(render):
    page, _ = render(PAGE)
    assert "thebe" not in str(page).lower()
    assert page.find("script", src=True)


def test_only_the_files_of_mathjax_that_are_loaded_stay(render):
    _, output = render(PAGE + "\n.. math:: x\n")
    mathjax = output / "_static" / "mathjax"
    left = sorted(str(p.relative_to(mathjax)) for p in mathjax.rglob("*") if p.is_file())
    assert left == ["output/chtml/fonts/a.woff", "tex-chtml.js"]


def test_a_book_without_formulas_needs_no_mathjax(render):
    _, output = render(PAGE)
    assert (output / "_static").is_dir()
    assert not Path(output / "_static" / "mathjax").exists()
