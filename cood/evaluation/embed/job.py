"""What embedding all sets with one model shares: its images, its precision, and what it records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from cood.evaluation.common.half_precision import smallest_cosine
from cood.evaluation.embed.checks import check_embeddings
from cood.evaluation.embed.images import COPIERS, Embedded, embed_source
from cood.evaluation.embed.pixels import IMAGES, Pixels, open_pixels
from cood.evaluation.embed.precision import (
    HALF,
    SINGLE,
    resolve,
    same_answers,
    sample,
)
from cood.evaluation.embed.preprocessing import split
from cood.evaluation.embed.sources import Source, image_files
from cood.evaluation.embed.store import embed_new, maker_of
from cood.evaluation.embed.text_fit import TextFit
from cood.evaluation.embed.texts import embed_texts
from cood.models.clip import Clip
from cood.models.image_encoders import ImageOnlyEncoder
from cood.settings.preprocessing import preprocessing_of
from cood.settings.study_file import Study
from cood.synthesis.manifests import HASH

Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One model of a study, and how it gets its images.

    Attributes
    ----------
    study, model, encoder
        The study, and a CLIP or an image-only encoder of it with its name.
    pixels
        The decoded images of its preprocessing; None if they are not there.
    precision
        ``half`` or ``single``.
    readers
        Threads that decode image files where there are no pixels.
    say
        Called with lines for the user.
    code
        Fingerprint of the code that embeds.
    """

    study: Study
    model: str
    encoder: Clip | ImageOnlyEncoder
    pixels: Pixels | None = None
    precision: str = SINGLE
    readers: int = 1
    say: Say = field(default=print)
    code: str = ""

    def images(self, set_: str, table: pd.DataFrame, kind: str = IMAGES) -> SetImages:
        """Embed the images that a table of a set lists; of a verified set, those that are new."""
        source: Source
        source, parts = image_files(
            self.encoder, self.study.paths.manifest(set_).parent, table["image"].tolist()
        )
        readers = self.readers
        decoded = self.pixels.rows(set_, kind, table) if self.pixels else None
        if decoded is not None:
            source, readers = decoded, COPIERS
        embed = partial(
            embed_source,
            self.encoder,
            parts=parts,
            precision=self.precision,
            readers=readers,
            say=self.say,
        )
        embedded = self._embed_new(set_, table, source, embed) if HASH in table else embed(source)
        check_embeddings(self.encoder.source, f"images of {set_}", embedded.values)
        if embedded.precision != HALF:
            return SetImages(embedded)
        few = source.rows(sample(len(table)))
        single = embed_source(self.encoder, few, parts, precision=SINGLE, readers=readers)
        return SetImages(embedded, single.values)

    def _embed_new(
        self, set_: str, table: pd.DataFrame, source: Source, embed: Callable[[Source], Embedded]
    ) -> Embedded:
        """Embed the images that the store of the model and the set lacks."""
        done: list[Embedded] = []

        def embed_some(numbers: np.ndarray) -> np.ndarray:
            self.say(f"{self.model}: {len(numbers)} of {len(table)} images of {set_} are new")
            # The whole source is read faster than all of its rows by number.
            done.append(embed(source if len(numbers) == len(table) else source.rows(numbers)))
            return done[-1].values

        maker = maker_of(self.encoder, self.precision, self.code)
        path = self.study.paths.embedding_store(self.model, set_)
        values = embed_new(path, maker, table[HASH].tolist(), embed_some)
        return Embedded(values, self.precision, sum(part.again for part in done))

    def texts(
        self, clip: Clip, names: Sequence[str], templates: Sequence[str], *, literal: bool = False
    ) -> SetTexts:
        """Embed prompts of names with a CLIP; see `embed_texts`."""
        again, fit = list[int](), TextFit("texts")
        values = embed_texts(
            clip,
            names,
            templates,
            literal=literal,
            precision=self.precision,
            note=again.append,
            fit=fit,
        )
        check_embeddings(clip.source, fit.what, values)
        texts = self.compared(clip, values, names, templates, again=sum(again), literal=literal)
        return replace(texts, notes=(fit.note,) if fit.note else ())

    def compared(
        self,
        clip: Clip,
        values: np.ndarray,
        names: Sequence[str],
        templates: Sequence[str],
        *,
        again: int = 0,
        literal: bool = False,
    ) -> SetTexts:
        """Texts that are embedded already, with some of them embedded in single precision too."""
        if self.precision != HALF:
            return SetTexts(values, again)
        few = [names[k] for k in sample(len(names))]
        single = embed_texts(clip, few, templates, literal=literal, precision=SINGLE)
        return SetTexts(values, again, single)


@dataclass(frozen=True)
class SetImages:
    """Embeddings of images and, in half precision, those of a sample in single precision."""

    embedded: Embedded
    single: np.ndarray | None = None

    @property
    def values(self) -> np.ndarray:
        """Un-normalised, float32 [n, d]."""
        return self.embedded.values


@dataclass(frozen=True)
class SetTexts:
    """Embeddings of texts, how many were embedded again, and a sample in single precision.

    `notes` say how the prompts fit the text tower, where they do not.
    """

    values: np.ndarray
    again: int = 0
    single: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def job_of(
    study: Study,
    model: str,
    encoder: Clip | ImageOnlyEncoder,
    say: Say = print,
    readers: int = 1,
    code: str = "",
) -> Job:
    """The job of a model whose weights are loaded.

    Raises
    ------
    StudyError
        If the study asks for half precision, and the model is not on a GPU.
    """
    precision = resolve(study.precision, encoder.device)
    guess, parts = preprocessing_of(study, model), split(encoder.preprocess)
    pixels = None
    if guess is not None and parts is not None:
        # Only if its own preprocessing makes the same pixels as the one that was expected of it.
        pixels = open_pixels(study.paths.pixels(guess.name), parts)
    return Job(study, model, encoder, pixels, precision, readers, say, code)


def describe_precision(images: SetImages, *others: SetImages | SetTexts) -> dict[str, str]:
    """Precision, rows embedded again, and agreement with single precision, for the metadata.

    Parameters
    ----------
    images
        Images of the set.
    others
        Further images, and texts; the first texts are those that images are asked for.
    """
    again = images.embedded.again + sum(
        part.again if isinstance(part, SetTexts) else part.embedded.again for part in others
    )
    about = {"precision": images.embedded.precision, "embedded_again": str(again)}
    if images.single is None:
        return about
    chosen = images.values[sample(len(images.values))]
    about["image_cosine"] = str(smallest_cosine(chosen, images.single))
    texts = next((part for part in others if isinstance(part, SetTexts)), None)
    if texts is not None and texts.single is not None:
        few = texts.values[sample(len(texts.values))]
        about["text_cosine"] = str(smallest_cosine(few, texts.single))
        answers = same_answers((chosen, images.single), (few, texts.single))
        about["same_answers"] = str(answers)
    return about
