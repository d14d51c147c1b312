"""How a model's preprocessing makes an image of its size, known without loading it (or torch)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cood.catalogue.checkpoints import configuration
from cood.catalogue.image_size import USUAL_SIZE, sides
from cood.catalogue.open_clip_listing import architectures, entries

TOWERS = Path(__file__).parents[1] / "models" / "configs" / "image_towers"
OPEN_CLIP_CONFIG = "open_clip_config.json"


@dataclass(frozen=True)
class Preprocessing:
    """What decides the pixels of an image before they are normalised, as open_clip names it.

    Attributes
    ----------
    size
        Pixels a side.
    interpolation, resize_mode
        Of the resizing to that size.
    """

    size: int
    interpolation: str = "bicubic"
    resize_mode: str = "shortest"

    @property
    def name(self) -> str:
        """Name for files and for readers, such as ``224-bicubic-shortest``."""
        return f"{self.size}-{self.interpolation}-{self.resize_mode}"


@lru_cache
def of_tower(image_tower: str) -> Preprocessing | None:
    """That of a small CLIP, and of an image-only encoder that is made here."""
    file = TOWERS / f"{image_tower}.json"
    if not file.is_file():
        return None  # whoever makes the model names what there is
    return Preprocessing(json.loads(file.read_text())["image_size"])


@lru_cache
def of_checkpoint(name: str) -> Preprocessing | None:
    """That of a checkpoint ``ARCHITECTURE/TAG`` of open_clip, or of an architecture alone.

    None if there is no such checkpoint.
    """
    architecture, _, tag = name.partition("/")
    if architecture not in architectures() or (tag and name not in entries()):
        return None
    return _of_settings(configuration(architecture), entries()[name] if tag else {})


def of_folder(folder: Path) -> Preprocessing | None:
    """That of a folder with the configuration of open_clip; None if it cannot be read."""
    try:
        settings = json.loads((folder / OPEN_CLIP_CONFIG).read_text())
        given = settings.get("preprocess_cfg") or {}
        # The size of the image tower wins over another one.
        own = {key: value for key, value in given.items() if key != "size"}
        return _of_settings(settings["model_cfg"], own)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # whoever loads it says what is wrong


def _of_settings(model: dict[str, Any], preprocessing: dict[str, Any]) -> Preprocessing | None:
    height, width = sides(
        preprocessing.get("size") or model["vision_cfg"].get("image_size", USUAL_SIZE)
    )
    if height != width:
        return None
    size = height
    named = {key: preprocessing.get(key) for key in ("interpolation", "resize_mode")}
    return Preprocessing(size, **{key: value for key, value in named.items() if value})
