"""A CLIP that is ready to embed, wherever it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from open_clip.transform import PreprocessCfg, image_transform_v2

from cood.errors import CoodError, UnusableModelError


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
    notes
        What a reader of its scores must know.
    """

    source: str
    model: torch.nn.Module
    preprocess: Callable[..., torch.Tensor]
    tokenize: Callable[..., torch.Tensor]
    config: dict[str, Any]
    revision: str = ""
    notes: tuple[str, ...] = ()

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.model.parameters()).device

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Un-normalised embeddings [n, d] of pixels [n, 3, size, size].

        Raises
        ------
        UnusableModelError
            If the model cannot take them.
        """
        model: Any = self.model
        with model_errors(self.source):
            return _checked(model.encode_image(pixels), len(pixels))

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        """Un-normalised embeddings [n, d] of tokens [n, length]; raises as `encode_image` does."""
        model: Any = self.model
        with model_errors(self.source):
            return _checked(model.encode_text(tokens), len(tokens))

    @property
    def words(self) -> int | None:
        """How many words its text tower has an embedding of; None if that is not known."""
        tower = text_tower(self.model)
        own = getattr(tower, "token_embedding", None)
        if own is None and hasattr(getattr(tower, "transformer", None), "get_input_embeddings"):
            own = tower.transformer.get_input_embeddings()
        return getattr(own, "num_embeddings", None)

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


def _checked(embeddings: Any, n: int) -> torch.Tensor:
    """What a model gives, if it is a tensor [n, d] of real numbers; else a TypeError."""
    if not torch.is_tensor(embeddings):
        raise TypeError(f"it gives {type(embeddings).__name__} instead of a tensor")
    if embeddings.ndim != 2 or len(embeddings) != n or embeddings.is_complex():
        raise TypeError(
            f"it gives {embeddings.dtype} {list(embeddings.shape)} instead of real numbers [{n}, d]"
        )
    return embeddings


@contextmanager
def model_errors(source: str) -> Iterator[None]:
    """Turn what a model raises on its input into an UnusableModelError of one sentence.

    Errors of the device are not the model's, and pass.
    """
    try:
        yield
    except (CoodError, torch.OutOfMemoryError, torch.AcceleratorError):
        raise
    except Exception as error:  # the libraries raise errors of many kinds
        reason = " ".join(str(error).split())
        raise UnusableModelError(
            f"model {source} cannot embed its input ({type(error).__name__}: {reason}); its "
            "configuration or its tokeniser may not be those of its weights, so correct them"
        ) from error


def preprocessing_of(model: Any) -> Callable[..., torch.Tensor]:
    """The preprocessing of evaluation that an open_clip model is configured with."""
    return image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)


def text_tower(model: Any) -> Any:
    """The part of an open_clip model that holds its token embeddings, positions and mask."""
    return getattr(model, "text", model)
