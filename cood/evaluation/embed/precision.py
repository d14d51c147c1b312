"""The precision that models compute in, and how far half precision agrees with single."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

from cood.errors import StudyError
from cood.evaluation.common.half_precision import unit_rows

AUTO, SINGLE, HALF = "auto", "single", "half"
SAMPLED = 128  # images, and texts, of each set that are embedded in both precisions


def resolve(precision: str, device: torch.device) -> str:
    """`SINGLE` or `HALF`: what a setting means on a device.

    By default half precision (fp16 autocast) on a GPU, where it is several times faster, and single
    precision elsewhere.

    Raises
    ------
    StudyError
        If half precision is asked for without a GPU.
    """
    if precision == AUTO:
        return HALF if device.type == "cuda" else SINGLE
    if precision == HALF and device.type != "cuda":
        raise StudyError(
            "precision: half needs a GPU with CUDA, and there is none here; use auto or single"
        )
    return precision


@contextmanager
def computing(precision: str, device: torch.device) -> Iterator[None]:
    """Compute in a precision inside of the block, and without gradients.

    Half precision is the autocast of torch to fp16: products of matrices and convolutions in half
    precision, sums and normalisations in single, weights as they are. Single precision is IEEE
    float32 everywhere: on CUDA, torch would by default round the inputs of convolutions to the 10
    bits of TF32, and whoever changed `torch.backends` those of products of matrices too.
    """
    if device.type != "cuda":
        with torch.inference_mode():
            yield
        return
    half = torch.autocast("cuda", torch.float16) if precision == HALF else nullcontext()
    backends: Any = torch.backends
    products, convolutions = backends.cuda.matmul, backends.cudnn.conv
    before = products.fp32_precision, convolutions.fp32_precision
    products.fp32_precision = convolutions.fp32_precision = "ieee"
    try:
        with torch.inference_mode(), half:
            yield
    finally:
        products.fp32_precision, convolutions.fp32_precision = before


def sample(count: int) -> np.ndarray:
    """Numbers of up to `SAMPLED` of `count` rows, evenly over all of them."""
    return np.unique(np.linspace(0, count - 1, min(SAMPLED, count)).round().astype(np.int64))


def same_answers(
    images: tuple[np.ndarray, np.ndarray], texts: tuple[np.ndarray, np.ndarray]
) -> float:
    """Share of images [n, d] whose nearest text [k, d] is the same, in two precisions each."""
    answers = [
        (unit_rows(i) @ unit_rows(t).T).argmax(axis=1) for i, t in zip(images, texts, strict=True)
    ]
    return float((answers[0] == answers[1]).mean())
