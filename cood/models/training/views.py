"""Random views of an image, for encoders that learn from images alone."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

SMALLEST = 0.08  # smallest share of the area that a view shows
JITTER = 0.4  # of brightness and contrast, as for small images


def random_view(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A random crop of each image [n, 3, size, size], perhaps mirrored, lighter or darker.

    As in Chen et al. 2020, arXiv:2002.05709, appendix A and B.9, but crops are square, and only
    brightness and contrast change: other colour jitter would hide the colours, which are
    attributes.
    """
    n = len(images)
    draws = torch.rand(n, 6, generator=generator)
    side = torch.exp(0.5 * math.log(SMALLEST) * draws[:, 0])
    mirror = torch.where(draws[:, 1] < 0.5, -1.0, 1.0)
    across, down = ((1 - side) * (2 * draws[:, k] - 1) for k in (2, 3))
    zero = torch.zeros(n)
    rows = [torch.stack([side * mirror, zero, across], 1), torch.stack([zero, side, down], 1)]
    grid = functional.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    cut = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    contrast, light = (1 + JITTER * (2 * draws[:, k, None, None, None] - 1) for k in (4, 5))
    mean = cut.mean(dim=(2, 3), keepdim=True)
    return (cut - mean) * contrast + mean + (light - 1)
