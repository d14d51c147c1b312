"""The small CLIPs that can be trained: their configurations in open_clip, read without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cood.errors import StudyError, unknown
from cood.settings import Recipe

CONFIGS = Path(__file__).parent / "configs"


def architectures() -> dict[str, Path]:
    """open_clip configurations of the small CLIPs, by name."""
    return {path.stem: path for path in sorted(CONFIGS.glob("*.json"))}


def architecture(name: str) -> Path:
    """File of a configuration; an unknown name raises a StudyError."""
    files = architectures()
    if name not in files:
        raise StudyError(unknown("architecture", name, files))
    return files[name]


def check_training(model: str, settings: Recipe, section: str = "models") -> None:
    """Check before long work begins that a model can be trained as its settings say.

    `section` is the section of the study file that holds the settings.

    Raises
    ------
    StudyError
        If there is no such architecture, or it does not fit the loss.
    """
    config: dict[str, Any] = json.loads(architecture(settings.architecture).read_text())
    if (settings.loss == "sigmoid") != ("init_logit_bias" in config):
        raise StudyError(
            f"{section}.{model}: architecture {settings.architecture!r} and loss {settings.loss!r} "
            "clash: the configuration needs init_logit_bias for the sigmoid loss, and must not "
            "have it for softmax"
        )


def check_image_encoder(encoder: str, architecture_: str) -> None:
    """Check before long work begins that timm can make the image tower of an architecture."""
    config: dict[str, Any] = json.loads(architecture(architecture_).read_text())
    if "timm_model_name" not in config["vision_cfg"]:
        usable = [name for name, file in architectures().items() if "timm" in file.read_text()]
        raise StudyError(
            f"image_encoders.{encoder}: the image tower of architecture {architecture_!r} is not "
            f"one of timm; use {', '.join(usable)}"
        )
