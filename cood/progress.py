"""Progress of long work."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE = 10.0  # seconds between two lines


class Progress:
    """Reports how much is done, how fast, and the time left, at most once in `PAUSE` seconds."""

    def __init__(
        self,
        what: str,
        total: int,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.what, self.total, self.say, self.clock = what, total, say, clock
        self.done = 0
        self.start = self.reported = clock()

    def add(self, n: int) -> None:
        """Count `n` more."""
        self.done += n
        now = self.clock()
        if now - self.reported < PAUSE:
            return
        self.reported = now
        rate = self.done / (now - self.start)
        minutes = (self.total - self.done) / rate / 60 if rate else float("inf")
        self.say(
            f"{self.what}: {self.done:,} of {self.total:,}, {rate:.1f} a second, "
            f"{minutes:.0f} min left"
        )
