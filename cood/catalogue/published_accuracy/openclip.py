"""Zero-shot ImageNet accuracies that OpenCLIP publishes for its checkpoints (`openclip.csv`)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cood.catalogue.checkpoints import families, refusal

TABLE = Path(__file__).with_name("openclip.csv")
NOT_LISTED = "not in the catalogue"


@dataclass(frozen=True)
class Row:
    """A row of `openclip.csv`.

    Attributes
    ----------
    checkpoint
        Name of the weights in the catalogue as ``ARCHITECTURE/TAG``, or that of the row.
    imagenet
        Top-1 accuracy on ImageNet's validation set.
    excluded
        Why the row is not used; else empty.
    """

    checkpoint: str
    imagenet: float
    excluded: str


@lru_cache
def rows() -> tuple[Row, ...]:
    """All rows, in the order of the file.

    Weights of OpenAI have their name with QuickGELU, with which open_clip loads them under either
    name. Other weights that a row loads with the wrong activation are excluded, like all that the
    catalogue refuses. The first row of a checkpoint counts.
    """
    listed = {name for members in families().values() for name in members}
    with TABLE.open(newline="") as file:
        lines = list(csv.DictReader(file))
    found: list[Row] = []
    for line in lines:
        architecture, tag = line["architecture"], line["tag"]
        right = architecture
        if tag == "openai" and not architecture.endswith("-quickgelu"):
            right = f"{architecture}-quickgelu"
        name = f"{right}/{tag}"
        excluded = "" if name in listed else refusal(name) or NOT_LISTED
        if name in {row.checkpoint for row in found}:
            excluded = f"the same weights as an earlier row of {name}"
        found.append(Row(name, float(line["imagenet"]), excluded))
    return tuple(found)


def imagenet_accuracy() -> dict[str, float]:
    """Top-1 accuracy on ImageNet by checkpoint of the catalogue, between 0 and 1."""
    return {row.checkpoint: row.imagenet for row in rows() if not row.excluded}
