"""What every statistic over models comes with: its value, interval, p and sample size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A statistic with its interval, p and number of models; NaN, or 0, where there is none.

    Attributes
    ----------
    value, low, high, p
        The statistic, its interval (95 % unless stated otherwise), and p against 0.
    n, families
        Models, and families of models, that it was computed from.
    least, most
        Lowest and highest value when one family is left out.
    nuisance
        Columns that are held fixed, without those that others determine.
    """

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan
    n: int = 0
    families: int = 0
    least: float = np.nan
    most: float = np.nan
    nuisance: int = 0

    def __str__(self) -> str:
        """The value with its interval, as captions give them."""
        if np.isnan(self.value):
            return "not estimable"
        if np.isnan(self.low):
            return f"{self.value:.2f} (no interval)"
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class AccuracyChange(Estimate):
    """A difference of accuracies, which captions give in percentage points."""

    def __str__(self) -> str:
        """The difference with its interval, in points."""
        if np.isnan(self.value):
            return "not estimable"
        text = f"{100 * self.value:+.1f} points"
        if np.isnan(self.low):
            return f"{text} (no interval)"
        return f"{text} [{100 * self.low:+.1f}, {100 * self.high:+.1f}]"
