"""Zero-shot accuracy of one model on one set, from its embeddings."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.evaluation.common.nearest import nearest
from cood.evaluation.common.resampling import grouped_mean, means_of_finite
from cood.evaluation.common.score_table import ALL, OWN, ZERO_SHOT
from cood.evaluation.common.tensor_names import ABLATED
from cood.settings import Evaluation
from cood.splits import UNSEEN
from cood.vocabulary import Vocabulary, category_of

TOP = 5


@dataclass(frozen=True)
class Answers:
    """Predictions of a model for each of n images.

    Attributes
    ----------
    truth
        Composition id [n] of each image.
    pairs
        Composition ids [n, k] in the order of the model's preference.
    attributes, objects
        Ids [n] of the best attribute and object, each predicted by itself; None without them.
    """

    truth: np.ndarray
    pairs: np.ndarray
    attributes: np.ndarray | None = None
    objects: np.ndarray | None = None

    def of(self, images: np.ndarray) -> Answers:
        """The predictions for some of the images, as indices."""
        alone = (a if a is None else a[images] for a in (self.attributes, self.objects))
        return Answers(self.truth[images], self.pairs[images], *alone)


def answer(
    tensors: dict[str, np.ndarray], truth: np.ndarray, labels: np.ndarray | None = None
) -> Answers:
    """Classify images among the compositions `labels` (all by default), and by each word itself.

    Parameters
    ----------
    tensors
        Embeddings `images` [n, d], `compositions` [C, d] and, for the answers to each word by
        itself, `attributes` [A, d] and `objects` [O, d].
    truth
        Composition id [n] of each image.
    labels
        Composition ids that are offered as classes.
    """
    labels = np.arange(len(tensors["compositions"])) if labels is None else labels
    images = tensors["images"]
    words = [tensors[kind] for kind in ("attributes", "objects") if kind in tensors]
    return Answers(
        truth,
        labels[nearest(images, tensors["compositions"][labels], TOP)],
        *(nearest(images, texts, 1)[:, 0] for texts in words),
    )


def hits(
    answers: Answers, words: Vocabulary, labels: np.ndarray
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Metrics of accuracy: name, hit or miss [n] (NaN where it does not apply), chance [n].

    `pair`, `attribute` and `object` follow from the composition that was predicted; the metrics
    ``..._alone`` from the prediction among attributes, or objects, only. `binding` is the pair
    accuracy on the images whose two words are both predicted right on their own. In the metrics
    ``..._merged``, which exist if the vocabulary has near-synonyms, any of them is right.
    """
    truth, first = answers.truth, answers.pairs[:, 0]
    n, ones = len(labels), np.ones(len(truth))
    attribute, object_ = words.attribute_of(truth), words.object_of(truth)
    # A guess among the labels has the right attribute as often as the labels have it.
    by_attribute = np.bincount(words.attribute_of(labels), minlength=len(words.attributes)) / n
    by_object = np.bincount(words.object_of(labels), minlength=len(words.objects)) / n
    right = first == truth
    yield "pair_top1", right, ones / n
    yield f"pair_top{TOP}", (answers.pairs == truth[:, None]).any(axis=1), ones * min(1, TOP / n)
    yield "attribute_top1", words.attribute_of(first) == attribute, by_attribute[attribute]
    yield "object_top1", words.object_of(first) == object_, by_object[object_]
    merged = words.merged()
    if merged.max() + 1 < len(words.attributes):
        same = merged[words.attribute_of(first)] == merged[attribute]
        by_group = np.bincount(merged, weights=by_attribute)[merged]
        # Of the labels that name the right object, how many name an attribute of the right group.
        kinds = merged[words.attribute_of(labels)] * len(words.objects) + words.object_of(labels)
        kind = merged[attribute] * len(words.objects) + object_
        by_kind = np.bincount(kinds, minlength=words.size) / n
        yield "pair_merged_top1", same & (words.object_of(first) == object_), by_kind[kind]
        yield "attribute_merged_top1", same, by_group[attribute]
    if answers.attributes is not None and answers.objects is not None:
        attribute_right = answers.attributes == attribute
        object_right = answers.objects == object_
        yield "attribute_alone_top1", attribute_right, ones / len(words.attributes)
        yield "object_alone_top1", object_right, ones / len(words.objects)
        yield "binding", np.where(attribute_right & object_right, right, np.nan), ones * np.nan


