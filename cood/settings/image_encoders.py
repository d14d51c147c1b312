"""Image-only encoders: trained here, untrained, or published ones of timm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from cood.catalogue.image_encoders import facts
from cood.catalogue.sources import is_bare
from cood.settings.base import Name, Settings
from cood.settings.models import BARE, Schedule

OTHER, UNTRAINED = "not known", "nothing"
LEARNS = {"labels": "labels", "views": "images alone"}
# By name, the shares of its steps at which a training is saved: a whole training may reach a higher
# accuracy in distribution than any CLIP, so that no encoder could be compared with one.
DURATIONS = {"eighth": 1 / 8, "quarter": 1 / 4, "half": 1 / 2, "whole": 1.0}
LEAST_STEPS = 8  # with which all durations differ


class ImageEncoderTraining(Schedule):
    """Training the image tower of a small CLIP on the CLIP's own drawings, but without texts.

    With ``labels``, a linear head predicts the attribute and another the object. With ``views``,
    the encoder learns to match two random views of a drawing among those of other drawings,
    without any label. The encoder is saved at each of the `DURATIONS`.
    """

    objective: Literal["labels", "views"]

    @model_validator(mode="after")
    def _durations(self) -> ImageEncoderTraining:
        if self.steps < LEAST_STEPS:
            raise ValueError(
                f"steps: {self.steps} is too few to save an encoder at {len(DURATIONS)} durations; "
                f"at least {LEAST_STEPS} are needed"
            )
        return self

    @property
    def saved_steps(self) -> dict[str, int]:
        """By duration, the number of steps after which the encoder is saved."""
        return {name: round(share * self.steps) for name, share in DURATIONS.items()}


def saved_names(run: str) -> list[str]:
    """Names of the encoders that a run of training saves, the shortest first."""
    return [f"{run}-{duration}" for duration in DURATIONS]


@dataclass(frozen=True)
class SavedImageEncoder:
    """An encoder as a run of training saved it.

    Attributes
    ----------
    run, training
        Name of the run, and how it trains.
    steps
        Number of steps after which it was saved.
    """

    run: str
    training: ImageEncoderTraining
    steps: int

    @property
    def facts(self) -> dict[str, Any]:
        """Facts about the encoder, as in `cood.catalogue.image_encoders.facts`.

        With its `run`, which is its family too, the settings of the training, but the `steps` until
        it was saved, and the number of images shown until then, `samples_seen`.
        """
        return {
            "family": self.run,
            "run": self.run,
            "learns": LEARNS[self.training.objective],
            "architecture": self.training.image_tower,
            **self.training.model_dump(),
            "steps": self.steps,
            "samples_seen": self.steps * self.training.batch,
        }


class UntrainedImageEncoder(Settings):
    """The image tower of a small CLIP, by its name, with random weights."""

    untrained: Name
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def facts(self) -> dict[str, Any]:
        """Facts about the encoder, as in `cood.catalogue.image_encoders.facts`."""
        return {
            "family": "untrained",
            "learns": UNTRAINED,
            "architecture": self.untrained,
            "images": 0,
            "seed": self.seed,
        }


class PublishedImageEncoder(Settings):
    """A published image-only encoder.

    Attributes
    ----------
    encoder
        A source that `cood.models.image_encoders.load_image_encoder` takes.
    architecture
        For ``file:`` only: a model of timm, with the tag whose preprocessing it gets.
    family, learns
        Which encoders are resampled together, and from what it was trained (`labels`,
        `images alone`, ...); by default as in the catalogue.
    """

    encoder: str
    architecture: str | None = None
    family: str | None = None
    learns: str | None = None

    @model_validator(mode="after")
    def _architecture(self) -> PublishedImageEncoder:
        if is_bare(self.encoder) != (self.architecture is not None):
            raise ValueError(
                f"architecture: needed with an encoder {BARE}, and with no other, "
                f"got {self.architecture!r} with {self.encoder!r}"
            )
        return self

    @property
    def facts(self) -> dict[str, Any]:
        """Facts about the encoder, as in `cood.catalogue.image_encoders.facts`."""
        listed = facts(self.architecture or self.encoder)
        return listed | {
            "family": self.family or listed.get("family", "other"),
            "learns": self.learns or listed.get("learns", OTHER),
        }


def _kind(value: Any) -> str:
    for key, kind in (("encoder", PublishedImageEncoder), ("untrained", UntrainedImageEncoder)):
        if isinstance(value, kind) or (isinstance(value, dict) and key in value):
            return key
    return "objective"


ImageEncoderSettings = Annotated[
    Annotated[ImageEncoderTraining, Tag("objective")]
    | Annotated[UntrainedImageEncoder, Tag("untrained")]
    | Annotated[PublishedImageEncoder, Tag("encoder")],
    Discriminator(_kind),
]
