"""The thresholds of the verdicts, from `claims.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import yaml

from cood.errors import CoodError, unknown

CLAIMS = Path(__file__).parent / "claims" / "claims.yaml"


@dataclass(frozen=True)
class Thresholds:
    """Numbers that decide on verdicts; fixed before any result.

    Attributes
    ----------
    level
        Of p after Holm's correction, and of the tests of equivalence.
    equivalence
        A coefficient nearer to 0 than this is no relevant effect.
    saturated_share, saturated_tolerance
        A measure is saturated if at least this share of the models has the same value, within the
        tolerance.
    least_models
        That a coefficient needs, besides one for each nuisance column.
    """

    level: float
    equivalence: float
    saturated_share: float
    saturated_tolerance: float
    least_models: int


@lru_cache
def load_thresholds(file: Path = CLAIMS) -> Thresholds:
    """Thresholds of a file such as `claims.yaml`.

    Raises
    ------
    CoodError
        If one is missing, unknown, or no number above 0.
    """
    content = yaml.safe_load(file.read_text())["thresholds"]
    names = [field.name for field in fields(Thresholds)]
    for name, value in content.items():
        if name not in names:
            raise CoodError(f"{file.name}: {unknown('threshold', name, names)}")
        if not isinstance(value, int | float) or not value > 0:
            raise CoodError(f"{file.name}: threshold {name} is {value!r}; give a number above 0")
    missing = [name for name in names if name not in content]
    if missing:
        raise CoodError(f"{file.name}: `thresholds` lacks {', '.join(missing)}")
    return Thresholds(**content)
