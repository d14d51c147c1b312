"""Reading and checking a study file; the only place where settings are read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import Discriminator, ValidationError

from cood.catalogue import checkpoints as catalogue
from cood.errors import CoodError, StudyError, unknown
from cood.paths import STUDIES, project_root
from cood.settings.design import FACTORS, Design, expand
from cood.settings.design_file import LIMITED, points_file, points_of, read_points, write_points
from cood.settings.models import FactorTraining, Recipe, Training
from cood.settings.sets import SOURCES
from cood.settings.study import Study

__all__ = ["Study", "load_study", "parse_study", "study_file"]

DEFAULTS, ZOO = "defaults", "zoo"  # keys of a file that become part of `models`
LISTED = 3  # places that a message lists
MERGE = "tag:yaml.org,2002:merge"
FLOAT = "tag:yaml.org,2002:float"
EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


def study_file(study: str) -> Path:
    """Path of a study given by name (in `workflow/studies/`) or by path (`my.yaml`).

    Raises
    ------
    StudyError
        If there is no such file, or its name is that of a study of the project.
    """
    folder = project_root() / STUDIES
    if study.endswith((".yaml", ".yml")):
        path = Path(study)
        if not path.is_file():
            raise StudyError(f"study file {study} does not exist")
        own = folder / path.name
        if own.is_file() and not own.samefile(path):
            raise StudyError(
                f"{path}: the project has a study of that name, and both would write to "
                f"results/{path.stem}; give the file another name"
            )
        return path
    path = folder / f"{study}.yaml"
    if not path.is_file():
        names = sorted(p.stem for p in folder.glob("*.yaml"))
        raise StudyError(unknown("study", study, names) + f" (files in {folder})")
    return path


class _Loader(yaml.SafeLoader):
    """Refuses duplicate keys, of which YAML would take the last, and reads 3e-3 as a number."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key, _ in node.value:
            if key.tag == MERGE or not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in keys:
                raise yaml.constructor.ConstructorError(
                    None, None, f"duplicate key {key.value!r}", key.start_mark
                )
            keys.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(FLOAT, EXPONENT, list("-+.0123456789"))


def load_study(study: str) -> Study:
    """Read and check a study file.

    `defaults:` in the file holds settings of training that `models:` may override one by one.
    `zoo:` lists families of the catalogue, whose checkpoints are added to `models:`.
    `design:` describes models as points of an experiment, which are added to `models:`, and
    `factor_design:` others, which are added to `factor_models:`.

    Parameters
    ----------
    study
        Name of a file in `workflow/studies/` or path of a YAML file.

    Raises
    ------
    StudyError
        If there is no such file, or it holds an unknown key, a wrong type or an impossible value.
    """
    path = study_file(study)
    try:
        raw = yaml.load(path.read_text(), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} is not valid YAML: {_yaml_fault(error)}") from error
    if not isinstance(raw, dict):
        raise StudyError(f"{path}: expected settings by name, got {type(raw).__name__}")
    parsed = parse_study({"name": path.stem, **raw}, where=str(path), file=path)
    parsed._file = path.resolve()
    return parsed


def _yaml_fault(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())


def parse_study(raw: dict[str, Any], where: str, file: Path | None = None) -> Study:
    """Check settings that were read from `where`; see `load_study`.

    The points of the designs are those beside `file`, if they are there.
    """
    sections = dict(raw)
    defaults = sections.pop(DEFAULTS, None) or {}
    _check_defaults(defaults, where)
    for design in DESIGNS:
        if design.section in sections:
            sections[design.models] = _with_design(sections, design, defaults, where, file)
    models = sections.get("models")
    if isinstance(models, dict):
        sections["models"] = {name: _with_defaults(own, defaults) for name, own in models.items()}
    if ZOO in sections:
        zoo = sections.pop(ZOO)
        sections["models"] = _with_zoo(sections.get("models") or {}, zoo, where)
    try:
        return Study.model_validate(sections)
    except ValidationError as error:
        raise StudyError(f"{where}: {_sentences(error.errors())}") from error


@dataclass(frozen=True)
class _DesignSection:
    """A section that describes models, those that it adds to, and what their settings are."""

    section: str
    models: str
    prefix: str
    settings: type[Recipe]


DESIGNS = (
    _DesignSection("design", "models", "m", Training),
    _DesignSection("factor_design", "factor_models", "f", FactorTraining),
)


