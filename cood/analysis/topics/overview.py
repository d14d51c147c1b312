"""The first screen of the report: what one model answers, and what moves accuracy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.results import Results, available_splits, pick
from cood.files import read_table
from cood.vocabulary import Vocabulary

SPLITS = ("seen", "unseen")
FACTORS = ("share", "images", "steps")


def median_model(accuracy: pd.Series) -> str:
    """The model with the median accuracy; of an even number, the worse of the two in the middle.

    Examples
    --------
    >>> median_model(pd.Series({"a": 0.3, "b": 0.1, "c": 0.2, "d": 0.4}))
    'c'
    """
    ordered = accuracy.dropna().sort_values(kind="stable")
    return str(ordered.index[(len(ordered) - 1) // 2])


def sample_answers(
    answers: pd.DataFrame, words: Vocabulary, number: int, seed: int
) -> pd.DataFrame:
    """Test images of one model and what it answers, drawn at random.

    Half of them are of compositions that it has seen, where there are such, and no composition is
    drawn twice.

    Parameters
    ----------
    answers
        A row an image, as `cood.evaluation.accuracy.accuracy.answer_table` gives them.
    words
        The vocabulary that their ids belong to.
    number, seed
        How many images, and which.

    Returns
    -------
    pandas.DataFrame
        A row an image, seen ones first: `image`, `composition` and `answer` by name, `seen`, and
        whether the answer is `right`.
    """
    shuffled = answers.sample(frac=1, random_state=seed).drop_duplicates("composition")
    seen, unseen = shuffled[shuffled["seen"]], shuffled[~shuffled["seen"]]
    of_seen = min(len(seen), number // 2)
    drawn = pd.concat([seen.head(of_seen), unseen.head(number - of_seen)])
    names = np.array(words.compositions())
    return pd.DataFrame(
        {
            "image": drawn["image"].to_numpy(),
            "composition": names[drawn["composition"]],
            "answer": names[drawn["pair"]],
            "seen": drawn["seen"].to_numpy(bool),
            "right": drawn["pair"].to_numpy() == drawn["composition"].to_numpy(),
        }
    )


def answers_of_median_model(
    results: Results, accuracy: pd.Series, number: int
) -> tuple[str, pd.DataFrame]:
    """The model with the median accuracy, and `sample_answers` of it."""
    study, model = results.study, median_model(accuracy)
    answers = read_table(study.paths.model_answers(model))
    answers = answers[answers["set"] == results.set]
    return model, sample_answers(answers, study.words, number, study.seed)


def accuracy_by_split(results: Results, metric: str = "pair_top1") -> dict[str, pd.DataFrame]:
    """Accuracy on seen and on unseen compositions, as `pick` gives it; seen where there are."""
    splits = [split for split in SPLITS if split in available_splits(results)]
    return {split: pick(results, split=split, metric=metric) for split in splits}


def accuracy_by_factor(results: Results, metric: str = "pair_top1") -> pd.DataFrame:
    """Accuracy on seen and unseen compositions beside the factors of a design.

    Parameters
    ----------
    results
        Of a study, or of a reference run.
    metric
        The accuracy.

    Returns
    -------
    pandas.DataFrame
        A row a model and split: `model`, `split`, `value`, and a column for each of `FACTORS` that
        differs between the models. Empty if the models are not trained here.
    """
    models = results.models.set_index("model")
    factors = [name for name in FACTORS if name in models and models[name].nunique() > 1]
    if not factors:
        return pd.DataFrame(columns=["model", "split", "value"])
    by_split = accuracy_by_split(results, metric)
    parts = [table[["value"]].assign(split=split) for split, table in by_split.items()]
    return pd.concat(parts).join(models[factors]).dropna().rename_axis("model").reset_index()
