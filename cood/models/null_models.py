"""CLIPs with random weights: what they score as well says nothing of what was learnt."""

from __future__ import annotations

import logging
from dataclasses import replace

import open_clip
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2

from cood.catalogue import open_clip_listing as listing
from cood.devices import best_device
from cood.errors import CoodError
from cood.models import zoo
from cood.models.clip import Clip
from cood.models.small_clip import untrained_clip
from cood.settings import NullModel


def null_model(settings: NullModel) -> Clip:
    """Make a small CLIP, or one of open_clip's architectures, as it is before any training.

    The same seed gives the same weights on every device. Layers of normalisation that keep
    statistics of their input have those of their beginning: mean 0, variance 1.

    Raises
    ------
    CoodError
        If there is no such architecture, or what it takes besides weights (the tokeniser of a
        text tower from elsewhere) cannot be had.
    """
    name = settings.architecture
    if name in zoo.architectures():
        clip = untrained_clip(name, settings.seed)
    else:
        clip = _published(name, settings.seed)
    clip.model.eval()
    return replace(clip, source=f"{name}, untrained, seed {settings.seed}")


def _published(name: str, seed: int) -> Clip:
    if name not in listing.architectures():
        raise CoodError(f"open_clip has no architecture {name!r}; correct its name")
    logging.getLogger().setLevel(logging.ERROR)
    torch.manual_seed(seed)
    try:
        model = open_clip.create_model(name, device=best_device(), pretrained_text=False)
        tokeniser = open_clip.get_tokenizer(name)
    except Exception as error:  # open_clip and transformers raise all sorts
        reason = " ".join(str(error).split())
        raise CoodError(f"{name} cannot be made without training: {reason}") from error
    preprocess = image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)
    return Clip(name, model, preprocess, tokeniser, open_clip.get_model_config(name))
