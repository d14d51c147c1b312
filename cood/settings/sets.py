"""Sets of images: drawn, generated, imported, of ImageNet's classes, or of factors."""

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

    Attributes
    ----------
    model, revision, variant
        A diffusers pipeline on the hub, or ``local-dir:PATH`` of a folder (relative to the project
        folder).
    vae
        Another decoder (VAE), from a repository or folder of its own: such as one that is right in
        half precision, where the pipeline's own is not.
    images_per_composition, isolated_images
        Number of images of each composition, and of each word alone.
    prompts
        Prompts with {} for the words; image k has the prompt k modulo their number.
    steps, guidance, spacing, size
        Settings of the pipeline; `spacing` is that of the timesteps, null for the pipeline's own.
    precision, batch
        On a GPU: the precision of the weights, and how many images are made at a time.
    shard
        How many compositions are made in one job.
    no_safety_checker
        The reason why the safety checker of the pipeline is switched off, if it is.
    licence
        That of the generator, for the card of an export.
    """

    source: Literal["diffusion"]
    model: str = "stabilityai/sdxl-turbo"
    revision: str | None = None
    variant: str | None = None
    vae: str | None = None
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
    def _placeholders(self) -> DiffusionSet:
        check_templates("prompts", self.prompts)
        return self

    def shards(self, compositions: int, words: int) -> tuple[int, int]:
        """Number of shards of the compositions, and of the words alone."""
        return -(-compositions // self.shard), -(-words // self.shard)


class FolderSet(Settings):
    """Images of a user, in folders named ``attribute object``.

    Attributes
    ----------
    folder
        Relative to the project folder.
    generator, licence
        What made the images, and their licence, for the card of an export.
    """

    source: Literal["folder"]
    folder: str
    generator: str = "folder"
    licence: Annotated[str, Field(min_length=1)] | None = None


class ReleaseSet(Settings):
    """The public release of ImageNet-AO.

    Attributes
    ----------
    file
        A zip archive or a folder, relative to the project folder.
    url
        Where `file` is downloaded from if it does not exist: a Google Drive address or any other.
    sha256
        Checksum of the archive, checked if given.
    generator, licence
        What made the images, and their licence, for the card of an export.
    """

    source: Literal["release"]
    file: str
    url: str | None = None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    generator: str = "release"
    licence: Annotated[str, Field(min_length=1)] | None = None


class IdSet(Settings):
    """Images of the classes of ImageNet, for ID accuracy: its validation images, or ImageNet-V2.

    `folder` (relative to the project folder) holds a folder for each class, named by its WordNet
    id, its number from 0, or its name.
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
    """A random sample of the scenes of all combinations of factors.

    They are rendered here, or read from the published file if `file` (relative to the project
    folder) names it.
    """

    source: Literal["shapes3d", "dsprites"]
    images: Count
    size: Annotated[int, Field(ge=32, le=512)] = 64
    file: str | None = None

    @model_validator(mode="after")
    def _scenes(self) -> FactorSet:
        if self.images > self.table.size:
            raise ValueError(f"images: {self.images} is more than the {self.table.size} scenes")
        if self.file is not None and self.size != PUBLISHED_SIZE:
            raise ValueError(
                f"size: the images of `file` have {PUBLISHED_SIZE} pixels a side, not {self.size}"
            )
        return self

    @property
    def table(self) -> Table:
        """The factors of the set."""
        return TABLES[self.source]
