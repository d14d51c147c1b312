"""Null models: randomly initialised CLIPs."""

from __future__ import annotations

import logging
from dataclasses import replace

import open_clip
import torch

from cood.catalogue import open_clip_listing as listing
from cood.devices import best_device
from cood.errors import CoodError
from cood.models.clip import Clip, preprocessing_of
from cood.models.small_clip import untrained_clip
from cood.settings import NullModel


def null_model(settings: NullModel) -> Clip:
    """Make a small CLIP, or one of an architecture of open_clip, with random weights.

    The same seed gives the same weights on every device. Normalisation layers that keep statistics
    of their input have the initial ones: mean 0, variance 1.

    Raises
    ------
    CoodError
        If there is no such architecture, or what it needs besides weights (the tokeniser of a text
        tower of transformers) cannot be loaded.
    """
    if settings.towers is not None:
        clip = untrained_clip(settings.towers, settings.seed)
    else:
        clip = _published(str(settings.architecture), settings.seed)
    clip.model.eval()
    return replace(clip, source=f"{clip.source}, untrained, seed {settings.seed}")


def _published(name: str, seed: int) -> Clip:
    if name not in listing.architectures():
        raise CoodError(f"open_clip has no architecture {name!r}; correct its name")
    logging.getLogger().setLevel(logging.ERROR)
    torch.manual_seed(seed)
    try:
        model = open_clip.create_model(name, device=best_device(), pretrained_text=False)
        tokeniser = open_clip.get_tokenizer(name)
    except Exception as error:  # open_clip and transformers raise errors of many kinds
        reason = " ".join(str(error).split())
        raise CoodError(f"null model {name} cannot be made: {reason}") from error
    return Clip(name, model, preprocessing_of(model), tokeniser, open_clip.get_model_config(name))
