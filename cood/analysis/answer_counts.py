"""How often each model answers right, by composition: what a binomial fit over models needs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.evaluation.common.score_table import ANSWER_COUNTS, complete, concat
from cood.files import read_table
from cood.settings.study_file import Study
from cood.vocabulary import Vocabulary


def answer_counts(answers: pd.DataFrame, words: Vocabulary, model: str) -> pd.DataFrame:
    """Count the right answers of one model, a row a set and composition.

    Parameters
    ----------
    answers
        A row an image, as `cood.evaluation.accuracy.accuracy.answer_table` gives them.
    words, model
        The vocabulary that ids belong to, and the name of the model.

    Returns
    -------
    pandas.DataFrame
        Columns of `ANSWER_COUNTS`: `model`, `set`, `composition`, `seen`, `core`, `n` images, and
        how many are right of `pair`, of `attribute` and `object` of the pair that was answered,
        and of `attribute_alone` and `object_alone`, each asked without the other.
    """
    truth, pair = (answers[name].to_numpy() for name in ("composition", "pair"))
    attribute, object_ = words.attribute_of(truth), words.object_of(truth)
    right = {
        "pair": pair == truth,
        "attribute": words.attribute_of(pair) == attribute,
        "object": words.object_of(pair) == object_,
        "attribute_alone": answers["attribute"].to_numpy() == attribute,
        "object_alone": answers["object"].to_numpy() == object_,
    }
    keys = answers[["set", "composition", "seen", "core"]]
    images = keys.assign(n=1, **{name: hit.astype(np.int32) for name, hit in right.items()})
    counts = images.groupby(list(keys), sort=False, as_index=False).sum()
    return complete(counts, ANSWER_COUNTS, model=model)


def load_answer_counts(study: Study) -> pd.DataFrame:
    """Counts of all models of a study, null models included; see `answer_counts`.

    A model that could not be loaded has no rows.

    Raises
    ------
    ArtefactError
        If the answers of a model are missing or damaged.
    """
    tables = (
        answer_counts(read_table(study.paths.model_answers(model)), study.words, model)
        for model in study.embedded
    )
    return concat(tables, ANSWER_COUNTS)
