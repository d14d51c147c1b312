"""Saving images as PNG files, in other threads while the next images are made."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cood.files import atomic

MARK = "cood"  # text in a PNG file: recipe, seed and prompt
END = b"IEND\xaeB`\x82"  # the end of a complete PNG file
AHEAD = 2  # batches that wait for the threads, at most

Item = TypeVar("Item")
Result = TypeVar("Result")


def overlap(
    batches: Iterable[Iterable[Item]],
    work: Callable[[Item], Result],
    threads: int,
    ahead: int = AHEAD,
) -> Iterator[list[Result]]:
    """Do the work on the items of batches in other threads, while the next batch is made.

    A batch is made while at most `ahead` earlier ones are unfinished. The results are those of
    ``[work(item) for item in batch]``, batch after batch, in order. An error of `work` is raised
    here; what has not begun then is left out, as it is if the caller stops.

    Parameters
    ----------
    batches
        Makes the next batch when it is asked for.
    work
        Done in other threads: it should release the lock of the interpreter, as encoding a PNG
        file does.
    threads, ahead
        Number of threads, and of batches that may wait for them.

    Examples
    --------
    >>> list(overlap([[1, 2], [3]], lambda number: number * 10, threads=2))
    [[10, 20], [30]]
    """
    waiting: deque[list[Future[Result]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for batch in batches:
            waiting.append([pool.submit(work, item) for item in batch])
            while waiting and (len(waiting) > ahead or all(done.done() for done in waiting[0])):
                yield [future.result() for future in waiting.popleft()]
        while waiting:
            yield [future.result() for future in waiting.popleft()]
    finally:
        pool.shutdown(cancel_futures=True)


def save_image(pixels: np.ndarray, path: Path, mark: str) -> None:
    """Write pixels [height, width, 3] of type uint8 as a PNG file that holds a mark."""
    about = PngInfo()
    about.add_itxt(MARK, mark)
    with atomic(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="png", pnginfo=about, compress_level=1)


def finished(path: Path, mark: str) -> bool:
    """Whether there is a complete PNG file with this mark."""
    try:
        with path.open("rb") as file:
            file.seek(-len(END), 2)
            whole = file.read() == END
        with Image.open(path) as picture:
            return whole and picture.info.get(MARK) == mark
    except OSError:
        return False
