"""The last hand on the rendered pages: figures that can be pointed at, and nothing not needed."""

from __future__ import annotations

import base64
import re
import shutil
from html import escape, unescape
from pathlib import Path

IMAGE = re.compile(
    r'<img[^>]*\ssrc="(?:(?:\.\./)*_images/([\w.-]+\.svg)|data:image/svg\+xml;base64,([\w+/=]+))"'
    r"[^>]*>"
)
GLOBAL = re.compile(r"<style[^>]*>\s*\*\{[^}]*\}\s*</style>")  # would hold for the whole page
ALT = re.compile(r'\salt="([^"]*)"')
COLOUR = re.compile(r"\b(fill|stroke): (#[0-9a-f]{6})\b")
# Greys by their brightness: what they are in a figure, and so on a dark page.
GREYS = {0x48: "ink", 0x78: "middle", 0xC0: "soft", 0xF4: "faint", 0xFF: "ground"}
LIFT = 0.35  # how far a colour goes towards white on a dark page
WIDE = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)pt"')
MATHJAX = re.compile(r'src="(?:\.\./)*_static/mathjax/([\w-]+\.js)"')
THEBE = re.compile(
    r"<script[^>]*>const THEBE_JS_URL.*?</script>|<script[^>]*sphinx-thebe\.js[^>]*></script>"
    r'|<script type="text/x-thebe-config">.*?</script>|<link[^>]*sphinx-thebe\.css[^>]*/>',
    re.DOTALL,
)
UNNAMED = '<summary><span class="toctree-toggle"'
NAMED = '<summary aria-label="Pages below"><span class="toctree-toggle"'
FORMULAS = ("output/chtml/fonts", "input/tex/extensions")  # what MathJax loads when it draws


def finish(html: Path) -> None:
    """Put the figures into the pages of a rendered book, and drop files that no page uses."""
    pages = sorted(html.rglob("*.html"))
    used: set[str] = set()
    formulas: set[str] = set()
    for page in pages:
        text = page.read_text(encoding="utf-8")
        formulas.update(MATHJAX.findall(text))
        used.update(name for name, _ in IMAGE.findall(text) if name)
        page.write_text(repaired(inlined(text, html / "_images")), encoding="utf-8")
    for name in used:
        (html / "_images" / name).unlink()
    slim(html / "_static" / "mathjax", formulas)


def inlined(page: str, images: Path) -> str:
    """A page with its SVG figures in it, so that their marks can be pointed at.

    Around each is a box that scrolls if it must, and that the keyboard reaches.
    """

    def drawn(found: re.Match[str]) -> str:
        alt = ALT.search(found[0])
        text = unescape(alt[1]) if alt else ""
        name, data = found.groups()
        raw = (images / name).read_bytes() if name else base64.b64decode(data)
        svg = themed(raw.decode("utf-8"))
        svg = GLOBAL.sub("", svg[svg.index("<svg") :])
        wide = WIDE.match(svg)
        size = f' style="--wide: {float(wide[1]):.0f}pt"' if wide else ""
        told = 'class="told"' in svg
        hint = " Arrow keys go from mark to mark." if told else ""
        named = f'role="img" aria-label="{escape(text)}"'
        return (
            f'<div class="drawing{" tells" if told else ""}"{size} tabindex="0" role="group" '
            f'aria-label="Figure.{hint}">{svg.replace("<svg", f"<svg {named}", 1)}</div>'
        )

    return IMAGE.sub(drawn, page)


def themed(svg: str) -> str:
    """An SVG whose greys and colours a dark page may replace; those `as-drawn` stay.

    Each is a CSS variable with the colour itself as its value where nothing sets it, as on a light
    page and where the file stands alone.

    Examples
    --------
    >>> themed('<svg><path style="fill: #262626"/></svg>')
    '<svg><path style="fill: var(--figure-ink, #262626)"/></svg>'
    """
    colours: dict[str, str] = {}

    def variable(found: re.Match[str]) -> str:
        what, colour = found.groups()
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        if max(red, green, blue) - min(red, green, blue) < 3:
            name = next(name for top, name in GREYS.items() if red <= top)
            return f"{what}: var(--figure-{name}, {colour})"
        lifted = (round(c + LIFT * (255 - c)) for c in (red, green, blue))
        colours[colour[1:]] = "#{:02x}{:02x}{:02x}".format(*lifted)
        return f"{what}: var(--c{colour[1:]}, {colour})"

    parts = []
    for part, keep in _by_kept(svg):
        parts.append(part if keep else COLOUR.sub(variable, part))
    text = "".join(parts)
    if not colours:
        return text
    own = re.search(r'\bid="(\w+)-', text)
    scope = f"figure-{own[1]}" if own else "figure"
    rules = ";".join(f"--c{name}:{dark}" for name, dark in colours.items())
    style = f'<style>html[data-theme="dark"] .{scope}{{{rules}}}</style>'
    return re.sub(r"(<svg\b)([^>]*>)", rf'\1 class="{scope}"\2{style}', text, count=1)


def _by_kept(svg: str) -> list[tuple[str, bool]]:
    """An SVG in parts, and whether each is a group of the class `as-drawn`."""
    parts, at = [], 0
    for start in re.finditer(r'<g [^>]*class="as-drawn"[^>]*>', svg):
        if start.start() < at:
            continue
        depth, end = 0, start.start()
        for tag in re.finditer(r"<g\b[^>]*?(/?)>|</g>", svg[start.start() :]):
            depth += -1 if tag[0] == "</g>" else (0 if tag[1] else 1)
            if depth == 0:
                end = start.start() + tag.end()
                break
        parts += [(svg[at : start.start()], False), (svg[start.start() : end], True)]
        at = end
    return [*parts, (svg[at:], False)]


def repaired(page: str) -> str:
    """A page without what the theme adds and this book has no use for, or does badly.

    That is a script that runs cells on a server (and stands there twice, which is an error). Those
    who have pages read to them need names of buttons, and lists that hold items.
    """
    page = page.replace('<div role="list" class="citation-list">', "<div>")
    return THEBE.sub("", page).replace(
        UNNAMED, UNNAMED.replace(">", ' aria-label="Pages below">', 1)
    )


def slim(mathjax: Path, used: set[str]) -> None:
    """Drop what MathJax has beside the component that pages name, its fonts and its macros."""
    kept = [mathjax / name for name in (*used, *FORMULAS)] if used else []
    for path in sorted(mathjax.rglob("*"), reverse=True):
        if any(path == one or path.is_relative_to(one) for one in kept):
            continue
        if path.is_file():
            path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()
    if mathjax.is_dir() and not any(mathjax.iterdir()):
        shutil.rmtree(mathjax)
