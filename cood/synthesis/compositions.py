"""Which compositions a model sees in training, and which no model sees."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.study import Captions, Study, Training
from cood.vocabulary import ATTRIBUTE_CAPTIONS, OBJECT_CAPTIONS, PAIR_CAPTIONS, Vocabulary

# Streams of random numbers: a seed is (study seed, stream, ...), so that no two uses share one.
SPLIT, EVALUATION, TRAINING, CAPTIONS, PROBE, RETRIEVAL, SWITCHING, GEOMETRY, ISOLATED = range(9)


def training_order(words: Vocabulary, held_out: float, seed: int) -> np.ndarray:
    """Compositions that may be trained on, as ids, in the order in which models get them.

    A model with share s sees the first ``s * words.size``, so what one model sees, every model
    with a larger share sees too. The first ``max(len(attributes), len(objects))`` cover every
    attribute and every object. The compositions left out, a share `held_out`, are in nobody's.
    """
    rng = np.random.default_rng((seed, SPLIT))
    n_attributes, n_objects = len(words.attributes), len(words.objects)
    step = np.arange(max(n_attributes, n_objects))
    cover = (
        rng.permutation(n_attributes)[step % n_attributes] * n_objects
        + rng.permutation(n_objects)[step % n_objects]
    )
    rest = rng.permutation(np.setdiff1d(np.arange(words.size), cover))
    order = np.concatenate([cover, rest])
    return order[: words.size - round(held_out * words.size)]


def seen(study: Study, share: float) -> np.ndarray:
    """Ids of the compositions that a model with this share of all compositions is trained on."""
    order = training_order(study.words, study.held_out, study.seed)
    return order[: round(share * study.words.size)]


def splits(study: Study) -> np.ndarray:
    """Split [compositions] of each composition, over the models of the study.

    ``shared`` is in the training set of every model, ``partial`` of some, ``unseen`` of none.
    """
    shares = [model.share for model in study.trained.values()]
    split = np.full(study.words.size, "unseen", dtype=object)
    if shares:
        split[seen(study, max(shares))] = "partial"
        split[seen(study, min(shares))] = "shared"
    return split


def training_captions(study: Study, training: Training) -> pd.DataFrame:
    """One row per training image: `composition`, `attribute`, `object`, `caption` and `names`.

    The model's compositions take turns, in an order drawn anew each round. `names` says what
    the caption names: ``pair``, ``object`` or ``attribute``.
    """
    rng = np.random.default_rng((study.seed, CAPTIONS, training.seed))
    words = study.words
    compositions = seen(study, training.share)
    rounds = -(-training.images // len(compositions))
    ids = np.concatenate([rng.permutation(compositions) for _ in range(rounds)])[: training.images]
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
