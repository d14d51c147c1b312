"""Whether open_clip has what a study calls a checkpoint; checked without torch."""

from __future__ import annotations

from pathlib import Path

from cood.catalogue import open_clip_listing as listing
from cood.catalogue.sources import FILE, LOCAL, SOURCES, has_form, prefix_of
from cood.errors import StudyError, unknown
from cood.models.zoo import architecture_form, towers_of
from cood.settings import Checkpoint

PATH_SIGNS = (".", "/", "~")  # a name that starts so is a path


def check_checkpoint(model: str, settings: Checkpoint) -> None:
    """Check before long work begins that open_clip has what a checkpoint is named by.

    Whether its weights can be loaded is not checked: a model without them is skipped.

    Raises
    ------
    StudyError
        If there is no such checkpoint, architecture or tag, or no repository can have that name.
    """
    fault = fault_of(settings)
    if fault is not None:
        key, sentence = fault
        raise StudyError(f"models.{model}.{key}: {sentence}")


def fault_of(settings: Checkpoint) -> tuple[str, str] | None:
    """Which setting of a checkpoint is wrong, and why; None if open_clip has what is named."""
    if settings.architecture is not None:
        sentence = _fault_of_architecture(settings.architecture)
        return ("architecture", sentence) if sentence else None
    sentence = _fault_of_name(settings.checkpoint)
    return ("checkpoint", sentence) if sentence else None


def _fault_of_architecture(named: str) -> str:
    name, _, tag = named.partition("/")
    names = listing.architectures()
    if name in names:
        tags = [n.partition("/")[2] for n in listing.places() if n.startswith(f"{name}/")]
        return unknown("tag", tag, tags) if tag and tag not in tags else ""
    if towers_of(named) is not None:
        return ""
    if is_path(named):
        return (
            f"{named!r} is a path; give the name of an architecture of OpenCLIP, as ViT-B-32, and "
            f"the path as `checkpoint: {FILE}PATH`"
        )
    own = f"; a small CLIP of this project is named by {architecture_form()}"
    return unknown("architecture", name, names) + own


def is_path(named: str) -> bool:
    """Whether a name without a prefix can only be a path, or is that of a file or folder here."""
    path = Path(named).expanduser()
    return named.startswith(PATH_SIGNS) or named.count("/") > 1 or path.exists()


def _fault_of_name(named: str) -> str:
    prefix = prefix_of(named)
    if prefix:
        if has_form(named):
            return ""
        place, source = named.removeprefix(prefix), SOURCES[prefix]
        return f"{place!r} names no {source.noun}, as {source.example} does; correct it"
    if named in listing.places():
        return ""
    path = Path(named).expanduser()
    if path.exists():
        right = LOCAL if path.is_dir() else FILE
        kind = "folder" if path.is_dir() else "file, which also needs its `architecture`"
        return f"{named!r} is a {kind}; write {right}{path}"
    if is_path(named):
        return (
            f"{named!r} is a path, and there is no such folder or file; correct it, and write "
            f"{LOCAL}PATH for a folder or {FILE}PATH for a file of weights"
        )
    return unknown("checkpoint", named, listing.places())
