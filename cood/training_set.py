"""What a small CLIP is trained on: its drawings, and their captions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.settings import LEAST_DRAWINGS, Schedule, Training
from cood.settings.study_file import Study
from cood.splits import CAPTIONS, seen
from cood.vocabulary import ATTRIBUTE_CAPTIONS, OBJECT_CAPTIONS, PAIR_CAPTIONS, fill

PAIR, OBJECT, ATTRIBUTE = "pair", "object", "attribute"
NAME_THE_OBJECT = 0.8  # share of the captions with one word
FORMS = {PAIR: PAIR_CAPTIONS, OBJECT: OBJECT_CAPTIONS, ATTRIBUTE: ATTRIBUTE_CAPTIONS}


def drawings_each(compositions: int, images: int, skew: float) -> np.ndarray:
    """How many of `images` drawings the composition of each rank gets [compositions].

    Each has `LEAST_DRAWINGS`. What is left is shared in proportion to ``rank ** -skew``, rounded
    by the largest remainders.
    """
    left = images - LEAST_DRAWINGS * compositions
    weights = np.arange(1, compositions + 1, dtype=np.float64) ** -skew
    exact = left * weights / weights.sum()
    more = np.floor(exact).astype(np.int64)
    most_cut = np.argsort(more - exact, kind="stable")
    more[most_cut[: left - more.sum()]] += 1
    return LEAST_DRAWINGS + more


def training_compositions(study: Study, training: Schedule) -> np.ndarray:
    """Composition id [images] of each drawing that a model, or an image encoder, is trained on.

    The ranks of the compositions, which `drawings_each` counts by, and the order of the drawings
    are random. Models of the same share, images, skew and seed get the same ids.
    """
    rng = np.random.default_rng((study.seed, CAPTIONS, training.seed))
    ranked = rng.permutation(np.sort(seen(study, training)))
    each = drawings_each(len(ranked), training.images, training.skew)
    return rng.permutation(np.repeat(ranked, each))


def training_captions(study: Study, training: Training) -> pd.DataFrame:
    """The captions of a model, a row a drawing, in the order of `training_compositions`.

    Returns
    -------
    pandas.DataFrame
        `composition`: id of what is drawn. `captioned`: id that the caption was written for, that
        of another drawing for a share `wrong_captions` of them. `caption`. `names`: what the
        caption names, ``pair``, ``object`` or ``attribute``. `wrong`: whether it says something
        that the drawing does not show; the caption of another drawing may be right by chance.
        One drawing of each composition has a right caption that names the pair.
    """
    rng = np.random.default_rng((study.seed, CAPTIONS, training.seed, 1))
    ids = training_compositions(study, training)
    _, first = np.unique(ids, return_index=True)
    others = np.setdiff1d(np.arange(len(ids)), first)
    names = _names(len(ids), first, rng.permutation(others), training.pair_captions)
    source = _shuffled(len(ids), others, round(training.wrong_captions * len(ids)), rng)
    captioned, names_given = ids[source], names[source]
    words = study.words
    wrong_attribute = words.attribute_of(captioned) != words.attribute_of(ids)
    wrong_object = words.object_of(captioned) != words.object_of(ids)
    wrong = np.where(
        names_given == PAIR,
        wrong_attribute | wrong_object,
        np.where(names_given == OBJECT, wrong_object, wrong_attribute),
    )
    return pd.DataFrame(
        {
            "composition": ids,
            "captioned": captioned,
            "caption": _sentences(study, ids, names, rng)[source],
            "names": names_given,
            "wrong": wrong,
        }
    )


def _names(n: int, first: np.ndarray, others: np.ndarray, pair_captions: float) -> np.ndarray:
    """What each of n captions names; those of `first` the pair, the others in a given order."""
    names = np.full(n, ATTRIBUTE, dtype=object)
    pairs = max(0, round(pair_captions * n) - len(first))
    objects = round(NAME_THE_OBJECT * (len(others) - pairs))
    names[first] = PAIR
    names[others[:pairs]] = PAIR
    names[others[pairs : pairs + objects]] = OBJECT
    return names


def _shuffled(n: int, others: np.ndarray, wrong: int, rng: np.random.Generator) -> np.ndarray:
    """Whose caption each of n drawings gets: its own, or for `wrong` of `others` another's."""
    source = np.arange(n)
    swapped = rng.permutation(others)[:wrong]
    source[swapped] = np.roll(swapped, 1)  # a cycle: none keeps its own
    return source


def _sentences(
    study: Study, ids: np.ndarray, names: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    words = study.words
    form = rng.integers(np.array([len(FORMS[name]) for name in names]))
    attributes, objects = words.attribute_of(ids), words.object_of(ids)
    captions = []
    for name, k, a, o in zip(names, form, attributes, objects, strict=True):
        attribute, object_ = words.attributes[a], words.objects[o]
        filling = {PAIR: f"{attribute} {object_}", OBJECT: object_, ATTRIBUTE: attribute}[name]
        captions.append(fill(FORMS[name][k], filling))
    return np.array(captions, dtype=object)
