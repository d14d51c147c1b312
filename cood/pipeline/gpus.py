"""Which GPU a job runs on: small jobs share one, and none gets more work than it can hold.

Snakemake starts no more jobs than all GPUs of a machine hold together. Here each job gets a place
on one of them: a place is a lock of the operating system, which is free again when the job ends,
however it ends. Several runs of one user on a machine share its places.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cood.stages.stage import CARD

VISIBLE = "CUDA_VISIBLE_DEVICES"
PATIENCE = 10.0  # seconds that nvidia-smi may take
PAUSE = 0.5  # seconds between two tries to get a place


@contextmanager
def on_one_gpu(eighths: int) -> Iterator[None]:
    """Do a job that uses some eighths of a GPU on one of those here, when it has room.

    Where there are several, `CUDA_VISIBLE_DEVICES` names the one. It must be entered before torch
    first looks for GPUs. Without a GPU, or for a job that uses none, nothing happens.
    """
    names = gpu_names() if eighths else []
    if not names:
        yield
        return
    with place(eighths, names, Path(tempfile.gettempdir(), f"cood-gpus-{os.getuid()}")) as name:
        if len(names) > 1:
            os.environ[VISIBLE] = name
        yield


def gpu_names() -> list[str]:
    """What nvidia-smi calls the GPUs that this process may use; empty where there are none."""
    query = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    every = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    shown = os.environ.get(VISIBLE)
    if shown is None or not every:
        return every
    named = [name.strip() for name in shown.split(",") if name.strip() not in ("", "-1")]
    # Numbers count from the first GPU; other names may be those of parts of a GPU.
    return [every[int(n)] if n.isdigit() and int(n) < len(every) else n for n in named]


@contextmanager
def place(eighths: int, names: Sequence[str], folder: Path) -> Iterator[str]:
    """Hold some eighths of the GPU that has most left; wait until one has enough.

    Parameters
    ----------
    eighths
        From 1 to `CARD`.
    names
        GPUs to choose from.
    folder
        Of the locks: one file for each eighth.
    """
    while (held := take(eighths, names, folder)) is None:
        time.sleep(PAUSE)
    name, locks = held
    try:
        yield name
    finally:
        _release(locks)


def take(eighths: int, names: Sequence[str], folder: Path) -> tuple[str, list[FileLock]] | None:
    """A GPU with the locks of the eighths that are taken; None if no GPU has so many left."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):  # one job looks at a time
        free = {name: _free(folder, name) for name in names}
        best = max(names, key=lambda name: len(free[name]))
        taken = free[best][:eighths] if len(free[best]) >= eighths else []
        _release(lock for locks in free.values() for lock in locks if lock not in taken)
    return (best, taken) if taken else None


def _free(folder: Path, name: str) -> list[FileLock]:
    """Locks of the eighths of a GPU that nobody else holds, acquired."""
    locks = []
    for eighth in range(CARD):
        lock = FileLock(folder / f"{name.replace('/', '-')}-{eighth}")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        locks.append(lock)
    return locks


def _release(locks: Iterable[FileLock]) -> None:
    for lock in locks:
        lock.release()