def _with_design(
    sections: Mapping[str, Any],
    kind: _DesignSection,
    defaults: Mapping[str, Any],
    where: str,
    file: Path | None,
) -> Any:
    """The models of a design, and those that are listed."""
    listed = sections.get(kind.models) or {}
    if not isinstance(listed, dict):
        return listed  # pydantic refuses it, with a message of its own
    try:
        design = Design.model_validate(sections[kind.section])
    except ValidationError as error:
        places = [{**e, "loc": (kind.section, *e["loc"])} for e in error.errors()]
        raise StudyError(f"{where}: {_sentences(places)}") from error
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


def _check_defaults(defaults: Any, where: str) -> None:
    """Check each of the defaults alone, so that an error is not repeated for every model."""
    if not isinstance(defaults, dict):
        raise StudyError(f"{where}: {DEFAULTS}: expected settings by name, got {defaults!r}")
    try:
        Training.model_validate(defaults)
    except ValidationError as error:
        # Models add what is missing, and may change what clashes.
        wrong = [e for e in error.errors() if e["type"] != "missing" and not _is_clash(e)]
        if wrong:
            places = [{**e, "loc": (DEFAULTS, *e["loc"])} for e in wrong]
            raise StudyError(f"{where}: {_sentences(places)}") from error


def _is_clash(error: Any) -> bool:
    return not error["loc"] and not error["msg"].startswith("Value error, unknown key")


def _with_defaults(settings: Any, defaults: dict[str, Any]) -> Any:
    if settings is None:
        return dict(defaults)
    if isinstance(settings, dict) and "checkpoint" not in settings:
        return {**defaults, **settings}
    return settings


def _with_zoo(models: Any, families: Any, where: str) -> Any:
    """The models, and the checkpoints of the families that are not yet among them."""
    if not isinstance(models, dict):
        return models  # pydantic refuses it, with a message of its own
    if not isinstance(families, list):
        raise StudyError(f"{where}: {ZOO}: expected a list of families, got {families!r}")
    try:
        names = catalogue.select(families)
    except CoodError as error:
        raise StudyError(f"{where}: {ZOO}: {error}") from error
    own = [value for value in models.values() if isinstance(value, dict)]
    named = [value.get(key) for value in own for key in ("checkpoint", "architecture")]
    named = [catalogue.listed_as(name) for name in named if isinstance(name, str)]
    zoo = {name.replace("/", "_"): {"checkpoint": name} for name in names if name not in named}
    return {**zoo, **models}


def _sentences(errors: Sequence[Any]) -> str:
    """Errors of pydantic as `place: message`; places with the same message are listed together."""
    places: dict[str, list[str]] = {}
    for error in errors:
        place, message = _sentence(error)
        places.setdefault(message, []).append(place)
    return "; ".join(f"{_listed(where)}{message}" for message, where in places.items())


def _listed(places: Sequence[str]) -> str:
    shown = [place for place in dict.fromkeys(places) if place]
    more = f" and {len(shown) - LISTED} more" if len(shown) > LISTED else ""
    return f"{', '.join(shown[:LISTED])}{more}: " if shown else ""


def _sentence(error: Any) -> tuple[str, str]:
    """Place and message of an error of pydantic, with the value if that helps."""
    place = ".".join(_place(error["loc"]))
    message, kind = error["msg"].removeprefix("Value error, "), error["type"]
    if kind == "union_tag_invalid":
        return f"{place}.source", unknown("source", str(error["ctx"]["tag"]), SOURCES)
    if kind == "union_tag_not_found":
        return f"{place}.source", f"missing; known: {', '.join(SOURCES)}"
    if kind == "missing":
        return place, "missing"
    if kind == "value_error":
        return place, message
    if kind == "string_pattern_mismatch":
        message = "a name may hold letters, digits, dots, dashes and underscores only"
    return place, f"{message}, got {error['input']!r}"


def _place(location: tuple[Any, ...]) -> list[str]:
    """Keys of the file that lead to an error.

    Where the entries of a section are of several kinds, pydantic names the kind after the entry.
    """
    parts = [str(part) for part in location]
    return [*parts[:2], *parts[3:]] if parts and parts[0] in KINDS else parts


def _of_several_kinds(annotation: Any) -> bool:
    entries = get_args(annotation)[-1:]  # of a dict
    return any(isinstance(note, Discriminator) for entry in entries for note in get_args(entry))


KINDS = {name for name, field in Study.model_fields.items() if _of_several_kinds(field.annotation)}
