"""Accuracy of one model: zero-shot, in distribution, and composed retrieval."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from cood.errors import StudyError
from cood.evaluation.accuracy.in_distribution import score_in_distribution
from cood.evaluation.accuracy.retrieval import score_retrieval
from cood.evaluation.accuracy.zero_shot import Answers, answer, score_zero_shot
from cood.evaluation.common.score_table import (
    ANSWERS,
    complete,
    concat,
    missing_model,
    write_scores,
)
from cood.evaluation.embeddings import (
    SetEmbeddings,
    read_classes,
    score_each_set,
    split_members,
)
from cood.settings.study_file import Study
from cood.synthesis.manifests import read_manifest


def score_accuracy(study: Study, model: str) -> pd.DataFrame:
    """Score one model on every set, write `accuracy/<model>.parquet` and return the table.

    The answers that the zero-shot scores are computed from are written to
    `answers/<model>.parquet`; see `answer_table`. Null models have no composed retrieval: no
    analysis compares theirs. Where a set has no composed queries, a row without a score says why.
    """
    splits = split_members(study, model)
    tables_of_answers: list[pd.DataFrame] = []

    def score_set(embedded: SetEmbeddings) -> pd.DataFrame:
        manifest = read_manifest(study, embedded.set)
        truth = manifest["composition"].to_numpy()
        answers = answer(embedded.tensors, truth)
        tables_of_answers.append(answer_table(embedded.set, manifest["image"], answers, splits))
        zero_shot = score_zero_shot(
            embedded.tensors, answers, splits, study.words, study.evaluation, study.seed
        )
        if model in study.null_models:
            return zero_shot
        start = time.perf_counter()
        try:
            retrieval = score_retrieval(study, embedded.tensors, truth, splits)
        except StudyError as error:
            return concat([zero_shot, missing_model(str(error))])
        return concat([zero_shot, retrieval.assign(seconds=time.perf_counter() - start)])

    def score_id_set(embedded: SetEmbeddings) -> pd.DataFrame:
        classes = read_classes(study, embedded.set)
        return score_in_distribution(embedded.tensors, classes, study.evaluation, study.seed)

    tables = [
        *score_each_set(study, model, study.sets, score_set),
        *score_each_set(study, model, study.id_sets, score_id_set),
    ]
    table = concat(tables)
    answers = concat(tables_of_answers, ANSWERS)
    write_scores(answers, study.paths.model_answers(model), ANSWERS, compression="zstd")
    write_scores(table, study.paths.model_accuracy(model))
    return table


def answer_table(
    set_: str, images: pd.Series, answers: Answers, splits: dict[str, np.ndarray]
) -> pd.DataFrame:
    """The answers of a model to the images of a set, a row an image (columns of `ANSWERS`).

    Parameters
    ----------
    set_, images
        Name of the set, and of each of its n images in the manifest.
    answers
        To the images, among all compositions, all attributes and all objects.
    splits
        Composition ids of each split of the model; no composition is in one that is not there.
    """
    none = np.empty(0, dtype=int)
    columns = {
        "image": images.to_numpy(),
        "composition": answers.truth,
        "seen": np.isin(answers.truth, splits.get("seen", none)),
        "core": np.isin(answers.truth, splits.get("core", none)),
        "pair": answers.pairs[:, 0],
        "attribute": answers.attributes,
        "object": answers.objects,
    }
    return complete(pd.DataFrame(columns), ANSWERS, set=set_)
