"""The thresholds that a metric must pass, as `claims.yaml` has them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import yaml

from cood.errors import CoodError, unknown

# Its package imports this one.
CLAIMS = Path(__file__).parents[1] / "claims" / "claims.yaml"


@dataclass(frozen=True)
class Thresholds:
    """What each property of a metric must reach; they were fixed before the numbers.

    Attributes
    ----------
    reliability
        Least intraclass correlation of points of the design that are trained twice.
    pairs
        Least number of such points: a study with fewer has no certificate of its own.
    null_distance
        More standard deviations of the value under shuffled labels than this lie between that
        and the value, in the median model.
    ladder
        Least correlation with the rung over synthetic codes of known disentanglement.
    """

    reliability: float
    pairs: int
    null_distance: float
    ladder: float


@lru_cache
def load_thresholds(file: Path = CLAIMS) -> Thresholds:
    """Read the section `certificate` of a file such as `claims.yaml`.

    Raises
    ------
    CoodError
        If the section is missing, or has another key than the fields of `Thresholds`.
    """
    section = yaml.safe_load(file.read_text()).get("certificate") or {}
    names = [field.name for field in fields(Thresholds)]
    for key in section:
        if key not in names:
            raise CoodError(f"{file.name}: certificate: {unknown('key', key, names)}")
    missing = [name for name in names if name not in section]
    if missing:
        raise CoodError(f"{file.name}: certificate: missing {', '.join(missing)}")
    return Thresholds(**section)
