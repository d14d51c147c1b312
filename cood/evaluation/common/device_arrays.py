"""Arrays that are of NumPy on the CPU and of torch on a GPU, and when a GPU is worth its start.

Code that computes with ``-``, ``@``, ``.T`` and slices takes both. On a CPU nothing here changes a
bit, and torch is not imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from cood.devices import cuda_device, cuda_started

if TYPE_CHECKING:
    import torch

# Products of numbers from which a GPU is used: seconds of one core, which is what starting it
# takes; and, once it is started, a tenth of a second.
LARGE, LARGE_FOR_STARTED = 2**37, 2**33

Array: TypeAlias = Any  # ndarray or torch.Tensor, with the operators that they share


def device_for(products: float) -> torch.device | None:
    """The GPU, if there is one and so many products of two numbers are worth it."""
    large = LARGE_FOR_STARTED if cuda_started() else LARGE
    return cuda_device() if products >= large else None


def moved(array: Array, device: torch.device | None) -> Array:
    """The array on a device; itself without one."""
    if device is None:
        return array
    if not isinstance(array, np.ndarray):
        return array.to(device)
    import torch

    # Torch refuses to share memory that may not be written, such as that of a file.
    return torch.from_numpy(np.require(array, requirements=["C", "W"])).to(device)


def like(array: Array, values: np.ndarray) -> Array:
    """Values of the type and precision of an array, where that is."""
    if isinstance(array, np.ndarray):
        return values.astype(array.dtype)
    return moved(values, array.device).to(array.dtype)


def single(array: Array) -> Array:
    """The array in single precision."""
    return array.astype(np.float32) if isinstance(array, np.ndarray) else array.float()


def device_of(array: Array) -> torch.device | None:
    """Where an array of torch is; None for one of NumPy."""
    return None if isinstance(array, np.ndarray) else array.device


def index_of(array: Array, index: np.ndarray) -> Array:
    """Whole numbers to index an array with, where that is."""
    return moved(index, device_of(array))


def on_host(array: Array) -> np.ndarray:
    """The array of NumPy."""
    return array if isinstance(array, np.ndarray) else np.asarray(array.cpu().numpy())


@contextmanager
def single_precision(device: torch.device | None) -> Iterator[None]:
    """Matrix products on a device in full single precision, whatever was set before."""
    if device is None:
        yield
        return
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
