"""Embeddings of the evaluation sets and ID sets: their images, and the texts they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.evaluation.common.tensor_names import ablated
from cood.evaluation.embed.checks import check_embeddings
from cood.evaluation.embed.images import average
from cood.evaluation.embed.job import Job, SetImages, SetTexts, describe_precision
from cood.evaluation.embed.metadata import Embeddings, content_hash, describe_clip, describe_notes
from cood.evaluation.embed.pixels import ISOLATED
from cood.evaluation.embed.precision import AUTO
from cood.evaluation.embed.text_fit import TextFit
from cood.evaluation.embed.texts import embed_ensembles
from cood.models.clip import Clip
from cood.synthesis.manifests import read_isolated
from cood.vocabulary import ANY_OBJECT, Vocabulary

USUAL = ""  # key of the study's templates; no ablation can have this name


@dataclass(frozen=True)
class VocabularyTexts:
    """Texts of the vocabulary, averaged over the templates; the same for every evaluation set.

    Attributes
    ----------
    tensors
        As `word_texts` gives them.
    compositions
        The first of them, with their agreement with single precision.
    notes
        How the prompts fit the text tower, where they do not.
    """

    tensors: dict[str, np.ndarray]
    compositions: SetTexts
    notes: tuple[str, ...] = ()


def vocabulary_texts(job: Job, clip: Clip) -> VocabularyTexts:
    """Embed the texts of the vocabulary of a study."""
    words, templates, again = job.study.words, job.study.evaluation.templates, list[int]()
    notes: list[str] = []
    tensors = word_texts(
        clip,
        words,
        templates,
        job.study.ablations,
        precision=job.precision,
        note=again.append,
        remark=notes.append,
    )
    for kind in ("compositions", "attributes", "objects"):
        check_embeddings(clip.source, kind, tensors[kind])
    names, usual = words.compositions(), tensors["compositions"]
    compositions = job.compared(clip, usual, names, templates, again=sum(again))
    return VocabularyTexts(tensors, compositions, tuple(notes))


def word_texts(
    clip: Clip,
    words: Vocabulary,
    templates: Sequence[str],
    ablations: Mapping[str, Sequence[str]] | None = None,
    *,
    precision: str = AUTO,
    note: Callable[[int], None] = lambda count: None,
    remark: Callable[[str], None] = lambda sentence: None,
) -> dict[str, np.ndarray]:
    """Texts of the pairs and words of a vocabulary, averaged over the templates.

    `compositions` [C, d], once more for each of the ablations (other lists of templates; named by
    `cood.evaluation.common.tensor_names.ablated`), `attributes` [A, d] and `objects` [O, d].
    `precision` and `note` are as in `cood.evaluation.embed.texts.embed_ensembles`; `remark` is
    called with a sentence for each of the three whose prompts do not fit the text tower.
    """
    ensembles = {USUAL: templates, **(ablations or {})}
    attributes = [f"{attribute} {ANY_OBJECT}" for attribute in words.attributes]
    made: dict[str, np.ndarray] = {}
    for kind, names, chosen in (
        ("compositions", words.compositions(), ensembles),
        ("attributes", attributes, {USUAL: templates}),
        ("objects", words.objects, {USUAL: templates}),
    ):
        fit = TextFit(kind)
        texts = embed_ensembles(clip, names, chosen, precision=precision, note=note, fit=fit)
        if fit.note:
            remark(fit.note)
        made |= {kind: texts.pop(USUAL)}
        made |= {ablated(name): values for name, values in texts.items()}
    return made


def embed_evaluation_set(
    job: Job, clip: Clip, set_: str, manifest: pd.DataFrame, texts: VocabularyTexts
) -> Embeddings:
    """Embed an evaluation set with a CLIP.

    Parameters
    ----------
    job, clip
        The job of a model, and that model.
    set_, manifest
        Name of the set and rows of its kept images.
    texts
        As `vocabulary_texts` gives them.

    Returns
    -------
    Embeddings
        `images` [n, d], un-normalised, in the order of the manifest, and the `texts`. Averages
        over the images that show a word alone are `isolated_attributes` [A, d] and
        `isolated_objects` [O, d]; they are left out if a word has no such image.
    """
    study, words = job.study, job.study.words
    images = job.images(set_, manifest)
    tensors = {"images": images.values, **texts.tensors}
    metadata = describe_clip(clip, job.model, manifest)
    metadata["templates"] = json.dumps(study.evaluation.templates)
    metadata["ablations"] = json.dumps(study.ablations)
    parts: list[SetImages | SetTexts] = [texts.compositions]
    isolated = read_isolated(study, set_)
    if isolated is not None:
        alone = job.images(set_, isolated, ISOLATED)
        parts.append(alone)
        for kind, of_kind in (("attribute", words.attributes), ("object", words.objects)):
            tensors[f"isolated_{kind}s"] = average(alone.values, isolated[kind], of_kind)
        metadata["isolated"] = content_hash(isolated)
    metadata |= describe_notes(clip, texts.notes)
    return Embeddings(tensors, metadata | describe_precision(images, *parts))


def embed_id_set(job: Job, clip: Clip, set_: str, manifest: pd.DataFrame) -> Embeddings:
    """Embed an ID set with a CLIP: its `images` [n, d] and the `objects` [K, d] that have one.

    The prompts keep the templates as they are written ("a photo of a ostrich"), because published
    accuracies on such sets do.

    The parameters are those of `embed_evaluation_set`.
    """
    templates = job.study.evaluation.templates
    # In the order of the classes' numbers; two classes of one name stay two.
    names = manifest.groupby("class")["object"].first().tolist()
    images = job.images(set_, manifest)
    texts = job.texts(clip, names, templates, literal=True)
    metadata = describe_clip(clip, job.model, manifest) | {"templates": json.dumps(templates)}
    return Embeddings(
        {"images": images.values, "objects": texts.values},
        metadata | describe_notes(clip, texts.notes) | describe_precision(images, texts),
    )
