"""The stage `pixels`: all images decoded once for each preprocessing, as memory-mapped arrays.

A model of the paper's study embeds tens of thousands of images, and many models share a
preprocessing. Decoding takes a core many times longer than a GPU needs to embed, so it is done
once, by all cores. The pixels are those of the checkpoint's own preprocessing, up to its last step
on images; the arithmetic that follows is done on the device.

The folder of a preprocessing holds an index and, for each set, arrays uint8
[n, height, width, 3] of its kept images and of its isolated words, in the order of their tables.
It is removed when all models of the preprocessing are embedded, and made again when one is not. The
record beside it stays, and says what was decoded.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd

from cood.errors import StudyError, unknown
from cood.evaluation.embed.metadata import content_hash
from cood.evaluation.embed.preprocessing import SplitPreprocessing, of_settings
from cood.evaluation.embed.sources import PixelRows
from cood.files import atomic, read_json
from cood.settings.preprocessing import (
    COMPLETE,
    MADE,
    embeddings_of,
    models_by_preprocessing,
    preprocessed_sets,
    times_made,
)
from cood.settings.study_file import Study
from cood.synthesis.image_files import load_image
from cood.synthesis.manifests import read_factor_manifest, read_isolated, read_manifest

INDEX = "index.json"
IMAGES, ISOLATED = "images", "isolated"  # the two kinds of images of a set
SHARD_BYTES = 256 * 2**20
TASK = 32  # images that a process decodes before it asks for more
AT_ONCE = 2  # shards that are being filled: processes that end one begin with the next

Say = Callable[[str], None]


@dataclass(frozen=True)
class Pixels:
    """The folder of a preprocessing, as `decode` leaves it."""

    folder: Path
    index: dict[str, Any]

    @property
    def description(self) -> str:
        """The preprocessing in words, as `SplitPreprocessing.description` gives them."""
        return self.index["preprocessing"]

    def rows(self, set_: str, kind: str, table: pd.DataFrame) -> PixelRows | None:
        """The pixels of the images of a table, in its order; None if they are not all there."""
        part = self.index["parts"].get(f"{set_}/{kind}")
        if part is None or part["table"] != content_hash(table):
            return None
        shards = [self.folder / shard for shard in part["shards"]]
        if not shards or not all(shard.is_file() for shard in shards):
            return None
        return PixelRows(tuple(np.load(shard, mmap_mode="r") for shard in shards))


def make_pixels(study: Study, preprocessing: str, say: Say = print, cores: int = 1) -> None:
    """Decode the images of all sets that models of one preprocessing embed, and record it.

    A run that was killed goes on: shards that are complete are kept, unless a table or the
    preprocessing has changed.

    Parameters
    ----------
    study
        The study.
    preprocessing
        Name of a preprocessing of its models, such as ``224-bicubic-shortest``.
    say
        Called with a line for each shard.
    cores
        Number of processes; the pixels do not depend on it.

    Raises
    ------
    StudyError
        If no model of the study has the preprocessing.
    ArtefactError
        If a table or an image is missing or damaged.
    """
    settings = {p.name: p for p in models_by_preprocessing(study)}
    if preprocessing not in settings:
        raise StudyError(unknown("preprocessing", preprocessing, settings))
    parts = of_settings(settings[preprocessing])
    tables = {
        f"{set_}/{kind}": (study.paths.manifest(set_).parent, table)
        for set_ in preprocessed_sets(study, preprocessing)
        for kind, table in tables_of(study, set_).items()
    }
    made = times_made(study, preprocessing)
    folder = study.paths.pixels(preprocessing)
    index = decode(tables, parts, folder, say, cores)
    (folder / COMPLETE).touch()
    with atomic(study.paths.pixels_record(preprocessing)) as temporary:
        temporary.write_text(json.dumps({**index, MADE: made}, indent=1) + "\n")


def remove_used(study: Study, preprocessing: str) -> None:
    """Remove the pixels of a preprocessing if all of its models are embedded since they were made.

    Otherwise nothing is done: other models need them.
    """
    record = study.paths.pixels_record(preprocessing)
    if not record.is_file():
        return
    made = record.stat().st_mtime
    files = embeddings_of(study, preprocessing)
    if all(file.is_file() and file.stat().st_mtime >= made for file in files):
        shutil.rmtree(study.paths.pixels(preprocessing), ignore_errors=True)


def tables_of(study: Study, set_: str) -> dict[str, pd.DataFrame]:
    """Tables of the images of a set, by kind: `IMAGES` and, if it has them, `ISOLATED`."""
    if set_ in study.factor_sets:
        return {IMAGES: read_factor_manifest(study, set_)}
    tables = {IMAGES: read_manifest(study, set_)}
    isolated = read_isolated(study, set_) if set_ in study.sets else None
    return tables if isolated is None else {**tables, ISOLATED: isolated}


def decode(
    tables: dict[str, tuple[Path, pd.DataFrame]],
    parts: SplitPreprocessing,
    folder: Path,
    say: Say = print,
    cores: int = 1,
) -> dict[str, Any]:
    """Decode the images of some tables into a folder; return its index.

    Shards that are in the folder are kept if they have the same index, else thrown away.

    Parameters
    ----------
    tables
        By name of the part, such as ``ao/images``, the folder of the images and their table.
    parts
        The preprocessing.
    folder
        Where the shards and their index are written.
    say, cores
        As in `make_pixels`.

    Raises
    ------
    ArtefactError
        If an image is missing or damaged.
    """
    rows = max(1, SHARD_BYTES // (parts.shape[0] * parts.shape[1] * 3))
    listed = {
        name: {
            "table": content_hash(table),
            "images": len(table),
            "shards": [f"{name}-{k:05}.npy" for k in range(-(-len(table) // rows))],
        }
        for name, (_, table) in tables.items()
    }
    index = {"preprocessing": parts.description, "parts": listed}
    if not (folder / INDEX).is_file() or read_json(folder / INDEX) != index:
        shutil.rmtree(folder, ignore_errors=True)
        with atomic(folder / INDEX) as temporary:
            temporary.write_text(json.dumps(index))
    shards = [
        (folder / f"{name}-{k:05}.npy", place, table["image"].tolist()[first : first + rows])
        for name, (place, table) in tables.items()
        for k, first in enumerate(range(0, len(table), rows))
    ]
    _decode_shards([shard for shard in shards if not shard[0].is_file()], parts, say, cores)
    return index


def open_pixels(folder: Path, parts: SplitPreprocessing) -> Pixels | None:
    """The decoded images in a folder; None if there are none, or of another preprocessing."""
    if not (folder / INDEX).is_file():
        return None
    pixels = Pixels(folder, read_json(folder / INDEX))
    return pixels if pixels.description == parts.description else None


Shard = tuple[Path, Path, Sequence[str]]  # the file, the folder of its images, and their names


def _decode_shards(
    shards: Sequence[Shard], parts: SplitPreprocessing, say: Say, cores: int
) -> None:
    todo, total = iter(shards), sum(len(images) for _, _, images in shards)
    done = 0
    with ExitStack() as stack:
        pool = None
        if cores > 1 and total > TASK:
            pool = _processes(cores)
            stack.callback(pool.shutdown, cancel_futures=True)
        open_shards: deque[tuple[int, ExitStack, list[Future[None]]]] = deque()

        def begin() -> None:
            for file, place, images in todo:
                closing = stack.enter_context(ExitStack())
                temporary = closing.enter_context(atomic(file))
                open_shards.append(
                    (len(images), closing, list(_tasks(temporary, place, images, parts, pool)))
                )
                return

        for _ in range(AT_ONCE if pool else 1):
            begin()
        while open_shards:
            count, closing, tasks = open_shards.popleft()
            for task in tasks:
                task.result()
            closing.close()  # renames the file
            done += count
            say(f"{done:,} of {total:,} images decoded")
            begin()


def _tasks(
    file: Path,
    place: Path,
    images: Sequence[str],
    parts: SplitPreprocessing,
    pool: Executor | None,
) -> Iterator[Future[None]]:
    """Begin to fill a shard: in the processes of the pool, or here and now."""
    shape = (len(images), *parts.shape, 3)
    np.lib.format.open_memmap(file, mode="w+", dtype=np.uint8, shape=shape)
    for start in range(0, len(images), TASK):
        work = (file, start, place, images[start : start + TASK], parts)
        if pool is None:
            _fill(*work)
        else:
            yield pool.submit(_fill, *work)


def _fill(
    file: Path, start: int, place: Path, images: Sequence[str], parts: SplitPreprocessing
) -> None:
    shard = np.lib.format.open_memmap(file, mode="r+")
    for k, image in enumerate(images):
        shard[start + k] = parts.pixels(load_image(place, image))


def _processes(cores: int) -> ProcessPoolExecutor:
    # Threads would share Python's lock: 16 of them are a fifth slower. Where a fork is safe, the
    # processes need not import torch again; they do nothing but decode.
    method = "fork" if sys.platform == "linux" else None
    return ProcessPoolExecutor(cores, get_context(method), initializer=_end_with_parent)


def _end_with_parent() -> None:
    """Let a process end when the one that started it is killed, instead of waiting for work."""

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()
