"""Which compositions each model is trained on, and which are held out of every training set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cood.settings import Captions, Schedule, Training
from cood.settings.study_file import Study
from cood.vocabulary import (
    ATTRIBUTE_CAPTIONS,
    OBJECT_CAPTIONS,
    PAIR_CAPTIONS,
    Vocabulary,
)

# Streams of random numbers: a seed is (study seed, stream, ...), so that no two uses share one.
SPLIT, EVALUATION, TRAINING, CAPTIONS, PROBE, RETRIEVAL, SWITCHING, GEOMETRY, ISOLATED = range(9)
FACTOR_SPLIT, FACTOR_SCENES, FACTOR_TRAINING, FACTOR_CAPTIONS, FACTOR_PROMPTS = range(9, 14)
DIFFUSION, ISOLATED_DIFFUSION = range(14, 16)
LINEAR = 20
EDITING = 30


def training_order(
    words: Vocabulary, held_out: float, seed: int, stream: int = SPLIT
) -> np.ndarray:
    """Ids of the compositions that may be trained on, in the order in which models get them.

    A model with share s is trained on the first ``s * words.size``, so that models with a larger
    share see the same compositions and more. The first ``max(len(attributes), len(objects))``
    cover every attribute and every object. A share `held_out` of all compositions is not in the
    list, and so in no training set.
    """
    rng = np.random.default_rng((seed, stream))
    n_attributes, n_objects = len(words.attributes), len(words.objects)
    step = np.arange(max(n_attributes, n_objects))
    cover = (
        rng.permutation(n_attributes)[step % n_attributes] * n_objects
        + rng.permutation(n_objects)[step % n_objects]
    )
    rest = rng.permutation(np.setdiff1d(np.arange(words.size), cover))
    order = np.concatenate([cover, rest])
    return order[: words.size - round(held_out * words.size)]


def split_by(order: np.ndarray, size: int, shares: Sequence[float]) -> np.ndarray:
    """Split [size] of each composition, over models with these shares of a training order.

    ``shared`` compositions are in the training set of every model, ``partial`` ones of some,
    ``unseen`` ones of none.
    """
    split = np.full(size, "unseen", dtype=object)
    if shares:
        split[order[: round(max(shares) * size)]] = "partial"
        split[order[: round(min(shares) * size)]] = "shared"
    return split


def seen(study: Study, share: float) -> np.ndarray:
    """Ids of the compositions that a model with this share of all compositions is trained on."""
    order = training_order(study.words, study.held_out, study.seed)
    return order[: round(share * study.words.size)]


def splits(study: Study) -> np.ndarray:
    """Split [compositions] of each composition, over the models of the study; see `split_by`."""
    shares = [model.share for model in study.trained.values()]
    order = training_order(study.words, study.held_out, study.seed)
    return split_by(order, study.words.size, shares)


def training_compositions(
    study: Study, training: Schedule, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Composition id of each training image: all that the model may see, in rounds of new order.

    Models of the same share, seed and number of images get the same ids. The default of `rng` is
    the generator of the captions.
    """
    rng = np.random.default_rng((study.seed, CAPTIONS, training.seed)) if rng is None else rng
    compositions = seen(study, training.share)
    rounds = -(-training.images // len(compositions))
    return np.concatenate([rng.permutation(compositions) for _ in range(rounds)])[: training.images]


def training_captions(study: Study, training: Training) -> pd.DataFrame:
    """One row per training image: `composition`, `attribute`, `object`, `caption` and `names`.

    The compositions are those of `training_compositions`. `names` is what the caption names:
    ``pair``, ``object`` or ``attribute``.
    """
    rng = np.random.default_rng((study.seed, CAPTIONS, training.seed))
    words = study.words
    ids = training_compositions(study, training, rng)
    captions: Captions = training.captions
    names = rng.choice(
        ["pair", "object", "attribute"],
        size=len(ids),
        p=[captions.pair, captions.object, captions.attribute],
    )
    templates = {
        "pair": PAIR_CAPTIONS,
        "object": OBJECT_CAPTIONS,
        "attribute": ATTRIBUTE_CAPTIONS,
    }
    rows = []
    for id_, kind in zip(ids, names, strict=True):
        attribute = words.attributes[words.attribute_of(id_)]
        object_ = words.objects[words.object_of(id_)]
        filling = {"pair": f"{attribute} {object_}", "object": object_, "attribute": attribute}
        template = templates[kind][rng.integers(len(templates[kind]))]
        rows.append((id_, attribute, object_, template.format(filling[kind]), kind))
    return pd.DataFrame(rows, columns=["composition", "attribute", "object", "caption", "names"])
