"""Training a small CLIP from scratch on the captioned scenes of a factor set."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import torch

from cood.files import write_table
from cood.models import zoo
from cood.models.captioning import caption_form
from cood.models.fitting import deterministic, fit, preprocessed, save, untrained, used_vocabulary
from cood.study import Study
from cood.synthesis.factors.scenes import pixels, training_scenes


def train_factors(study: Study, name: str, say: Callable[[str], None] = print) -> None:
    """Train one of the factor models and write its folder; the same study, the same weights.

    Written: `open_clip_config.json`, `open_clip_model.safetensors`, `captions.parquet` (what it
    was shown) and `training.parquet` (loss over steps). Each caption names every factor.
    """
    settings = study.factor_model(name)
    zoo.check_training(name, settings, "factor_models")
    deterministic()
    clip = untrained(settings.architecture, settings.seed)
    folder = study.paths.model(name)
    set_ = study.factor_set(settings.set)
    scenes = training_scenes(study, settings)
    ids = set_.table.ids(scenes)
    captions = set_.table.captions(set_.table.word_ids(ids), caption_form(clip, set_.table))
    say(f"{name}: drawing {len(scenes)} training images")
    images = torch.stack(preprocessed(clip, pixels(study, set_, scenes)))
    tokens = clip.tokenize(captions)
    with used_vocabulary(clip, tokens):
        history = fit(clip, settings, images, tokens, lambda text: say(f"{name}: {text}"))
    shown = {"scene": scenes, "composition": set_.table.compositions(ids), "caption": captions}
    write_table(pd.DataFrame(shown), folder / "captions.parquet")
    write_table(history, folder / "training.parquet")
    save(clip, folder)
