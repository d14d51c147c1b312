"""Training image-only encoders: the image tower of a small CLIP, on its drawings, no texts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch
from open_clip.loss import ClipLoss
from timm.models import save_for_hf
from torch.nn import functional

from cood.errors import StudyError
from cood.files import atomic, write_table
from cood.models import zoo
from cood.models.clip import Clip
from cood.models.file_names import ENCODER_CONFIG, ENCODER_WEIGHTS
from cood.models.small_clip import untrained_clip
from cood.models.training.clip import draw_tensors
from cood.models.training.fitting import LAYOUT, Losses, descend, deterministic
from cood.models.training.views import random_view
from cood.settings import ImageEncoderTraining, PublishedImageEncoder, Towers, saved_names
from cood.settings.study_file import Study
from cood.splits import TRAINING
from cood.training_set import training_compositions

# As in Chen et al. 2020, arXiv:2002.05709: their best temperature, and width of the projection.
TEMPERATURE, PROJECTED = 0.1, 128
PREPROCESSING = ("mean", "std", "interpolation")  # keys that are saved


def train_image_encoder(study: Study, name: str, say: Callable[[str], None] = print) -> None:
    """Train image-only encoders of the study in one run, and write a folder of each for timm.

    The run starts from the same weights as the image tower of a small CLIP of the same seed, and
    is trained on the same drawings as one of the same share, skew, seed and number of images. Its
    encoder is saved at each of the `DURATIONS`: an encoder that is saved early has not seen its
    learning rate fall. A run that diverges leaves its last sound weights to the durations that it
    does not reach. Written, when the run is over: `config.json` and `model.safetensors` of
    each, and `training.parquet` (loss over steps) in the folder of the last. An untrained encoder
    has one folder, with config and weights.

    Parameters
    ----------
    study, name
        The study, and an entry of its `image_encoders`: a run, or an untrained encoder.
    say
        Called with a line of progress now and then.

    Raises
    ------
    StudyError
        If there is no such entry, or it is published.
    """
    settings = study.image_encoder(name)
    if isinstance(settings, PublishedImageEncoder):
        raise StudyError(
            f"image-only encoder {name!r} is trained already; there is nothing to train"
        )
    deterministic()
    if not isinstance(settings, ImageEncoderTraining):
        zoo.check_image_encoder(name, settings.untrained)
        clip = untrained_clip(Towers(image_tower=settings.untrained), settings.seed)
        save_image_encoder(clip, study.paths.model(name))
        return
    zoo.check_image_encoder(name, settings.image_tower)
    clip = untrained_clip(Towers(image_tower=settings.image_tower), settings.seed)
    ids = training_compositions(study, settings)
    say(f"{name}: drawing {len(ids)} training images")
    images = draw_tensors(study, clip, ids, (TRAINING, settings.seed))
    words = study.words
    labels = (torch.from_numpy(words.attribute_of(ids)), torch.from_numpy(words.object_of(ids)))
    classes = (len(words.attributes), len(words.objects))
    saved: list[dict[str, torch.Tensor]] = []
    history = fit_image_encoder(
        clip,
        settings,
        images,
        labels,
        classes,
        lambda text: say(f"{name}: {text}"),
        keep=lambda step: saved.append(_weights(clip)),
    )
    folders = [study.paths.model(encoder) for encoder in saved_names(name)]
    saved += saved[-1:] * (len(folders) - len(saved))
    for folder, weights in zip(folders, saved, strict=True):
        _trunk(clip).load_state_dict(weights)
        save_image_encoder(clip, folder)
    write_table(history, folders[-1] / "training.parquet")


def fit_image_encoder(
    clip: Clip,
    settings: ImageEncoderTraining,
    images: torch.Tensor,
    labels: tuple[torch.Tensor, torch.Tensor],
    classes: tuple[int, int],
    say: Callable[[str], None],
    *,
    keep: Callable[[int], None] = lambda step: None,
) -> pd.DataFrame:
    """Train the image tower of `clip` in place; return the loss over steps, as `descend` does.

    Parameters
    ----------
    clip, settings
        The CLIP, whose text tower is not used, and how its image tower is trained.
    images, labels
        Preprocessed images [n, 3, size, size], and their attribute and object ids [n], which only
        the objective ``labels`` uses.
    classes
        Number of attributes and of objects.
    say
        Called with a line of progress now and then.
    keep
        Called with the number of completed steps at each of `settings.saved_steps`; see `descend`.
    """
    trunk = _trunk(clip).to(memory_format=LAYOUT)
    width = trunk.num_features
    outputs: list[torch.nn.Module]
    if settings.objective == "labels":
        outputs = [torch.nn.Linear(width, size) for size in classes]
    else:
        outputs = [
            torch.nn.Sequential(
                torch.nn.Linear(width, PROJECTED),
                torch.nn.ReLU(),
                torch.nn.Linear(PROJECTED, PROJECTED),
            )
        ]
    heads = torch.nn.ModuleList(outputs).to(clip.device)
    generator = torch.Generator().manual_seed(settings.seed)
    contrast = ClipLoss()

    def loss_of_labels(batch: torch.Tensor) -> torch.Tensor:
        features = trunk(images[batch].to(clip.device, memory_format=LAYOUT))
        losses = [
            functional.cross_entropy(head(features), ids[batch].to(clip.device))
            for head, ids in zip(heads, labels, strict=True)
        ]
        return torch.stack(losses).sum()

    def loss_of_views(batch: torch.Tensor) -> torch.Tensor:
        pixels = images[batch]
        views = torch.cat([random_view(pixels, generator), random_view(pixels, generator)])
        projected = heads[0](trunk(views.to(clip.device, memory_format=LAYOUT)))
        first, second = functional.normalize(projected, dim=-1).chunk(2)
        return contrast(first, second, 1 / TEMPERATURE)

    loss_of = loss_of_labels if settings.objective == "labels" else loss_of_views

    def losses(batch: torch.Tensor) -> Losses:
        loss = loss_of(batch)
        return loss, loss

    whole = torch.nn.ModuleList([trunk, heads])
    moments = settings.saved_steps.values()
    return descend(whole, settings, len(images), losses, say, moments=moments, keep=keep)


def save_image_encoder(clip: Clip, folder: Path) -> None:
    """Write the image tower of a small CLIP as timm saves models."""
    visual: Any = clip.model.visual
    preprocessing, size = visual.preprocess_cfg, visual.image_size
    side = size[0] if isinstance(size, tuple) else size
    kept = {key: preprocessing[key] for key in PREPROCESSING}
    data = {**kept, "input_size": (3, side, side), "crop_pct": 1.0}
    trunk = _trunk(clip).to(memory_format=torch.contiguous_format)
    with TemporaryDirectory() as made:
        save_for_hf(trunk, made, data_config=data, safe_serialization=True)
        for name in (ENCODER_CONFIG, ENCODER_WEIGHTS[0]):
            with atomic(folder / name) as temporary:
                shutil.copyfile(Path(made) / name, temporary)


def _weights(clip: Clip) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in _trunk(clip).state_dict().items()}


def _trunk(clip: Clip) -> Any:
    visual: Any = clip.model.visual
    return visual.trunk
