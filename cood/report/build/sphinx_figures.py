"""Sphinx extension of the book: SVG figures inside the pages, and only files that pages use.

A figure in the page, rather than in a file of its own, follows the dark mode, and a script reaches
its marks. It is named in `_config.yml`, so that Jupyter Book loads it.
"""

from __future__ import annotations

import base64
import re
import shutil
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree as ET

from bs4 import BeautifulSoup
from bs4.element import Tag
from docutils import nodes
from sphinx.application import Sphinx

from cood.report.markup import FIXED_COLOURS, MARK, SVG, XLINK

EMBEDDED_SVG = "data:image/svg+xml;base64,"
COLOUR = re.compile(r"\b(fill|stroke): (#[0-9a-f]{6})\b")  # in a style attribute
# Greys of a figure by brightness, up to the value: each is a CSS variable, set by the theme.
GREYS = {0x48: "ink", 0x78: "middle", 0xC0: "soft", 0xF4: "faint", 0xFF: "ground"}
GREY_TOLERANCE = 3  # by how much the channels of a grey may differ
LIGHTENING = 0.35  # how far a colour moves towards white on a dark page
MATHJAX_LOADED = ("output/chtml/fonts", "input/tex/extensions")  # by its script, when it draws
LAST = 900  # priority of event handlers that run after those of other extensions


class InlineFigure(nodes.General, nodes.Inline, nodes.Element):  # type: ignore[misc]
    """A figure whose HTML is in the attribute `html`. Unlike raw HTML, it is not searched."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension; Sphinx calls this."""
    app.add_node(InlineFigure, html=(_visit_figure, None))
    app.connect("doctree-resolved", inline_figures, priority=LAST)
    app.connect("html-page-context", remove_thebe_files, priority=LAST)
    app.connect("build-finished", drop_unused_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _visit_figure(translator: Any, node: InlineFigure) -> None:
    translator.body.append(node["html"])
    raise nodes.SkipNode


def inline_figures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the SVG images of a page into it, and remove scripts that run cells on a server."""
    if app.builder.format != "html":
        return
    for image in list(doctree.findall(nodes.image)):
        file = Path(app.srcdir) / image["uri"]
        if file.suffix == ".svg" and file.is_file():  # Sphinx warns of a missing file
            svg = file.read_text(encoding="utf-8")
            image.replace_self(InlineFigure(html=figure_box(svg, image.get("alt", ""))))
    for raw in list(doctree.findall(nodes.raw)):
        text = raw.astext()
        if EMBEDDED_SVG in text:
            images = BeautifulSoup(text, "html.parser").find_all("img")
            raw.replace_self(InlineFigure(html="".join(map(_embedded_box, images))))
        elif "text/x-thebe-config" in text or text.startswith("<script>kernelName"):
            raw.parent.remove(raw)


def _embedded_box(image: Tag) -> str:
    """`figure_box` of an image with embedded data; its classes say on which screens it is shown."""
    svg = base64.b64decode(str(image["src"]).removeprefix(EMBEDDED_SVG)).decode("utf-8")
    return figure_box(svg, str(image["alt"]), " ".join(image.get_attribute_list("class")))


def figure_box(svg: str, alternative: str, screen: str = "") -> str:
    """HTML of a box with one figure, which scrolls where it is too wide, also by keyboard.

    `alternative` is the text for readers who cannot see the figure; `screen` is ``wide``,
    ``narrow``, or empty for a figure that is shown on every screen.
    """
    root = ET.fromstring(svg)
    for parent in root.iter():
        for element in parent.findall(f"{{{SVG}}}style"):
            parent.remove(element)  # its rules would apply to the whole page
    use_theme_colours(root)
    root.set("role", "img")
    root.set("aria-label", alternative)
    has_marks = any(element.get("class") == MARK for element in root.iter())
    classes = "drawing has-marks" if has_marks else "drawing"
    cue = f"scroll-cue {screen}".strip()
    hint = " Use the arrow keys to move from mark to mark." if has_marks else ""
    width = re.fullmatch(r"([\d.]+)pt", root.get("width", ""))
    style = f' style="--wide: {float(width[1]):.0f}pt"' if width else ""
    return (
        f'<div class="{cue}"><div class="{classes}"{style} tabindex="0" role="group" '
        f'aria-label="{escape("Figure." + hint)}">{_to_text(root)}</div></div>'
    )


def themed(svg: str) -> str:
    """An SVG whose greys and colours change on a dark page; those that mean values stay.

    Each colour becomes a CSS variable with the colour itself as the default, which applies on a
    light page and outside the book.

    Examples
    --------
    >>> themed('<svg><path style="fill: #262626" /></svg>')
    '<svg><path style="fill: var(--figure-ink, #262626)" /></svg>'
    """
    root = ET.fromstring(svg)
    use_theme_colours(root)
    return _to_text(root)


def use_theme_colours(root: ET.Element) -> None:
    """Replace the colours of an SVG by CSS variables, in place; see `themed`."""
    dark: dict[str, str] = {}  # colour on a dark page by colour

    def to_variable(match: re.Match[str]) -> str:
        key, colour = match.groups()
        channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        if max(channels) - min(channels) < GREY_TOLERANCE:
            name = next(name for highest, name in GREYS.items() if channels[0] <= highest)
            return f"{key}: var(--figure-{name}, {colour})"
        lighter = (round(c + LIGHTENING * (255 - c)) for c in channels)
        dark[colour[1:]] = "#{:02x}{:02x}{:02x}".format(*lighter)
        return f"{key}: var(--c{colour[1:]}, {colour})"

    pending = [root]
    while pending:
        element = pending.pop()
        if element.get("class") == FIXED_COLOURS:
            continue
        if "style" in element.attrib:
            element.set("style", COLOUR.sub(to_variable, element.attrib["style"]))
        pending.extend(element)
    if dark:
        _add_dark_rules(root, dark)


def _add_dark_rules(root: ET.Element, dark: dict[str, str]) -> None:
    """Give an SVG a class of its own, and the rules that set its colours on a dark page."""
    own_id = next((e.get("id", "") for e in root.iter() if "-" in e.get("id", "")), "")
    scope = f"figure-{own_id.partition('-')[0]}" if own_id else "figure"
    root.set("class", scope)
    rules = ";".join(f"--c{colour}:{lighter}" for colour, lighter in sorted(dark.items()))
    style = ET.Element(f"{{{SVG}}}style")
    style.text = f'html[data-theme="dark"] .{scope}{{{rules}}}'
    root.insert(0, style)


def _to_text(root: ET.Element) -> str:
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    return ET.tostring(root, encoding="unicode")


def remove_thebe_files(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Leave out scripts that run cells on a server: they are loaded twice, which is an error."""
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context[kind] if not _is_of_thebe(file)]


def _is_of_thebe(file: Any) -> bool:
    body = getattr(file, "attributes", {}).get("body", "")
    return "thebe" in PurePosixPath(str(getattr(file, "filename", file))).name or "THEBE" in body


def drop_unused_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Delete the files of MathJax except the script that pages load, fonts and macros."""
    folder = Path(app.outdir) / "_static" / "mathjax"
    if exception is not None or app.builder.format != "html" or not folder.is_dir():
        return
    if not app.env.get_domain("math").has_equations():  # type: ignore[attr-defined]
        shutil.rmtree(folder)
        return
    script = PurePosixPath(app.config.mathjax_path).name
    kept = [folder / name for name in (script, *MATHJAX_LOADED)]
    for path in sorted(folder.rglob("*"), reverse=True):
        if any(path == keep or path.is_relative_to(keep) for keep in kept):
            continue
        if path.is_file():
            path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()
