"""Work of other threads beside that of a GPU: before it, or after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

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
