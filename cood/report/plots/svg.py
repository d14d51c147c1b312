"""Figures as SVG: what a mark stands for is written into it, so that a page can tell it."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary, WeakSet
from xml.etree import ElementTree as ET

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axis import Axis
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, PercentFormatter
from scipy.special import expit

SVG, LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
PREFIX = "told-"  # ids of the marks that stand for something, while a figure is written
DRAWN = {f"{{{SVG}}}{name}" for name in ("path", "use")}
AS_DRAWN = "as-drawn"  # class of what keeps its colours on a dark page
ID = re.compile(r'(\bid="|href="#|url\(#)([\w.-]+)')


@dataclass(frozen=True)
class Told:
    """What a mark stands for.

    Attributes
    ----------
    name
        Its heading, such as the model; marks of one name are shown together.
    lines
        Further lines, as they are.
    x, y
        Value on the axis of that name and, if there is one, its interval; written as the axis
        writes numbers.
    """

    name: str
    lines: Sequence[str] = ()
    x: Sequence[float] | None = None
    y: Sequence[float] | None = None
    labels: dict[str, str] = field(default_factory=dict)


class LogitFormatter(Formatter):
    """Writes a logit as the percentage that it stands for."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Text of a tick at `x`."""
        return f"{100 * expit(x):.3g} %"


TOLD: WeakKeyDictionary[Artist, list[Told]] = WeakKeyDictionary()
KEPT: WeakSet[Artist] = WeakSet()


def tell(artist: Artist, *marks: Told) -> None:
    """Say what the marks of an artist stand for, in the order in which they are drawn.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure, axes = plt.subplots()
    >>> (line,) = axes.plot([1, 2], [0.1, 0.2], "o")
    >>> tell(line, Told("a", y=[0.1]), Told("b", y=[0.2, 0.1, 0.3]))
    >>> [name for name in ("a", "b") if f'data-name="{name}"' in as_svg(figure)]
    ['a', 'b']
    >>> plt.close(figure)
    """
    TOLD[artist] = list(marks)


def keep(*artists: Artist) -> None:
    """Say that the colours of artists are those of a picture, and so the same on a dark page."""
    KEPT.update(artists)


def bounds(row: Sequence[float] | np.ndarray) -> list[float]:
    """Value and interval as `Told` takes them: the value alone, if there is no interval."""
    values = [float(v) for v in row]
    return values if np.isfinite(values).all() else values[:1]


def as_svg(figure: Figure) -> str:
    """A figure as SVG, its ids its own, with what was told of its marks.

    Such a mark has the class ``told``, a `<title>`, which browsers show, and its name and lines as
    data attributes for the script of the pages. Cells of a heat map, and what is written on them,
    have the class ``as-drawn``: their colours mean values, on a dark page too.
    """
    told = [artist for artist in figure.findobj() if artist in TOLD]
    for i, artist in enumerate(told):
        artist.set_gid(f"{PREFIX}{i}")
    meshes = figure.findobj(QuadMesh)
    on_cells = [text for mesh in meshes if mesh.axes for text in mesh.axes.texts]
    kept = [*meshes, *on_cells, *(one for one in figure.findobj() if one in KEPT)]
    for i, one in enumerate(one for one in kept if one not in TOLD):
        one.set_gid(f"{AS_DRAWN}-{i}")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", LINK)
    root = ET.fromstring(buffer.getvalue())
    _tidy(root)
    for group in list(root.iter(f"{{{SVG}}}g")):
        mark_id = group.get("id", "")
        if mark_id.startswith(PREFIX):
            artist = told[int(mark_id.removeprefix(PREFIX))]
            _write(group, artist)
            if isinstance(artist, QuadMesh):
                group.set("class", AS_DRAWN)
        elif mark_id.startswith(AS_DRAWN):
            group.set("class", AS_DRAWN)
    text = ET.tostring(root, encoding="unicode")
    # Several figures stand in one page.
    own = "f" + hashlib.sha256(text.encode()).hexdigest()[:8]
    return ID.sub(rf"\g<1>{own}-\g<2>", text)


def _tidy(root: ET.Element) -> None:
    for child in list(root):
        if child.tag == f"{{{SVG}}}metadata":
            root.remove(child)
        for style in child.findall(f"{{{SVG}}}style"):
            child.remove(style)  # would hold for the whole page that the figure stands in
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")


def _write(group: ET.Element, artist: Artist) -> None:
    hidden = {id(e) for defs in group.iter(f"{{{SVG}}}defs") for e in defs.iter()}
    drawn = [e for e in group.iter() if e.tag in DRAWN and id(e) not in hidden]
    # Of dots on a line, the dots.
    drawn = [e for e in drawn if e.tag.endswith("use")] or drawn
    marks = TOLD[artist]
    if len(drawn) != len(marks):  # some lie outside of the axes: which, cannot be known
        return
    for element, mark in zip(drawn, marks, strict=True):
        lines = [*mark.lines, *_values(artist, mark)]
        element.set("class", "told")
        element.set("data-name", mark.name)
        element.set("data-lines", json.dumps(lines, ensure_ascii=False))
        ET.SubElement(element, f"{{{SVG}}}title").text = "\n".join([mark.name, *lines])


def _values(artist: Artist, mark: Told) -> list[str]:
    lines = []
    for name, value in (("x", mark.x), ("y", mark.y)):
        if value is not None and artist.axes is not None:
            axis: Axis = getattr(artist.axes, f"{name}axis")
            label = mark.labels.get(name) or axis.get_label_text()
            number = _number(axis, value)
            lines.append(f"{label}: {number}" if label else number)
    return lines


def _number(axis: Axis, value: Sequence[float]) -> str:
    formatter = axis.get_major_formatter()
    shares = isinstance(formatter, PercentFormatter | LogitFormatter)
    if isinstance(formatter, LogitFormatter):
        value = [float(expit(v)) for v in value]
    value = [100 * v for v in value] if shares else list(value)
    first = f"{value[0]:.3g}" + (" %" if shares else "")
    return first if len(value) < 3 else f"{first} [{value[1]:.3g}, {value[2]:.3g}]"
