"""Whether open_clip has what a study calls a checkpoint; checked without torch."""

from __future__ import annotations

import re

from cood.catalogue import open_clip_listing as listing
from cood.catalogue.sources import HUB, LOCAL
from cood.errors import StudyError, unknown
from cood.settings import Checkpoint

REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)?")  # of the model hub; the oldest have no ORG


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
    elif named.startswith(HUB):
        repo = named.removeprefix(HUB).partition("@")[0]
        if not REPOSITORY.fullmatch(repo):
            raise StudyError(
                f"{where}.checkpoint: {repo!r} names no repository, as ORG/NAME does; correct it"
            )
    elif not named.startswith(LOCAL) and named not in listing.places():
        raise StudyError(f"{where}.checkpoint: {unknown('checkpoint', named, listing.places())}")
