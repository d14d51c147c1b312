"""The points of a design, in a file beside the study file, and drawn where there is none."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cood.design import Dose, Factor, Levels, Range, Value, draw_points
from cood.errors import CoodError, StudyError
from cood.files import atomic
from cood.settings.design import Design, Point, model_name
from cood.settings.models import Training

FIRST_LINE = "# factors: "
MODEL = "model"  # column with the names of the models
LIMITED = ("images", "steps", "batch")  # a model sees at most batch * steps images


def points_file(study_file: Path, section: str = "design") -> Path:
    """The file of points of a design beside a study file.

    Examples
    --------
    >>> points_file(Path("studies/mini.yaml")).name
    'mini.design.csv'
    """
    return study_file.with_name(f"{study_file.stem}.{section}.csv")


def points_of(
    design: Design, file: Path | None = None, defaults: Mapping[str, Any] | None = None
) -> list[Point]:
    """The points of a design: those in the file, and new ones if there are too few.

    The points in the file count if they were drawn over the same factors, with the same seed; they
    stay as they are and come first. Nothing is written.

    Parameters
    ----------
    design
        The section of the study file.
    file
        The file of points; it need not exist.
    defaults
        Settings of training that do not vary: `batch`, and `images` or `steps` if they are none of
        the factors, say which points are feasible.

    Returns
    -------
    list of dict
        The value of each factor, for each of `design.models` models.

    Raises
    ------
    StudyError
        If the file is damaged, or no feasible points can be drawn.
    """
    defaults = defaults or {}
    stored = read_points(design, file, defaults) if file is not None and file.is_file() else []
    if len(stored) >= design.models:
        return stored[: design.models]
    import pandas as pd

    factors, limits = design.factors.as_factors(), _limits(design, defaults)
    try:
        drawn = draw_points(
            factors,
            design.models,
            design.seed,
            kept=pd.DataFrame(stored) if stored else None,
            feasible=_shown(limits) if limits else None,
        )
    except CoodError as error:
        condition = f" (images <= batch * steps, batch = {limits['batch']})" if limits else ""
        raise StudyError(f"design.factors: {error}{condition}") from error
    return drawn.to_dict("records")


def write_points(
    points: Sequence[Point], design: Design, file: Path, defaults: Mapping[str, Any] | None = None
) -> None:
    """Write points as text: a line with the hash of the factors, one with names, one a model.

    Raises
    ------
    ArtefactError
        If it cannot be written.
    """
    names = [factor.name for factor in design.factors.as_factors()]
    with atomic(file) as temporary, temporary.open("w", newline="") as stream:
        stream.write(f"{FIRST_LINE}{_hash(design, defaults or {})}\n")
        table = csv.writer(stream, lineterminator="\n")
        table.writerow([MODEL, *names])
        for number, point in enumerate(points, 1):
            table.writerow([model_name(number), *(point[name] for name in names)])


def read_points(
    design: Design, file: Path, defaults: Mapping[str, Any] | None = None
) -> list[Point]:
    """Read points; none if they were drawn over other factors, or with another seed.

    Raises
    ------
    StudyError
        If the file is damaged.
    """
    factors, limits = design.factors.as_factors(), _limits(design, defaults or {})
    try:
        first, *lines = file.read_text().splitlines()
        if first != f"{FIRST_LINE}{_hash(design, defaults or {})}":
            return []
        points = _parsed(lines, factors)
        for number, point in enumerate(points, 1):
            if limits and not _shown(limits)({n: np.array(v) for n, v in point.items()}):
                raise ValueError(f"{model_name(number)}: more images than batch * steps")
    except (OSError, ValueError) as error:
        raise StudyError(
            f"{file} is damaged ({error}); restore it, or delete it to draw all points anew"
        ) from error
    return points


def _parsed(lines: Sequence[str], factors: Sequence[Factor]) -> list[Point]:
    names = [MODEL, *(factor.name for factor in factors)]
    header, *rows = list(csv.reader(lines)) or [[]]
    if header != names:
        raise ValueError(f"its columns are {', '.join(header)}, not {', '.join(names)}")
    points = []
    for number, row in enumerate(rows, 1):
        if len(row) != len(names) or row[0] != model_name(number):
            raise ValueError(f"line {number + 2} is not that of model {model_name(number)}")
        text = dict(zip(names, row, strict=True))
        points.append({factor.name: _value(factor, text, number) for factor in factors})
    return points


def _value(factor: Factor, text: Mapping[str, str], number: int) -> Value:
    """The value of a factor in a row; a ValueError if it cannot be one."""
    value = text[factor.name]
    where = f"{model_name(number)}: {factor.name} {value!r}"
    if isinstance(factor, Levels):
        if value not in factor.levels:
            raise ValueError(f"{where} is none of its levels")
        return value
    range_ = factor.range_at(text[factor.of]) if isinstance(factor, Dose) else factor
    low, high = (range_.low, range_.high) if range_ else (0, 0)
    read = int(value) if isinstance(factor, Range) and factor.whole else float(value)
    if not low <= read <= high:
        raise ValueError(f"{where} is not from {low:g} to {high:g}")
    return read


def _limits(design: Design, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What does not vary among `LIMITED`, with the batch; empty if there is nothing to limit."""
    factors = {factor.name for factor in design.factors.as_factors()}
    batch = defaults.get("batch", Training.model_fields["batch"].default)
    fixed = {name: value for name, value in defaults.items() if name in LIMITED} | {"batch": batch}
    fixed = {name: value for name, value in fixed.items() if name not in factors}
    varies = factors & set(LIMITED)
    return fixed if varies and varies | set(fixed) == set(LIMITED) else {}


def _shown(limits: Mapping[str, Any]) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """Whether a model sees all of its images: there are no more than batch * steps."""

    def shown(columns: Mapping[str, np.ndarray]) -> np.ndarray:
        images, steps, batch = ({**limits, **columns}[name] for name in LIMITED)
        return images <= np.asarray(batch) * steps

    return shown


def _hash(design: Design, defaults: Mapping[str, Any]) -> str:
    factors = [asdict(factor) for factor in design.factors.as_factors()]
    drawn_from = {"factors": factors, "seed": design.seed, "limits": _limits(design, defaults)}
    return hashlib.sha256(json.dumps(drawn_from, sort_keys=True).encode()).hexdigest()[:16]
