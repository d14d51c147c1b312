"""A CLIP that is ready to embed, wherever it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from open_clip.transform import PreprocessCfg, image_transform_v2


class ImageEncoder(Protocol):
    """What embeds images: a CLIP or an image-only encoder."""

    @property
    def preprocess(self) -> Callable[..., torch.Tensor]:
        """From a PIL image to pixels [3, size, size]."""

    @property
    def device(self) -> torch.device:
        """The device of the weights."""

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Embeddings [n, d] of pixels [n, 3, size, size]."""


@dataclass(frozen=True)
class Clip:
    """A model with the preprocessing and the tokeniser of its own configuration.

    Attributes
    ----------
    source
        How the model was named; see `cood.models.loading.load`.
    model
        The model of open_clip.
    preprocess, tokenize
        From a PIL image to pixels, and from texts to token ids.
    config
        Its `model_cfg` in open_clip.
    revision
        Commit of the hub that the weights come from; empty for other sources.
    """

    source: str
    model: torch.nn.Module
    preprocess: Callable[..., torch.Tensor]
    tokenize: Callable[..., torch.Tensor]
    config: dict[str, Any]
    revision: str = ""

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.model.parameters()).device

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Un-normalised embeddings [n, d] of pixels [n, 3, size, size]."""
        model: Any = self.model
        return model.encode_image(pixels)

    @property
    def causal_text(self) -> bool:
        """Whether texts may be cut after the end token without changing their embedding.

        True for text towers with a causal mask that take the embedding from the end token, the
        token with the highest id. Towers without the mask attend to the padding too, and CoCa's
        class token comes after the padding.
        """
        text = self.config["text_cfg"]
        return (
            not text.get("hf_model_name")
            and not text.get("no_causal_mask", False)
            and not text.get("embed_cls", False)
            and text.get("pool_type", "argmax") == "argmax"
        )


def preprocessing_of(model: Any) -> Callable[..., torch.Tensor]:
    """The preprocessing of evaluation that an open_clip model is configured with."""
    return image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)


def text_tower(model: Any) -> Any:
    """The part of an open_clip model that holds its token embeddings, positions and mask."""
    return getattr(model, "text", model)
