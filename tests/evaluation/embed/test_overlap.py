"""The pipeline with stand-ins whose speed is set: its time is that of the slowest part."""

import threading
import time
from collections import deque

import numpy as np
import pytest
import torch

from cood.evaluation.embed.overlap import AHEAD, BUFFERS, CpuLane, overlapped

BATCHES, BATCH = 12, 8
STEP = 0.02  # seconds of a batch


class Reader:
    """Rows that hold their own number, and take a set time."""

    shape, dtype = (2,), np.dtype(np.uint8)

    def __init__(self, seconds=0.0, count=BATCHES * BATCH, broken=None):
        self.seconds, self.count, self.broken = seconds, count, broken
        self.lock, self.begun = threading.Lock(), 0

    def __len__(self):
        return self.count

    def read(self, start, out):
        with self.lock:
            self.begun += len(out)
        if self.broken is not None and start <= self.broken < start + len(out):
            raise OSError(f"row {self.broken}")
        time.sleep(self.seconds * len(out) / BATCH)
        out[:] = np.arange(start, start + len(out))[:, None]


class Arrival:
    def __init__(self, clock):
        self.clock = clock

    def synchronize(self):
        time.sleep(max(0.0, self.clock - time.monotonic()))


class FarLane(CpuLane):
    """A device that copies and computes by itself, one thing after the other in each queue."""

    def __init__(self, copy=0.0, compute=0.0):
        self.copy, self.compute = copy, compute
        self.copied = self.computed = 0.0

    def send(self, batch):
        self.copied = max(self.copied, time.monotonic()) + self.copy
        return batch.clone(), Arrival(self.copied)

    def receive(self, results):
        self.computed = max(self.copied, self.computed) + self.compute
        return results, Arrival(self.computed)


def run(reader, lane, *, think=0.0, save=0.0, readers=2, batch=BATCH, first=0):
    """Send all rows through; return their sums as they were written, and the seconds it took."""
    written = []

    def forward(rows):
        time.sleep(think)
        return rows.float().sum(dim=1, keepdim=True)

    def write(start, results):
        time.sleep(save)
        written.append((start, results[:, 0].copy()))

    begin = time.monotonic()
    overlapped(reader, forward, write, lane, batch=batch, readers=readers, first=first)
    return written, time.monotonic() - begin


def joined(written):
    assert [start for start, _ in written] == sorted(start for start, _ in written)
    return np.concatenate([results for _, results in written])


@pytest.mark.parametrize("count", [1, 7, 8, 9, 96])
@pytest.mark.parametrize("readers", [1, 3])
def test_all_rows_come_in_order(count, readers):
    written, _ = run(Reader(count=count), CpuLane(), readers=readers)
    np.testing.assert_array_equal(joined(written), 2 * np.arange(count))


def test_it_goes_on_behind_what_is_done():
    written, _ = run(Reader(), CpuLane(), first=50)
    assert written[0][0] == 50
    np.testing.assert_array_equal(joined(written), 2 * np.arange(50, BATCHES * BATCH))


def test_reading_and_computing_take_the_time_of_the_slower():
    # Each alone takes 12 steps; one after the other would be 24.
    _, seconds = run(Reader(2 * STEP), CpuLane(), think=STEP, readers=2)
    assert seconds < 17 * STEP
    _, seconds = run(Reader(STEP), CpuLane(), think=STEP / 4, readers=1)
    assert 12 * STEP <= seconds < 17 * STEP


def test_a_device_that_works_by_itself_is_never_waited_for():
    # Reading, copying, computing and writing take one step each: 48 one after the other.
    lane = FarLane(copy=STEP, compute=STEP)
    written, seconds = run(Reader(2 * STEP), lane, save=STEP, readers=2)
    assert seconds < 22 * STEP
    np.testing.assert_array_equal(joined(written), 2 * np.arange(BATCHES * BATCH))


def test_memory_holds_a_few_batches_only():
    reader, held = Reader(), deque()

    def forward(rows):
        held.append(reader.begun)
        return rows.float()

    overlapped(reader, forward, lambda start, rows: None, CpuLane(), batch=BATCH, readers=2)
    ahead = [begun - BATCH * k for k, begun in enumerate(held)]
    assert max(ahead) <= BUFFERS * BATCH


def test_results_that_are_owed_stay_few():
    lane, owed, most = FarLane(compute=STEP / 4), [], []

    def forward(rows):
        owed.append(len(rows))
        most.append(len(owed))
        return rows.float()

    overlapped(Reader(), forward, lambda start, rows: owed.pop(), lane, batch=BATCH, readers=1)
    assert max(most) == AHEAD + 1
    assert not owed


@pytest.mark.parametrize("lane", [CpuLane(), FarLane(compute=STEP)], ids=["near", "far"])
def test_after_an_error_what_was_computed_is_written_and_no_thread_is_left(lane):
    before, written = threading.active_count(), []

    def forward(rows):
        if rows[0, 0] == 40:
            raise torch.OutOfMemoryError
        return rows.float()

    with pytest.raises(torch.OutOfMemoryError):
        overlapped(
            Reader(), forward, lambda start, rows: written.append(start), lane, batch=8, readers=2
        )
    assert written == [0, 8, 16, 24, 32]
    assert threading.active_count() == before
    with pytest.raises(OSError, match="row 30"):
        run(Reader(broken=30), lane)
    assert threading.active_count() == before
