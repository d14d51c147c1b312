"""Errors that are meant for the user: one sentence, and no traceback on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class CoodError(Exception):
    """Something the user can put right; the message says what, where and the way out."""


class StudyError(CoodError):
    """A study file, or a name that is looked up in one, is wrong."""


class ArtefactError(CoodError):
    """A file under ``results/`` is missing, damaged or cannot be written."""


class MissingModelError(CoodError):
    """The weights of a model cannot be loaded: it costs a row with the reason, not the run."""


class NotebookError(CoodError):
    """A notebook got a parameter it does not know, or one of its cells failed."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Sentence for a name that does not exist, with the nearest ones or all that do."""
    names = [str(n) for n in known]
    near = get_close_matches(name, names, n=3)
    listed = ", ".join(names[:40]) + (", ..." if len(names) > 40 else "")
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {listed or 'none'}"
    return f"unknown {kind} {name!r}; {hint}"


def check_choice(kind: str, value: str, known: Iterable[str]) -> None:
    """Refuse a parameter of a notebook that is none of the known values, with a NotebookError."""
    names = list(known)
    if value not in names:
        raise NotebookError(unknown(kind, value, names))
