"""What training a small CLIP takes, whatever it is trained on."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pandas as pd
import torch
from open_clip.loss import ClipLoss, SigLipLoss
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import save_file

from cood.files import atomic
from cood.models import zoo
from cood.models.loading import Clip, ImageEncoder, best_device, text_tower
from cood.settings import Recipe, Schedule

WARM_UP = 0.1  # share of the steps
MAX_LOGIT_SCALE = np.log(100.0)  # as in Radford et al. 2021, arXiv:2103.00020, section 2.5
# Convolutions with the channels last take a third less time on the CPU.
LAYOUT = torch.channels_last


def untrained(architecture: str, seed: int, device: torch.device | None = None) -> Clip:
    """Make a small CLIP with random weights.

    Raises
    ------
    StudyError
        If `architecture` names no file in `cood/models/configs/`.
    """
    file = zoo.architecture(architecture)
    open_clip.add_model_config(file)
    logging.getLogger().setLevel(logging.ERROR)
    torch.manual_seed(seed)
    model = open_clip.create_model(architecture, device=device or best_device())
    preprocess = image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)
    config = json.loads(file.read_text())
    return Clip(architecture, model, preprocess, open_clip.get_tokenizer(architecture), config)


def deterministic() -> None:
    """Make torch give the same weights each time."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Some CUDA kernels have no deterministic twin; those only warn.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())


def preprocessed(encoder: ImageEncoder, pixels: np.ndarray) -> list[torch.Tensor]:
    """Images [n, height, width, 3], uint8, as a model takes them: n tensors [3, size, size]."""
    return [encoder.preprocess(Image.fromarray(array)) for array in pixels]


def fit(
    clip: Clip,
    settings: Recipe,
    images: torch.Tensor,
    tokens: torch.Tensor,
    say: Callable[[str], None],
    *,
    moments: int = 0,
    keep: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Train in place and give the loss over steps.

    Parameters
    ----------
    clip
        The model.
    settings
        Its recipe.
    images, tokens
        Preprocessed images [n, 3, size, size] and their captions [n, length], on the CPU.
    say
        Takes a line of progress now and then.
    moments, keep
        How often `keep` is called with the number of steps done: before the first, after the
        last, and in between at steps that grow geometrically.

    Returns
    -------
    pandas.DataFrame
        `step`, `images` (shown so far), `loss` and `learning_rate`, at about fifty steps.
    """
    model: Any = clip.model.to(memory_format=LAYOUT)
    loss_of = ClipLoss() if settings.loss == "softmax" else SigLipLoss()

    def loss(batch: torch.Tensor) -> torch.Tensor:
        shown = images[batch].to(clip.device, memory_format=LAYOUT)
        image = model.encode_image(shown, normalize=True)
        text = model.encode_text(tokens[batch].to(clip.device), normalize=True)
        bias = {} if model.logit_bias is None else {"logit_bias": model.logit_bias}
        return loss_of(image, text, model.logit_scale.exp(), **bias)

    def clamp() -> None:
        with torch.no_grad():
            model.logit_scale.clamp_(0, MAX_LOGIT_SCALE)

    n = len(images)
    return descend(model, settings, n, loss, say, after=clamp, moments=moments, keep=keep)


def descend(
    model: torch.nn.Module,
    settings: Schedule,
    n: int,
    loss_of: Callable[[torch.Tensor], torch.Tensor],
    say: Callable[[str], None],
    *,
    after: Callable[[], None] = lambda: None,
    moments: int = 0,
    keep: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Train a model in place by AdamW and a one-cycle schedule, whatever its loss.

    Parameters
    ----------
    model, settings
        The model, and how long and fast it is trained.
    n, loss_of
        Number of images, and the loss of a batch of them, given as indices below n.
    say, moments, keep
        As in `fit`, which returns the same table.
    after
        Called after each step.
    """
    model.train()
    optimiser = torch.optim.AdamW(
        _groups(model, settings.weight_decay), lr=settings.learning_rate, fused=True
    )
    per_epoch = max(1, n // settings.batch)
    steps = settings.epochs * per_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=steps + 1, pct_start=_warm_up(steps + 1)
    )
    kept = set()
    if keep is not None:
        kept = {0, steps, *np.geomspace(steps / 64, steps, moments - 1).round().astype(int)}
        keep(0)
    generator = torch.Generator().manual_seed(settings.seed)
    rows, step, start, said = [], 0, time.monotonic(), time.monotonic()
    for _ in range(settings.epochs):
        order = torch.randperm(n, generator=generator)
        for batch in order[: per_epoch * settings.batch].split(settings.batch):
            loss = loss_of(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            after()
            step += 1
            if step % max(1, steps // 50) == 0 or step == steps:
                rows.append((step, step * settings.batch, loss.item(), schedule.get_last_lr()[0]))
            if keep is not None and step in kept:
                keep(step)
            now = time.monotonic()
            if now - said > 15:
                left = (now - start) / step * (steps - step)
                say(f"{step / steps:.0%} trained, loss {loss.item():.2f}, {left:.0f} s to go")
                said = now
    model.eval()
    return pd.DataFrame(rows, columns=["step", "images", "loss", "learning_rate"])


@contextmanager
def used_vocabulary(clip: Clip, *tokens: torch.Tensor) -> Iterator[None]:
    """Train only the embeddings of tokens that occur; the tensors are renumbered in place.

    Gradients of the whole vocabulary, 99 % of them zero, cost a tenth of the time. The order of
    the numbers is kept, on which reading off the end token, the highest one, relies.
    """
    tower = text_tower(clip.model)
    whole = tower.token_embedding
    used = torch.cat([t.flatten() for t in tokens]).unique()
    for numbers in tokens:
        numbers.copy_(torch.searchsorted(used, numbers))
    used = used.to(clip.device)
    tower.token_embedding = torch.nn.Embedding.from_pretrained(
        whole.weight.detach()[used].clone(), freeze=False
    )
    yield
    with torch.no_grad():
        whole.weight[used] = tower.token_embedding.weight
    tower.token_embedding = whole


def save(clip: Clip, folder: Path) -> None:
    """Write config and weights as open_clip reads them from ``local-dir:`` and the hub."""
    visual: Any = clip.model.visual
    kept = ("mean", "std", "interpolation", "resize_mode")
    preprocess = {key: visual.preprocess_cfg[key] for key in kept}
    with atomic(folder / "open_clip_config.json") as temporary:
        text = json.dumps({"model_cfg": clip.config, "preprocess_cfg": preprocess}, indent=2)
        temporary.write_text(text + "\n")
    with atomic(folder / "open_clip_model.safetensors") as temporary:
        save_file({k: v.contiguous() for k, v in clip.model.state_dict().items()}, temporary)


def _warm_up(steps: int) -> float:
    # OneCycleLR divides by zero when the warm-up ends on its first step.
    return WARM_UP if WARM_UP * steps != 1 else 1.5 / steps


def _groups(model: torch.nn.Module, decay: float) -> list[dict[str, Any]]:
    """No decay for gains, biases and the temperature, as open_clip trains."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
