import base64

from cood.report.build.html_postprocess import finish, inlined, repaired

SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="72pt"><defs>
<style type="text/css">*{stroke-linejoin: round}</style></defs>
<path id="f1-a" class="told" style="fill: #262626"/></svg>"""
PAGE = (
    '<p><img alt="A &quot;dot&quot;." class="x" src="../_images/one.svg" /></p>'
    '<img src="../_images/other.png" /><script src="../_static/mathjax/tex-chtml.js"></script>'
)


def test_figures_are_put_into_the_page_with_their_text(tmp_path):
    (tmp_path / "one.svg").write_text(SVG)
    page = inlined(PAGE, tmp_path)
    assert 'role="img" aria-label="A &quot;dot&quot;."' in page
    assert 'class="drawing tells" style="--wide: 72pt" tabindex="0"' in page
    assert "<?xml" not in page
    assert "stroke-linejoin" not in page  # would hold for the whole page
    assert "other.png" in page
    data = base64.b64encode(SVG.encode()).decode()
    embedded = PAGE.replace("../_images/one.svg", f"data:image/svg+xml;base64,{data}")
    assert inlined(embedded, tmp_path / "none") == page


def test_what_no_page_uses_is_dropped(tmp_path):
    mathjax = tmp_path / "_static" / "mathjax"
    kept = ["tex-chtml.js", "output/chtml/fonts/a.woff", "input/tex/extensions/boldsymbol.js"]
    for name in (*kept, "tex-svg.js", "sre/mathmaps/en.json", "output/svg/fonts/tex.js"):
        (mathjax / name).parent.mkdir(parents=True, exist_ok=True)
        (mathjax / name).touch()
    (tmp_path / "_images").mkdir()
    (tmp_path / "_images" / "one.svg").write_text(SVG)
    (tmp_path / "executed").mkdir()
    (tmp_path / "executed" / "a.html").write_text(PAGE)
    finish(tmp_path)
    left = sorted(p.relative_to(mathjax).as_posix() for p in mathjax.rglob("*") if p.is_file())
    assert left == sorted(kept)
    assert not list((tmp_path / "_images").iterdir())


def test_a_book_without_formulas_needs_no_mathjax(tmp_path):
    (tmp_path / "_static" / "mathjax").mkdir(parents=True)
    (tmp_path / "_static" / "mathjax" / "tex-chtml.js").touch()
    finish(tmp_path)
    assert not (tmp_path / "_static" / "mathjax").exists()


def test_what_the_theme_does_badly_is_mended():
    page = '<script>const THEBE_JS_URL = "x";</script><div role="list" class="citation-list">a'
    assert repaired(page + "<script>keep()</script>") == "<div>a<script>keep()</script>"
    toggle = '<summary><span class="toctree-toggle" role="presentation">'
    assert repaired(toggle).startswith('<summary aria-label="Pages below"><span class="toctree')
