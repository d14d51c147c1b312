"""Facts about image-only encoders of timm; read without torch."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cood.catalogue.checkpoints import MILLION

ENCODERS = Path(__file__).with_name("image_encoders.yaml")


@lru_cache
def _catalogue() -> dict[str, Any]:
    return yaml.safe_load(ENCODERS.read_text())


def image_encoder_names() -> list[str]:
    """Names of timm, with their tags, that the catalogue lists."""
    return list(_catalogue()["encoders"])


def facts(encoder: str) -> dict[str, Any]:
    """Facts about an encoder; empty for one that is not in the catalogue.

    `family`; `learns` (from what it was trained); `architecture`; `data` (pre-training set) and
    its number of `images`, NaN where unknown; `parameters`; `embed_dim`; `resolution` and `patch`
    in pixels, NaN for encoders without patches.
    """
    catalogue = _catalogue()
    if encoder not in catalogue["encoders"]:
        return {}
    own = catalogue["encoders"][encoder]
    architecture = encoder.partition(".")[0]
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
