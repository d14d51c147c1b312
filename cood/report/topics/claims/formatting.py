"""Numbers, links and tables of the pages of claims."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure
from pandas.io.formats.style import Styler

from cood.analysis.claims.effects import Effect
from cood.analysis.claims.verdicts import Verdict
from cood.report.plots.svg import as_svg

ROUNDING = 1e-9  # an interval narrower than this is 0 but for rounding
NONE = "-"
NO_BREAK = "&nbsp;"
INTERVAL = re.compile(r"(?:r = )?-?[\d.]+ \[-?[\d.]+, -?[\d.]+\]")


def number(effect: Effect) -> str:
    """An effect with its interval."""
    estimate = effect.estimate
    return scaled(estimate.value, estimate.low, estimate.high, coefficient=effect.coefficient)


def scaled(value: float, low: float, high: float, *, coefficient: bool) -> str:
    """A number with as many digits as its interval has, if it is no coefficient."""
    width, digits = high - low, 2
    if not coefficient and ROUNDING < width < 1:  # a difference has its own scale
        digits = 1 - int(np.floor(np.log10(width)))
    return interval(value, low, high, digits)


def interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """A number with its interval; a dash if there is none."""
    if not np.isfinite(value):
        return NONE
    value, low, high = (round(x, digits) + 0.0 for x in (value, low, high))  # no -0.00
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def span(low: float, high: float) -> str:
    """Two ends of a range; a dash if there is none."""
    if not np.isfinite([low, high]).all():
        return NONE
    low, high = (round(x, 2) + 0.0 for x in (low, high))  # no -0.00
    return f"{low:.2f} to {high:.2f}"


def probability(value: float) -> str:
    """P as text."""
    if not np.isfinite(value):
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def link(verdict: Verdict, pages: Collection[str], folder: str, text: str) -> str:
    """A link to the main page of the claim if it is in the book, else to the next that is."""
    for name in verdict.claim.notebooks:
        if name in pages:
            return f'<a href="{folder}{name}.html">{escape(text)}</a>'
    return escape(text)


def table(rows: list[dict[str, str]], kind: str) -> Styler:
    """A table of cells that are HTML already: text that comes from a study was escaped.

    No line breaks within a number and its interval.
    """
    whole = [
        {
            name: INTERVAL.sub(lambda m: m[0].replace(" ", NO_BREAK), cell)
            for name, cell in row.items()
        }
        for row in rows
    ]
    style = pd.DataFrame(whole).style.hide(axis="index")
    return style.set_table_attributes(f'class="dataframe {kind}"')


def embedded(content: Styler | Figure, label: str, narrow: Figure | None = None) -> HTML:
    """A table, or a figure, as one piece of HTML that another page of the book can show.

    `label` describes it to screen readers. The book passes HTML from page to page, but no SVG.
    `narrow` is the same figure for a phone; it is closed, as its own page shows the other one.
    """
    if isinstance(content, Styler):
        # It scrolls where it does not fit, also by keyboard.
        about = f'role="region" tabindex="0" aria-label="{escape(label)}"'
        style = 'style="overflow-x: auto"'
        return HTML(f'<div class="cell_output" {about} {style}>{content.to_html()}</div>')
    if narrow is None:
        return HTML(f"<p>{_image(content, label)}</p>")
    both = _image(content, label, "wide"), _image(narrow, label, "narrow")
    plt.close(narrow)
    return HTML(f"<p>{''.join(both)}</p>")


def _image(figure: Figure, label: str, screen: str = "") -> str:
    """An image of a figure; `screen` is the class of one for screens of some width only."""
    data = b64encode(as_svg(figure).encode()).decode()
    kind = f' class="{screen}"' if screen else ""
    return f'<img{kind} src="data:image/svg+xml;base64,{data}" alt="{escape(label)}">'
