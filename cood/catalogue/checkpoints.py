"""Facts about the checkpoints of open_clip, and which are refused; read without torch."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cood.catalogue.image_size import USUAL_SIZE, resolution
from cood.catalogue.open_clip_listing import package, places
from cood.catalogue.sources import HUB
from cood.errors import CoodError, unknown

CHECKPOINTS = Path(__file__).with_name("checkpoints.yaml")
# Zero-shot accuracy of 68 loads of open_clip's checkpoints, as the authors computed it: ImageNet
# validation and the objects of ImageNet-AO v1. From their notebooks, github.com/abbasiReza/
# Evaluation-of-CLIP-Models-on-Compositional. "RN50_openai" is RN50/openai; at that time open_clip
# loaded the weights of OpenAI with QuickGELU under either name.
PUBLISHED = Path(__file__).with_name("published.csv")

MILLION = 1e6
USUAL_WIDTH = 768  # of open_clip, where a configuration gives none


@lru_cache
def _catalogue() -> dict[str, Any]:
    return yaml.safe_load(CHECKPOINTS.read_text())


def families() -> dict[str, list[str]]:
    """Checkpoints as `ARCHITECTURE/TAG`, by family."""
    return {name: list(members) for name, members in _catalogue()["checkpoints"].items()}


def select(chosen: Iterable[str]) -> list[str]:
    """Checkpoints of some families, in the order of the catalogue.

    Raises
    ------
    CoodError
        If there is no such family.
    """
    members = families()
    for family in chosen:
        if str(family) not in members:
            raise CoodError(unknown("family", str(family), members))
    return [name for family, names in members.items() if family in chosen for name in names]


def refusal(checkpoint: str, *, in_a_file: bool = False) -> str | None:
    """Why a checkpoint must not be used, and what to use instead; None if it may be used.

    `in_a_file` says that the weights are not those that open_clip downloads, so that the list of
    duplicates does not apply.
    """
    catalogue = _catalogue()
    if checkpoint.startswith(HUB):
        listed = listed_as(checkpoint)
        return None if listed == checkpoint else refusal(listed)
    architecture, _, tag = checkpoint.partition("/")
    if tag in catalogue["wrong_activation"].get(architecture, ()):
        right = f"{architecture}-quickgelu/{tag}"
        return (
            f"{checkpoint} would load weights that were trained with QuickGELU into a model with "
            f"plain GELU; use {right}"
        )
    if checkpoint in catalogue["duplicates"] and not in_a_file:
        same = catalogue["duplicates"][checkpoint]
        return f"{checkpoint} gives the same weights as {same}; use that name"
    if checkpoint in catalogue["broken"]:
        return f"{checkpoint} is broken: {catalogue['broken'][checkpoint]}; leave it out"
    return None


def listed_as(checkpoint: str) -> str:
    """Name under which open_clip lists the weights of a repository ``hf-hub:ORG/REPO``.

    Any other name is returned unchanged, also a repository with a revision.
    """
    if not checkpoint.startswith(HUB):
        return checkpoint
    place = f"{checkpoint.removeprefix(HUB)}/"
    names = [name for name, listed in places().items() if listed == place]
    # The same weights may be listed with the wrong activation too.
    return min(names, key=lambda name: refusal(name) is not None, default=checkpoint)


def facts(checkpoint: str) -> dict[str, Any]:
    """Facts about a checkpoint; empty for one that is not in the catalogue.

    `family`, `architecture`; `data` (pre-training set), `pairs` (its size) and `samples_seen`, NaN
    where unknown; `parameters`; `embed_dim`, `width` of the image tower (NaN for towers of timm)
    and `resolution` in pixels, from open_clip's configuration; `published_id`, the published
    top-1 accuracy on ImageNet, NaN where there is none.
    """
    catalogue = _catalogue()
    listed = catalogue["checkpoints"].items()
    family = next((name for name, members in listed if checkpoint in members), None)
    if family is None:
        return {}
    training = catalogue["checkpoints"][family][checkpoint]
    architecture = checkpoint.partition("/")[0]
    return {
        "family": family,
        "architecture": architecture,
        "data": training["data"],
        "pairs": _pairs(catalogue["data"][training["data"]]),
        "samples_seen": _pairs(training["seen"]),
        **facts_of_architecture(architecture),
        "published_id": published().get(checkpoint, float("nan")),
    }


def facts_of_architecture(architecture: str) -> dict[str, Any]:
    """`parameters` and `sizes` of an architecture of open_clip; NaN for parameters not listed."""
    parameters = _catalogue()["parameters"].get(architecture, float("nan"))
    return {"parameters": parameters, **sizes(configuration(architecture))}


def sizes(config: dict[str, Any]) -> dict[str, float]:
    """`embed_dim`, `width` and `resolution` in a configuration of open_clip; see `facts`.

    What the configuration leaves out is what open_clip takes then.
    """
    vision = config["vision_cfg"]
    of_timm = bool(vision.get("timm_model_name"))
    return {
        "embed_dim": config["embed_dim"],
        "width": vision.get("width", float("nan") if of_timm else USUAL_WIDTH),
        "resolution": resolution(vision.get("image_size", USUAL_SIZE)),
    }


def _pairs(millions: float | None) -> float:
    return float("nan") if millions is None else round(millions * MILLION)


@lru_cache
def configuration(architecture: str) -> dict[str, Any]:
    """open_clip's configuration of an architecture, read without importing it (and torch)."""
    return json.loads((package() / "model_configs" / f"{architecture}.json").read_text())


