"""What a stage of the pipeline is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cood.catalogue.sources import FILE
from cood.settings.base import Settings
from cood.settings.study_file import Study

Keys = tuple[str, ...]
CARD = 8  # eighths of a GPU, of which a job takes some
MAKE, EVALUATE, LOOK, SHARE = "Make", "Evaluate", "Look", "Share"


@dataclass(frozen=True)
class Resources:
    """What one job asks for, at the size of the study `paper`.

    Attributes
    ----------
    memory
        In MB.
    minutes
        Time limit on a cluster.
    gpu
        Eighths of a GPU that it takes where there is one: `CARD` for a whole one, 0 for none.
    threads
        How many it can use; None for all that there are.
    """

    memory: int = 8000
    minutes: int = 60
    gpu: int = 0
    threads: int | None = 1

    @property
    def of_rule(self) -> dict[str, int]:
        """Resources as a rule of the Snakefile declares them.

        `gpu` is what a cluster gives, whole GPUs; `gpu_eighths` shares those of one machine.
        """
        share = {"gpu": 1, "gpu_eighths": self.gpu} if self.gpu else {}
        return {"mem_mb": self.memory, "runtime": self.minutes, **share}


@dataclass(frozen=True)
class Stage:
    """One stage of the pipeline.

    Attributes
    ----------
    name
        Name of its rule, of its command (with dashes) and of its folder of results, if it has one.
    entry
        Function that does the work, as ``module:function``. It is called with the study, the keys
        of the job, and the keyword arguments that `passes` names.
    jobs
        Keys of each job that a study has.
    outputs
        Files that a job of these keys writes.
    settings
        What of the study, besides files, decides what a job of these keys writes.
    places
        Settings of a job that may name files on this machine, whose content counts too.
    sources
        Files, folders and globs that a job reads, of which there may be too many to read twice:
        their names, sizes and times count. None if it reads no such files.
    does, writes
        What it does and what it writes, for readers of the method.
    progress
        What the progress display says that it does; the keys follow.
    title
        What the table of the run's costs calls it.
    keys
        What distinguishes its jobs, such as ``model`` and ``set``: options of its command.
    passes
        Keyword arguments of the entry function: ``cores``, ``say`` (a function that reports
        progress) and ``code`` (the fingerprint of the stage).
    rules
        Its rules, where outputs that differ by the kind of a model need several.
    """

    name: str
    entry: str
    jobs: Callable[[Study], Iterable[Keys]]
    outputs: Callable[..., list[Path]]
    settings: Callable[..., Any]
    does: str
    writes: str
    progress: str
    title: str
    keys: Keys = ()
    places: Callable[..., list[str | None]] = lambda *_: []
    sources: Callable[..., list[str]] | None = None
    passes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    panel: str = EVALUATE
    uses_torch: bool = False
    resources: Resources = Resources()

    @property
    def module(self) -> str:
        """Module of the entry function."""
        return self.entry.partition(":")[0]

    @property
    def command(self) -> str:
        """Name of its command."""
        return self.name.replace("_", "-")

    @property
    def rule_names(self) -> tuple[str, ...]:
        """Names of its rules in the Snakefile."""
        return self.rules or (self.name,)


def each(names: Iterable[str]) -> Iterator[Keys]:
    """Jobs of a stage that has one for each name."""
    return ((name,) for name in names)


def once(study: Study) -> Iterator[Keys]:
    """The one job of a stage that has only one in a study."""
    yield ()


def words(study: Study) -> list[Any]:
    """Settings that decide which compositions there are, and what is drawn at random."""
    return [study.seed, dumped(study.vocabulary)]


def draw_of(study: Study, model: str) -> list[Any]:
    """Settings that decide which compositions a model is trained on; none for other models."""
    training = study.trained.get(model) or study.factor_models.get(model)
    return [study.core, training.share, training.seed] if training else []


def original(study: Study, set_: str) -> str | None:
    """The file that a factor set is read from, as `Stage.places` names files; None without one."""
    file = study.factor_sets[set_].file
    return f"{FILE}{file}" if file else None


def dumped(settings: Settings | None, but: Iterable[str] = ()) -> dict[str, Any] | None:
    """A section of the study by its values, without some of its keys."""
    return None if settings is None else settings.model_dump(mode="json", exclude=set(but))
