"""What is known of image-only towers of timm; read without torch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cood.catalogue.checkpoints import MILLION

TOWERS = Path(__file__).with_name("image_encoders.yaml")


@lru_cache
def _catalogue() -> dict[str, Any]:
    return yaml.safe_load(TOWERS.read_text())


def known_image_encoders() -> list[str]:
    """Names of timm, with their tags, that the catalogue knows."""
    return list(_catalogue()["towers"])


def facts(tower: str) -> dict[str, Any]:
    """What is known of a tower; empty for one that is not in the catalogue.

    `family`; `learns`, from what it learned; `architecture`; `data` (pre-training set) and `images`
    in it, NaN where unknown; `parameters`; `embed_dim`; `resolution` and `patch` in pixels, NaN
    for towers without patches.
    """
    catalogue = _catalogue()
    if tower not in catalogue["towers"]:
        return {}
    own = catalogue["towers"][tower]
    architecture = tower.partition(".")[0]
    size = catalogue["architectures"][architecture]
    images = catalogue["data"][own["data"]]
    return {
        "family": own["family"],
        "learns": own["learns"],
        "architecture": architecture,
        "data": own["data"],
        "images": float("nan") if images is None else round(images * MILLION),
        "parameters": round(size["parameters"] * MILLION),
        "embed_dim": size["embed_dim"],
        "resolution": own["resolution"],
        "patch": float("nan") if size["patch"] is None else size["patch"],
    }
