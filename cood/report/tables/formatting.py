"""Numbers and tables as readers see them, and where a notebook saves its files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import HTML
from pandas.io.formats.style import Styler

from cood.metrics.registry import metric_label
from cood.report.environment import OUTPUT_VARIABLE

ESTIMATE = re.compile(r"[-+]?[\d.]+ ?%? \[[^\]]*\].{0,20}")  # a number with its interval
MISSING = "-"
SENTENCE = 40  # letters of a cell above which it needs room


def output(name: str) -> Path:
    """Path at which a running notebook saves a file, which is kept if all cells succeed.

    Outside a run of the pipeline, that is the current folder.
    """
    return Path(os.environ.get(OUTPUT_VARIABLE, ".")) / name


def format_estimate(value: float, low: float = np.nan, high: float = np.nan) -> str:
    """A coefficient with its interval if it has one; ``-`` without a value.

    Examples
    --------
    >>> format_estimate(0.5, 0.25, 0.75), format_estimate(0.5), format_estimate(float("nan"))
    ('0.50 [0.25, 0.75]', '0.50', '-')
    """
    if not np.isfinite(value):
        return MISSING
    return f"{value:.2f} [{low:.2f}, {high:.2f}]" if np.isfinite(low) else f"{value:.2f}"


def format_ratio(a: float, b: float) -> str:
    """`a` divided by `b` as text.

    Examples
    --------
    >>> format_ratio(0.3, 0.1), format_ratio(0.3, 0.0)
    ('3.0', 'infinite')
    """
    if b > 0:
        return f"{a / b:.1f}"
    return "infinite" if a > 0 else "undefined"


def with_list(first: str, items: Sequence[str]) -> HTML:
    """A sentence, in HTML, and a list below it; what is empty is left out.

    Examples
    --------
    >>> with_list("Of 2 edits:", ["one", "two"]).data
    '<p>Of 2 edits:</p><ul><li>one</li><li>two</li></ul>'
    """
    listed = "".join(f"<li>{item}</li>" for item in items)
    return HTML((f"<p>{first}</p>" if first else "") + (f"<ul>{listed}</ul>" if listed else ""))


def format_counts(counts: pd.Series) -> str:
    """Lowest and highest of some numbers of images; one number where they are equal.

    Examples
    --------
    >>> format_counts(pd.Series([96, 1384.0])), format_counts(pd.Series([96, 96]))
    ('96 to 1,384', '96')
    """
    low, high = f"{counts.min():,.0f}", f"{counts.max():,.0f}"
    return low if low == high else f"{low} to {high}"


def metric_names(rows: pd.DataFrame) -> pd.Series:
    """Name of the metric and space of each row, such as ``Z-diff of texts``."""
    return rows["metric"].map(metric_label) + " of " + rows["space"] + "s"


def styled(table: pd.DataFrame) -> Styler:
    """A table without row numbers, drawn as the theme draws data frames.

    Text is escaped: a word of a study, or an error message, may look like an HTML tag.
    """
    columns = table.select_dtypes(["object", "str"]).columns
    table = table.assign(**{c: table[c].map(_escape) for c in columns})
    style = table.style.hide(axis="index").set_table_attributes('class="dataframe"')
    return style.map(_width, subset=columns) if len(columns) else style


def _width(value: object) -> str:
    """Style of a cell: numbers with intervals are not broken, sentences are no towers of words."""
    if ESTIMATE.fullmatch(str(value)):
        return "white-space: nowrap"
    return "min-width: min(12rem, 35vw)" if len(str(value)) > SENTENCE else ""


def _escape(value: object) -> object:
    return escape(value) if isinstance(value, str) else value


def stack_groups(parts: dict[str, pd.DataFrame], order: Sequence[str]) -> pd.DataFrame:
    """Several tables with one row per model as one long table with the column `group`.

    `order` is that of the models; one that a table lacks gets an empty row.
    """
    tables = [part.reindex(order).reset_index().assign(group=name) for name, part in parts.items()]
    return pd.concat(tables, ignore_index=True)
