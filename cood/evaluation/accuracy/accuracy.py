"""Accuracy of one model: zero-shot, in distribution, and composed retrieval."""

from __future__ import annotations

import time

import pandas as pd

from cood.errors import StudyError
from cood.evaluation.accuracy.in_distribution import score_in_distribution
from cood.evaluation.accuracy.retrieval import score_retrieval
from cood.evaluation.accuracy.zero_shot import score_zero_shot
from cood.evaluation.common.score_table import concat, missing_model, write_scores
from cood.evaluation.embeddings import (
    SetEmbeddings,
    read_classes,
    read_truth,
    score_each_set,
    split_members,
)
from cood.settings.study_file import Study


def score_accuracy(study: Study, model: str) -> pd.DataFrame:
    """Score one model on every set, write `accuracy/<model>.parquet` and return the table.

    Null models have no composed retrieval: no analysis compares theirs. Where a set has no
    composed queries, a row without a score says why.
    """

    def score_set(embedded: SetEmbeddings) -> pd.DataFrame:
        truth, splits = read_truth(study, embedded.set), split_members(study, model)
        zero_shot = score_zero_shot(
            embedded.tensors, truth, splits, study.words, study.evaluation, study.seed
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
    write_scores(table, study.paths.model_accuracy(model))
    return table
