"""How far half precision changes answers, for `benchmarks.gpu`.

Random weights answer at random, with margins that say nothing about trained ones. So the errors of
half precision are those of the true architecture, and the geometry is one as trained CLIPs have it:
unit images in a cone, among texts of which half of the nearest are the right ones. A harsher
problem is reported too: the images about their mean, where the error is larger against what tells
the images apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from cood.evaluation.common.nearest import normalise

# Mean over pairs of images. Assumed: images of trained CLIPs lie in a cone (Liang et al. 2022,
# arXiv:2203.02053), and how narrow it is depends on the model.
COSINE_OF_IMAGES = 0.56
ACCURACY = 0.5  # of single precision
TEXTS = 20_000
MIXED = 3  # images in a text that is none of the right ones
HALVINGS = 12
LARGEST_NOISE = 16.0


@dataclass(frozen=True)
class Agreement:
    """Answers of two precisions to the same images.

    Attributes
    ----------
    same
        Share of the images with the same first answer.
    single, half
        Accuracies.
    """

    same: float
    single: float
    half: float

    @property
    def points(self) -> float:
        """Difference of the accuracies in percentage points."""
        return 100 * abs(self.single - self.half)


def agreements(
    single: np.ndarray, half: np.ndarray, device: torch.device, seed: int = 0
) -> tuple[Agreement, Agreement]:
    """Agreement in the geometry of a trained CLIP, and of the images about their mean.

    Parameters
    ----------
    single, half
        Embeddings [n, d] of the same images in both precisions.
    device
        Where the similarities are computed, in single precision.
    seed
        Of the texts.
    """
    a, b = (torch.from_numpy(normalise(x)).to(device) for x in (single, half))
    mean = a.mean(dim=0)
    shown = torch.nn.functional.normalize(a - mean, dim=1)
    common = torch.nn.functional.normalize(mean, dim=0)
    trained = COSINE_OF_IMAGES**0.5 * common + (1 - COSINE_OF_IMAGES) ** 0.5 * shown
    texts = _texts(trained, shown, common, torch.Generator("cpu").manual_seed(seed))
    centred = torch.nn.functional.normalize(b - mean, dim=1)
    return _agreement(trained, trained + (b - a), texts), _agreement(shown, centred, texts)


def _texts(
    images: torch.Tensor, shown: torch.Tensor, common: torch.Tensor, rng: torch.Generator
) -> torch.Tensor:
    """Unit texts [k, d]: one for each image, and others, blurred until half are answered right.

    They are of what the images show, without what all of them have in common.
    """
    n, width = shown.shape
    others = torch.randint(n, (max(TEXTS - n, 0), MIXED), generator=rng)
    sharp = torch.cat([shown, shown[others.to(shown.device)].mean(dim=1)])
    noise = torch.randn(sharp.shape, generator=rng).to(shown.device) / width**0.5

    def blurred(by: float) -> torch.Tensor:
        texts = torch.nn.functional.normalize(sharp, dim=1) + by * noise
        texts = texts - (texts @ common)[:, None] * common
        return torch.nn.functional.normalize(texts, dim=1)

    low, high = 0.0, LARGEST_NOISE
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        right = _right(images, blurred(middle))
        low, high = (middle, high) if right > ACCURACY else (low, middle)
    return blurred(low)


def _right(images: torch.Tensor, texts: torch.Tensor) -> float:
    truth = torch.arange(len(images), device=images.device)
    return float((_first(images, texts) == truth).float().mean())


def _first(images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    return torch.cat([(part @ texts.T).argmax(dim=1) for part in images.split(1024)])


def _agreement(single: torch.Tensor, half: torch.Tensor, texts: torch.Tensor) -> Agreement:
    same = _first(single, texts) == _first(half, texts)
    return Agreement(float(same.float().mean()), _right(single, texts), _right(half, texts))
