"""What is searched, asked, scored and measured."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from cood import imagenet
from cood import vocabulary as words
from cood.errors import unknown
from cood.metrics import METRICS
from cood.settings.base import SPLITS, Count, Name, Settings, Share, check_templates

BASELINES = "baselines"  # their scores lie beside those of the models
FACTORS = "factor_sets"  # the notebook of the factor sets
NOVELTY = "novelty"  # the notebook of the corpora
LARGEST_LOGISTIC = 1_000_000  # images times words; above, linear probes are discriminants
CAUSAL = "interventions"  # the notebook of the edits
NEUTRAL = "neutral"  # the templates of a study that name none of its attributes
OF_TRAINING = ("diversity", "training_dynamics")  # notebooks of models that are trained here


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


class NearDuplicates(Settings):
    """Embeddings of training images, among which the nearest to each image of a set is found.

    `references` are paths (seen from the project folder), globs and folders of npy, safetensors
    and parquet files, embedded by `model`; without any, the drawings that `model` was trained on.
    An image counts as known if it is as near to one as `copies_found` of altered copies are, or
    of the pairs that the parquet or CSV file `pairs` says are the same.
    """

    model: Name
    references: Annotated[list[str], Field(min_length=1)] | None = None
    pairs: str | None = None
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

    A study file may say ``templates: imagenet`` for the 80 that OpenAI published. `ablations` are
    other lists of templates, by name, that the compositions are read with as well, to see what
    hangs on the templates; each is one more text a composition to store.
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
    def _imagenet_too(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value  # refused later, with a sentence of its own
        return {name: cls._imagenet(given) for name, given in value.items()}

    @model_validator(mode="after")
    def _fillable(self) -> Evaluation:
        check_templates("templates", self.templates)
        for name, templates in self.ablations.items():
            check_templates(f"ablations.{name}", templates)
        return self


class Retrieval(Settings):
    """Composed retrieval: `samples` is the number of queries."""

    samples: Count = 2500


class DimensionSwap(Settings):
    """Exchanging the dimensions of a factor between codes.

    `samples` is the number of pairs of codes; `needed` the share of the accuracy with all
    dimensions that the needed ones must reach.
    """

    samples: Count = 2500
    needed: Share = 0.9


class Interventions(Settings):
    """Interventions of embeddings, tried on `samples` images of compositions that nothing was fitted on.

    `doses` are the numbers of directions that are taken away; `repeats` says how often directions
    at random are drawn, for comparison.
    """

    doses: list[Count] = Field([1, 2, 4, 8], min_length=1)
    repeats: Count = 3
    samples: Count = 2500

    @property
    def rankings(self) -> int:
        """How often all texts are ranked for the images, at most."""
        return 3 * len(self.doses) * (4 + self.repeats) + 4 * self.repeats + 20


class RepresentationMetrics(Settings):
    """Which metrics of disentanglement are taken, of which compositions, and beside which nulls.

    `repeats` is the number of shuffles and of rotations; `dimensions` what PCA leaves; `folds`
    into how many parts compositions are dealt for the intervals. `fixed_width` is a width that the
    embeddings of the first of the splits are brought to as well, by PCA and by chance, so that
    models of different width can be compared.
    """

    metrics: list[str] = Field(list(METRICS), min_length=1)
    splits: list[str] = Field(["unseen", "all"], min_length=1)
    repeats: Count = 3
    dimensions: Count = 64
    folds: Annotated[int, Field(ge=2)] = 5
    fixed_width: Count | None = None

    @model_validator(mode="after")
    def _known(self) -> RepresentationMetrics:
        for metric in self.metrics:
            if metric not in METRICS:
                raise ValueError(f"metrics: {unknown('metric', metric, METRICS)}")
        for split in self.splits:
            if split not in SPLITS:
                raise ValueError(f"splits: {unknown('split', split, SPLITS)}")
        return self
