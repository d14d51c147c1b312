"""What a metric returns."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class MetricWarning(UserWarning):
    """A score that must not be read without its note."""


@dataclass(frozen=True)
class Score:
    """A scalar and what it was computed from.

    Attributes
    ----------
    value
        The score; NaN where the metric is not defined for the input.
    parts
        By name: matrices, values per factor or per dimension, settings that were chosen.
    note
        What a reader must know to read the value; empty if nothing.
    """

    value: float
    parts: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    def __float__(self) -> float:
        """The score itself."""
        return self.value


def noted(value: float, parts: Mapping[str, Any], *notes: str) -> Score:
    """Make a score, with a `MetricWarning` if it has a note."""
    note = "; ".join(text for text in notes if text)
    if note:
        warnings.warn(note, MetricWarning, stacklevel=3)
    return Score(float(value), parts, note)
