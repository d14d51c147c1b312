"""Numbers and tables as text of at most 80 columns."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

WIDTH = 80
MISSING = "-"


def interval(row: Mapping[str, float]) -> str:
    """Low and high in brackets; a dash if there is no interval."""
    if not math.isfinite(row["low"]):
        return MISSING
    return f"[{decimal(row['low'])}, {decimal(row['high'])}]"


def decimal(value: float) -> str:
    """A number with two decimals; a dash if there is none."""
    return f"{value:.2f}".replace("-0.00", "0.00") if math.isfinite(value) else MISSING


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text: the first column to the left and cut to what is left, the others right."""
    others = [max(len(row[k]) for row in (head, *rows)) for k in range(1, len(head))]
    longest = max(len(row[0]) for row in (head, *rows))
    first = max(8, min(longest, WIDTH - sum(others) - 2 * len(others)))
    lines = []
    for row in (head, *rows):
        name = row[0] if len(row[0]) <= first else f"…{row[0][1 - first :]}"
        cells = [text.rjust(width) for text, width in zip(row[1:], others, strict=True)]
        lines.append("  ".join([name.ljust(first), *cells]).rstrip())
    return "\n".join(lines)


def wrapped(text: str) -> str:
    """A text in lines of 80 columns."""
    # Names stay whole, so that they can be copied.
    return textwrap.fill(
        text, WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )
