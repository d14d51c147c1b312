"""Reading and checking a study file; the only place where settings are read."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cood.catalogue import checkpoints as catalogue
from cood.errors import CoodError, StudyError, unknown
from cood.paths import STUDIES, project_root
from cood.settings.design_models import DESIGNS, with_design
from cood.settings.messages import sentences
from cood.settings.models import Training
from cood.settings.study import Study

__all__ = ["Study", "load_study", "parse_study", "restore_study", "study_file"]

DEFAULTS, ZOO = "defaults", "zoo"  # keys of a file that become part of `models`
MERGE = "tag:yaml.org,2002:merge"
FLOAT = "tag:yaml.org,2002:float"
INT = "tag:yaml.org,2002:int"
OTHER_BASE = re.compile(r"[-+]?0[\d_]+$|.*:")
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
            beside = path.parent.glob("*.y*ml") if path.parent.is_dir() else ()
            near = get_close_matches(path.name, sorted(file.name for file in beside))
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise StudyError(f"study file {study} does not exist{hint}")
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
    """Refuses duplicate keys, of which YAML would take the last, and reads 3e-3 as a number.

    Whole numbers in base 8 (010) or 60 (1:30) are refused too, as nobody means them.
    """

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


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> int:
    if OTHER_BASE.match(node.value):
        raise yaml.constructor.ConstructorError(
            None,
            None,
            f"{node.value} is a number in base 8 or 60; write it without 0 in front, or in quotes",
            node.start_mark,
        )
    return loader.construct_yaml_int(node)


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    if ":" in node.value:
        raise yaml.constructor.ConstructorError(
            None, None, f"{node.value} is a number in base 60; put text in quotes", node.start_mark
        )
    return loader.construct_yaml_float(node)


_Loader.add_constructor(INT, _whole_number)
_Loader.add_constructor(FLOAT, _number)
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
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise StudyError(f"{path} cannot be read: {error.strerror}") from error
    # Also of impossible dates, and of tags on other values.
    except (yaml.YAMLError, ValueError, RecursionError, KeyError, AttributeError) as error:
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
    if isinstance(error, KeyError | AttributeError):
        return "a tag, such as !!bool, does not fit its value; leave it out"
    # A text has no name that would help.
    return " ".join(str(error).split()).replace('in "<unicode string>", ', "")


def parse_study(raw: dict[str, Any], where: str, file: Path | None = None) -> Study:
    """Check settings that were read from `where`; see `load_study`.

    The points of the designs are those beside `file`, if they are there.
    """
    sections = dict(raw)
    defaults = sections.pop(DEFAULTS, None) or {}
    _check_defaults(defaults, where)
    for design in DESIGNS:
        if design.section in sections:
            sections[design.models] = with_design(sections, design, defaults, where, file)
    models = sections.get("models")
    if isinstance(models, dict):
        sections["models"] = {name: _with_defaults(own, defaults) for name, own in models.items()}
    if ZOO in sections:
        zoo = sections.pop(ZOO)
        sections["models"] = _with_zoo(sections.get("models") or {}, zoo, where)
    return restore_study(sections, where)


def restore_study(settings: dict[str, Any], where: str) -> Study:
    """Check settings that a study saved: all of its models are listed, with all of their settings.

    Raises
    ------
    StudyError
        If they hold an unknown key, a wrong type or an impossible value.
    """
    try:
        return Study.model_validate(settings)
    except ValidationError as error:
        raise StudyError(f"{where}: {sentences(error.errors())}") from error


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
            raise StudyError(f"{where}: {sentences(places)}") from error


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
