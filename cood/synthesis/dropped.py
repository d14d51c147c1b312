"""Which files of a folder or archive are not used, as sentences."""

from __future__ import annotations

from collections.abc import Iterable

from cood.synthesis.manifests import KEPT

SHOWN = 3  # files that a line names


def dropped_lines(files: Iterable[str], status: Iterable[str]) -> list[str]:
    """A line a reason: how many files are not used for it, and the names of the first.

    Parameters
    ----------
    files
        Names of the files, as the user knows them.
    status
        ``kept``, or why the file is not used: the kind of reason, a colon and details.

    Examples
    --------
    >>> files = ["a b/1.jpg", "a b/2.jpg", "a b/3.jpg"]
    >>> status = ["kept", "empty file", "copy: the same as a b/1.jpg"]
    >>> for line in dropped_lines(files, status):
    ...     print(line)
    1 file dropped, empty file: a b/2.jpg
    1 file dropped, copy: a b/3.jpg (the same as a b/1.jpg)
    """
    by_reason: dict[str, list[str]] = {}
    for file, reason in zip(files, status, strict=True):
        if reason != KEPT:
            kind, _, details = reason.partition(": ")
            by_reason.setdefault(kind, []).append(f"{file} ({details})" if details else file)
    return [_line(kind, named) for kind, named in by_reason.items()]


def _line(kind: str, named: list[str]) -> str:
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    plural = "s" if len(named) > 1 else ""
    return f"{len(named)} file{plural} dropped, {kind}: {', '.join(named[:SHOWN])}{more}"
