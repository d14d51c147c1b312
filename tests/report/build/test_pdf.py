import os

import pytest

from cood.errors import CoodError
from cood.report.build import pdf

PAGE = """<html><head><title>t</title></head><body><nav>menu</nav><article>
<h1 id="top">{title}</h1><a href="{link}">x</a><a href="#top">y</a>
<svg><path id="f1-p"/><use xlink:href="#f1-p" style="clip-path: url(#f1-p)"/></svg>
<img src="../_images/a.png"/><details class="long-table">z</details></article></body></html>"""


def test_pages_are_joined_in_order_and_their_links_lead_inside(tmp_path):
    (tmp_path / "executed").mkdir()
    (tmp_path / "index.html").write_text(PAGE.format(title="One", link="executed/b.html#top"))
    (tmp_path / "executed" / "b.html").write_text(PAGE.format(title="Two", link="../index.html"))
    whole = pdf.join_pages(tmp_path, ["index", "executed/b"])
    assert whole.index("One") < whole.index("Two")
    assert "menu" not in whole
    assert 'href="#executed-b--top"' in whole
    assert 'href="#index"' in whole
    assert 'href="#index--top"' in whole
    assert 'xlink:href="#executed-b--f1-p"' in whole
    assert "url(#executed-b--f1-p)" in whole
    assert whole.count('id="index--top"') == whole.count('id="executed-b--top"') == 1
    assert 'src="_images/a.png"' in whole
    assert whole.count('<details class="long-table" open="">') == 2  # paper does not unfold


def test_the_order_is_that_of_the_contents(tmp_path):
    toc = tmp_path / "_toc.yml"
    toc.write_text(
        "root: index\nparts:\n- caption: a\n  chapters:\n  - file: method\n    sections:\n"
        "    - file: how/run\n- caption: b\n  chapters:\n  - file: executed/a\n"
    )
    assert pdf.page_order(toc) == ["index", "method", "how/run", "executed/a"]


def test_the_error_without_chromium_says_what_to_install(tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(CoodError, match=r"no Chromium found; .*apt install chromium"):
        pdf.find_chromium()
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(CoodError, match="CHROMIUM is /nowhere/chromium"):
        pdf.find_chromium()


def test_the_error_of_chromium_is_shown(tiny, monkeypatch, tmp_path):
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\necho no display >&2\nexit 3\n")
    os.chmod(program, 0o755)
    monkeypatch.setenv("CHROMIUM", str(program))
    html = tiny.paths.html.parent
    html.mkdir(parents=True)
    (html / "index.html").write_text(PAGE.format(title="One", link="#top"))
    tiny.paths.book.mkdir(parents=True)
    (tiny.paths.book / "_toc.yml").write_text("root: index\n")
    with pytest.raises(CoodError, match="did not print the report; it reports:\nno display"):
        pdf.print_book(tiny)
    assert [p.name for p in html.iterdir()] == ["index.html"]
