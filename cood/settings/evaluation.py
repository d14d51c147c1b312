"""How embeddings are scored, measured and intervened on."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from cood import imagenet
from cood import vocabulary as words
from cood.errors import unknown
from cood.metrics import METRICS
from cood.settings.base import SPLITS, Count, Name, Settings, Share, check_templates

BASELINES = "baselines"  # the name of the baselines among the models' scores
NEUTRAL = "neutral"  # the name of the templates of a study that name none of its attributes
LARGEST_LOGISTIC = 1_000_000  # images times words; above, linear probes are discriminants


class Evaluation(Settings):
    """How embeddings are scored.

    Attributes
    ----------
    templates
        Prompts with {} for the words; ``imagenet`` stands for the 80 that OpenAI published.
    ablations
        Other lists of templates, by name, with which compositions are embedded once more, to see
        what depends on the templates.
    resamples, level
        Number of bootstrap resamples, and level of the intervals.
    """

    templates: list[str] = Field(list(words.TEMPLATES), min_length=1)
    ablations: dict[Name, Annotated[list[str], Field(min_length=1)]] = Field(default_factory=dict)
    resamples: Annotated[int, Field(ge=100)] = 1000
    level: Share = 0.95

    @field_validator("templates", mode="before")
    @classmethod
    def _imagenet(cls, value: Any) -> Any:
        return list(imagenet.templates()) if value == "imagenet" else value

    @field_validator("ablations", mode="before")
    @classmethod
    def _imagenet_ablations(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value  # pydantic refuses it, with a message of its own
        return {name: cls._imagenet(templates) for name, templates in value.items()}

    @model_validator(mode="after")
    def _placeholders(self) -> Evaluation:
        check_templates("templates", self.templates)
        for name, templates in self.ablations.items():
            check_templates(f"ablations.{name}", templates)
        return self


class Retrieval(Settings):
    """Composed retrieval: `samples` is the number of queries."""

    samples: Count = 2500


class DimensionSwap(Settings):
    """Exchanging the dimensions of a factor between codes.

    Attributes
    ----------
    samples
        Number of pairs of codes.
    needed
        Share of the accuracy with all dimensions that the chosen ones must reach.
    """

    samples: Count = 2500
    needed: Share = 0.9


class Interventions(Settings):
    """Interventions on embeddings, tested on compositions that were not used to fit them.

    Attributes
    ----------
    doses
        Numbers of directions that are removed.
    repeats
        Number of draws of the random control.
    samples
        Number of test images.
    """

    doses: list[Count] = Field([1, 2, 4, 8], min_length=1)
    repeats: Count = 3
    samples: Count = 2500

    @property
    def rankings(self) -> int:
        """Upper bound of how often all texts are ranked for the images."""
        return 3 * len(self.doses) * (4 + self.repeats) + 4 * self.repeats + 20


class RepresentationMetrics(Settings):
    """Which metrics of disentanglement are computed, of which compositions and null models.

    Attributes
    ----------
    metrics
        Some of `cood.metrics.METRICS`.
    splits
        Which compositions the images show.
    repeats
        Number of shuffles, and of rotations.
    dimensions
        Number of principal components that are kept.
    folds
        Into how many parts compositions are divided for the intervals.
    fixed_width
        A width to which the embeddings of the first of `splits` are reduced too, by PCA and by
        random projection, so that models of different width can be compared.
    """

    metrics: list[str] = Field(list(METRICS), min_length=1)
    splits: list[str] = Field(["all"], min_length=1)
    repeats: Count = 3
    dimensions: Count = 64
    folds: Annotated[int, Field(ge=2)] = 5
    fixed_width: Count | None = None

    @model_validator(mode="after")
    def _names(self) -> RepresentationMetrics:
        for metric in self.metrics:
            if metric not in METRICS:
                raise ValueError(f"metrics: {unknown('metric', metric, METRICS)}")
        for split in self.splits:
            if split not in SPLITS:
                raise ValueError(f"splits: {unknown('split', split, SPLITS)}")
        return self
