"""A CLIP that is in memory already, of open_clip or transformers, as the other modules take one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from cood.errors import CoodError
from cood.models.clip import Clip

NO_LENGTH = 10**6  # tokenisers without a limit name a number far above


@dataclass(frozen=True)
class ClipInMemory(Clip):
    """A CLIP whose configuration is not known, so its texts are never cut."""

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Un-normalised embeddings [n, d] of pixels [n, 3, size, size]; in its own precision."""
        return super().encode_image(pixels.to(next(self.model.parameters()).dtype))

    @property
    def causal_text(self) -> bool:
        """No: the padding may count."""
        return False


def clip_in_memory(name: str, model: Any, preprocess: Any, tokenizer: Any) -> Clip:
    """Wrap a model with its preprocessing and tokeniser.

    Parameters
    ----------
    name
        What to call it.
    model
        With `encode_image` and `encode_text`, as those of open_clip, or with `get_image_features`
        and `get_text_features`, as those of transformers.
    preprocess
        From a PIL image to pixels [3, size, size]; of transformers, an image processor or a
        processor.
    tokenizer
        From texts to token ids [n, length]; of transformers, a tokeniser or a processor.

    Raises
    ------
    CoodError
        If the model has none of these functions, or what is given cannot be called.
    """
    for role, given in (("preprocess", preprocess), ("tokenizer", tokenizer)):
        if not callable(given):
            raise CoodError(
                f"{role}: {type(given).__name__} cannot be called; give the model's own"
            )
    if hasattr(model, "encode_image") and hasattr(model, "encode_text"):
        return ClipInMemory(name, model, preprocess, tokenizer, {})
    if hasattr(model, "get_image_features") and hasattr(model, "get_text_features"):
        processor = getattr(preprocess, "image_processor", preprocess)
        tokens = getattr(tokenizer, "tokenizer", tokenizer)
        return ClipInMemory(
            name, _Transformers(model), _pixels_by(processor), _Tokens(tokens, _room(model)), {}
        )
    raise CoodError(
        f"model: {type(model).__name__} has neither encode_image and encode_text nor "
        "get_image_features and get_text_features; give a CLIP of open_clip or transformers"
    )


@contextmanager
def evaluation_mode(model: torch.nn.Module) -> Iterator[None]:
    """Switch dropout and the like off, and afterwards back to what it was in each layer."""
    modes = [(layer, layer.training) for layer in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training


class _Transformers(torch.nn.Module):
    """A model of transformers with the functions that those of open_clip have."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def encode_image(self, pixels: torch.Tensor) -> torch.Tensor:
        return _pooled(self.model.get_image_features(pixel_values=pixels))

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        """Embeddings [n, d] of tokens [n, 1 or 2, length]: ids and, if there is one, their mask."""
        ids, *mask = tokens.unbind(dim=1)
        masked = {"attention_mask": mask[0]} if mask else {}
        return _pooled(self.model.get_text_features(input_ids=ids, **masked))


def _pooled(output: Any) -> torch.Tensor:
    # Since version 5, transformers gives an output with the embedding in it.
    return getattr(output, "pooler_output", output)


def _pixels_by(processor: Any) -> Callable[[Image.Image], torch.Tensor]:
    def pixels(picture: Image.Image) -> torch.Tensor:
        return processor(images=picture, return_tensors="pt")["pixel_values"][0]

    return pixels


class _Tokens:
    """A tokeniser of transformers, called as those of open_clip are."""

    def __init__(self, tokenizer: Any, room: int | None) -> None:
        self.tokenizer = tokenizer
        lengths = [n for n in (tokenizer.model_max_length, room) if n and n < NO_LENGTH]
        self.context_length = min(lengths) if lengths else None

    def __call__(self, texts: Sequence[str], context_length: int | None = None) -> torch.Tensor:
        # Padded to the full length: SigLIP was trained so, and to others the mask says what counts.
        made = self.tokenizer(
            list(texts),
            padding="max_length",
            truncation=True,
            max_length=context_length or self.context_length,
            return_tensors="pt",
        )
        parts = [made[key] for key in ("input_ids", "attention_mask") if key in made]
        return torch.stack(parts, dim=1)


def _room(model: Any) -> int | None:
    """How many tokens the text encoder takes, if its configuration says so."""
    config = getattr(model.config, "text_config", model.config)
    return getattr(config, "max_position_embeddings", None)
