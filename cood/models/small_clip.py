"""Small CLIPs: made with random weights, and saved as open_clip reads them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

from cood.devices import best_device
from cood.files import atomic
from cood.models import zoo
from cood.models.clip import Clip, preprocessing_of
from cood.models.file_names import CLIP_CONFIG, CLIP_WEIGHTS
from cood.settings import Towers

PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")  # keys that are saved


def untrained_clip(towers: Towers, seed: int, device: torch.device | None = None) -> Clip:
    """Make a small CLIP with random weights.

    Raises
    ------
    StudyError
        If one of `towers` names no file in `cood/models/configs/`.
    """
    name, config = towers.architecture, zoo.configuration(towers)
    register(towers)
    logging.getLogger().setLevel(logging.ERROR)
    torch.manual_seed(seed)
    model = open_clip.create_model(name, device=device or best_device())
    return Clip(name, model, preprocessing_of(model), open_clip.get_tokenizer(name), config)


def register(towers: Towers) -> None:
    """Make a small CLIP known to open_clip by the name of its architecture.

    Raises
    ------
    StudyError
        If one of `towers` names no file in `cood/models/configs/`.
    """
    with TemporaryDirectory() as folder:  # open_clip reads configurations from files only
        file = Path(folder) / f"{towers.architecture}.json"
        file.write_text(json.dumps(zoo.configuration(towers)))
        open_clip.add_model_config(file)


def save_clip(clip: Clip, folder: Path) -> None:
    """Write config and weights as open_clip reads them from ``local-dir:`` and the hub."""
    visual: Any = clip.model.visual
    preprocess = {key: visual.preprocess_cfg[key] for key in PREPROCESSING}
    with atomic(folder / CLIP_CONFIG) as temporary:
        text = json.dumps({"model_cfg": clip.config, "preprocess_cfg": preprocess}, indent=2)
        temporary.write_text(text + "\n")
    with atomic(folder / CLIP_WEIGHTS[0]) as temporary:
        weights = clip.model.state_dict()
        save_file({name: value.contiguous() for name, value in weights.items()}, temporary)
