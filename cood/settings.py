"""The sections of a study file, typed: what each setting is, and which values it may take."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from cood import imagenet
from cood import vocabulary as words
from cood.errors import unknown
from cood.metrics import MEASURES
from cood.models.catalogue import facts, refusal
from cood.synthesis.factors.table import TABLES, Table

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]

SPLITS = ("all", "shared", "partial", "unseen", "seen")
BASELINES = "baselines"  # their scores lie beside those of the models
FACTORS = "factors"  # the notebook of the factor sets
FILE = "file:"  # what the name of a checkpoint in a file starts with
NOVELTY = "novelty"  # the notebook of the corpora
OF_TRAINING = ("diversity", "dynamics")  # notebooks of models that are trained here
LONGEST_WORD = 100  # characters of the name of an object
PUBLISHED_SIZE = 64  # pixels a side of the published factor sets


class Settings(BaseModel):
    """Base of all settings: frozen, strict about types, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class WordList(Settings):
    """Attributes and objects, in the order of their ids.

    A study file may say ``attributes: vaw`` for all of the paper's, and ``objects: imagenet`` for
    all class names that open_clip has.
    """

    attributes: list[str]
    objects: list[str]

    @field_validator("attributes", mode="before")
    @classmethod
    def _vaw(cls, value: Any) -> Any:
        return list(words.CATEGORY) if value == "vaw" else value

    @field_validator("objects", mode="before")
    @classmethod
    def _imagenet(cls, value: Any) -> Any:
        return imagenet.objects() if value == "imagenet" else value

    @field_validator("objects")
    @classmethod
    def _plain(cls, value: list[str]) -> list[str]:
        # They become names of folders and headings of tables.
        for name in value:
            bare = name == " ".join(name.split()) and name.isprintable()
            if not name or not bare or name.startswith(".") or len(name) > LONGEST_WORD:
                raise ValueError(
                    f"{name[:LONGEST_WORD]!r} cannot name an object: one to {LONGEST_WORD} "
                    "printable characters are needed, no dot in front and no two blanks in a row"
                )
        return value


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
    prompts: Annotated[list[str], Field(min_length=1)] = ["{}"]
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
        _check_templates("prompts", self.prompts)
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


BroughtSet = FolderSet | ReleaseSet
SOURCES: dict[str, type[Settings]] = {
    "icons": IconSet,
    "diffusion": DiffusionSet,
    "folder": FolderSet,
    "release": ReleaseSet,
}
ImageSet = Annotated[IconSet | DiffusionSet | FolderSet | ReleaseSet, Field(discriminator="source")]


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


class Captions(Settings):
    """Which share of the training captions names the pair, the object only, the attribute only."""

    pair: Annotated[float, Field(gt=0, le=1)] = 0.7
    object: Annotated[float, Field(ge=0, lt=1)] = 0.15
    attribute: Annotated[float, Field(ge=0, lt=1)] = 0.15

    @model_validator(mode="after")
    def _sum(self) -> Captions:
        if abs(self.pair + self.object + self.attribute - 1) > 1e-9:
            raise ValueError("pair + object + attribute must be 1")
        return self


class Recipe(Settings):
    """How a small CLIP is trained; `share` is the share of all compositions that it sees."""

    architecture: Name
    share: Share
    images: Count
    epochs: Count
    batch: Annotated[int, Field(ge=2)] = 128
    learning_rate: Annotated[float, Field(gt=0)] = 2.0e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    loss: Literal["softmax", "sigmoid"] = "softmax"
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _full_batch(self) -> Recipe:
        if self.batch > self.images:
            raise ValueError(f"batch: {self.batch} is more than the {self.images} images")
        return self

    @property
    def family(self) -> str:
        """Models that saw the same compositions belong together in a resample."""
        return f"{self.share:.0%} of compositions"


class Training(Recipe):
    """Training on attribute-object drawings."""

    captions: Captions = Captions()
    moments: Annotated[int, Field(ge=2)] = 8


class FactorTraining(Recipe):
    """Training on the captioned scenes of a factor set."""

    set: Name


