"""Embeddings of the factor sets: images, their captions, and prompts for zero-shot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cood.errors import CoodError
from cood.evaluation.embed.job import Job, describe_precision
from cood.evaluation.embed.metadata import Embeddings, describe_clip, describe_notes
from cood.evaluation.embed.precision import AUTO
from cood.evaluation.embed.texts import embed_texts
from cood.factors.table import Table
from cood.files import FINAL
from cood.models.caption_forms import caption_form
from cood.models.clip import Clip
from cood.splits import FACTOR_PROMPTS

CONTEXTS = 16  # captions averaged into the text embedding of a class
AS_IS = ("{}",)  # the template of a caption that is read as it stands


def embed_factor_set(job: Job, clip: Clip, set_: str, manifest: pd.DataFrame) -> Embeddings:
    """Embed a factor set with a CLIP.

    Parameters
    ----------
    job, clip
        The job of a model, and that model.
    set_, manifest
        Name of the factor set and its rows.

    Returns
    -------
    Embeddings
        `images` [n, d], un-normalised, and `captions` [n, d] of unit length, in the order of the
        manifest; `pairs` [P, d] for the compositions and `words.FACTOR` [W, d] for the words of
        each factor, as `prompts` describes. The metadata says which form the captions have. If
        not even the short ones fit the context, there is nothing but the reason as `missing`.
    """
    seed, table = job.study.seed, job.study.factor_set(set_).table
    try:
        form = caption_form(clip, table)
    except CoodError as error:  # of this set alone
        job.say(f"{job.model}: {set_} is left out: {error}")
        return Embeddings({}, {"missing": str(error), FINAL: "true"})
    word_ids = table.word_ids(manifest[table.names].to_numpy())
    images = job.images(set_, manifest)
    captions = job.texts(clip, table.captions(word_ids, form), AS_IS)
    tensors = {
        "images": images.values,
        "captions": captions.values,
        "pairs": prompts(clip, table, form, table.pair, seed, job.precision),
    }
    for factor in table.names:
        tensors[f"words.{factor}"] = prompts(clip, table, form, (factor,), seed, job.precision)
    metadata = describe_clip(clip, job.model, manifest) | {"captions": form}
    metadata |= describe_notes(clip, captions.notes)
    return Embeddings(tensors, metadata | describe_precision(images, captions))


def prompts(
    clip: Clip,
    table: Table,
    form: str,
    asked: Sequence[str],
    seed: int,
    precision: str = AUTO,
) -> np.ndarray:
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
    units = embed_texts(clip, captions, AS_IS, precision=precision)
    return units.reshape(len(classes), CONTEXTS, -1).mean(axis=1)
