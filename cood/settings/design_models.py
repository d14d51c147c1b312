"""The models that the designs of a study file describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cood.errors import StudyError, unknown
from cood.settings.design import FACTORS, Design, expand
from cood.settings.design_file import LIMITED, points_file, points_of, read_points, write_points
from cood.settings.messages import sentences
from cood.settings.models import FactorTraining, Recipe, Training
from cood.settings.study import Study


@dataclass(frozen=True)
class DesignSection:
    """A section that describes models, those that it adds to, and what their settings are."""

    section: str
    models: str
    prefix: str
    settings: type[Recipe]


DESIGNS = (
    DesignSection("design", "models", "m", Training),
    DesignSection("factor_design", "factor_models", "f", FactorTraining),
)


def with_design(
    sections: Mapping[str, Any],
    kind: DesignSection,
    defaults: Mapping[str, Any],
    where: str,
    file: Path | None,
) -> Any:
    """The models of a design, and those that are listed.

    Parameters
    ----------
    sections
        Of the study file.
    kind
        Which of the designs.
    defaults
        Settings of training that are no factors.
    where, file
        The study file, for messages, and to find the file of points beside it.

    Raises
    ------
    StudyError
        If the design is impossible, or a listed model has a name of it.
    """
    listed = sections.get(kind.models) or {}
    if not isinstance(listed, dict):
        return listed  # pydantic refuses it, with a message of its own
    try:
        design = Design.model_validate(sections[kind.section])
    except ValidationError as error:
        places = [{**e, "loc": (kind.section, *e["loc"])} for e in error.errors()]
        raise StudyError(f"{where}: {sentences(places)}") from error
    own = {name: value for name, value in defaults.items() if name in kind.settings.model_fields}
    for factor in design.factors.as_factors():
        if factor.name not in kind.settings.model_fields:
            known = sorted(set(kind.settings.model_fields) & set(FACTORS))
            raise StudyError(
                f"{where}: {kind.section}.factors: {unknown('factor', factor.name, known)}"
            )
    try:
        points = points_of(design, file and points_file(file, kind.section), own)
    except StudyError as error:
        raise StudyError(f"{where}: {kind.section}: {error}") from error
    models = expand(design, points, kind.prefix)
    both = sorted(set(models) & set(listed))
    if both:
        raise StudyError(
            f"{where}: {kind.models}.{both[0]}: that is a name of {kind.section}; use another"
        )
    if kind.models != "models":  # those of `models` get their defaults with the listed ones
        models = {name: {**own, **model} for name, model in models.items()}
    return {**models, **listed}


def keep_points(study: Study) -> list[Path]:
    """Write the points of the designs of a study beside its file, where they are not yet.

    A later study with more models, or another version of the libraries, keeps these points.
    Returns the files that were written.
    """
    written = []
    for kind in DESIGNS:
        design = getattr(study, kind.section)
        if design is None:
            continue
        models = getattr(study, kind.models)
        members = [models[name] for name in design.names(kind.prefix)]
        names = [factor.name for factor in design.factors.as_factors()]
        points = [{name: getattr(model, name) for name in names} for model in members]
        settings = members[0].model_dump()
        own = {name: settings[name] for name in LIMITED if name not in names}
        file = points_file(study.file, kind.section)
        if not file.is_file() or read_points(design, file, own)[: len(points)] != points:
            write_points(points, design, file, own)
            written.append(file)
    return written
