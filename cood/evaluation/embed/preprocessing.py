"""The two halves of a preprocessing: Pillow's part, and the arithmetic that a device can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torchvision.transforms import Compose, Normalize, ToTensor

from cood.catalogue.preprocessing import Preprocessing

WHITE = 255.0
PROBES = ((64, 40), (40, 64))  # sizes of blank images that show which size a preprocessing makes


@dataclass(frozen=True)
class SplitPreprocessing:
    """A preprocessing as its part on images and its part on numbers.

    Attributes
    ----------
    steps
        From an RGB image of Pillow to one of the size that the model takes.
    shape
        Height and width of that size.
    mean, std
        Of the normalisation that follows, for each channel.
    """

    steps: tuple[Callable[[Any], Any], ...]
    shape: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def description(self) -> str:
        """The steps in words: two preprocessings with the same make the same pixels.

        The conversion to RGB is left out, as images are opened as RGB.
        """
        steps = [step for step in self.steps if type(step).__name__ != "MaybeConvertMode"]
        # Padding does not say its colour.
        return " ".join(" ".join(f"{step}{_colour(step)}".split()) for step in steps)

    def pixels(self, image: Image.Image) -> np.ndarray:
        """The pixels of an RGB image, uint8 [height, width, 3]."""
        return np.asarray(_apply(self.steps, image))

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Float32 input [n, 3, height, width] of a model, from uint8 pixels [n, height, width, 3].

        With the very operations of `ToTensor` and `Normalize` of torchvision, so that every bit is
        the same, but on the device of `pixels`.
        """
        # A tensor, as CUDA multiplies by the reciprocal of a plain number.
        white = _constant((WHITE,), pixels.device)
        channels = pixels.permute(0, 3, 1, 2).contiguous().float().div_(white)
        mean, std = (_constant(values, pixels.device) for values in (self.mean, self.std))
        return channels.sub_(mean).div_(std)


@lru_cache
def _constant(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """Numbers of each channel on a device, copied once: a GPU waits for its work at such a copy."""
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1).to(device)


def split(preprocess: Callable[..., torch.Tensor]) -> SplitPreprocessing | None:
    """Split a preprocessing of torchvision before it makes a tensor of the image.

    None if it cannot be split: it is no `Compose` that ends with `ToTensor` and `Normalize`, or
    the size of what it makes depends on the image.
    """
    if not isinstance(preprocess, Compose):
        return None
    steps, last = list(preprocess.transforms[:-2]), list(preprocess.transforms[-2:])
    if len(last) < 2 or not isinstance(last[0], ToTensor) or not isinstance(last[1], Normalize):
        return None
    made = [np.asarray(_apply(steps, Image.new("RGB", size))) for size in PROBES]
    if made[0].shape != made[1].shape or made[0].dtype != np.uint8:
        return None
    height, width = made[0].shape[:2]
    mean, std = (tuple(map(float, values)) for values in (last[1].mean, last[1].std))
    return SplitPreprocessing(tuple(steps), (height, width), mean, std)


def of_settings(settings: Preprocessing) -> SplitPreprocessing:
    """The preprocessing that open_clip makes of its settings, without a model.

    Its normalisation is of no account: models that share the pixels may differ in it.
    """
    config = PreprocessCfg(
        size=settings.size,
        interpolation=settings.interpolation,
        resize_mode=settings.resize_mode,
    )
    made = split(image_transform_v2(config, is_train=False))
    if made is None:
        raise TypeError(f"open_clip makes a preprocessing of {settings} that cannot be split")
    return made


def _colour(step: Any) -> str:
    fill = getattr(step, "fill", 0)
    return f" fill={fill}" if fill else ""


def _apply(steps: Sequence[Callable[[Any], Any]], image: Image.Image) -> Any:
    for step in steps:
        image = step(image)
    return image
