"""Accuracy of a model in distribution: on images of ImageNet's own classes."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from cood.evaluation.accuracy.zero_shot import TOP
from cood.evaluation.common.nearest import nearest
from cood.evaluation.common.resampling import grouped_mean
from cood.evaluation.common.score_table import ALL, ZERO_SHOT
from cood.settings import Evaluation

ID = "id"  # the split of these scores


def score_in_distribution(
    tensors: dict[str, np.ndarray], classes: np.ndarray, settings: Evaluation, seed: int
) -> pd.DataFrame:
    """`id_top1` and `id_top5` of one model on one ID set, as rows of a table of scores.

    Intervals come from resampling classes with all of their images: the predictions for a class
    depend on its one text, so its images are not independent.

    Parameters
    ----------
    tensors
        Embeddings `images` [n, d], and `objects` [K, d] of the classes to choose from.
    classes
        Class [n] of each image, as a row of `objects`.
    settings, seed
        Resamples and level of the intervals; seed of the resamples.
    """
    start = time.perf_counter()
    answers = nearest(tensors["images"], tensors["objects"], TOP)
    table = tabulate_in_distribution(answers, classes, len(tensors["objects"]), settings, seed)
    return table.assign(method=ZERO_SHOT, seconds=time.perf_counter() - start)


def tabulate_in_distribution(
    answers: np.ndarray, classes: np.ndarray, size: int, settings: Evaluation, seed: int
) -> pd.DataFrame:
    """Accuracies from predictions, as rows of a table of scores.

    `answers` [n, k] are classes, the best first, out of `size`.
    """
    rows = []
    for k in (1, TOP):
        mean = grouped_mean(
            (answers[:, :k] == classes[:, None]).any(axis=1),
            classes,
            seed=seed,
            resamples=settings.resamples,
            level=settings.level,
        )
        rows.append({"metric": f"id_top{k}", "chance": min(1.0, k / size)} | vars(mean))
    return pd.DataFrame(rows).assign(split=ID, category=ALL, space="image", labels=ALL)
