"""Which images stay, and which captions and training images they are compared with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cood.settings.base import Count, Name, Settings, Share


class Corpus(Settings):
    """Captions in which compositions are searched: those of files, or of a model trained here.

    Attributes
    ----------
    files
        Paths (relative to the project folder), globs, folders and remote addresses of parquet,
        CSV and TSV files.
    model
        A model that is trained here, instead of files.
    column
        What holds the captions in the files, if it has none of the usual names.
    """

    files: Annotated[list[str], Field(min_length=1)] | None = None
    model: Name | None = None
    column: str | Annotated[list[str], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Corpus:
        if (self.files is None) == (self.model is None):
            raise ValueError("either files or model must be given, and not both")
        if self.model is not None and self.column is not None:
            raise ValueError("column: can be given with files only")
        return self


class NearDuplicates(Settings):
    """Embeddings of training images, in which the nearest to each image of a set is searched.

    Attributes
    ----------
    model
        The model of the study whose embeddings are compared.
    references
        Paths (relative to the project folder), globs and folders of npy, safetensors and parquet
        files of embeddings by `model`; by default the drawings that `model` was trained on.
    pairs
        Parquet or CSV file of pairs of images that are duplicates of each other.
    copies_found
        An image is a near duplicate if it is as near to a reference as this share of altered
        copies, or of `pairs`, is to its original.
    """

    model: Name
    references: Annotated[list[str], Field(min_length=1)] | None = None
    pairs: str | None = None
    copies_found: Share = 0.95


class Verification(Settings):
    """Asking a vision-language model whether the images of `sets` show their compositions.

    Attributes
    ----------
    model, revision
        An image-text-to-text model of transformers on the hub, or ``local-dir:PATH`` (relative to
        the project folder).
    sets
        Which sets are verified.
    object_question, attribute_question
        What is asked, with {object} and {attribute} for the words.
    object_threshold, attribute_threshold
        An image is kept if the probability of yes is at least this.
    clip
        A model of the study whose cosines are recorded for comparison.
    precision, batch_tokens
        On a GPU: the precision of the weights, and how many tokens of images and questions are read
        at a time.
    shards
        Into how many jobs a set is divided.
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
    batch_tokens: Count = 16384
    shards: Count = 16

    @model_validator(mode="after")
    def _placeholders(self) -> Verification:
        for word in ("object", "attribute"):
            question = getattr(self, f"{word}_question")
            bare = question.replace("{object}", "").replace("{attribute}", "")
            if f"{{{word}}}" not in question or "{" in bare or "}" in bare:
                raise ValueError(
                    f"{word}_question: {question!r} must hold {{{word}}}, and no braces but "
                    "{object} and {attribute}"
                )
        return self
