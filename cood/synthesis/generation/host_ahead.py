"""Letting the host run ahead of a GPU: copies to it that the host does not wait for.

The pipelines of diffusers copy tokens, noise and time steps with ``tensor.to(device)``, and their
schedulers fetch noise levels back. Each time the host waits for all that the GPU has to do, and the
GPU then waits for the host. With pinned memory nobody waits, and no value changes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from inspect import signature
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


def host_ahead(device: torch.device) -> AbstractContextManager[object]:
    """While it lasts, ``tensor.to(device)`` does not wait for a GPU; nothing changes on a CPU."""
    return nullcontext() if device.type == "cpu" else _CopiesAhead(device.type)


def place_without_waiting(scheduler: Any) -> None:
    """Let a scheduler compute its time steps on the host, from the second time on.

    The first time shows which of its tensors belong on the GPU. They are sent there, and none is
    fetched back.
    """
    able = hasattr(scheduler, "set_timesteps")  # not every pipeline has a scheduler
    if not able or "set_timesteps" in vars(scheduler):  # it does so already
        return
    original, places = scheduler.set_timesteps, dict[str, torch.device]()
    scheduler.set_timesteps = _on_host(scheduler, original, places)


def _on_host(
    scheduler: Any, original: Callable[..., None], places: dict[str, torch.device]
) -> Callable[..., None]:
    @wraps(original)
    def set_timesteps(*given: Any, **named: Any) -> None:
        asked = signature(original).bind(*given, **named)
        device = asked.arguments.get("device")
        if not places or device is None:
            original(*given, **named)
            tensors = {k: v for k, v in vars(scheduler).items() if isinstance(v, torch.Tensor)}
            places.update({k: v.device for k, v in tensors.items() if v.device.type != "cpu"})
            return
        asked.arguments["device"] = "cpu"
        original(*asked.args, **asked.kwargs)
        for name, place in places.items():
            tensor = getattr(scheduler, name)
            if tensor.device.type == "cpu":
                setattr(scheduler, name, send(tensor, place))

    return set_timesteps


class _CopiesAhead(TorchFunctionMode):
    """Sends what ``tensor.to`` would copy from the host to a kind of device."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        if func is torch.Tensor.to and args[0].device.type == "cpu":
            device, dtype = _target(*args[1:], *named.values())
            if device is not None and device.type == self.kind:
                return send(args[0].to(dtype or args[0].dtype), device)
        return func(*args, **named)


def _target(*asked: Any) -> tuple[torch.device | None, torch.dtype | None]:
    """The device and the type that ``tensor.to`` was asked for."""
    device = dtype = None
    for value in asked:
        if isinstance(value, torch.Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, torch.dtype):
            dtype = value
        elif isinstance(value, str | torch.device):
            device = torch.device(value)
    return device, dtype


def send(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copy a tensor from the host in the order of the GPU's work, without waiting for it."""
    return tensor.pin_memory().to(device, non_blocking=True)
