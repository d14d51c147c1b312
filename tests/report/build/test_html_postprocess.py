import base64

from bs4 import BeautifulSoup

from cood.report.build.html_postprocess import (
    inline_figures,
    postprocess_pages,
    remove_thebe,
    repair_accessibility,
)

SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="72pt"><defs>
<style type="text/css">*{stroke-linejoin: round}</style></defs>
<path id="f1-a" class="mark" style="fill: #262626"/></svg>"""
PAGE = (
    '<p><img alt="A &quot;dot&quot;." class="x" src="../_images/one.svg" /></p>'
    '<img src="../_images/other.png" /><script src="../_static/mathjax/tex-chtml.js"></script>'
)


def inlined(page, images):
    soup = BeautifulSoup(page, "html.parser")
    inline_figures(soup, images)
    return str(soup)


def test_figures_are_put_into_the_page_with_their_text(tmp_path):
    (tmp_path / "one.svg").write_text(SVG)
    page = inlined(PAGE, tmp_path)
    box = BeautifulSoup(page, "html.parser").find("div")
    assert box["class"] == ["drawing", "has-marks"]
    assert box["style"] == "--wide: 72pt"
    assert box["tabindex"] == "0"
    assert box.svg["role"] == "img"
    assert box.svg["aria-label"] == 'A "dot".'
    assert box.svg.path["style"] == "fill: var(--figure-ink, #262626)"
    assert "<?xml" not in page
    assert "stroke-linejoin" not in page  # it would apply to the whole page
    assert "other.png" in page
    data = base64.b64encode(SVG.encode()).decode()
    embedded = PAGE.replace("../_images/one.svg", f"data:image/svg+xml;base64,{data}")
    assert inlined(embedded, tmp_path / "none") == page


def test_files_that_no_page_uses_are_deleted(tmp_path):
    mathjax = tmp_path / "_static" / "mathjax"
    kept = ["tex-chtml.js", "output/chtml/fonts/a.woff", "input/tex/extensions/boldsymbol.js"]
    for name in (*kept, "tex-svg.js", "sre/mathmaps/en.json", "output/svg/fonts/tex.js"):
        (mathjax / name).parent.mkdir(parents=True, exist_ok=True)
        (mathjax / name).touch()
    (tmp_path / "_images").mkdir()
    (tmp_path / "_images" / "one.svg").write_text(SVG)
    (tmp_path / "executed").mkdir()
    (tmp_path / "executed" / "a.html").write_text(PAGE)
    postprocess_pages(tmp_path)
    left = sorted(p.relative_to(mathjax).as_posix() for p in mathjax.rglob("*") if p.is_file())
    assert left == sorted(kept)
    assert not list((tmp_path / "_images").iterdir())


def test_a_book_without_formulas_needs_no_mathjax(tmp_path):
    (tmp_path / "_static" / "mathjax").mkdir(parents=True)
    (tmp_path / "_static" / "mathjax" / "tex-chtml.js").touch()
    postprocess_pages(tmp_path)
    assert not (tmp_path / "_static" / "mathjax").exists()


def test_scripts_that_run_cells_are_removed():
    page = (
        '<script>const THEBE_JS_URL = "x";</script><script src="_static/sphinx-thebe.js"></script>'
        '<link href="_static/sphinx-thebe.css"/><script type="text/x-thebe-config">{}</script>'
        "<script>keep()</script>"
    )
    soup = BeautifulSoup(page, "html.parser")
    remove_thebe(soup)
    assert str(soup) == "<script>keep()</script>"


def test_buttons_have_names_and_lists_have_items():
    page = (
        '<div class="citation-list" role="list">a</div>'
        '<summary><span class="toctree-toggle" role="presentation"></span></summary>'
    )
    soup = BeautifulSoup(page, "html.parser")
    repair_accessibility(soup)
    assert "role" not in soup.div.attrs
    assert soup.summary["aria-label"] == "Pages below"
