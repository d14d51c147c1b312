"""Changes of accuracy in percentage points, as text."""

from __future__ import annotations

import numpy as np

from cood.report.tables.formatting import MISSING


def format_points(value: float, low: float = np.nan, high: float = np.nan) -> str:
    """A change of accuracy in points with its interval if it has one; ``-`` without a value.

    Examples
    --------
    >>> format_points(0.02, -0.01, 0.05), format_points(0.02), format_points(float("nan"))
    ('+2.0 [-1.0, +5.0]', '+2.0', '-')
    """
    if not np.isfinite(value):
        return MISSING
    text = f"{100 * value:+.1f}"
    return f"{text} [{100 * low:+.1f}, {100 * high:+.1f}]" if np.isfinite(low) else text
