"""The scores of one model from its embeddings, by the functions that a study uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from cood.evaluation.accuracy.zero_shot import answer, score_zero_shot
from cood.evaluation.common.score_table import ALL, complete, concat
from cood.evaluation.representation.geometry import WORDS, score_geometry
from cood.evaluation.representation.representation_metrics import CODES_OF, side_metrics
from cood.evaluation.representation.sides import sides
from cood.metrics import METRICS as METRIC_NAMES
from cood.scorecard.card import Scorecard
from cood.settings import Evaluation, RepresentationMetrics
from cood.splits import UNSEEN
from cood.vocabulary import Vocabulary

# Without Z-min variance, which takes as long as the others together.
METRICS = RepresentationMetrics(metrics=[name for name in METRIC_NAMES if name != "z_min_variance"])


def score_tensors(
    model: str,
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    words: Vocabulary,
    files: Sequence[str],
    dropped: pd.DataFrame,
    noted: pd.DataFrame,
    *,
    settings: Evaluation,
    seed: int,
    metrics: RepresentationMetrics = METRICS,
) -> Scorecard:
    """Score a model.

    Parameters
    ----------
    model
        Its name.
    tensors
        Embeddings `images` [n, d], `compositions` [C, d] and, if there are any, `attributes`
        [A, d] and `objects` [O, d]. Without these there is no accuracy of single words, no
        binding and no linear factorisation.
    truth, words
        Composition id [n] of each image, and the vocabulary.
    files, dropped, noted
        Names of the images, of the files that are not used, with reasons, and of images with a
        note.
    settings, seed, metrics
        As a study has them: of the accuracies, of all that is drawn, and of the metrics.

    Raises
    ------
    ValueError
        If widths differ, or an embedding is not finite.
    """
    answers = answer(tensors, truth)
    # Which compositions a model has seen in training is unknown, so there is one split.
    every = {UNSEEN: np.arange(words.size)}
    accuracy = score_zero_shot(tensors, answers, every, words, settings, seed)
    tables = [
        accuracy[accuracy["category"] == ALL],
        *_metrics(tensors, truth, words, metrics, seed),
    ]
    scores = complete(concat(tables).drop(columns="seconds"), model=model, split=ALL)
    return Scorecard(model, words, tuple(files), answers, scores, dropped, noted)


def _metrics(
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    words: Vocabulary,
    settings: RepresentationMetrics,
    seed: int,
) -> Iterator[pd.DataFrame]:
    """Disentanglement metrics of both sides, ranks, and the linear factorisation."""
    for side in sides(tensors, truth, words):
        few = len(np.unique(side.compositions)) < settings.folds  # then there are no intervals
        own = settings.model_copy(update={"folds": 0}) if few else settings
        table = side_metrics(side, words, own, seed)
        yield table.assign(category=ALL, space=side.space, codes=CODES_OF[side.space])
    if all(name in tensors for name in WORDS):
        every = {ALL: np.arange(words.size)}
        yield score_geometry(tensors, truth, every, words, seed, settings.folds)
