"""Sets of images: drawn, generated, brought, of ImageNet's classes, or of factors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, model_validator

from cood.factors.table import TABLES, Table
from cood.settings.base import Count, Settings, check_templates

PUBLISHED_SIZE = 64  # pixels a side of the published factor sets


class IconSet(Settings):
    """Drawings of every composition, and of every word alone, made from icons."""

    source: Literal["icons"]
    images_per_composition: Count
    size: Annotated[int, Field(ge=32, le=512)] = 64
    isolated_images: Count = 8


class DiffusionSet(Settings):
    """Images of every composition, and of every word alone, made by a text-to-image pipeline.

    `model` is the name of a diffusers pipeline on the hub, or ``local-dir:PATH`` of a folder (seen
    from the project folder). Image k of a composition takes prompt k, k + 1, ... in turn.
    `spacing` is that of the timesteps, null for the pipeline's own; `precision` that of a GPU.
    `batch` images go through a GPU at a time, and `shard` compositions into one job.
    `no_safety_checker` says why a safety checker that the pipeline has is switched off.
    `licence` is that of the generator, for the card of an export.
    """

    source: Literal["diffusion"]
    model: str = "stabilityai/sdxl-turbo"
    revision: str | None = None
    variant: str | None = None
    images_per_composition: Count = 3
    isolated_images: Count = 8
    prompts: list[str] = Field(["{}"], min_length=1)
    steps: Count = 1
    guidance: Annotated[float, Field(ge=0)] = 0.0
    spacing: Literal["trailing", "leading", "linspace"] | None = "trailing"
    size: Annotated[int, Field(ge=16, le=2048, multiple_of=8)] = 512
    precision: Literal["float16", "bfloat16", "float32"] = "float16"
    batch: Count = 16
    shard: Count = 2000
    no_safety_checker: Annotated[str, Field(min_length=1)] | None = None
    licence: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _fillable(self) -> DiffusionSet:
        check_templates("prompts", self.prompts)
        return self

    def shards(self, compositions: int, words: int) -> tuple[int, int]:
        """Into how many shards the compositions go, and the words alone."""
        return -(-compositions // self.shard), -(-words // self.shard)


class FolderSet(Settings):
    """Images that a user brings, in folders named ``attribute object``.

    `folder` is seen from the project folder; `generator` says what made the images, and `licence`
    under which one they are, for the card of an export.
    """

    source: Literal["folder"]
    folder: str
    generator: str = "folder"
    licence: Annotated[str, Field(min_length=1)] | None = None


class ReleaseSet(Settings):
    """The public release of ImageNet-AO: a zip archive or a folder, seen from the project folder.

    If `file` is not there, it is downloaded from `url`, a Google Drive address or any other.
    `sha256` is checked if given; `licence` is for the card of an export.
    """

    source: Literal["release"]
    file: str
    url: str | None = None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    generator: str = "release"
    licence: Annotated[str, Field(min_length=1)] | None = None


class IdSet(Settings):
    """Images of the classes of ImageNet, for ID accuracy: its validation images, or ImageNet-V2.

    In `folder` (seen from the project folder) lies a folder a class, named by its WordNet id, its
    number from 0, or its name.
    """

    source: Literal["classes"] = "classes"
    folder: str
    generator: str = "photographs"


ExternalSet = FolderSet | ReleaseSet
SOURCES: dict[str, type[Settings]] = {
    "icons": IconSet,
    "diffusion": DiffusionSet,
    "folder": FolderSet,
    "release": ReleaseSet,
}
ImageSet = Annotated[IconSet | DiffusionSet | FolderSet | ReleaseSet, Discriminator("source")]


class FactorSet(Settings):
    """Scenes drawn at random out of all combinations of factors.

    They are drawn here, or read from the published file if `file` names it (seen from the
    project folder).
    """

    source: Literal["shapes3d", "dsprites"]
    images: Count
    size: Annotated[int, Field(ge=32, le=512)] = 64
    file: str | None = None

    @model_validator(mode="after")
    def _possible(self) -> FactorSet:
        if self.images > self.table.size:
            raise ValueError(f"images: {self.images} is more than the {self.table.size} scenes")
        if self.file is not None and self.size != PUBLISHED_SIZE:
            raise ValueError(f"size: the images of `file` have 64 pixels a side, not {self.size}")
        return self

    @property
    def table(self) -> Table:
        """Its factors."""
        return TABLES[self.source]
