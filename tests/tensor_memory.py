"""Bytes of the tensors of torch that are alive at a time."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class TensorMemory(TorchDispatchMode):
    """Counts the bytes of all tensors that are made and alive within it."""

    now = peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        made = result if isinstance(result, tuple | list) else (result,)
        for tensor in made:
            new = not func.is_view and not any(tensor is given for given in args)
            if isinstance(tensor, torch.Tensor) and new:
                size = tensor.nbytes
                self.now += size
                weakref.finalize(tensor, self.free, size)
        self.peak = max(self.peak, self.now)
        return result

    def free(self, size):
        self.now -= size
