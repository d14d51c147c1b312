"""Rows of the table of `benchmarks.gpu`, its sizes, and how its times are taken."""

from __future__ import annotations

import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from math import nan
from pathlib import Path

import torch

PACKAGES = ("torch", "torchvision", "open_clip_torch", "transformers", "diffusers", "numpy")
ASKED = (
    *("name", "driver_version", "memory.total", "clocks.sm", "clocks.max.sm", "clocks.mem"),
    *("temperature.gpu", "power.draw"),
)
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Sizes:
    """How much work is timed.

    Attributes
    ----------
    architectures
        Of CLIP, with how many images each embeds.
    input
        Pixels a side of what they take.
    photos, side, listed
        Number of PNG files, their pixels a side, and how often each is listed.
    prompts
        Number of texts.
    batches, batch
        Of generated images, and how many images one holds.
    images, objects, attributes, width
        What is scored: images among attributes times objects pairs, in embeddings of this width.
    """

    architectures: dict[str, int]
    input: int
    photos: int
    side: int
    listed: int
    prompts: int
    batches: int
    batch: int
    images: int
    objects: int
    attributes: int
    width: int


FULL = Sizes(
    architectures={"ViT-B-32": 49_152, "ViT-L-14": 7_168, "ViT-H-14": 4_096},
    input=224,
    photos=2048,
    side=512,
    listed=6,
    prompts=163_840,
    batches=24,
    batch=32,
    images=60_000,
    objects=200,
    attributes=100,
    width=768,
)
TINY = Sizes(
    architectures={"tiny": 64},
    input=32,
    photos=32,
    side=64,
    listed=2,
    prompts=64,
    batches=2,
    batch=2,
    images=120,
    objects=6,
    attributes=5,
    width=16,
)


@dataclass(frozen=True)
class Row:
    """One thing that was measured.

    Attributes
    ----------
    work, measured, against
        What was done, what came out, and what it is compared with.
    value, goal, at_least
        The number that has a goal, the goal, and whether it must be reached from below.
    note
        What a reader must know to believe the number.
    gpu_gb
        Peak of the GPU's memory that torch held meanwhile.
    """

    work: str
    measured: str
    against: str = ""
    value: float = nan
    goal: float = nan
    at_least: bool = True
    note: str = ""
    gpu_gb: float = nan

    @property
    def reached(self) -> str:
        """``yes``, ``no``, or empty if there is no number or no goal."""
        if self.value != self.value or self.goal != self.goal:
            return ""
        return "yes" if (self.value >= self.goal) == self.at_least else "no"

    def as_columns(self) -> dict[str, str]:
        """The row as a table for readers has it."""
        sign = "≥" if self.at_least else "≤"
        return {
            "work": self.work,
            "measured": self.measured,
            "compared with": self.against,
            "value": _number(self.value),
            "to reach": f"{sign} {self.goal:g}" if self.goal == self.goal else "",
            "reached": self.reached,
            "GB of the GPU": f"{self.gpu_gb:.1f}" if self.gpu_gb == self.gpu_gb else "",
            "note": self.note,
        }

    def as_text(self) -> str:
        """One line, and the note below it."""
        columns = self.as_columns()
        against = f"; {self.against}" if self.against else ""
        goal = f" ({columns['to reach']}: {self.reached or '?'})" if columns["to reach"] else ""
        value = f"  {columns['value']}{goal}" if columns["value"] else ""
        gigabytes = columns["GB of the GPU"]
        memory = f"  [{gigabytes} GB of the GPU]" if gigabytes else ""
        note = f"\n    {self.note}" if self.note else ""
        return f"{self.work}: {self.measured}{against}{value}{memory}{note}"


def _number(value: float) -> str:
    return f"{value:.4g}" if value == value else ""


def ratio(
    work: str, unit: str, rate: float, bare: float, name: str, goal: float, note: str = ""
) -> Row:
    """A rate compared with another one of the same run, of which it must reach a share."""
    measured, against = f"{rate:,.0f} {unit}", f"{name} {bare:,.0f}"
    return Row(work, measured, against, rate / bare, goal, note=note)


def not_measured(work: str, reason: str) -> Row:
    """A row of what could not be measured, with the reason."""
    return Row(work, NOT_MEASURED, note=" ".join(reason.split())[:300])


def median_seconds(work: Callable[[], object], repeats: int = 3, warm_ups: int = 1) -> float:
    """Median time of a call, until the GPU is done, after some calls that do not count."""
    for _ in range(warm_ups):
        work()
    times = []
    for _ in range(repeats):
        synchronise()
        start = time.perf_counter()
        work()
        synchronise()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def synchronise() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def reset_memory() -> None:
    """Give back what the GPU holds for nothing, and forget the peak."""
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def with_memory(row: Row) -> Row:
    """The same row with the peak of the GPU's memory since `reset_memory`, if it was used."""
    if not torch.cuda.is_initialized() or row.gpu_gb == row.gpu_gb:  # of another process
        return row
    return replace(row, gpu_gb=torch.cuda.max_memory_allocated() / 1e9)


def _siblings() -> str:
    """Which of the cores share the parts of one, as Linux says it."""
    file = Path("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
    return f"{file.read_text().strip()} share one" if file.is_file() else "unknown"


def machine(cores: int) -> dict[str, str]:
    """What it was measured on."""
    about = {"cores": str(cores), "threads of a core": _siblings()}
    about["python"] = platform.python_version()
    for name in PACKAGES:
        try:
            about[name] = version(name)
        except PackageNotFoundError:
            about[name] = "missing"
    if not torch.cuda.is_available():
        return {"device": f"CPU, {platform.machine()}"} | about
    # Asked of the driver: torch would take hold of the GPU, and processes are forked after this.
    try:
        answer = subprocess.run(
            ["nvidia-smi", f"--query-gpu={','.join(ASKED)}", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        ).stdout.splitlines()[0]
        card = dict(zip(ASKED, answer.split(", "), strict=True))
    except (OSError, subprocess.SubprocessError, IndexError, ValueError) as error:
        card = {"device": f"a GPU; nvidia-smi: {error}"}
    return card | {"CUDA": str(torch.version.cuda)} | about