def score_zero_shot(
    tensors: dict[str, np.ndarray],
    answers: Answers,
    splits: dict[str, np.ndarray],
    words: Vocabulary,
    settings: Evaluation,
    seed: int,
) -> pd.DataFrame:
    """Every zero-shot accuracy of one model on one set, as rows of a table of scores.

    Parameters
    ----------
    tensors
        Embeddings, as `answer` takes them.
    answers
        What `answer` predicts from them for all images, with all compositions as labels.
    splits
        Composition ids of each split to report. The one named ``unseen`` is also scored with
        its own compositions as the only labels (`labels` is ``own``), those of them that have an
        image: a set that was filtered has but some; and once for each list of templates in
        which `tensors` has the compositions as well (`ablated`; `templates` is its name).
    words, settings, seed
        The vocabulary; resamples and level of the intervals; seed of the resamples.

    Returns
    -------
    pandas.DataFrame
        All columns of a table of scores that apply, but for `model` and `set`.
    """
    truth = answers.truth
    images_of = {split: np.flatnonzero(np.isin(truth, ids)) for split, ids in splits.items()}

    def predict(images: np.ndarray, labels: np.ndarray) -> Answers:
        if len(labels) == words.size:
            return answers.of(images)
        return answer(tensors | {"images": tensors["images"][images]}, truth[images], labels)

    table = tabulate_splits(predict, truth, images_of, [UNSEEN], words, settings, seed)
    if UNSEEN in images_of:
        others = _ablations(tensors, truth, images_of[UNSEEN], words, settings, seed)
        table = pd.concat([table, *others], ignore_index=True)
    return table.assign(method=ZERO_SHOT)


def _ablations(
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    images: np.ndarray,
    words: Vocabulary,
    settings: Evaluation,
    seed: int,
) -> Iterator[pd.DataFrame]:
    """Accuracies of unseen compositions with other templates, all compositions being labels."""
    every = np.arange(words.size)
    for key in (key for key in tensors if key.startswith(ABLATED)):
        start = time.perf_counter()
        pairs = nearest(tensors["images"][images], tensors[key], TOP)
        answers = Answers(truth[images], pairs)
        table = tabulate(answers, words, every, settings, seed, by_category=False)
        yield table.assign(
            split=UNSEEN,
            labels=ALL,
            templates=key.removeprefix(ABLATED),
            space="image",
            seconds=time.perf_counter() - start,
        )


def tabulate_splits(
    predict: Callable[[np.ndarray, np.ndarray], Answers],
    truth: np.ndarray,
    images_of: dict[str, np.ndarray],
    with_own_labels: Collection[str],
    words: Vocabulary,
    settings: Evaluation,
    seed: int,
    *,
    by_category: bool = True,
) -> pd.DataFrame:
    """Accuracies of some images of each split, as rows of a table of scores.

    Parameters
    ----------
    predict
        Gives the answers to some images, as indices, among some labels, as composition ids.
    truth
        Composition id [n] of each image.
    images_of
        Images of each split, as indices.
    with_own_labels
        Splits that are also scored with their own compositions as the only labels; `labels` is
        then ``own``, and ``all`` otherwise.
    words, settings, seed
        As in `score_zero_shot`.
    by_category
        Whether to give them by category of the attribute too, or over all images only.
    """
    tables = []
    for split, images in images_of.items():
        label_sets = {ALL: np.arange(words.size)}
        if split in with_own_labels:
            label_sets[OWN] = np.unique(truth[images])
        done: dict[bytes, pd.DataFrame] = {}  # where nothing is trained here, both are the same
        for name, labels in label_sets.items():
            start, key = time.perf_counter(), labels.tobytes()
            if key not in done:
                answers = predict(images, labels)
                done[key] = tabulate(
                    answers, words, labels, settings, seed, by_category=by_category
                )
                done[key]["seconds"] = time.perf_counter() - start
            tables.append(done[key].assign(split=split, labels=name))
    return pd.concat(tables, ignore_index=True).assign(space="image")


def tabulate(
    answers: Answers,
    words: Vocabulary,
    labels: np.ndarray,
    settings: Evaluation,
    seed: int,
    *,
    by_category: bool = True,
) -> pd.DataFrame:
    """Accuracies with intervals and chance, over all images and by category of the attribute."""
    category = np.array([category_of(name) for name in words.attributes])
    categories = category[words.attribute_of(answers.truth)]
    inside = {ALL: np.ones(len(categories), dtype=bool)}
    if by_category:
        inside |= {name: categories == name for name in dict.fromkeys(category)}
    scored = list(hits(answers, words, labels))
    estimates = {
        name: means_of_finite(
            [right[images] for _, right, _ in scored],
            answers.truth[images],
            seed=seed,
            resamples=settings.resamples,
            level=settings.level,
        )
        for name, images in inside.items()
    }
    rows = []
    for place, (metric, right, chance) in enumerate(scored):
        for name, images in inside.items():
            kept = images & np.isfinite(right.astype(float))
            means = {metric: estimates[name][place]}
            if metric == "pair_top1":
                means["pair_class_mean"] = grouped_mean(
                    right[kept],
                    answers.truth[kept],
                    seed=seed,
                    resamples=settings.resamples,
                    level=settings.level,
                    per_group=True,
                )
            for kind, mean in means.items():
                guess = float(chance[kept].mean()) if mean.n else np.nan
                rows.append({"metric": kind, "category": name, "chance": guess} | vars(mean))
    return pd.DataFrame(rows)
