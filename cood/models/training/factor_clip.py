"""Training a small CLIP from scratch on the captioned scenes of a factor set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from cood.files import write_table
from cood.models.caption_forms import caption_form
from cood.models.small_clip import save_clip, untrained_clip
from cood.models.training.fitting import deterministic, fit, preprocessed, used_vocabulary
from cood.settings import FactorTraining
from cood.settings.study_file import Study
from cood.splits import FACTOR_CAPTIONS
from cood.synthesis.scenes.scenes import pixels
from cood.synthesis.scenes.splits import training_scenes

# Shares of the captions that name all factors, the two of the pair, or one. If every caption named
# all, the colours of floor and wall would identify the captions of a batch, and a model would learn
# little else.
NAMED = {"all": 0.25, "pair": 0.5, "one": 0.25}


def training_captions(
    study: Study, settings: FactorTraining, ids: np.ndarray, form: str
) -> list[str]:
    """Captions of training scenes with the value ids [n, m], as `NAMED` says."""
    table = study.factor_set(settings.set).table
    word_ids = table.word_ids(ids)
    rng = np.random.default_rng((study.seed, FACTOR_CAPTIONS, settings.seed))
    kind = rng.choice(list(NAMED), size=len(ids), p=list(NAMED.values()))
    named = np.zeros(ids.shape, dtype=bool)
    named[np.arange(len(ids)), rng.integers(ids.shape[1], size=len(ids))] = kind == "one"
    named[np.ix_(kind == "pair", [table.index(factor) for factor in table.pair])] = True
    whole, part = table.captions(word_ids, form), table.phrases(word_ids, named)
    return [whole[i] if kind[i] == "all" else part[i] for i in range(len(ids))]


def train_factor_model(study: Study, name: str, say: Callable[[str], None] = print) -> None:
    """Train a factor model and write its folder; the same study gives the same weights.

    Written: `open_clip_config.json`, `open_clip_model.safetensors`, `captions.parquet` (of the
    training images) and `training.parquet` (loss over steps).

    Raises
    ------
    StudyError
        If there is no such factor model.
    """
    settings = study.factor_model(name)
    deterministic()
    clip = untrained_clip(settings.towers, settings.seed)
    folder = study.paths.model(name)
    set_ = study.factor_set(settings.set)
    scenes = training_scenes(study, settings)
    ids = set_.table.ids(scenes)
    captions = training_captions(study, settings, ids, caption_form(clip, set_.table))
    say(f"{name}: drawing {len(scenes)} training images")
    images = torch.stack(preprocessed(clip, pixels(study, set_, scenes)))
    tokens = clip.tokenize(captions)
    with used_vocabulary(clip, tokens) as (tokens,):
        history = fit(clip, settings, images, tokens, lambda text: say(f"{name}: {text}"))
    shown = {"scene": scenes, "composition": set_.table.compositions(ids), "caption": captions}
    write_table(pd.DataFrame(shown), folder / "captions.parquet")
    write_table(history, folder / "training.parquet")
    save_clip(clip, folder)