@dataclass(frozen=True)
class Load:
    """A row of `published.csv`: one checkpoint as the authors loaded it.

    Attributes
    ----------
    name
        As the authors wrote it.
    checkpoint
        Right name of the weights in the catalogue, or the name of the row if it has none.
    figures
        Accuracies by column of the file.
    broken, same_as
        Why the checkpoint does not work, and the earlier row that it repeats; else empty. A row
        repeats another if it has the same weights and the same figures.
    wrong_activation
        Whether weights that were trained with QuickGELU ran with plain GELU.
    """

    name: str
    checkpoint: str
    figures: dict[str, float]
    broken: str
    same_as: str
    wrong_activation: bool


@lru_cache
def loads() -> tuple[Load, ...]:
    """All rows of `published.csv`, in its order."""
    catalogue = _catalogue()
    wrong = [f"{a}/{tag}" for a, tags in catalogue["wrong_activation"].items() for tag in tags]
    names = [name for members in families().values() for name in members]
    names += [*wrong, *catalogue["duplicates"], *catalogue["broken"]]
    tags = {name.replace("/", "_"): name for name in names}
    with PUBLISHED.open(newline="") as file:
        rows = list(csv.DictReader(file))
    table: list[Load] = []
    first: dict[tuple[object, ...], str] = {}
    for row in rows:
        load = row.pop("model")
        name = tags[load]
        right = name.replace("/", "-quickgelu/") if name in wrong else name
        right = catalogue["duplicates"].get(right, right)
        figures = {column: float(value) for column, value in row.items()}
        earlier = first.setdefault((right, *figures.values()), load)
        table.append(
            Load(
                name=load,
                checkpoint=right,
                figures=figures,
                broken=catalogue["broken"].get(name, ""),
                same_as="" if earlier == load else earlier,
                wrong_activation=name in wrong and not name.endswith("/openai"),
            )
        )
    return tuple(table)


@lru_cache
def published() -> dict[str, float]:
    """Published top-1 accuracy on ImageNet, by checkpoint."""
    names = {name for members in families().values() for name in members}
    return {
        load.checkpoint: load.figures["imagenet_val_top1"]
        for load in reversed(loads())  # so that the first row of a checkpoint wins
        if load.checkpoint in names and not load.wrong_activation
    }
