"""Loading a CLIP model, its preprocessing and its tokeniser, from wherever it lies."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch

from cood.errors import ArtefactError, CoodError, unknown

LOCAL = "local-dir:"


@dataclass(frozen=True)
class Clip:
    """A model ready to embed; `preprocess` and `tokenize` are those of its own configuration."""

    source: str
    model: torch.nn.Module
    preprocess: Callable[..., torch.Tensor]
    tokenize: Callable[..., torch.Tensor]
    config: dict[str, Any]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @property
    def causal_text(self) -> bool:
        """Whether texts may be cut behind the end token without changing their embedding.

        True for text towers with a causal mask that read the embedding off the end token, the
        highest number; towers without the mask look at the padding too, and CoCa's class token
        comes after it.
        """
        text = self.config["text_cfg"]
        return (
            not text.get("hf_model_name")
            and not text.get("no_causal_mask", False)
            and not text.get("embed_cls", False)
            and text.get("pool_type", "argmax") == "argmax"
        )


def best_device() -> torch.device:
    """The GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def load(source: str, device: torch.device | None = None) -> Clip:
    """Load a trained model with open_clip.

    Parameters
    ----------
    source
        ``local-dir:PATH`` of a folder with `open_clip_config.json` and weights (safetensors),
        ``hf-hub:ORG/REPO``, or ``ARCHITECTURE/TAG`` as in `open_clip.list_pretrained()`.
    device
        Where to put it; the GPU where there is one by default.

    Raises
    ------
    CoodError
        If there is no such model, or its weights cannot be had.
    """
    name, tag = source, None
    if not source.startswith((LOCAL, "hf-hub:")):
        name, _, tag = source.rpartition("/")
        known = ["/".join(pair) for pair in open_clip.list_pretrained()]
        if source not in known:
            raise CoodError(unknown("checkpoint", source, known))
    logging.getLogger().setLevel(logging.ERROR)  # open_clip tells every step to the root logger
    try:
        model, preprocess = open_clip.create_model_from_pretrained(
            name, pretrained=tag, device=device or best_device()
        )
        config = open_clip.get_model_config(name)
        tokenize = open_clip.get_tokenizer(name)
    except Exception as error:  # open_clip, safetensors and the hub raise all sorts
        reason = " ".join(str(error).split())
        if source.startswith(LOCAL):
            raise ArtefactError(
                f"model {source.removeprefix(LOCAL)} cannot be loaded ({reason}); correct "
                "its path, or, if it was trained here, delete the folder and run `nox -s reproduce`"
            ) from error
        raise CoodError(f"model {source} cannot be loaded: {reason}") from error
    model.eval()
    return Clip(source, model, preprocess, tokenize, config)


def text_tower(model: Any) -> Any:
    """The part of an open_clip model that holds its text embeddings, positions and mask."""
    return getattr(model, "text", model)


def local(folder: Path) -> str:
    """Source of a model saved in `folder`."""
    return f"{LOCAL}{folder}"
