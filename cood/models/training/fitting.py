"""Training a model: deterministic set-up, loss of a CLIP, optimiser and schedule."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import torch
from open_clip.loss import ClipLoss, SigLipLoss
from PIL import Image
from torch.nn.functional import normalize

from cood.models.clip import Clip, ImageEncoder, text_tower
from cood.models.training.treatments import Treatment
from cood.settings import Recipe, Schedule

WARM_UP = 0.1  # share of the steps
ROWS = 50  # of the table of the loss, about
COPIES = 10  # of the weights, about, in case the training diverges
FIRST_MOMENT = 64  # the first moment after the start is at this fraction of the steps
PAUSE = 15  # seconds between two lines of progress
MAX_LOGIT_SCALE = np.log(100.0)  # as in Radford et al. 2021, arXiv:2103.00020, section 2.5
# Convolutions with the channels last take a third less time on the CPU.
LAYOUT = torch.channels_last
Losses = tuple[torch.Tensor, torch.Tensor]


def deterministic() -> None:
    """Make torch compute the same weights in every run."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Some CUDA kernels have no deterministic variant; those only warn.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())


def preprocessed(encoder: ImageEncoder, pixels: np.ndarray) -> list[torch.Tensor]:
    """Images [n, height, width, 3], uint8, preprocessed for a model: n tensors [3, size, size]."""
    return [encoder.preprocess(Image.fromarray(array)) for array in pixels]


def fit(
    clip: Clip,
    settings: Recipe,
    images: torch.Tensor,
    tokens: torch.Tensor,
    say: Callable[[str], None],
    *,
    treatment: Treatment | None = None,
    moments: Collection[int] = (),
    keep: Callable[[int], None] = lambda step: None,
) -> pd.DataFrame:
    """Train a CLIP in place and return the loss over steps.

    Parameters
    ----------
    clip
        The model.
    settings
        Its recipe.
    images, tokens
        Preprocessed images [n, 3, size, size] and their captions [n, length], on the CPU.
    say
        Called with a line of progress now and then.
    treatment
        What is added to the loss, if anything.
    moments, keep
        `keep` is called with the number of completed steps when that is one of `moments` (0 is
        before the first step), and once more, the last time, if the training diverges.

    Returns
    -------
    pandas.DataFrame
        `step`, `images` (shown so far), `loss` and `learning_rate`, at about `ROWS` steps. If a
        loss is not finite, training ends there, with the last sound weights, and the loss of the
        last row is NaN.
    """
    model: Any = clip.model.to(memory_format=LAYOUT)
    loss_of = ClipLoss() if settings.loss == "softmax" else SigLipLoss()

    texts, text_of = tokens.unique(dim=0, return_inverse=True)

    def loss(batch: torch.Tensor) -> Losses:
        pixels = images[batch].to(clip.device, memory_format=LAYOUT)
        image = model.encode_image(pixels)
        used, place = text_of[batch].unique(return_inverse=True)  # each text of a step once
        text = model.encode_text(texts[used].to(clip.device))[place.to(clip.device)]
        bias = {} if model.logit_bias is None else {"logit_bias": model.logit_bias}
        units = normalize(image, dim=-1), normalize(text, dim=-1)
        contrast = loss_of(*units, model.logit_scale.exp(), **bias)
        if treatment is None or not treatment.active:
            return contrast, contrast
        return contrast + treatment.penalty(image, text, batch), contrast

    def clamp() -> None:
        with torch.no_grad():
            model.logit_scale.clamp_(0, MAX_LOGIT_SCALE)

    n = len(images)
    return descend(model, settings, n, loss, say, after=clamp, moments=moments, keep=keep)


def spaced_moments(steps: int, number: int) -> set[int]:
    """About `number` moments of a training: its start, its end, and ever rarer ones between.

    Examples
    --------
    >>> sorted(spaced_moments(640, 5))
    [0, 10, 40, 160, 640]
    """
    spaced = np.geomspace(steps / FIRST_MOMENT, steps, number - 1)
    return {0, steps, *spaced.round().astype(int).tolist()}


