"""Embedding the factor sets with a model: images, their captions, and prompts for zero-shot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from cood.evaluation.embed.evaluation_sets import (
    describe,
    embed_images,
    embed_texts,
    load_model,
)
from cood.factors.table import Table
from cood.files import write_tensors
from cood.models.clip import Clip
from cood.models.training.caption_forms import caption_form
from cood.settings.study_file import Study
from cood.splits import FACTOR_PROMPTS
from cood.synthesis.manifests import read_factor_manifest

CONTEXTS = 16  # captions averaged into the text embedding of a class


def embed_factor_sets(study: Study, model: str, say: Callable[[str], None] = print) -> None:
    """Embed with one model each factor set that it is tested on, and write the results.

    Written for each set, float32: `images` [n, d], un-normalised, and `captions` [n, d] of unit
    length, in the order of the manifest; `pairs` [P, d] for the compositions and `words.FACTOR`
    [W, d] for the words of each factor, as `prompts` describes. The metadata says what they were
    made with, and which form the captions have. A checkpoint that cannot be had leaves files
    without tensors that hold the reason.
    """
    names = study.factor_sets_of(model)
    manifests = {name: read_factor_manifest(study, name) for name in names}
    clip = load_model(study, model, say)
    for name, manifest in manifests.items():
        path = study.paths.embeddings(model, name)
        if isinstance(clip, str):
            write_tensors({}, path, {"missing": clip})
            continue
        say(f"{model}: embedding {len(manifest)} images of {name}")
        table = study.factor_set(name).table
        form = caption_form(clip, table)
        word_ids = table.word_ids(manifest[table.names].to_numpy())
        folder = study.paths.manifest(name).parent
        tensors = {
            "images": embed_images(clip, folder, manifest["image"].tolist()),
            "captions": embed_texts(clip, table.captions(word_ids, form), ("{}",)),
            "pairs": prompts(clip, table, form, table.pair, study.seed),
        }
        for factor in table.names:
            tensors[f"words.{factor}"] = prompts(clip, table, form, (factor,), study.seed)
        metadata = describe(clip, model, manifest) | {"captions": form}
        write_tensors(tensors, path, metadata)


def prompts(clip: Clip, table: Table, form: str, asked: Sequence[str], seed: int) -> np.ndarray:
    """Text embeddings [classes, d] of all combinations of the words of the factors `asked`.

    A class is the mean of the unit embeddings of whole captions that hold its words and, for the
    factors that are not asked, those of a few scenes drawn once, the same for all classes. So
    classes differ in the asked words alone. They are numbered with the last factor asked fastest.
    """
    rng = np.random.default_rng((seed, FACTOR_PROMPTS))
    contexts = table.word_ids(table.ids(rng.choice(table.size, CONTEXTS, replace=False)))
    columns = [table.index(factor) for factor in asked]
    sizes = [len(table.factors[k].vocabulary) for k in columns]
    classes = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
    filled = np.repeat(contexts[None], len(classes), axis=0)
    filled[:, :, columns] = classes[:, None, :]
    captions = table.captions(filled.reshape(-1, len(table.factors)), form)
    units = embed_texts(clip, captions, ("{}",))
    return units.reshape(len(classes), CONTEXTS, -1).mean(axis=1)
