"""Scores of image-text models on tasks of MIEB (`mieb.csv`), and which are CLIPs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("mieb.csv")
MODELS = Path(__file__).with_name("mieb_models.yaml")
COMPOSITION = {
    "aro_attribution": "ARO attribution",
    "sugarcrepe": "SugarCrepe",
    "winoground": "Winoground",
}
RETRIEVAL = {"cirr": "CIRR", "fashioniq": "FashionIQ"}


@lru_cache
def _models() -> dict[str, Any]:
    return yaml.safe_load(MODELS.read_text())


def dual_encoders() -> dict[str, dict[str, str]]:
    """The models of the CLIP kind, by name in MIEB.

    Each has `checkpoint`, its name in the catalogue, or else `data` and `tower`, the pre-training
    set and the kind of the image tower.
    """
    return dict(_models()["dual_encoders"])


def excluded() -> dict[str, str]:
    """Why each other model is left out."""
    return dict(_models()["excluded"])
