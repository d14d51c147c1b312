"""Which files of a folder or archive are not used, and what was noted of others, as sentences."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from cood.synthesis.manifests import KEPT

SHOWN = 3  # files that a line names
BETWEEN = "; "  # notes of one file


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
    reasons = (reason if reason != KEPT else "" for reason in status)
    return _lines("dropped", zip(files, reasons, strict=True))


def noted_lines(files: Iterable[str], notes: Iterable[str]) -> list[str]:
    """A line a kind of note: how many kept files have it, and the names of the first.

    Parameters
    ----------
    files
        Names of the files, as the user knows them.
    notes
        What `join_notes` gives for each.

    Examples
    --------
    >>> noted_lines(["a b/1.jpg", "c d/1.jpg"], ["", join_notes("turned", "small: 2 pixels")])
    ['1 file noted, turned: c d/1.jpg', '1 file noted, small: c d/1.jpg (2 pixels)']
    """
    both = zip(files, notes, strict=True)
    return _lines("noted", ((file, note) for file, own in both for note in own.split(BETWEEN)))


def join_notes(*notes: str) -> str:
    """One text of the notes of a file: each a kind, or a kind, a colon and details."""
    return BETWEEN.join(note.replace(";", ",") for note in notes if note)


def note_counts(notes: pd.Series) -> pd.Series:
    """How many files have each kind of note, of the notes [n] of files; the most frequent first."""
    each = notes[notes != ""].str.split(BETWEEN).explode()
    return each.str.split(":").str[0].value_counts()


def _lines(verb: str, reasons: Iterable[tuple[str, str]]) -> list[str]:
    by_kind: dict[str, list[str]] = {}
    for file, reason in reasons:
        if reason:
            kind, _, details = reason.partition(": ")
            by_kind.setdefault(kind, []).append(f"{file} ({details})" if details else file)
    return [_line(verb, kind, named) for kind, named in by_kind.items()]


def _line(verb: str, kind: str, named: list[str]) -> str:
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    plural = "s" if len(named) > 1 else ""
    return f"{len(named)} file{plural} {verb}, {kind}: {', '.join(named[:SHOWN])}{more}"
