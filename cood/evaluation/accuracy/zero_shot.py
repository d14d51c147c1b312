"""Zero-shot accuracy of one model on one set, from its embeddings."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.evaluation.common.nearest import nearest
from cood.evaluation.common.resampling import grouped_mean, means_of_finite
from cood.settings import Evaluation
from cood.vocabulary import CATEGORY, Vocabulary

TOP = 5
ABLATED = "compositions, "
COLUMNS = (
    *("model", "set", "split", "group", "space", "metric", "variant"),
    *("value", "low", "high", "chance", "n", "seconds", "note"),
)


def ablated(name: str) -> str:
    """Name of the tensor of compositions that were read with other templates."""
    return f"{ABLATED}{name}"


def template_variant(name: str) -> str:
    """Name of scores with other templates, as it stands in the column `variant`."""
    return f"templates, {name}"


@dataclass(frozen=True)
class Answers:
    """What a model answered to each of n images.

    Attributes
    ----------
    truth
        Composition id [n] of each image.
    pairs
        Composition ids [n, k] in the order of the model's preference.
    attributes, objects
        Ids [n] of the best attribute and object, each asked alone; None where not asked.
    """

    truth: np.ndarray
    pairs: np.ndarray
    attributes: np.ndarray | None = None
    objects: np.ndarray | None = None


def answer(
    tensors: dict[str, np.ndarray], truth: np.ndarray, labels: np.ndarray | None = None
) -> Answers:
    """Classify images among the compositions `labels` (all by default), and by the words alone.

    Parameters
    ----------
    tensors
        Embeddings `images` [n, d], `compositions` [C, d], `attributes` [A, d], `objects` [O, d].
    truth
        Composition id [n] of each image.
    labels
        Composition ids that are offered as classes.
    """
    labels = np.arange(len(tensors["compositions"])) if labels is None else labels
    images = tensors["images"]
    return Answers(
        truth,
        labels[nearest(images, tensors["compositions"][labels], TOP)],
        nearest(images, tensors["attributes"], 1)[:, 0],
        nearest(images, tensors["objects"], 1)[:, 0],
    )


def hits(
    answers: Answers, words: Vocabulary, labels: np.ndarray
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Measures of right answers: name, hit or miss [n] (NaN where it does not apply), chance [n].

    `pair`, `attribute` and `object` are read off the composition that was answered; the metrics
    ``..._alone`` off the answer among attributes, or objects, only. `binding` is the pair
    accuracy where both words, asked alone, were answered right. In the metrics ``..._merged``,
    which are there if the vocabulary has near-synonyms, one of them is as good as another.
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


def score(
    model: str,
    set_: str,
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    splits: dict[str, np.ndarray],
    words: Vocabulary,
    settings: Evaluation,
    seed: int,
) -> pd.DataFrame:
    """Every accuracy of one model on one set as a long table (columns `COLUMNS`).

    Parameters
    ----------
    tensors
        Embeddings, as `answer` takes them.
    truth
        Composition id [n] of each image.
    splits
        Composition ids of each split to report. The one named ``unseen`` is also scored with
        its own compositions as the only labels (`variant` ``unseen`` beside ``all``), those of
        them that have an image: a set that was filtered has but some; and once for each way in
        which `tensors` has the compositions besides (`ablated`; `variant` as `template_variant`).
    settings, seed
        Resamples and level of the intervals; seed of the resamples.
    """
    rows = {split: np.flatnonzero(np.isin(truth, members)) for split, members in splits.items()}

    def asked(some: np.ndarray, labels: np.ndarray) -> Answers:
        return answer(tensors | {"images": tensors["images"][some]}, truth[some], labels)

    table = tabulate_splits(asked, truth, rows, ["unseen"], words, settings, seed)
    if "unseen" in rows:
        others = _ablations(tensors, truth, rows["unseen"], words, settings, seed)
        table = pd.concat([table, *others], ignore_index=True)
    return table.assign(model=model, set=set_, note="")[list(COLUMNS)]


def _ablations(
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    some: np.ndarray,
    words: Vocabulary,
    settings: Evaluation,
    seed: int,
) -> Iterator[pd.DataFrame]:
    """Accuracies of unseen compositions, all being labels, that were read in another way."""
    every, images = np.arange(words.size), tensors["images"][some]
    for key in (key for key in tensors if key.startswith(ABLATED)):
        start = time.perf_counter()
        answers = Answers(truth[some], nearest(images, tensors[key], TOP))
        table = tabulate(answers, words, every, settings, seed, by_category=False)
        table["seconds"] = time.perf_counter() - start
        variant = template_variant(key.removeprefix(ABLATED))
        yield table.assign(split="unseen", variant=variant, space="image")


def tabulate_splits(
    asked: Callable[[np.ndarray, np.ndarray], Answers],
    truth: np.ndarray,
    rows: dict[str, np.ndarray],
    alone: Collection[str],
    words: Vocabulary,
    settings: Evaluation,
    seed: int,
    *,
    by_category: bool = True,
) -> pd.DataFrame:
    """Accuracies of some images of each split: `COLUMNS` but for `model`, `set` and `note`.

    Parameters
    ----------
    asked
        Gives the answers to some images, as indices, among some labels, as composition ids.
    truth
        Composition id [n] of each image.
    rows
        Images of each split, as indices.
    alone
        Splits that are also scored with their own compositions as the only labels; `variant` is
        then the name of the split, and ``all`` else.
    words, settings, seed
        As in `score`.
    by_category
        Whether to give them by category of the attribute too, or over all images only.
    """
    tables = []
    for split, some in rows.items():
        label_sets = {"all": np.arange(words.size)}
        if split in alone:
            label_sets[split] = np.unique(truth[some])
        done: dict[bytes, pd.DataFrame] = {}  # where nothing is trained here, both are the same
        for variant, labels in label_sets.items():
            start, key = time.perf_counter(), labels.tobytes()
            if key not in done:
                answers = asked(some, labels)
                done[key] = tabulate(
                    answers, words, labels, settings, seed, by_category=by_category
                )
                done[key]["seconds"] = time.perf_counter() - start
            tables.append(done[key].assign(split=split, variant=variant))
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
    category = np.array([CATEGORY[name] for name in words.attributes])
    categories = category[words.attribute_of(answers.truth)]
    groups = {"all": np.ones(len(categories), dtype=bool)}
    if by_category:
        groups |= {name: categories == name for name in dict.fromkeys(category)}
    scored = list(hits(answers, words, labels))
    means = {
        group: means_of_finite(
            [right[inside] for _, right, _ in scored],
            answers.truth[inside],
            seed=seed,
            resamples=settings.resamples,
            level=settings.level,
        )
        for group, inside in groups.items()
    }
    rows = []
    for k, (metric, right, chance) in enumerate(scored):
        for group, inside in groups.items():
            kept = inside & np.isfinite(right.astype(float))
            found = {metric: means[group][k]}
            if metric == "pair_top1":
                found["pair_class_mean"] = grouped_mean(
                    right[kept],
                    answers.truth[kept],
                    rng=np.random.default_rng(seed),
                    resamples=settings.resamples,
                    level=settings.level,
                    per_group=True,
                )
            for name, mean in found.items():
                guess = float(chance[kept].mean()) if mean.n else np.nan
                rows.append((name, group, mean.value, mean.low, mean.high, guess, mean.n))
    columns = ["metric", "group", "value", "low", "high", "chance", "n"]
    return pd.DataFrame(rows, columns=columns)
