"""A study file, read and checked; the only place where settings are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cood.catalogue import checkpoints as catalogue
from cood.errors import CoodError, StudyError, unknown
from cood.paths import STUDIES, project_root
from cood.settings import (
    SOURCES,
    Captions,
    Checkpoint,
    Corpus,
    DimensionSwap,
    Evaluation,
    FactorSet,
    FactorTraining,
    IdSet,
    ImageEncoderTraining,
    Interventions,
    NearDuplicates,
    NullModel,
    PublishedImageEncoder,
    RepresentationMetrics,
    Retrieval,
    Settings,
    Study,
    Training,
    UntrainedImageEncoder,
    Verification,
    WordList,
)

__all__ = ["Study", "load_study", "parse_study", "study_file"]


def study_file(study: str) -> Path:
    """Path of a study given by name (in `workflow/studies/`) or by path (`my.yaml`)."""
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
        known = sorted(p.stem for p in folder.glob("*.yaml"))
        raise StudyError(unknown("study", study, known) + f" (files in {folder})")
    return path


class _Once(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML would take the last, without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        own = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key in own:
            if own.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def load_study(study: str) -> Study:
    """Read and check a study file.

    `defaults:` in the file holds settings of training that `models:` may override one by one.
    `zoo:` lists families of the catalogue, whose checkpoints join `models:`.

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
        raw = yaml.load(path.read_text(), Loader=_Once)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StudyError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict):
        raise StudyError(f"{path}: expected settings by name, got {type(raw).__name__}")
    parsed = parse_study({"name": path.stem, **raw}, where=str(path))
    parsed._file = path.resolve()
    return parsed


def parse_study(raw: dict[str, Any], where: str) -> Study:
    """Check settings that were read from `where`; see `load_study`."""
    raw = dict(raw)
    defaults = raw.pop("defaults", None) or {}
    if not isinstance(defaults, dict):
        raise StudyError(f"{where}: defaults: expected settings by name, got {defaults!r}")
    models = raw.get("models")
    if isinstance(models, dict):
        raw["models"] = {name: _filled(own, defaults) for name, own in models.items()}
    if "zoo" in raw:
        raw["models"] = _with_zoo(raw.get("models") or {}, raw.pop("zoo"), where)
    try:
        return Study.model_validate(raw)
    except ValidationError as error:
        placed = [_placed(one, models, defaults) for one in error.errors()]
        sentences = dict.fromkeys(map(_sentence, placed))
        raise StudyError(f"{where}: " + "; ".join(sentences)) from error


def _placed(error: Any, models: Any, defaults: dict[str, Any]) -> Any:
    """An error of a model that is due to the defaults alone, as one of the defaults."""
    place = error["loc"]
    if place[0:1] != ("models",) or place[2:3] != ("training",):
        return error
    own = models[place[1]] if isinstance(models[place[1]], dict) else {}
    # An error of the whole model, not of a key, names in its sentence the keys that clash.
    keys = place[3:4] or re.findall(r"\w+", error["msg"])
    if set(keys) & set(own) or not set(keys) & set(defaults):
        return error
    return {**error, "loc": ("defaults", *place[3:])}


def _filled(own: Any, defaults: dict[str, Any]) -> Any:
    if own is None:
        return dict(defaults)
    if isinstance(own, dict) and "checkpoint" not in own:
        return {**defaults, **own}
    return own


def _with_zoo(models: Any, chosen: Any, where: str) -> Any:
    """The models, and the checkpoints of the chosen families that are not yet among them."""
    if not isinstance(models, dict):
        return models  # refused later, with a sentence of its own
    if not isinstance(chosen, list):
        raise StudyError(f"{where}: zoo: expected a list of families, got {chosen!r}")
    try:
        names = catalogue.select(chosen)
    except CoodError as error:
        raise StudyError(f"{where}: zoo: {error}") from error
    own = [value for value in models.values() if isinstance(value, dict)]
    named = [value.get(key) for value in own for key in ("checkpoint", "architecture")]
    named = [catalogue.listed_as(name) for name in named if isinstance(name, str)]
    zoo = {name.replace("/", "_"): {"checkpoint": name} for name in names if name not in named}
    return {**zoo, **models}


def _sentence(error: Any) -> str:
    # pydantic names the kind of a model, or the source of a set, between its name and its key.
    place = [str(part) for i, part in enumerate(error["loc"]) if (error["loc"][0], i) not in KINDS]
    where = ".".join(place)
    if error["type"] == "union_tag_invalid":
        return f"{where}.source: {unknown('source', str(error['ctx']['tag']), SOURCES)}"
    if error["type"] == "union_tag_not_found":
        return f"{where}.source: missing; known: {', '.join(SOURCES)}"
    if error["type"] == "extra_forbidden":
        text = unknown("key", place[-1], _keys(error["loc"][:-1]))
        return text.replace(repr(place[-1]), repr(where), 1)
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return f"{where}: {message}" if where else message
    if error["type"] == "missing":
        return f"{where}: missing"
    if error["type"] == "string_pattern_mismatch":
        message = "a name may hold letters, digits, dots, dashes and underscores only"
    return f"{where}: {message}, got {error['input']!r}"


KINDS = {("models", 2), ("sets", 2), ("image_encoders", 2)}
SECTIONS: dict[str, type[Settings]] = {
    "vocabulary": WordList,
    **SOURCES,
    "id_sets": IdSet,
    "factor_sets": FactorSet,
    "factor_models": FactorTraining,
    "defaults": Training,
    "training": Training,
    "checkpoint": Checkpoint,
    "objective": ImageEncoderTraining,
    "untrained": UntrainedImageEncoder,
    "null_models": NullModel,
    "encoder": PublishedImageEncoder,
    "captions": Captions,
    "corpora": Corpus,
    "near_duplicates": NearDuplicates,
    "verification": Verification,
    "evaluation": Evaluation,
    "representation_metrics": RepresentationMetrics,
    "retrieval": Retrieval,
    "dimension_swap": DimensionSwap,
    "interventions": Interventions,
}


def _keys(section: tuple[Any, ...]) -> list[str]:
    """Keys that may stand in a section of a study file, given by its path."""
    for index, part in reversed(list(enumerate(section))):
        if index != 1 and part in SECTIONS:  # at 1 stands a name that users chose
            return list(SECTIONS[part].model_fields)
    return [*Study.model_fields, "defaults", "zoo"]
