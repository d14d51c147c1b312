"""Training a small CLIP from scratch on captioned drawings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch

from cood.errors import StudyError
from cood.files import write_table, write_tensors
from cood.models.clip import Clip, ImageEncoder
from cood.models.small_clip import save_clip, untrained_clip
from cood.models.training.fitting import (
    deterministic,
    fit,
    preprocessed,
    spaced_moments,
    used_vocabulary,
)
from cood.models.training.treatments import Treatment, stated_words
from cood.settings import Training
from cood.settings.study_file import Study
from cood.splits import PROBE, TRAINING
from cood.synthesis.drawing.draw import draw_many
from cood.training_set import training_captions
from cood.vocabulary import fill

DRAWN = 500  # drawings that are held before they are preprocessed
EMBEDDED = 256  # images or texts of the probe set at a time


def draw_tensors(
    study: Study, encoder: ImageEncoder, compositions: np.ndarray, stream: tuple[int, ...]
) -> torch.Tensor:
    """Draw and preprocess an image for each composition id: [n, 3, size, size] on the CPU."""
    words, size = study.words, study.drawings().size
    tensors = []
    for start in range(0, len(compositions), DRAWN):
        ids = compositions[start : start + DRAWN]
        pairs = [
            (words.attributes[words.attribute_of(i)], words.objects[words.object_of(i)])
            for i in ids
        ]
        seeds = [(study.seed, *stream, start + k) for k in range(len(ids))]
        pixels = draw_many(pairs, seeds, size)
        tensors += preprocessed(encoder, pixels)
    return torch.stack(tensors)


def train_model(study: Study, name: str, say: Callable[[str], None] = print) -> None:
    """Train one model of the study and write its folder; the same study gives the same weights.

    Written: `open_clip_config.json`, `open_clip_model.safetensors`, `captions.parquet` (of the
    training images), `training.parquet` (loss over steps) and `moments.safetensors` (embeddings
    of the probe set over training: `steps` [m], `images` [m, C, d], `texts` [m, C, d], with one
    drawing of each composition, in the order of the ids).

    Raises
    ------
    StudyError
        If there is no such model, or it is not trained here.
    """
    settings = study.model(name)
    if not isinstance(settings, Training):
        raise StudyError(f"model {name!r} is a checkpoint; there is nothing to train")
    deterministic()
    clip = untrained_clip(settings.towers, settings.seed)
    folder = study.paths.model(name)
    captions = training_captions(study, settings)
    say(f"{name}: drawing {len(captions)} training images")
    stream = (TRAINING, settings.seed)
    images = draw_tensors(study, clip, captions["composition"].to_numpy(), stream)
    tokens = clip.tokenize(captions["caption"].tolist())
    probe = _Probe(study, clip)
    with used_vocabulary(clip, tokens, probe.tokens) as (tokens, probe.tokens):
        history = fit(
            clip,
            settings,
            images,
            tokens,
            lambda text: say(f"{name}: {text}"),
            treatment=_treatment(study, settings, captions),
            moments=spaced_moments(settings.steps, settings.moments),
            keep=probe.keep,
        )
    write_table(captions, folder / "captions.parquet")
    write_table(history, folder / "training.parquet")
    write_tensors(probe.stacked(), folder / "moments.safetensors", {"model": name})
    save_clip(clip, folder)


def _treatment(study: Study, settings: Training, captions: pd.DataFrame) -> Treatment:
    words = study.words
    return Treatment(
        settings.treatment,
        settings.strength,
        stated_words(captions, words),
        len(words.attributes),
        settings.seed,
    )


class _Probe:
    """One fixed drawing and one prompt of each composition, embedded at moments of training."""

    def __init__(self, study: Study, clip: Clip) -> None:
        self.clip = clip
        self.images = draw_tensors(study, clip, np.arange(study.words.size), (PROBE,))
        template = study.evaluation.templates[0]
        self.tokens = clip.tokenize([fill(template, c) for c in study.words.compositions()])
        self.kept: list[tuple[int, np.ndarray, np.ndarray]] = []

    @torch.inference_mode()
    def keep(self, step: int) -> None:
        model: Any = self.clip.model.eval()
        device = self.clip.device
        images = torch.cat([model.encode_image(x.to(device)) for x in self.images.split(EMBEDDED)])
        texts = torch.cat([model.encode_text(x.to(device)) for x in self.tokens.split(EMBEDDED)])
        if images.isfinite().all() and texts.isfinite().all():  # else it has just diverged
            self.kept.append((step, images.cpu().numpy(), texts.cpu().numpy()))
        model.train()

    def stacked(self) -> dict[str, np.ndarray]:
        steps, images, texts = zip(*self.kept, strict=True)
        return {"steps": np.array(steps), "images": np.stack(images), "texts": np.stack(texts)}
