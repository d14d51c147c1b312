"""Whether open_clip has what a study calls a checkpoint; checked without torch."""

from __future__ import annotations

from cood.catalogue import open_clip_listing as listing
from cood.catalogue.sources import SOURCES, has_form, prefix_of
from cood.errors import StudyError, unknown
from cood.settings import Checkpoint


def check_checkpoint(model: str, settings: Checkpoint) -> None:
    """Check before long work begins that open_clip has what a checkpoint is named by.

    Whether its weights can be loaded is not checked: a model without them is skipped.

    Raises
    ------
    StudyError
        If there is no such checkpoint, architecture or tag, or no repository can have that name.
    """
    named, where = settings.checkpoint, f"models.{model}"
    if settings.architecture is not None:
        name, _, tag = settings.architecture.partition("/")
        names = listing.architectures()
        if name not in names:
            raise StudyError(f"{where}.architecture: {unknown('architecture', name, names)}")
        tags = [n.partition("/")[2] for n in listing.places() if n.startswith(f"{name}/")]
        if tag and tag not in tags:
            raise StudyError(f"{where}.architecture: {unknown('tag', tag, tags)}")
    elif prefix := prefix_of(named):
        if not has_form(named):
            place, source = named.removeprefix(prefix), SOURCES[prefix]
            raise StudyError(
                f"{where}.checkpoint: {place!r} names no {source.noun}, as {source.example} does; "
                "correct it"
            )
    elif named not in listing.places():
        raise StudyError(f"{where}.checkpoint: {unknown('checkpoint', named, listing.places())}")
