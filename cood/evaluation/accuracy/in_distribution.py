"""Accuracy of a model in distribution: on images of ImageNet's own classes."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from cood.evaluation.accuracy.zero_shot import COLUMNS, TOP
from cood.evaluation.common.nearest import nearest
from cood.evaluation.common.resampling import grouped_mean
from cood.settings import Evaluation

ID = "id"  # the split under which these scores stand


def score_in_distribution(
    model: str,
    set_: str,
    tensors: dict[str, np.ndarray],
    classes: np.ndarray,
    settings: Evaluation,
    seed: int,
) -> pd.DataFrame:
    """`id_top1` and `id_top5` of one model on one ID set (columns `COLUMNS`).

    Intervals come from resampling classes with all of their images: what is asked of a class
    hangs on its one text, so its images are no independent trials.

    Parameters
    ----------
    tensors
        Embeddings `images` [n, d], and `objects` [K, d] of the classes that may be answered.
    classes
        Class [n] of each image, as a row of `objects`.
    settings, seed
        Resamples and level of the intervals; seed of the resamples.
    """
    start = time.perf_counter()
    answers = nearest(tensors["images"], tensors["objects"], TOP)
    table = tabulate_in_distribution(answers, classes, len(tensors["objects"]), settings, seed)
    table = table.assign(model=model, set=set_, note="", seconds=time.perf_counter() - start)
    return table[list(COLUMNS)]


def tabulate_in_distribution(
    answers: np.ndarray, classes: np.ndarray, size: int, settings: Evaluation, seed: int
) -> pd.DataFrame:
    """The rows of `score_in_distribution`, less `model`, `set`, `note` and `seconds`, from answers.

    `answers` [n, k] are classes, the best first, of `size` that could be answered.
    """
    rows = []
    for k in (1, TOP):
        found = grouped_mean(
            (answers[:, :k] == classes[:, None]).any(axis=1),
            classes,
            rng=np.random.default_rng(seed),
            resamples=settings.resamples,
            level=settings.level,
        )
        guess = min(1.0, k / size)
        rows.append((f"id_top{k}", found.value, found.low, found.high, guess, found.n))
    table = pd.DataFrame(rows, columns=["metric", "value", "low", "high", "chance", "n"])
    return table.assign(split=ID, group="all", space="image", variant="all")
