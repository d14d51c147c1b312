"""Embeddings of the evaluation sets and ID sets: their images, and the texts they are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cood.evaluation.common.tensor_names import ablated
from cood.evaluation.embed.images import average, embed_images
from cood.evaluation.embed.metadata import Embeddings, content_hash, describe_clip
from cood.evaluation.embed.texts import embed_ensembles, embed_texts
from cood.models.clip import Clip
from cood.settings.study_file import Study
from cood.synthesis.manifests import read_isolated
from cood.vocabulary import ANY_OBJECT, Vocabulary

USUAL = ""  # key of the study's templates; no ablation can have this name


def vocabulary_texts(
    clip: Clip,
    words: Vocabulary,
    templates: Sequence[str],
    ablations: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, np.ndarray]:
    """Texts of a vocabulary, averaged over the templates; the same for every evaluation set.

    `compositions` [C, d], once more for each of the ablations (other lists of templates; named by
    `cood.evaluation.common.tensor_names.ablated`), `attributes` [A, d] and `objects` [O, d].
    """
    ensembles = {USUAL: templates, **(ablations or {})}
    compositions = embed_ensembles(clip, words.compositions(), ensembles)
    attributes = [f"{attribute} {ANY_OBJECT}" for attribute in words.attributes]
    return {
        "compositions": compositions.pop(USUAL),
        **{ablated(name): texts for name, texts in compositions.items()},
        "attributes": embed_texts(clip, attributes, templates),
        "objects": embed_texts(clip, words.objects, templates),
    }


def embed_evaluation_set(
    study: Study,
    clip: Clip,
    model: str,
    set_: str,
    manifest: pd.DataFrame,
    texts: dict[str, np.ndarray],
    readers: int = 1,
) -> Embeddings:
    """Embed an evaluation set with a CLIP.

    Parameters
    ----------
    study, clip, model
        The study, and a model of it with its name.
    set_, manifest
        Name of the set and rows of its kept images.
    texts
        As `vocabulary_texts` gives them.
    readers
        Threads that read images.

    Returns
    -------
    Embeddings
        `images` [n, d], un-normalised, in the order of the manifest, and the `texts`. Averages
        over the images that show a word alone are `isolated_attributes` [A, d] and
        `isolated_objects` [O, d]; they are left out if a word has no such image.
    """
    folder, words = study.paths.manifest(set_).parent, study.words
    tensors = {
        "images": embed_images(clip, folder, manifest["image"].tolist(), readers),
        **texts,
    }
    metadata = describe_clip(clip, model, manifest)
    metadata["templates"] = json.dumps(study.evaluation.templates)
    metadata["ablations"] = json.dumps(study.ablations)
    isolated = read_isolated(study, set_)
    if isolated is not None:
        images = embed_images(clip, folder, isolated["image"].tolist(), readers)
        tensors["isolated_attributes"] = average(images, isolated["attribute"], words.attributes)
        tensors["isolated_objects"] = average(images, isolated["object"], words.objects)
        metadata["isolated"] = content_hash(isolated)
    return Embeddings(tensors, metadata)


def embed_id_set(
    study: Study, clip: Clip, model: str, set_: str, manifest: pd.DataFrame, readers: int = 1
) -> Embeddings:
    """Embed an ID set with a CLIP: its `images` [n, d] and the `objects` [K, d] that have one.

    The prompts keep the templates as they are written ("a photo of a ostrich"), because published
    accuracies on such sets do.

    The parameters are those of `embed_evaluation_set`.
    """
    folder, templates = study.paths.manifest(set_).parent, study.evaluation.templates
    # In the order of the classes' numbers; two classes of one name stay two.
    names = manifest.groupby("class")["object"].first().tolist()
    tensors = {
        "images": embed_images(clip, folder, manifest["image"].tolist(), readers),
        "objects": embed_texts(clip, names, templates, literal=True),
    }
    metadata = describe_clip(clip, model, manifest) | {"templates": json.dumps(templates)}
    return Embeddings(tensors, metadata)
