"""Errors for the user: one sentence, and no traceback on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LISTED = 40  # names that a message lists
INSTALL = "pip install '.[study]'"  # what everything but the metrics needs
LONGEST = 101  # letters of a value that a message shows


class CoodError(Exception):
    """Something that the user can correct; the message says what, where, and what to do."""


class StudyError(CoodError):
    """A study file, or a name that is looked up in one, is wrong."""


class ArtefactError(CoodError):
    """A file under ``results/`` is missing, damaged or cannot be written."""


class MissingModelError(CoodError):
    """The weights of a model cannot be loaded: it costs a row with the reason, not the run."""


class UnusableModelError(MissingModelError):
    """A model was loaded, and no score can be computed from its embeddings."""


class NotebookError(CoodError):
    """A notebook got an unknown parameter, or one of its cells failed."""


def unknown(kind: str, name: str, choices: Iterable[str]) -> str:
    """Sentence for a name that does not exist, with the nearest names or all that exist.

    Examples
    --------
    >>> unknown("model", "viit", ["vit", "resnet"])
    "unknown model 'viit'; did you mean vit?"
    >>> unknown("model", "mixer", ["vit", "resnet"])
    "unknown model 'mixer'; known: vit, resnet"
    >>> unknown("model", "VIT", ["vit", "resnet"])
    "unknown model 'VIT'; did you mean vit?"
    """
    names = [str(choice) for choice in choices]
    # Capitals make words differ more than other letters do.
    lower = dict(zip((other.casefold() for other in reversed(names)), reversed(names), strict=True))
    near = [lower[match] for match in get_close_matches(name.casefold(), lower, n=3)]
    listed = ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {listed or 'none'}"
    return f"unknown {kind} {shortened(name)}; {hint}"


def shortened(value: object) -> str:
    """How Python writes a value, without the middle of a long one.

    Examples
    --------
    >>> shortened("red"), len(shortened("x" * 1000))
    ("'red'", 101)
    """
    text = repr(value)
    half = (LONGEST - len(" ... ")) // 2
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"


def missing_package(error: ModuleNotFoundError) -> str:
    """Sentence for a package that the metrics do not need, and so may not be installed.

    A module of `cood` itself that is missing is a fault of the code, and raised again.

    Examples
    --------
    >>> missing_package(ModuleNotFoundError("No module named 'torch'", name="torch"))
    "the package torch is not installed; in a clone of cood, run pip install '.[study]'"
    """
    package = (error.name or "").partition(".")[0]
    if package in ("", "cood"):
        raise error
    return f"the package {package} is not installed; in a clone of cood, run {INSTALL}"


def check_choice(kind: str, value: str, choices: Iterable[str]) -> None:
    """Raise a NotebookError if a parameter of a notebook is none of the choices."""
    names = list(choices)
    if value not in names:
        raise NotebookError(unknown(kind, value, names))
