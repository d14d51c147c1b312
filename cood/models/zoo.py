"""The small CLIPs that can be trained: their open_clip configurations, read without torch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cood.catalogue import open_clip_listing as listing
from cood.errors import StudyError, unknown
from cood.settings import Checkpoint, Recipe

CONFIGS = Path(__file__).parent / "configs"
REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")  # of the model hub, an old one without ORG


def architectures() -> dict[str, Path]:
    """open_clip configurations of the small CLIPs, by name."""
    return {path.stem: path for path in sorted(CONFIGS.glob("*.json"))}


def architecture(name: str) -> Path:
    """File of one configuration; an unknown name raises a StudyError."""
    known = architectures()
    if name not in known:
        raise StudyError(unknown("architecture", name, known))
    return known[name]


def check_training(model: str, settings: Recipe, section: str = "models") -> None:
    """Make sure that a model can be trained as its settings say, before long work begins.

    `section` of the study file holds them.

    Raises
    ------
    StudyError
        If there is no such architecture, or it does not fit the loss.
    """
    config: dict[str, Any] = json.loads(architecture(settings.architecture).read_text())
    if (settings.loss == "sigmoid") != ("init_logit_bias" in config):
        raise StudyError(
            f"{section}.{model}: architecture {settings.architecture!r} and loss {settings.loss!r} "
            "clash: the sigmoid loss needs init_logit_bias in the configuration, softmax must "
            "not have it"
        )


def check_image_encoder(tower: str, architecture_: str) -> None:
    """Make sure that the image tower of an architecture can stand alone: that timm makes it."""
    config: dict[str, Any] = json.loads(architecture(architecture_).read_text())
    if "timm_model_name" not in config["vision_cfg"]:
        usable = [name for name, file in architectures().items() if "timm" in file.read_text()]
        raise StudyError(
            f"image_encoders.{tower}: the image tower of architecture {architecture_!r} is not one of "
            f"timm; use {', '.join(usable)}"
        )


def check_checkpoint(model: str, settings: Checkpoint) -> None:
    """Make sure that open_clip has what a checkpoint is named by, before long work begins.

    Whether its weights can be had is another matter: a model without them is left out.

    Raises
    ------
    StudyError
        If there is no such checkpoint, architecture or tag, or no repository can have that name.
    """
    named, where = settings.checkpoint, f"models.{model}"
    if settings.architecture is not None:
        name, _, tag = settings.architecture.partition("/")
        if name not in listing.architectures():
            known = listing.architectures()
            raise StudyError(f"{where}.architecture: {unknown('architecture', name, known)}")
        tags = [n.partition("/")[2] for n in listing.places() if n.startswith(f"{name}/")]
        if tag and tag not in tags:
            raise StudyError(f"{where}.architecture: {unknown('tag', tag, tags)}")
    elif named.startswith(listing.HUB):
        repo = named.removeprefix(listing.HUB).partition("@")[0]
        if not REPOSITORY.fullmatch(repo):
            raise StudyError(
                f"{where}.checkpoint: {repo!r} names no repository, as ORG/NAME does; correct it"
            )
    elif not named.startswith(listing.LOCAL) and named not in listing.places():
        raise StudyError(f"{where}.checkpoint: {unknown('checkpoint', named, listing.places())}")
