"""Models that are trained here, and checkpoints from elsewhere."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from cood.catalogue.checkpoints import facts, listed_as, refusal
from cood.catalogue.sources import FILE
from cood.settings.base import Count, Name, Settings, Share


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


class Schedule(Settings):
    """On what, and how long, training goes; `share` is that of all compositions that are seen."""

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
        """Models that saw the same compositions belong together in a resample."""
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
    """A CLIP with random weights: what a score is worth that it reaches as well.

    `architecture` is that of a small CLIP, or of open_clip. It is embedded, scored and measured as
    the models are, and counts in no correlation over them.
    """

    architecture: Name
    seed: Annotated[int, Field(ge=0)] = 0


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
    def catalogue_name(self) -> str:
        """Its name in the catalogue, if it is there, however it is named here."""
        if self.architecture is not None and "/" in self.architecture:
            return self.architecture
        return listed_as(self.checkpoint)

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of it, with its family; see `cood.catalogue.checkpoints.facts`."""
        known = facts(self.catalogue_name)
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
