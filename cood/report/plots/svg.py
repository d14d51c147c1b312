"""Figures as SVG whose marks carry labels, which the pages show to readers who point at them."""

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

from cood.report.markup import FIXED_COLOURS, MARK, SVG, XLINK

DRAWN = {f"{{{SVG}}}{name}" for name in ("path", "use")}
ID = re.compile(r'(\bid="|href="#|url\(#)([\w.-]+)')
ID_DIGITS = 8


@dataclass(frozen=True)
class Label:
    """What a mark of a figure stands for.

    Attributes
    ----------
    name
        Its heading, such as the model; marks of the same name are highlighted together.
    lines
        Further lines of text.
    x, y
        Value on the axis of that name, and its interval if there is one: one number or three.
        They are formatted as the axis formats its ticks.
    axis_labels
        Replaces the label of the axis ``x`` or ``y``.
    """

    name: str
    lines: Sequence[str] = ()
    x: Sequence[float] | None = None
    y: Sequence[float] | None = None
    axis_labels: dict[str, str] = field(default_factory=dict)


class LogitFormatter(Formatter):
    """Formats a logit as the percentage that it stands for."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Text of a tick at `x`."""
        return f"{100 * expit(x):.3g} %"


LABELS: WeakKeyDictionary[Artist, list[Label]] = WeakKeyDictionary()
FIXED: WeakSet[Artist] = WeakSet()
THEMED: WeakSet[Artist] = WeakSet()


def label_marks(artist: Artist, *labels: Label) -> None:
    """Label the marks of an artist, in the order in which they are drawn.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> figure, axes = plt.subplots()
    >>> (line,) = axes.plot([1, 2], [0.1, 0.2], "o")
    >>> label_marks(line, Label("a", y=[0.1]), Label("b", y=[0.2, 0.1, 0.3]))
    >>> [name for name in ("a", "b") if f'data-name="{name}"' in as_svg(figure)]
    ['a', 'b']
    >>> plt.close(figure)
    """
    LABELS[artist] = list(labels)


def fix_colours(*artists: Artist) -> None:
    """Keep the colours of some artists on a dark page, because they are those of an image."""
    FIXED.update(artists)


def theme_colours(*artists: Artist) -> None:
    """Let the colours of some meshes change on a dark page, as those of the marks do."""
    THEMED.update(artists)


def with_interval(row: Sequence[float] | np.ndarray) -> list[float]:
    """Value and interval as `Label` takes them: only the value, if the interval is not finite."""
    values = [float(v) for v in row]
    return values if np.isfinite(values).all() else values[:1]


def as_svg(figure: Figure) -> str:
    """A figure as SVG with the labels of its marks; its ids occur in no other figure.

    A mark with a label has the class ``mark``, a `<title>`, which browsers show, and its name and
    lines as data attributes, for the script of the pages. The cells of a heat map, and the numbers
    in them, have the class ``fixed-colours``: their colours mean values, on a dark page too.
    """
    labelled = [artist for artist in figure.findobj() if artist in LABELS]
    for i, artist in enumerate(labelled):
        artist.set_gid(f"{MARK}-{i}")
    meshes = [mesh for mesh in figure.findobj(QuadMesh) if mesh not in THEMED]
    in_cells = [text for mesh in meshes if mesh.axes for text in mesh.axes.texts]
    fixed = [*meshes, *in_cells, *(artist for artist in figure.findobj() if artist in FIXED)]
    for i, artist in enumerate(artist for artist in fixed if artist not in LABELS):
        artist.set_gid(f"{FIXED_COLOURS}-{i}")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    root = ET.fromstring(buffer.getvalue())
    _remove_metadata(root)
    for group in list(root.iter(f"{{{SVG}}}g")):
        group_id = group.get("id", "")
        if group_id.startswith(f"{MARK}-"):
            artist = labelled[int(group_id.removeprefix(f"{MARK}-"))]
            _write_labels(group, artist)
            if isinstance(artist, QuadMesh):
                group.set("class", FIXED_COLOURS)
        elif group_id.startswith(FIXED_COLOURS):
            group.set("class", FIXED_COLOURS)
    text = ET.tostring(root, encoding="unicode")
    prefix = "f" + hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]
    return ID.sub(rf"\g<1>{prefix}-\g<2>", text)


def _remove_metadata(root: ET.Element) -> None:
    for child in list(root):
        if child.tag == f"{{{SVG}}}metadata":
            root.remove(child)
        for style in child.findall(f"{{{SVG}}}style"):
            child.remove(style)  # its rules would apply to the whole page
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")


def _write_labels(group: ET.Element, artist: Artist) -> None:
    definitions = {id(e) for defs in group.iter(f"{{{SVG}}}defs") for e in defs.iter()}
    drawn = [e for e in group.iter() if e.tag in DRAWN and id(e) not in definitions]
    # If there are dots on a line, the labels belong to the dots.
    drawn = [e for e in drawn if e.tag.endswith("use")] or drawn
    labels = LABELS[artist]
    if len(drawn) != len(labels):  # some lie outside of the axes, and which ones is unknown
        return
    for element, label in zip(drawn, labels, strict=True):
        lines = [*label.lines, *_values(artist, label)]
        element.set("class", MARK)
        element.set("data-name", label.name)
        element.set("data-lines", json.dumps(lines, ensure_ascii=False))
        ET.SubElement(element, f"{{{SVG}}}title").text = "\n".join([label.name, *lines])


def _values(artist: Artist, label: Label) -> list[str]:
    lines = []
    for name, value in (("x", label.x), ("y", label.y)):
        if value is not None and artist.axes is not None:
            axis: Axis = getattr(artist.axes, f"{name}axis")
            quantity = label.axis_labels.get(name) or axis.get_label_text()
            number = _number(axis, value)
            lines.append(f"{quantity}: {number}" if quantity else number)
    return lines


def _number(axis: Axis, value: Sequence[float]) -> str:
    formatter = axis.get_major_formatter()
    is_share = isinstance(formatter, PercentFormatter | LogitFormatter)
    if isinstance(formatter, LogitFormatter):
        value = [float(expit(v)) for v in value]
    value = [100 * v for v in value] if is_share else list(value)
    first = f"{value[0]:.3g}" + (" %" if is_share else "")
    return first if len(value) < 3 else f"{first} [{value[1]:.3g}, {value[2]:.3g}]"
