"""Models that are trained here, null models, and published checkpoints."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from cood.catalogue.checkpoints import facts, listed_as, refusal
from cood.catalogue.sources import SOURCES, is_bare
from cood.settings.base import Count, Name, Settings, Share

BARE = " or ".join(f"{prefix}..." for prefix, source in SOURCES.items() if source.bare)


class Captions(Settings):
    """Shares of the training captions that name the pair, only the object, only the attribute."""

    pair: Annotated[float, Field(gt=0, le=1)] = 0.7
    object: Annotated[float, Field(ge=0, lt=1)] = 0.15
    attribute: Annotated[float, Field(ge=0, lt=1)] = 0.15

    @model_validator(mode="after")
    def _sum(self) -> Captions:
        if abs(self.pair + self.object + self.attribute - 1) > 1e-9:
            raise ValueError("pair + object + attribute must be 1")
        return self


class Schedule(Settings):
    """What a model is trained on and for how long; `share` of all compositions are shown."""

    architecture: Name
    share: Share
    images: Count
    epochs: Count
    batch: Annotated[int, Field(ge=2)] = 128
    learning_rate: Annotated[float, Field(gt=0)] = 2.0e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _full_batch(self) -> Schedule:
        if self.batch > self.images:
            raise ValueError(f"batch: {self.batch} is more than the {self.images} images")
        return self

    @property
    def family(self) -> str:
        """Models with the same training compositions are one family, and are resampled together."""
        return f"{self.share:.0%} of compositions"


class Recipe(Schedule):
    """How a small CLIP is trained."""

    loss: Literal["softmax", "sigmoid"] = "softmax"


class Training(Recipe):
    """Training on attribute-object drawings."""

    captions: Captions = Captions()
    moments: Annotated[int, Field(ge=2)] = 8


class FactorTraining(Recipe):
    """Training on the captioned scenes of a factor set."""

    set: Name


class NullModel(Settings):
    """A randomly initialised CLIP, with whose scores those of trained models are compared.

    `architecture` is that of a small CLIP, or of open_clip. Null models are embedded, scored and
    measured as other models are, but left out of correlations over models.
    """

    architecture: Name
    seed: Annotated[int, Field(ge=0)] = 0


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
