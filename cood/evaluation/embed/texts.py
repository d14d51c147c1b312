"""Embeddings of texts: prompt ensembles, read in batches and cut to the longest prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from cood.models.clip import Clip, text_tower
from cood.vocabulary import fill

TEXT_BATCH = 512  # prompts that go through the text tower at once, at most
SOLE = ""  # key of the only ensemble


def embed_texts(
    clip: Clip,
    names: Sequence[str],
    templates: Sequence[str],
    *,
    literal: bool = False,
    shorten: bool = True,
) -> np.ndarray:
    """Prompt ensemble: mean over templates of the unit embeddings of each name, [n, d] float32.

    See `embed_ensembles`.
    """
    ensembles = {SOLE: templates}
    return embed_ensembles(clip, names, ensembles, literal=literal, shorten=shorten)[SOLE]


@torch.inference_mode()
def embed_ensembles(
    clip: Clip,
    names: Sequence[str],
    ensembles: Mapping[str, Sequence[str]],
    *,
    literal: bool = False,
    shorten: bool = True,
) -> dict[str, np.ndarray]:
    """Several prompt ensembles of the same names, as `embed_texts` gives them, by their key.

    The names get the article of their sound (`cood.vocabulary.fill`): "an orange hat". With
    `literal` a template is left as it is written, "a orange hat", as published accuracies on
    ImageNet are computed.

    A template that is in several of them is read once. Prompts of many names go through the text
    tower in one batch, and are averaged before the next one, so that memory holds the averages
    only. For causal text towers that read the end token, the context is cut to the longest prompt
    of the batch (`shorten`), which changes no embedding; for others it is left whole.
    """
    model: Any = clip.model
    prompt = str.format if literal else fill
    templates = list(dict.fromkeys(t for ensemble in ensembles.values() for t in ensemble))
    places = {key: [templates.index(t) for t in ensemble] for key, ensemble in ensembles.items()}
    parts: dict[str, list[np.ndarray]] = {key: [] for key in ensembles}
    step = max(1, TEXT_BATCH // len(templates))
    for start in range(0, len(names), step):
        batch = names[start : start + step]
        tokens = clip.tokenize([prompt(t, name) for name in batch for t in templates])
        length = tokens.shape[1]
        if shorten and clip.causal_text:
            length = int(tokens.argmax(dim=1).max()) + 1  # the end token has the highest number
        with _context(model, length):
            texts = model.encode_text(tokens[:, :length].to(clip.device)).float()
        unit = torch.nn.functional.normalize(texts, dim=-1)
        unit = unit.reshape(len(batch), len(templates), -1)
        for key, place in places.items():
            parts[key].append(unit[:, place].mean(dim=1).cpu().numpy())
    return {key: np.concatenate(arrays) for key, arrays in parts.items()}


@contextmanager
def _context(model: Any, length: int) -> Iterator[None]:
    """Let a text tower take `length` tokens; open_clip's towers insist on their full context."""
    tower = text_tower(model)
    if length == getattr(tower, "context_length", length):
        yield
        return
    position, mask = tower.positional_embedding, tower.attn_mask
    tower.positional_embedding = torch.nn.Parameter(position[:length], requires_grad=False)
    tower.attn_mask = mask[:length, :length]
    try:
        yield
    finally:
        tower.positional_embedding, tower.attn_mask = position, mask