class Checkpoint(Settings):
    """A trained model from elsewhere; see `cood.models.loading.load` for what may be named.

    `architecture` goes with `file:`: an open_clip architecture, or `ARCHITECTURE/TAG` if the file
    is a copy of a known checkpoint, whose preprocessing it then gets. `family` says which models
    belong together in a resample, that of the catalogue by default.
    """

    checkpoint: str
    architecture: str | None = None
    family: str | None = None

    @model_validator(mode="after")
    def _usable(self) -> Checkpoint:
        if self.checkpoint.startswith(FILE) != (self.architecture is not None):
            raise ValueError(
                f"architecture: needed with a checkpoint {FILE}..., and with no other, "
                f"got {self.architecture!r} with {self.checkpoint!r}"
            )
        reason = refusal(self.architecture or self.checkpoint, in_a_file=bool(self.architecture))
        if reason:
            raise ValueError(f"checkpoint: {reason}")
        return self

    @property
    def known_as(self) -> str:
        """Its name in the catalogue, should it be there."""
        if self.architecture is not None and "/" in self.architecture:
            return self.architecture
        return self.checkpoint

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of it, with its family; see `cood.models.catalogue.facts`."""
        known = facts(self.known_as)
        if self.architecture:
            known |= {"architecture": self.architecture.partition("/")[0]}
        return known | {"family": self.family or known.get("family", "other")}


def _kind(value: Any) -> str:
    named = isinstance(value, dict) and "checkpoint" in value
    return "checkpoint" if named or isinstance(value, Checkpoint) else "training"


Model = Annotated[
    Annotated[Training, Tag("training")] | Annotated[Checkpoint, Tag("checkpoint")],
    Discriminator(_kind),
]


class Corpus(Settings):
    """Captions that compositions are searched for in: files, or what a model was trained on.

    `files` are paths (seen from the project folder), globs, folders and remote addresses of
    parquet, CSV and TSV files; `column` names what holds the captions where it is not a known
    name. `model` is a model that is trained here.
    """

    files: Annotated[list[str], Field(min_length=1)] | None = None
    model: Name | None = None
    column: str | Annotated[list[str], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Corpus:
        if (self.files is None) == (self.model is None):
            raise ValueError("either files or model must be given, and not both")
        if self.model is not None and self.column is not None:
            raise ValueError("column: goes with files only")
        return self


class Neighbours(Settings):
    """Embeddings of training images, among which the nearest to each image of a set is found.

    `references` are paths (seen from the project folder), globs and folders of npy, safetensors
    and parquet files, embedded by `model`; without any, the drawings that `model` was trained on.
    An image counts as known if it is as near to one as `copies_found` of altered copies are.
    """

    model: Name
    references: Annotated[list[str], Field(min_length=1)] | None = None
    copies_found: Share = 0.95


class Verification(Settings):
    """Asking a vision-language model whether the images of `sets` show their compositions.

    `model` is the name of an image-text-to-text model of transformers on the hub, or
    ``local-dir:PATH`` (seen from the project folder). An image is kept if yes is at least as
    probable as the thresholds say. `clip` names a model of the study whose cosines are noted
    beside, for comparison. `batch` images are asked at a time on a GPU; a set is dealt into
    `shards` jobs.
    """

    model: str
    revision: str | None = None
    sets: Annotated[list[Name], Field(min_length=1)]
    object_question: str = "Does this image show a {object}? Answer yes or no."
    attribute_question: str = "Is the {object} in this image {attribute}? Answer yes or no."
    object_threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    attribute_threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    clip: Name | None = None
    precision: Literal["float16", "bfloat16", "float32"] = "bfloat16"
    batch: Count = 16
    shards: Count = 16

    @model_validator(mode="after")
    def _askable(self) -> Verification:
        for word in ("object", "attribute"):
            question = getattr(self, f"{word}_question")
            bare = question.replace("{object}", "").replace("{attribute}", "")
            if f"{{{word}}}" not in question or "{" in bare or "}" in bare:
                raise ValueError(
                    f"{word}_question: {question!r} must hold {{{word}}}, and no braces but "
                    "{object} and {attribute}"
                )
        return self


class Evaluation(Settings):
    """How embeddings are scored.

    A study file may say ``templates: imagenet`` for the 80 that OpenAI published.
    """

    templates: Annotated[list[str], Field(min_length=1)] = list(words.TEMPLATES)
    resamples: Annotated[int, Field(ge=100)] = 1000
    level: Share = 0.95

    @field_validator("templates", mode="before")
    @classmethod
    def _imagenet(cls, value: Any) -> Any:
        return list(imagenet.templates()) if value == "imagenet" else value

    @model_validator(mode="after")
    def _fillable(self) -> Evaluation:
        _check_templates("templates", self.templates)
        return self


def _check_templates(where: str, templates: list[str]) -> None:
    for template in templates:
        if template.count("{}") != 1 or template.count("{") + template.count("}") != 2:
            raise ValueError(f"{where}: {template!r} must hold {{}} once, for the words")


class Probing(Settings):
    """How embeddings are probed.

    `samples` is the number of retrieval queries, and of pairs whose dimensions are switched;
    `needed` the share of the accuracy with all dimensions that the needed ones must reach.
    """

    samples: Count = 2500
    needed: Share = 0.9


class Metrics(Settings):
    """Which metrics of disentanglement are taken, of which compositions, and beside which nulls.

    `repeats` is the number of shuffles and of rotations; `dimensions` what PCA leaves; `folds`
    into how many parts compositions are dealt for the intervals.
    """

    measures: Annotated[list[str], Field(min_length=1)] = list(MEASURES)
    splits: Annotated[list[str], Field(min_length=1)] = ["unseen", "all"]
    repeats: Count = 3
    dimensions: Count = 64
    folds: Annotated[int, Field(ge=2)] = 5

    @model_validator(mode="after")
    def _known(self) -> Metrics:
        for measure in self.measures:
            if measure not in MEASURES:
                raise ValueError(f"measures: {unknown('measure', measure, MEASURES)}")
        for split in self.splits:
            if split not in SPLITS:
                raise ValueError(f"splits: {unknown('split', split, SPLITS)}")
        return self
