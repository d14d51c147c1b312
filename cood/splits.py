"""Which compositions each model is trained on, and which no model is."""

from __future__ import annotations

import math

import numpy as np

from cood.errors import StudyError
from cood.settings import PARTNERS, Schedule
from cood.settings.study_file import Study
from cood.vocabulary import Vocabulary

# Streams of random numbers: a seed is (study seed, stream, ...), so that no two uses share one.
SPLIT, EVALUATION, TRAINING, CAPTIONS, PROBE, RETRIEVAL, SWITCHING, GEOMETRY, ISOLATED = range(9)
FACTOR_SPLIT, FACTOR_SCENES, FACTOR_TRAINING, FACTOR_CAPTIONS, FACTOR_PROMPTS = range(9, 14)
DIFFUSION, ISOLATED_DIFFUSION = range(14, 16)
LINEAR, DRAW, FACTOR_DRAW = range(20, 23)
EDITING = 30
PERMUTATIONS = 40  # of placebos; a seed is (seed of the model, stream)

SEEN, UNSEEN, CORE = "seen", "unseen", "core"


def core_of(words: Vocabulary, share: float, seed: tuple[int, ...]) -> np.ndarray:
    """Ids of a share of the compositions, in which each word occurs about equally often.

    Both lists are walked through in step, in a random order: attributes differ in how often they
    occur by one at most, and so do objects. With the same seed, a larger share holds a smaller one.
    """
    rng = np.random.default_rng(seed)
    rows, columns = len(words.attributes), len(words.objects)
    attributes, objects = rng.permutation(rows), rng.permutation(columns)
    step = np.arange(round(share * words.size))
    turn = step // math.lcm(rows, columns)  # after that many steps, the same pairs would return
    return np.sort(attributes[(step + turn) % rows] * columns + objects[step % columns])


def draw_seen(
    words: Vocabulary, core: np.ndarray, share: float, partners: int, seed: tuple[int, ...]
) -> np.ndarray:
    """Draw the compositions that a model is trained on.

    Parameters
    ----------
    words, core
        The vocabulary, and the ids of the compositions that no model is trained on.
    share
        Share of the other compositions that is drawn. With the same seed, a larger share holds a
        smaller one.
    partners
        With how many others each word occurs at least.
    seed
        Of the draw.

    Returns
    -------
    numpy.ndarray
        Composition ids [n], each once.

    Raises
    ------
    StudyError
        If so few compositions, or what the core leaves, cannot give each word its partners.
    """
    rng = np.random.default_rng(seed)
    free = np.ones((len(words.attributes), len(words.objects)), dtype=bool)
    free.ravel()[core] = False
    fewest = min(free.sum(axis=0).min(), free.sum(axis=1).min())
    if fewest < partners:
        raise StudyError(
            f"core: {len(core)} of {words.size} compositions are too many; they leave a word with "
            f"{fewest} others, and {partners} are needed"
        )
    size = round(share * free.sum())
    first = _with_partners(free, partners, rng)
    if len(first) > size:
        raise StudyError(
            f"share: {share} gives {size} of {free.sum()} compositions, too few to show every "
            f"word with {partners} others; {len(first)} are needed"
        )
    rest = rng.permutation(np.setdiff1d(np.flatnonzero(free), first))
    return np.concatenate([first, rest])[:size]


def _with_partners(free: np.ndarray, partners: int, rng: np.random.Generator) -> np.ndarray:
    """Ids of compositions in which each word occurs with `partners` others.

    Words of the longer list get their partners first, always the ones that have the fewest, so
    that those of the shorter list need few more.
    """
    flipped = free.shape[0] > free.shape[1]
    grid = free.T if flipped else free
    chosen = np.zeros(grid.shape, dtype=bool)

    def add(chosen: np.ndarray, grid: np.ndarray, column: int) -> None:
        open_ = np.flatnonzero(grid[:, column] & ~chosen[:, column])
        ties = rng.permutation(len(open_))
        order = np.lexsort([ties, chosen.sum(axis=1)[open_]])
        chosen[open_[order[: max(0, partners - chosen[:, column].sum())]], column] = True

    for column in rng.permutation(grid.shape[1]):
        add(chosen, grid, column)
    for row in rng.permutation(grid.shape[0]):
        add(chosen.T, grid.T, row)
    return np.flatnonzero(chosen.T if flipped else chosen)


def core(study: Study) -> np.ndarray:
    """Ids of the compositions that no model of the study is trained on."""
    return core_of(study.words, study.core, (study.seed, SPLIT))


def seen(study: Study, training: Schedule) -> np.ndarray:
    """Ids of the compositions that a model is trained on: a draw of its own, by its seed."""
    seed = (study.seed, DRAW, training.seed)
    return draw_seen(study.words, core(study), training.share, PARTNERS, seed)


def times_seen(study: Study) -> np.ndarray:
    """How many models of the study are trained on each composition [compositions]."""
    counts = np.zeros(study.words.size, dtype=np.int64)
    for training in study.trained.values():
        counts[seen(study, training)] += 1
    return counts


def members(words: Vocabulary, core: np.ndarray, seen: np.ndarray) -> dict[str, np.ndarray]:
    """Ids of the compositions of each split of a model; ``core`` is a part of ``unseen``."""
    return {
        SEEN: np.sort(seen),
        UNSEEN: np.setdiff1d(np.arange(words.size), seen),
        CORE: core,
    }
