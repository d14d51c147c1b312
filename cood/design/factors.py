"""The factors of an experiment: ranges, levels, and doses that apply at some levels only."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cood.errors import CoodError, unknown

DIGITS = 4  # significant digits of a value, so that a table of text holds it exactly

Value = float | int | str
End = Literal["low", "high"]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, spread evenly over their logarithms if `log`.

    Attributes
    ----------
    name
        What varies.
    low, high
        The ends.
    log
        Whether equal ratios, not equal differences, are equally far apart.
    whole
        Whether only whole numbers are values.
    """

    name: str
    low: float
    high: float
    log: bool = False
    whole: bool = False

    def unit(self, values: np.ndarray) -> np.ndarray:
        """Places [n] of values [n] in the range: 0 is its low end, 1 its high end."""
        low, high, values = (self._scale(x) for x in (self.low, self.high, values))
        return (values - low) / (high - low)

    def values(self, unit: np.ndarray) -> np.ndarray:
        """Values [n] at places [n] of the range, rounded to whole numbers or `DIGITS` digits."""
        low, high = self._scale(self.low), self._scale(self.high)
        exact = low + (high - low) * np.asarray(unit, dtype=float)
        exact = np.exp(exact) if self.log else exact
        if self.whole:
            return np.clip(np.round(exact), self.low, self.high).astype(int)
        rounded = np.array([float(f"{value:.{DIGITS}g}") for value in exact])
        return np.clip(rounded, self.low, self.high)

    def value(self, unit: float) -> float | int:
        """The value at a place of the range: 0 is its low end, 0.5 its middle, 1 its high end."""
        return self.values(np.array([unit]))[0].item()

    def _scale(self, values: np.ndarray | float) -> np.ndarray:
        values = np.asarray(values, dtype=float)
        if not self.log:
            return values
        if np.any(values <= 0):
            raise CoodError(
                f"factor {self.name!r}: {values.min():g} has no logarithm; take only positive "
                "values, or no log"
            )
        return np.log(values)


@dataclass(frozen=True)
class Levels:
    """A categorical factor; its first level is the one that the others are compared with."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Dose:
    """A number that applies at some levels of the factor `of`, and is 0 at its other levels.

    Attributes
    ----------
    name
        The column of the dose in a table of points.
    of
        Name of a factor with levels.
    arms
        The ranges of the dose, each with the levels at which it applies. The name of a range says
        what is dosed; no level has two ranges.
    """

    name: str
    of: str
    arms: tuple[tuple[Range, tuple[str, ...]], ...]

    def range_at(self, level: str) -> Range | None:
        """The range of the dose at a level, or None where the dose is 0."""
        return next((range_ for range_, levels in self.arms if level in levels), None)


Factor = Range | Levels | Dose


def middle(factors: Sequence[Factor], levels: Mapping[str, str] | None = None) -> dict[str, Value]:
    """The middle of a design: geometric where log, the first level, half of the dose.

    Parameters
    ----------
    factors
        The factors.
    levels
        By name of a factor, a level to take instead of the first; the dose follows it.

    Returns
    -------
    dict
        A value for each factor.

    Raises
    ------
    CoodError
        If there is no such factor or level.

    Examples
    --------
    >>> middle([Range("steps", 100, 400, log=True, whole=True), Levels("loss", ("a", "b"))])
    {'steps': 200, 'loss': 'a'}
    """
    return corner(factors, {}, levels)


def corner(
    factors: Sequence[Factor],
    ends: Mapping[str, End],
    levels: Mapping[str, str] | None = None,
) -> dict[str, Value]:
    """A corner of a design: the named factors at an end of their ranges, the others at the middle.

    Parameters
    ----------
    factors
        The factors.
    ends
        By name of a factor with a range, or of a dose: ``low`` or ``high``.
    levels
        By name of a factor, a level to take instead of the first; the dose follows it.

    Returns
    -------
    dict
        A value for each factor.

    Raises
    ------
    CoodError
        If there is no such factor or level.
    """
    levels = levels or {}
    categorical = {f.name: f.levels for f in factors if isinstance(f, Levels)}
    _check_names(
        "factor with a range", ends, [f.name for f in factors if f.name not in categorical]
    )
    _check_names("factor with levels", levels, categorical)
    chosen = {name: levels.get(name, choices[0]) for name, choices in categorical.items()}
    for name, level in chosen.items():
        _check_names(f"level of {name}", [level], categorical[name])
    place = {"low": 0.0, "high": 1.0}
    point: dict[str, Value] = {}
    for factor in factors:
        if isinstance(factor, Levels):
            point[factor.name] = chosen[factor.name]
            continue
        range_ = factor if isinstance(factor, Range) else factor.range_at(chosen[factor.of])
        at = place[ends[factor.name]] if factor.name in ends else 0.5
        point[factor.name] = range_.value(at) if range_ else 0.0
    return point


def observed_range(name: str, values: Sequence[float], *, log: bool = False) -> Range:
    """The range from the least to the largest value: of a realised factor, or any other number."""
    return Range(name, float(min(values)), float(max(values)), log=log)


def check_factors(factors: Sequence[Factor]) -> None:
    """Raise a CoodError if a range is empty, a name or a level is twice, or a dose has no place."""
    names = [factor.name for factor in factors]
    for name in names:
        if names.count(name) > 1:
            raise CoodError(f"factor {name!r} is twice among the factors; name it once")
    for factor in factors:
        if isinstance(factor, Range):
            _check_range(factor)
        elif isinstance(factor, Levels):
            if len(factor.levels) < 2 or len(set(factor.levels)) < len(factor.levels):
                raise CoodError(
                    f"factor {factor.name!r}: two different levels or more are needed, got "
                    f"{', '.join(factor.levels) or 'none'}"
                )
        else:
            _check_dose(factor, factors)


def _check_range(range_: Range) -> None:
    if not (math.isfinite(range_.low) and math.isfinite(range_.high) and range_.low < range_.high):
        raise CoodError(
            f"factor {range_.name!r}: the low end {range_.low:g} is not below the high end "
            f"{range_.high:g}"
        )
    if range_.log and range_.low <= 0:
        raise CoodError(
            f"factor {range_.name!r}: the low end {range_.low:g} has no logarithm; take a positive "
            "one, or no log"
        )


def _check_dose(dose: Dose, factors: Sequence[Factor]) -> None:
    levels = {f.name: f.levels for f in factors if isinstance(f, Levels)}
    _check_names("factor with levels", [dose.of], levels)
    dosed = [level for _, at in dose.arms for level in at]
    _check_names(f"level of {dose.of}", dosed, levels[dose.of])
    for level in dosed:
        if dosed.count(level) > 1:
            raise CoodError(f"factor {dose.name!r}: level {level!r} has two ranges; give it one")
    for range_, _ in dose.arms:
        _check_range(range_)


def _check_names(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise CoodError(unknown(kind, name, known))
