"""Embeddings of texts: prompt ensembles, sorted by length and cut to the longest of each batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from cood.evaluation.embed.overlap import Moment, lane_of
from cood.evaluation.embed.precision import AUTO, HALF, SINGLE, computing, resolve
from cood.evaluation.embed.text_fit import TextFit
from cood.evaluation.embed.tokens import tokens_of
from cood.models.clip import Clip, text_tower
from cood.vocabulary import fill

TEXT_BATCH = 512  # prompts that go through the text tower at once on a CPU, at most
GPU_TOKENS = 2**17  # of all prompts at once on a GPU; halved if its memory is too small
TEXT_BLOCK = 2**15  # prompts that are sorted by length, whose embeddings the device adds up
SOLE = ""  # key of the only ensemble


def embed_texts(
    clip: Clip,
    names: Sequence[str],
    templates: Sequence[str],
    *,
    literal: bool = False,
    shorten: bool = True,
    precision: str = AUTO,
    note: Callable[[int], None] = lambda count: None,
    fit: TextFit | None = None,
) -> np.ndarray:
    """Prompt ensemble: mean over templates of the unit embeddings of each name, [n, d] float32.

    See `embed_ensembles`.
    """
    return embed_ensembles(
        clip,
        names,
        {SOLE: templates},
        literal=literal,
        shorten=shorten,
        precision=precision,
        note=note,
        fit=fit,
    )[SOLE]


def embed_ensembles(
    clip: Clip,
    names: Sequence[str],
    ensembles: Mapping[str, Sequence[str]],
    *,
    literal: bool = False,
    shorten: bool = True,
    precision: str = AUTO,
    note: Callable[[int], None] = lambda count: None,
    fit: TextFit | None = None,
) -> dict[str, np.ndarray]:
    """Several prompt ensembles of the same names, as `embed_texts` gives them, by their key.

    The names get the article of their sound (`cood.vocabulary.fill`): "an orange hat". With
    `literal` a template is left as it is written, "a orange hat", as published accuracies on
    ImageNet are computed.

    A template that is in several of them is read once. Prompts of many names are sorted by length
    and go through the text tower in large batches; memory holds the averages only. For causal text
    towers that read the end token, the context is cut to the longest prompt of the batch
    (`shorten`), which changes no embedding; for others it is left whole.

    Parameters
    ----------
    clip, names, ensembles
        The model, what fills the templates, and lists of templates with {} by their key.
    literal, shorten
        See above.
    precision
        ``auto``: half on a GPU, single on a CPU; ``half`` or ``single``.
    note
        Called with the number of names that were not finite in half precision, and were embedded
        again in single, if there are any.
    fit
        Counts the prompts that are cut, and the names that have one text.

    Raises
    ------
    StudyError
        If half precision is asked for without a GPU.
    UnusableModelError
        If the model cannot embed the prompts, or its tokeniser does not fit its text tower.
    """
    precision = resolve(precision, clip.device)
    prompt = str.format if literal else fill
    templates = list(dict.fromkeys(t for ensemble in ensembles.values() for t in ensemble))
    weights = torch.zeros(len(ensembles), len(templates))  # rows are averages over templates
    for row, ensemble in zip(weights, ensembles.values(), strict=True):
        for template in ensemble:
            row[templates.index(template)] += 1 / len(ensemble)
    step = max(1, TEXT_BLOCK // len(templates))

    def embed(chosen: Sequence[str], precision: str, fit: TextFit | None = None) -> np.ndarray:
        lane = lane_of(clip.device)
        blocks: list[tuple[torch.Tensor, Moment]] = []
        with computing(precision, clip.device):
            for start in range(0, len(chosen), step):
                block = chosen[start : start + step]
                prompts = [prompt(template, name) for name in block for template in templates]
                tokens = tokens_of(clip, prompts)
                if fit is not None:
                    fit.add(clip, block, prompts, tokens)
                blocks.append(lane.receive(_averages(clip, tokens, weights, shorten)))
                if len(blocks) > 1:  # so that a GPU is at most a block behind
                    blocks[-2][1].synchronize()
        for _, received in blocks:
            received.synchronize()
        return np.concatenate([means.numpy() for means, _ in blocks])

    means = embed(names, precision, fit)
    if precision == HALF:
        wrong = np.flatnonzero(~np.isfinite(means).all(axis=(1, 2)))
        if len(wrong):
            means[wrong] = embed([names[int(k)] for k in wrong], SINGLE)
            note(len(wrong))
    return {key: np.ascontiguousarray(means[:, k]) for k, key in enumerate(ensembles)}


def _averages(
    clip: Clip, tokens: torch.Tensor, weights: torch.Tensor, shorten: bool
) -> torch.Tensor:
    """Averages [names, ensembles, d] of unit embeddings of prompts, of all templates a name."""
    model: Any = clip.model
    cut = shorten and clip.causal_text
    # The end token has the highest number.
    lengths = tokens.argmax(dim=1) + 1 if cut else torch.full((len(tokens),), tokens.shape[1])
    order = torch.argsort(lengths, descending=True, stable=True)  # the largest batch comes first
    tokens, lengths = tokens[order], lengths[order]
    units: torch.Tensor | None = None
    start, most = 0, GPU_TOKENS
    while start < len(order):
        length = int(lengths[start])
        batch = TEXT_BATCH if clip.device.type != "cuda" else max(1, most // length)
        chosen = tokens[start : start + batch, :length].contiguous()
        try:
            with _context(model, length):
                texts = clip.encode_text(_moved(chosen, clip.device)).float()
        except torch.OutOfMemoryError:
            if batch == 1 or clip.device.type != "cuda":
                raise
            most = max(length, batch * length // 2)
            continue
        unit = torch.nn.functional.normalize(texts, dim=-1)
        if units is None:
            units = torch.empty(len(order), unit.shape[1], device=clip.device)
        units[start : start + len(chosen)] = unit
        start += len(chosen)
    if units is None:
        raise ValueError("there are no prompts")
    weights, back = _moved(weights, clip.device), _moved(torch.argsort(order), clip.device)
    by_name = units[back].view(-1, weights.shape[1], units.shape[1])
    with torch.autocast(clip.device.type, enabled=False):  # averages are in single precision
        return torch.einsum("kt,ntd->nkd", weights, by_name)


def _moved(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    if device.type == "cuda":  # out of pinned memory, so that nothing waits for the copy
        return values.pin_memory().to(device, non_blocking=True)
    return values.to(device)


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
