"""Sources of weights: the prefixes that say where a model lies.

A name without a prefix is one that open_clip or timm lists. `cood.models.loading` has the function
that loads a CLIP from each source, `cood.models.image_encoders` those for image-only encoders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HUB = "hf-hub:"
LOCAL = "local-dir:"
FILE = "file:"


@dataclass(frozen=True)
class Source:
    """A kind of place from which weights are loaded.

    Attributes
    ----------
    place
        What follows the prefix, in words.
    local
        Whether it is a path on this machine. Then its content is part of fingerprints, `cood
        doctor` looks for it, nothing is downloaded, and results name the model as the study does.
    bare
        Whether it holds weights without a configuration, so that a study must name the
        architecture.
    form, noun, example
        A regular expression that what follows the prefix must match, and words for an error.
    """

    place: str
    local: bool
    bare: bool = False
    form: str = ".*"
    noun: str = "path"
    example: str = "PATH"


# By prefix. No prefix may be the beginning of another.
SOURCES = {
    HUB: Source(
        place="a repository of the model hub, `ORG/REPO` or `ORG/REPO@REVISION`",
        local=False,
        form=r"[\w.-]+(/[\w.-]+)?(@.*)?",  # the oldest repositories have no ORG
        noun="repository",
        example="ORG/NAME",
    ),
    LOCAL: Source(place="a folder with configuration and weights", local=True),
    FILE: Source(place="a file of weights alone", local=True, bare=True),
}


def prefix_of(name: str) -> str:
    """Prefix of the source of a model; empty for a model that a library lists.

    Examples
    --------
    >>> prefix_of("file:RN50.pt"), prefix_of("ViT-B-32/openai")
    ('file:', '')
    """
    return next((prefix for prefix in SOURCES if name.startswith(prefix)), "")


def is_bare(name: str) -> bool:
    """Whether a source holds weights without a configuration."""
    prefix = prefix_of(name)
    return bool(prefix) and SOURCES[prefix].bare


def has_form(name: str) -> bool:
    """Whether what follows the prefix has the form that its source asks for."""
    prefix = prefix_of(name)
    return not prefix or bool(
        re.fullmatch(SOURCES[prefix].form, name.removeprefix(prefix), re.DOTALL)
    )


def local_path(name: str) -> Path | None:
    """Path of a model on this machine, as the study writes it; None for a source elsewhere.

    Examples
    --------
    >>> local_path("file:RN50.pt").name
    'RN50.pt'
    >>> local_path("hf-hub:org/repo") is None
    True
    """
    prefix = prefix_of(name)
    return path_of(name) if prefix and SOURCES[prefix].local else None


def path_of(source: str) -> Path:
    """Path that a source on this machine names, with `~` as the home folder."""
    return Path(source.removeprefix(prefix_of(source))).expanduser()


def local_source(folder: Path) -> str:
    """Source of a model that was saved in `folder`.

    Examples
    --------
    >>> local_source(Path("models/mine"))
    'local-dir:models/mine'
    """
    return f"{LOCAL}{folder}"
