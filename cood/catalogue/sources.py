"""Prefixes that say where a model lies, when it is not named as a library lists it."""

from __future__ import annotations

from pathlib import Path

HUB = "hf-hub:"  # a repository of the model hub, `ORG/REPO` or `ORG/REPO@REVISION`
LOCAL = "local-dir:"  # a folder with configuration and weights
FILE = "file:"  # a file of weights alone


def local_source(folder: Path) -> str:
    """Source of a model that was saved in `folder`.

    Examples
    --------
    >>> local_source(Path("models/mine"))
    'local-dir:models/mine'
    """
    return f"{LOCAL}{folder}"
