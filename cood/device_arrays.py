"""Arrays that are of NumPy on the CPU and of torch on a GPU, and when a GPU is worth its start.

Code that computes with ``-``, ``@``, ``.T`` and slices takes both. On a CPU nothing here changes a
bit, and torch is not imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
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


def is_tensor(value: object) -> bool:
    """Whether it is a tensor of torch, which is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


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


def double(array: Array) -> Array:
    """The array in double precision."""
    return array.astype(np.float64) if isinstance(array, np.ndarray) else array.double()


def precision_of(array: Array) -> np.dtype[Any]:
    """The type of its numbers, as NumPy names it."""
    if isinstance(array, np.ndarray):
        return array.dtype
    return np.dtype(str(array.dtype).removeprefix("torch."))


def finite_rows(array: Array) -> np.ndarray:
    """Which rows [n] of an array [n, d] hold finite numbers only."""
    if isinstance(array, np.ndarray):
        return np.asarray(np.isfinite(array).all(axis=1))
    return on_host(array.isfinite().all(dim=1))


def concatenated(arrays: Sequence[Array]) -> Array:
    """The rows of all arrays, which are on one device."""
    if isinstance(arrays[0], np.ndarray):
        return np.concatenate(arrays)
    import torch

    return torch.cat(list(arrays))


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