def descend(
    model: torch.nn.Module,
    settings: Schedule,
    n: int,
    loss_of: Callable[[torch.Tensor], Losses],
    say: Callable[[str], None],
    *,
    after: Callable[[], None] = lambda: None,
    moments: Collection[int] = (),
    keep: Callable[[int], None] = lambda step: None,
) -> pd.DataFrame:
    """Train a model in place with AdamW and a one-cycle schedule; return the loss over steps.

    Parameters
    ----------
    model, settings
        The model, its schedule and learning rate.
    n, loss_of
        Number of images, and the losses of a batch of them, given as indices below n: the one that
        is minimised, and the one that is reported, which leaves penalties out.
    say, moments, keep
        As in `fit`, whose table is returned.
    after
        Called after each step.
    """
    model.train()
    optimiser = torch.optim.AdamW(
        _groups(model, settings.weight_decay), lr=settings.learning_rate, fused=True
    )
    steps = settings.steps
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=steps + 1, pct_start=_warm_up(steps + 1)
    )
    if 0 in moments:
        keep(0)
    generator = torch.Generator().manual_seed(settings.seed)
    rows = []
    sound = _copy(model)
    start = reported = time.monotonic()
    for step, batch in enumerate(_batches(n, settings, generator), start=1):
        loss, shown = loss_of(batch)
        if not torch.isfinite(loss):
            model.load_state_dict(sound)
            say(f"diverged at step {step}: the weights are those of a moment before")
            rows.append((step, step * settings.batch, float("nan"), schedule.get_last_lr()[0]))
            keep(step)
            break
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        after()
        if step % max(1, steps // ROWS) == 0 or step == steps:
            rows.append((step, step * settings.batch, shown.item(), schedule.get_last_lr()[0]))
        if step % max(1, steps // COPIES) == 0:
            sound = _copy(model, sound)
        if step in moments:
            keep(step)
        now = time.monotonic()
        if now - reported > PAUSE:
            left = (now - start) / step * (steps - step)
            say(f"{step / steps:.0%} trained, loss {shown.item():.2f}, {left:.0f} s left")
            reported = now
    model.eval()
    return pd.DataFrame(rows, columns=["step", "images", "loss", "learning_rate"])


def _copy(
    model: torch.nn.Module, last: dict[str, torch.Tensor] | None = None
) -> dict[str, torch.Tensor]:
    """A copy of the weights; the last one if a weight is not finite."""
    state = model.state_dict()
    if last is not None and not all(torch.isfinite(v).all() for v in state.values()):
        return last
    return {name: value.clone() for name, value in state.items()}


def _batches(n: int, settings: Schedule, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Indices of the images of each step: full batches of all images, in rounds of new order."""
    rounds = (torch.randperm(n, generator=generator) for _ in itertools.count())
    whole = n - n % settings.batch
    batches = (batch for order in rounds for batch in order[:whole].split(settings.batch))
    return itertools.islice(batches, settings.steps)


@contextmanager
def used_vocabulary(clip: Clip, *tokens: torch.Tensor) -> Iterator[list[torch.Tensor]]:
    """Train only the embeddings of tokens, and of positions, that occur; give the new tokens.

    Gradients of the whole vocabulary, 99 % of them zero, would take a tenth of the time. The order
    of the ids is kept, as text towers find the end token by its id, the highest. Where a text tower
    is causal and reads the embedding off the end token, no token sees the padding behind it, so
    that positions which are padding in all texts are left out, a third of those of short captions.
    If training fails, the model gets its whole vocabulary back, as it was before.

    Parameters
    ----------
    clip
        The model.
    tokens
        Tokens of texts [n, length].
    """
    tower = text_tower(clip.model)
    whole, positions, mask = tower.token_embedding, tower.positional_embedding, tower.attn_mask
    used = torch.cat([t.flatten() for t in tokens]).unique()
    length = positions.shape[0]
    if mask is not None and tower.text_pool_type == "argmax":
        length = 1 + max(int(t.argmax(dim=1).max()) for t in tokens)
        tower.attn_mask = mask[:length, :length]
    tower.positional_embedding = torch.nn.Parameter(positions.detach()[:length].clone())
    numbered = [torch.searchsorted(used, t)[:, :length].contiguous() for t in tokens]
    used = used.to(clip.device)
    tower.token_embedding = torch.nn.Embedding.from_pretrained(
        whole.weight.detach()[used].clone(), freeze=False
    )
    try:
        yield numbered
        with torch.no_grad():
            whole.weight[used] = tower.token_embedding.weight
            positions[:length] = tower.positional_embedding
    finally:
        tower.token_embedding, tower.positional_embedding = whole, positions
        tower.attn_mask = mask


def _warm_up(steps: int) -> float:
    # OneCycleLR divides by zero when the warm-up ends on its first step.
    return WARM_UP if WARM_UP * steps != 1 else 1.5 / steps


def _groups(model: torch.nn.Module, decay: float) -> list[dict[str, Any]]:
    """Parameters with decay and without: gains, biases and temperature, as in open_clip."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
