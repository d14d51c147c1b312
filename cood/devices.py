"""The device that models and large matrix products run on."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# What the driver of NVIDIA puts on a machine: on Linux, and for Linux under Windows.
DRIVER_FILES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
DRIVER_COMMAND = "nvidia-smi"
VISIBLE = "CUDA_VISIBLE_DEVICES"
HIDDEN = ("", "-1")  # values of it that hide all


def best_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def cuda_device() -> torch.device | None:
    """The GPU if there is one, else None; imports torch only where there is a driver.

    For what needs no torch on the CPU, and should start fast there.
    """
    if not has_driver():
        return None
    device = best_device()
    return device if device.type == "cuda" else None


def cuda_started() -> bool:
    """Whether this process has used the GPU, so that no time is lost by starting it."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_initialized()


def is_full(error: BaseException) -> bool:
    """Whether an error says that the memory of a GPU does not suffice."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError)


@contextmanager
def without_gpu() -> Iterator[None]:
    """Let `cuda_device` find no GPU: it asks this variable before it asks torch."""
    before = os.environ.get(VISIBLE)
    os.environ[VISIBLE] = HIDDEN[0]
    try:
        yield
    finally:
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before


def has_driver(
    files: Sequence[Path] = DRIVER_FILES,
    command: str = DRIVER_COMMAND,
    environment: Mapping[str, str] = os.environ,
) -> bool:
    """Whether there may be a GPU: it is not hidden, and a file or command of its driver exists."""
    if environment.get(VISIBLE, "0").strip() in HIDDEN:
        return False
    return any(file.exists() for file in files) or shutil.which(command) is not None
