"""Reading, copying, computing and writing batches at the same time.

    reader threads -> host buffers -> device -> results on the host -> `write`

A few buffers go round: while the device works on one, threads fill the next. On CUDA the buffers
are pinned and copies do not wait, so that the caller's thread does nothing but start work. On a CPU
the model itself fills the caller's thread, and only the reading goes on beside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from cood.evaluation.embed.sources import Source

BUFFERS = 4  # that go round: one is read into, one copied, one computed, one spare
AHEAD = 3  # batches whose results the device may still owe


class Moment(Protocol):
    """A point in the work of a device."""

    def synchronize(self) -> None:
        """Wait until the device has come to it."""


class Lane(Protocol):
    """How batches get to a device and results back."""

    def buffer(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Memory of the host that the device can copy from."""

    def send(self, batch: torch.Tensor) -> tuple[torch.Tensor, Moment]:
        """Begin to copy a batch to the device; when the moment has come, its buffer is free."""

    def receive(self, results: torch.Tensor) -> tuple[torch.Tensor, Moment]:
        """Begin to copy results to the host; when the moment has come, they are there."""


class Past:
    """A moment that has come."""

    def synchronize(self) -> None:
        """Return at once."""


class CpuLane:
    """The host itself: nothing is copied, and work is done when it returns."""

    def buffer(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Plain memory."""
        return torch.empty(shape, dtype=dtype)

    def send(self, batch: torch.Tensor) -> tuple[torch.Tensor, Moment]:
        """The batch itself."""
        return batch, Past()

    def receive(self, results: torch.Tensor) -> tuple[torch.Tensor, Moment]:
        """The results themselves."""
        return results, Past()


class CudaLane:
    """A GPU: pinned buffers, and a stream of its own for the copies to it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._copies = torch.cuda.Stream(device)

    def buffer(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Pinned memory, which the GPU reads by itself."""
        return torch.empty(shape, dtype=dtype, pin_memory=True)

    def send(self, batch: torch.Tensor) -> tuple[torch.Tensor, Moment]:
        """Copy beside the computation, which waits for this batch only."""
        current = torch.cuda.current_stream(self._device)
        with torch.cuda.stream(self._copies):
            moved = batch.to(self._device, non_blocking=True)
            sent = torch.cuda.Event()
            sent.record(self._copies)
        current.wait_event(sent)
        moved.record_stream(current)  # its memory is not used again before the computation is over
        return moved, sent

    def receive(self, results: torch.Tensor) -> tuple[torch.Tensor, Moment]:
        """Copy after the computation, without waiting for it."""
        host = torch.empty(results.shape, dtype=results.dtype, pin_memory=True)
        host.copy_(results, non_blocking=True)
        received = torch.cuda.Event()
        received.record(torch.cuda.current_stream(self._device))
        return host, received


def lane_of(device: torch.device) -> Lane:
    """How batches get to a device and results back."""
    return CudaLane(device) if device.type == "cuda" else CpuLane()


@dataclass
class _Filling:
    start: int
    buffer: torch.Tensor
    batch: torch.Tensor
    parts: list[Future[None]]


def overlapped(
    source: Source,
    forward: Callable[[torch.Tensor], torch.Tensor],
    write: Callable[[int, np.ndarray], None],
    lane: Lane,
    *,
    batch: int,
    readers: int,
    first: int = 0,
) -> None:
    """Send the rows of a source through a model, batch by batch, everything at the same time.

    The wall time is near that of the slowest of reading, computing and writing, not their sum.

    Parameters
    ----------
    source
        Rows; `BUFFERS` batches of them are in memory at most.
    forward
        From a batch on the device to results [n, d] on the device. Called in order, in this thread.
    write
        Called in order, in this thread, with the number of the first row and the results [n, d].
    lane
        How batches get to the device and results back.
    batch
        Rows at once; the last batch holds what is left.
    readers
        Threads that read; each reads a part of a batch.
    first
        Row to begin with.

    Raises
    ------
    Exception
        What `source`, `forward` or `write` raise, once no thread is left. What was computed before
        is written first, so that the caller may go on behind it.
    """
    starts = iter(range(first, len(source), batch))
    owed: deque[tuple[int, torch.Tensor, Moment]] = deque()

    def pay() -> None:
        start, host, received = owed.popleft()
        received.synchronize()
        write(start, host.numpy())

    # Threads are enough: copies of pixels, Pillow and torch release Python's lock.
    with ThreadPoolExecutor(readers) as pool:
        filling: deque[_Filling] = deque()

        def fill(buffer: torch.Tensor, free: Moment) -> None:
            start = next(starts, None)
            if start is not None:
                rows = buffer[: min(batch, len(source) - start)]
                filling.append(_Filling(start, buffer, rows, _read(source, start, rows, free)))

        def _read(
            source: Source, start: int, rows: torch.Tensor, free: Moment
        ) -> list[Future[None]]:
            def read(begin: int, end: int) -> None:
                free.synchronize()
                source.read(start + begin, rows[begin:end].numpy())

            part = -(-len(rows) // readers)
            begins = range(0, len(rows), part)
            return [pool.submit(read, b, min(b + part, len(rows))) for b in begins]

        try:
            shape = (min(batch, len(source)), *source.shape)
            dtype = torch.from_numpy(np.empty(0, source.dtype)).dtype
            for _ in range(min(BUFFERS, -(-max(0, len(source) - first) // batch))):
                fill(lane.buffer(shape, dtype), Past())
            while filling:
                now = filling.popleft()
                for part in now.parts:
                    part.result()
                sent, free = lane.send(now.batch)
                owed.append((now.start, *lane.receive(forward(sent))))
                fill(now.buffer, free)
                while len(owed) > AHEAD:
                    pay()
        finally:
            pool.shutdown(cancel_futures=True)
            while owed:
                pay()
