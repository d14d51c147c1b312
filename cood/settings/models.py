"""Models that are trained here, null models, and published checkpoints."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from cood.catalogue.checkpoints import facts, listed_as, refusal
from cood.catalogue.sources import SOURCES, is_bare
from cood.settings.base import Count, Name, Settings

BARE = " or ".join(f"{prefix}..." for prefix, source in SOURCES.items() if source.bare)


LEAST_DRAWINGS = 4  # of each composition that a model sees
MOST_WRONG = 1 - 1 / LEAST_DRAWINGS  # one caption of each composition is always right
PLACEBO = "_placebo"
PENALTIES = ("orthogonality", "additivity")
NO_TREATMENT = "none"
TREATMENTS = (NO_TREATMENT, *(f"{p}{end}" for p in PENALTIES for end in ("", PLACEBO)))


class Towers(Settings):
    """The parts of a small CLIP.

    Attributes
    ----------
    image_tower, text_tower
        Files of `cood/models/configs/`.
    embed_dim
        Width of the embeddings.
    loss
        That of CLIP (``softmax``), or of SigLIP (``sigmoid``).
    """

    image_tower: Name
    text_tower: Name = "causal"
    embed_dim: Annotated[int, Field(ge=2)] = 64
    loss: Literal["softmax", "sigmoid"] = "softmax"

    @property
    def architecture(self) -> str:
        """Name of the whole for tables and figures, such as ``resnet-causal-64-softmax``."""
        return f"{self.image_tower}-{self.text_tower}-{self.embed_dim}-{self.loss}"


class Schedule(Settings):
    """What an image tower is trained on, and for how long.

    Attributes
    ----------
    image_tower
        A file of `cood/models/configs/image_towers/`.
    share
        Share of the compositions outside the core that it sees: a draw of its own, by `seed`.
    images, steps, batch
        Number of different training images, of training steps, and of images a step.
    skew
        Exponent of how often seen compositions occur: that of rank r as often as 1 / r ** skew,
        apart from the drawings that each has at least.
    seed
        Of the draw of compositions, the captions, the drawings, the weights and their order.
    """

    image_tower: Name
    share: Annotated[float, Field(gt=0, le=1)]
    images: Count
    steps: Count
    batch: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 3.0e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    skew: Annotated[float, Field(ge=0)] = 0.0
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _amounts(self) -> Schedule:
        if self.batch > self.images:
            raise ValueError(f"batch: {self.batch} is more than the {self.images} images")
        if self.images > self.batch * self.steps:
            raise ValueError(
                f"images: {self.images} is more than the {self.batch * self.steps} that "
                f"{self.steps} steps with {self.batch} images each show"
            )
        return self

    @property
    def family(self) -> str:
        """Models of one seed share their draw of compositions: they are resampled together."""
        return f"draw {self.seed}"


class Recipe(Schedule, Towers):
    """How a small CLIP is trained."""

    @property
    def towers(self) -> Towers:
        """Its parts."""
        return Towers(**{name: getattr(self, name) for name in Towers.model_fields})


class Training(Recipe):
    """Training on captioned drawings of attributes and objects.

    Attributes
    ----------
    wrong_captions
        Share of the drawings that get the caption of another drawing.
    pair_captions
        Share of the captions that name attribute and object; others name one of them.
    treatment, strength
        A penalty on the embeddings during training, or its placebo, and its weight; see
        `cood.models.training.treatments`.
    moments
        How often embeddings are kept during training.
    """

    wrong_captions: Annotated[float, Field(ge=0, le=MOST_WRONG)] = 0.0
    pair_captions: Annotated[float, Field(gt=0, le=1)] = 0.5
    treatment: Literal[TREATMENTS] = NO_TREATMENT  # type: ignore[valid-type]
    strength: Annotated[float, Field(ge=0)] = 0.0
    moments: Annotated[int, Field(ge=2)] = 8

    @model_validator(mode="after")
    def _untreated(self) -> Training:
        if self.treatment == NO_TREATMENT and self.strength:
            raise ValueError(f"strength: {self.strength} needs a treatment, got {NO_TREATMENT!r}")
        return self


class FactorTraining(Recipe):
    """Training on the captioned scenes of a factor set; `share` is of its combinations."""

    set: Name


class NullModel(Settings):
    """A randomly initialised CLIP, with whose scores those of trained models are compared.

    It is a small CLIP, by its towers, or an `architecture` of open_clip. Null models are embedded,
    scored and measured as other models are, but left out of correlations over models.
    """

    architecture: Name | None = None
    image_tower: Name | None = None
    text_tower: Name = "causal"
    embed_dim: Annotated[int, Field(ge=2)] = 64
    loss: Literal["softmax", "sigmoid"] = "softmax"
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _one_kind(self) -> NullModel:
        if (self.architecture is None) == (self.image_tower is None):
            raise ValueError(
                "name the image_tower of a small CLIP, or an architecture of open_clip, not both"
            )
        for name in ("text_tower", "embed_dim", "loss"):
            default = NullModel.model_fields[name].default
            if self.architecture is not None and getattr(self, name) != default:
                raise ValueError(
                    f"{name}: it is of small CLIPs only, and the architecture "
                    f"{self.architecture!r} has its own; leave it out"
                )
        return self

    @property
    def towers(self) -> Towers | None:
        """The parts of a small CLIP; None for an architecture of open_clip."""
        if self.image_tower is None:
            return None
        return Towers(**{name: getattr(self, name) for name in Towers.model_fields})


class Checkpoint(Settings):
    """A published checkpoint, or one of a user.

    Attributes
    ----------
    checkpoint
        A source that `cood.models.loading.load` takes.
    architecture
        For ``file:`` only: an architecture of open_clip, or ``ARCHITECTURE/TAG`` if the file is a
        copy of that checkpoint, whose preprocessing it then gets.
    family
        Which models are resampled together; by default that of the catalogue.
    """

    checkpoint: str
    architecture: str | None = None
    family: str | None = None

    @model_validator(mode="after")
    def _refused(self) -> Checkpoint:
        if is_bare(self.checkpoint) != (self.architecture is not None):
            raise ValueError(
                f"architecture: needed with a checkpoint {BARE}, and with no other, "
                f"got {self.architecture!r} with {self.checkpoint!r}"
            )
        reason = refusal(self.architecture or self.checkpoint, in_a_file=bool(self.architecture))
        if reason:
            raise ValueError(f"checkpoint: {reason}")
        return self

    @property
    def catalogue_name(self) -> str:
        """Its name in the catalogue, if it is there, however it is named here."""
        if self.architecture is not None and "/" in self.architecture:
            return self.architecture
        return listed_as(self.checkpoint)

    @property
    def facts(self) -> dict[str, Any]:
        """Facts about the checkpoint, as in `cood.catalogue.checkpoints.facts`, with its family."""
        listed = facts(self.catalogue_name)
        if self.architecture:
            listed |= {"architecture": self.architecture.partition("/")[0]}
        return listed | {"family": self.family or listed.get("family", "other")}


def _kind(value: Any) -> str:
    named = isinstance(value, dict) and "checkpoint" in value
    return "checkpoint" if named or isinstance(value, Checkpoint) else "training"


Model = Annotated[
    Annotated[Training, Tag("training")] | Annotated[Checkpoint, Tag("checkpoint")],
    Discriminator(_kind),
]
