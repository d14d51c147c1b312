"""Training a small CLIP from scratch on captioned drawings."""

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

from cood.errors import StudyError
from cood.files import atomic, write_table, write_tensors
from cood.models import zoo
from cood.models.loading import Clip, best_device, text_tower
from cood.study import Study, Training
from cood.synthesis.compositions import PROBE, TRAINING, training_captions
from cood.synthesis.drawing import draw_many

WARM_UP = 0.1  # share of the steps
MAX_LOGIT_SCALE = np.log(100.0)  # as in Radford et al. 2021, arXiv:2103.00020, section 2.5


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


def draw_tensors(
    study: Study, clip: Clip, compositions: np.ndarray, stream: tuple[int, ...]
) -> torch.Tensor:
    """Draw one image for each composition id and preprocess it: [n, 3, size, size] on the CPU."""
    words, size = study.words, next(iter(study.sets.values())).size
    tensors = []
    for start in range(0, len(compositions), 500):  # keeps the full-size drawings few
        ids = compositions[start : start + 500]
        pairs = [
            (words.attributes[words.attribute_of(i)], words.objects[words.object_of(i)])
            for i in ids
        ]
        seeds = [(study.seed, *stream, start + k) for k in range(len(ids))]
        pixels = draw_many(pairs, seeds, size)
        tensors += [clip.preprocess(Image.fromarray(array)) for array in pixels]
    return torch.stack(tensors)


def train(study: Study, name: str, say: Callable[[str], None] = print) -> None:
    """Train one model of the study and write its folder; the same study gives the same weights.

    Written: `open_clip_config.json`, `open_clip_model.safetensors`, `captions.parquet` (what it
    was shown), `training.parquet` (loss over steps) and `moments.safetensors` (embeddings of the
    probe set over training: `steps` [m], `images` [m, C, d], `texts` [m, C, d], in the order of
    the composition ids, one drawing each).
    """
    settings = study.model(name)
    if not isinstance(settings, Training):
        raise StudyError(f"model {name!r} is a checkpoint; there is nothing to train")
    zoo.check_training(name, settings)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Some CUDA kernels have no deterministic twin; those only warn.
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    clip = untrained(settings.architecture, settings.seed)
    folder = study.paths.model(name)
    captions = training_captions(study, settings)
    say(f"{name}: drawing {len(captions)} training images")
    stream = (TRAINING, settings.seed)
    images = draw_tensors(study, clip, captions["composition"].to_numpy(), stream)
    tokens = clip.tokenize(captions["caption"].tolist())
    probe = _Probe(study, clip)
    with _used_vocabulary(clip, tokens, probe.tokens):
        history = _fit(clip, settings, images, tokens, probe, lambda text: say(f"{name}: {text}"))
    write_table(captions, folder / "captions.parquet")
    write_table(history, folder / "training.parquet")
    write_tensors(probe.stacked(), folder / "moments.safetensors", {"model": name})
    save(clip, folder)


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


@contextmanager
def _used_vocabulary(clip: Clip, *tokens: torch.Tensor) -> Iterator[None]:
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


class _Probe:
    """One fixed drawing and one prompt a composition, embedded at some moments of training."""

    def __init__(self, study: Study, clip: Clip) -> None:
        self.clip = clip
        self.images = draw_tensors(study, clip, np.arange(study.words.size), (PROBE,))
        template = study.evaluation.templates[0]
        self.tokens = clip.tokenize([template.format(c) for c in study.words.compositions()])
        self.kept: list[tuple[int, np.ndarray, np.ndarray]] = []

    @torch.inference_mode()
    def keep(self, step: int) -> None:
        model: Any = self.clip.model.eval()
        images = [model.encode_image(x.to(self.clip.device)) for x in self.images.split(256)]
        texts = [model.encode_text(x.to(self.clip.device)) for x in self.tokens.split(256)]
        self.kept.append((step, torch.cat(images).cpu().numpy(), torch.cat(texts).cpu().numpy()))
        model.train()

    def stacked(self) -> dict[str, np.ndarray]:
        steps, images, texts = zip(*self.kept, strict=True)
        return {"steps": np.array(steps), "images": np.stack(images), "texts": np.stack(texts)}


def _fit(
    clip: Clip,
    settings: Training,
    images: torch.Tensor,
    tokens: torch.Tensor,
    probe: _Probe,
    say: Callable[[str], None],
) -> pd.DataFrame:
    model: Any = clip.model.train()
    loss_of = ClipLoss() if settings.loss == "softmax" else SigLipLoss()
    optimiser = torch.optim.AdamW(
        _groups(model, settings.weight_decay), lr=settings.learning_rate, fused=True
    )
    per_epoch = max(1, len(images) // settings.batch)
    steps = settings.epochs * per_epoch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=steps + 1, pct_start=_warm_up(steps + 1)
    )
    moments = {0, steps, *np.geomspace(steps / 64, steps, settings.moments - 1).round().astype(int)}
    generator = torch.Generator().manual_seed(settings.seed)
    rows, step, start, said = [], 0, time.monotonic(), time.monotonic()
    probe.keep(0)
    for _ in range(settings.epochs):
        order = torch.randperm(len(images), generator=generator)
        for batch in order[: per_epoch * settings.batch].split(settings.batch):
            image = model.encode_image(images[batch].to(clip.device), normalize=True)
            text = model.encode_text(tokens[batch].to(clip.device), normalize=True)
            bias = {} if model.logit_bias is None else {"logit_bias": model.logit_bias}
            loss = loss_of(image, text, model.logit_scale.exp(), **bias)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                model.logit_scale.clamp_(0, MAX_LOGIT_SCALE)
            step += 1
            if step % max(1, steps // 50) == 0 or step == steps:
                rows.append((step, step * settings.batch, loss.item(), schedule.get_last_lr()[0]))
            if step in moments:
                probe.keep(step)
            now = time.monotonic()
            if now - said > 15:
                left = (now - start) / step * (steps - step)
                say(f"{step / steps:.0%} trained, loss {loss.item():.2f}, {left:.0f} s to go")
                said = now
    model.eval()
    return pd.DataFrame(rows, columns=["step", "images", "loss", "learning_rate"])


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
