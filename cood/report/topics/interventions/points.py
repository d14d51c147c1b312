"""Changes of accuracy in percentage points, as text."""

from __future__ import annotations

import numpy as np

from cood.analysis.stats.estimate import Estimate
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
    return f"{text} {format_interval(low, high)}" if np.isfinite(low) else text


def format_change(change: Estimate) -> str:
    """A change of accuracy in a sentence, with its unit.

    Examples
    --------
    >>> format_change(Estimate(0.02, -0.01, 0.05)), format_change(Estimate())
    ('+2.0 points [-1.0, +5.0]', 'not estimable')
    """
    if not np.isfinite(change.value):
        return "not estimable"
    interval = format_interval(change.low, change.high)
    return (
        f"{100 * change.value:+.1f} points {'(no interval)' if interval == MISSING else interval}"
    )


def format_interval(low: float, high: float) -> str:
    """An interval of a change of accuracy in points; ``-`` without one."""
    return f"[{100 * low:+.1f}, {100 * high:+.1f}]" if np.isfinite(low) else MISSING
