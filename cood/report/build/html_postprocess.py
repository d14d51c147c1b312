"""Post-process the rendered HTML: put figures into the pages, and drop files that no page uses."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as ET

from bs4 import BeautifulSoup, Tag
from bs4.element import PreformattedString

from cood.report.svg_markup import FIXED_COLOURS, MARK, SVG, XLINK

EMBEDDED_SVG = "data:image/svg+xml;base64,"
COLOUR = re.compile(r"\b(fill|stroke): (#[0-9a-f]{6})\b")  # in a style attribute
# Greys of a figure by brightness, up to the value: each is a CSS variable, set by the theme.
GREYS = {0x48: "ink", 0x78: "middle", 0xC0: "soft", 0xF4: "faint", 0xFF: "ground"}
GREY_TOLERANCE = 3  # by how much the channels of a grey may differ
LIGHTENING = 0.35  # how far a colour moves towards white on a dark page
MATHJAX_SCRIPT = re.compile(r"_static/mathjax/([\w-]+\.js)$")
MATHJAX_LOADED = ("output/chtml/fonts", "input/tex/extensions")  # by its script, when it draws
THEBE_FILES = re.compile(r"sphinx-thebe\.(js|css)")


def postprocess_pages(html: Path) -> None:
    """Put the SVG figures into the pages of a rendered book, and drop files that no page uses.

    Parameters
    ----------
    html
        Folder of the rendered pages, which are changed in place.
    """
    figures: set[Path] = set()
    mathjax: set[str] = set()
    for page in sorted(html.rglob("*.html")):
        soup = BeautifulSoup(page.read_bytes(), "html.parser")
        figures |= inline_figures(soup, html / "_images")
        scripts = [str(script["src"]) for script in soup.find_all("script", src=True)]
        mathjax |= {match[1] for match in map(MATHJAX_SCRIPT.search, scripts) if match}
        remove_thebe(soup)
        repair_accessibility(soup)
        page.write_text(str(soup), encoding="utf-8")
    for figure in figures:
        figure.unlink()
    drop_unused_mathjax(html / "_static" / "mathjax", mathjax)


def inline_figures(soup: BeautifulSoup, images: Path) -> set[Path]:
    """Replace the SVG images of a page by the SVG itself, so that a script can reach its marks.

    Parameters
    ----------
    soup
        The page, which is changed in place.
    images
        Folder of the image files of the book.

    Returns
    -------
    set of Path
        The files that are now in the page.
    """
    files = set()
    for image in soup.find_all("img", src=True):
        source = str(image["src"])
        if source.startswith(EMBEDDED_SVG):
            svg = base64.b64decode(source.removeprefix(EMBEDDED_SVG)).decode("utf-8")
        elif source.endswith(".svg") and "_images/" in source:
            file = images / PurePosixPath(source).name
            svg = file.read_text(encoding="utf-8")
            files.add(file)
        else:
            continue
        image.replace_with(figure_box(soup, svg, str(image.get("alt", ""))))
    return files


def figure_box(soup: BeautifulSoup, svg: str, alternative: str) -> Tag:
    """A box with one figure, which scrolls where it is too wide, also by keyboard.

    `alternative` is the text for readers who cannot see the figure.
    """
    root = ET.fromstring(svg)
    for parent in root.iter():
        for style in parent.findall(f"{{{SVG}}}style"):
            parent.remove(style)  # its rules would apply to the whole page
    use_theme_colours(root)
    root.set("role", "img")
    root.set("aria-label", alternative)
    has_marks = any(element.get("class") == MARK for element in root.iter())
    hint = " Use the arrow keys to move from mark to mark." if has_marks else ""
    box = soup.new_tag("div", attrs={"class": "drawing has-marks" if has_marks else "drawing"})
    width = re.fullmatch(r"([\d.]+)pt", root.get("width", ""))
    if width:
        box["style"] = f"--wide: {float(width[1]):.0f}pt"
    box["tabindex"], box["role"], box["aria-label"] = "0", "group", f"Figure.{hint}"
    box.append(PreformattedString(_to_text(root)))
    return box


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


def remove_thebe(soup: BeautifulSoup) -> None:
    """Remove the scripts that run cells on a server: they are loaded twice, which is an error."""
    for tag in soup.find_all(["script", "link"]):
        address = str(tag.get("src") or tag.get("href") or "")
        is_configuration = tag.get("type") == "text/x-thebe-config"
        if is_configuration or THEBE_FILES.search(address) or "THEBE_JS_URL" in tag.text:
            tag.decompose()


def repair_accessibility(soup: BeautifulSoup) -> None:
    """Name the buttons of the menu, and unmark lists that hold no items, for screen readers."""
    for toggle in soup.select("summary > span.toctree-toggle"):
        if toggle.parent is not None:
            toggle.parent["aria-label"] = "Pages below"
    for citations in soup.select('div.citation-list[role="list"]'):
        del citations["role"]


def drop_unused_mathjax(folder: Path, components: Collection[str]) -> None:
    """Delete the files of MathJax except the components that pages load, fonts and macros."""
    kept = [folder / name for name in (*components, *MATHJAX_LOADED)] if components else []
    for path in sorted(folder.rglob("*"), reverse=True):
        if any(path == keep or path.is_relative_to(keep) for keep in kept):
            continue
        if path.is_file():
            path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()
    if folder.is_dir() and not any(folder.iterdir()):
        shutil.rmtree(folder)
