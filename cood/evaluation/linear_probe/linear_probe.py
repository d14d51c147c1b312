"""Linear probes of frozen image embeddings: the same for CLIPs and image-only encoders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cood.errors import MissingModelError
from cood.evaluation.accuracy.in_distribution import tabulate_in_distribution
from cood.evaluation.accuracy.zero_shot import TOP, Answers, answer, tabulate_splits
from cood.evaluation.common.nearest import top
from cood.evaluation.common.resampling import grouped_mean
from cood.evaluation.common.score_table import (
    ALL,
    ZERO_SHOT,
    complete,
    concat,
    missing_model,
    write_scores,
)
from cood.evaluation.embeddings import (
    SetEmbeddings,
    Tensors,
    read_class_names,
    read_classes,
    read_embeddings,
    read_truth,
    score_each_set,
)
from cood.evaluation.linear_probe.linear_classifier import (
    LinearClassifier,
    fit_linear_classifier,
)
from cood.settings import Evaluation
from cood.settings.study_file import Study
from cood.splits import LINEAR, core
from cood.synthesis.manifests import read_manifest
from cood.vocabulary import Vocabulary

# Splits: other images of the compositions that a probe was fitted on, and all other compositions.
PROBE, HELD_OUT = "probe", "held out"
LINEAR_PROBE = "linear_probe"
CHECK = 0.2  # share of the compositions, or images, that regularisation is chosen by
CELLS = 50_000_000  # log probabilities of pairs that are held at a time


def score_linear_probe(study: Study, name: str) -> pd.DataFrame:
    """Probe one model or image-only encoder on every set, write `linear_probe/<name>.parquet`."""
    rng = np.random.default_rng((study.seed, LINEAR, 1))
    trainable = rng.permutation(np.setdiff1d(np.arange(study.words.size), core(study)))

    def score_set(embedded: SetEmbeddings) -> pd.DataFrame:
        truth = read_truth(study, embedded.set)
        return probe_words(
            embedded.tensors, truth, trainable, study.words, study.evaluation, study.seed
        )

    tables = [*score_each_set(study, name, study.sets, score_set)]
    for id_set in study.id_sets:
        tables += _probe_classes(study, name, id_set)
    table = concat(tables)
    write_scores(table, study.paths.model_linear_probe(name))
    return table


def probe_words(
    tensors: Tensors,
    truth: np.ndarray,
    trainable: np.ndarray,
    words: Vocabulary,
    settings: Evaluation,
    seed: int,
) -> pd.DataFrame:
    """Probe embeddings for attribute and object, and compose the two: rows of a table of scores.

    One probe predicts the attribute and one the object; the log probability of a pair is the sum
    of theirs. Metrics are those of `cood.evaluation.accuracy.zero_shot`, with `method`
    ``linear_probe``, on the splits ``probe`` and ``held out``. Where there are texts of
    compositions, these also classify the held-out images (``zero_shot``).

    Parameters
    ----------
    tensors
        Embeddings `images` [n, d], and perhaps `compositions`, `attributes` and `objects`.
    truth
        Composition id [n] of each image.
    trainable
        Composition ids that the probes may be fitted on; the last fifth serves to choose their
        regularisation. One image of each is kept for the test, where it has two.
    words, settings, seed
        The vocabulary; resamples and level of the intervals; seed of the split and the resamples.
    """
    rng = np.random.default_rng((seed, LINEAR))
    fit, check, again = split_images(truth, trainable, rng)
    both = np.concatenate([fit, check])
    attribute, object_ = words.attribute_of(truth), words.object_of(truth)
    if min(len(np.unique(attribute[both])), len(np.unique(object_[both]))) < 2:
        reason = "its images show fewer than two attributes or objects that a probe could learn"
        return missing_model(f"no linear probe: {reason}")
    images_of = {PROBE: again, HELD_OUT: np.flatnonzero(~np.isin(truth, trainable))}
    images_of = {split: images for split, images in images_of.items() if len(images)}
    if not images_of:
        return missing_model("no linear probe: no image is left to test it on")
    images = tensors["images"].astype(np.float32, copy=False)
    probes = _WordProbes(
        fit_linear_classifier(images, attribute, len(words.attributes), fit, check),
        fit_linear_classifier(images, object_, len(words.objects), fit, check),
    )

    def by_probe(some: np.ndarray, labels: np.ndarray) -> Answers:
        return probes.predict(images[some], truth[some], labels, words)

    def by_text(some: np.ndarray, labels: np.ndarray) -> Answers:
        return answer(tensors | {"images": images[some]}, truth[some], labels)

    common = ([HELD_OUT], words, settings, seed)
    table = tabulate_splits(by_probe, truth, images_of, *common, by_category=False)
    # Where both words are right, the pair of two probes is too.
    table = table[table["metric"] != "binding"]
    tables = [table.assign(method=LINEAR_PROBE, note=probes.note)]
    if "compositions" in tensors and HELD_OUT in images_of:
        held_out = {HELD_OUT: images_of[HELD_OUT]}
        table = tabulate_splits(by_text, truth, held_out, *common, by_category=False)
        tables.append(table.assign(method=ZERO_SHOT))
    return concat(tables)


@dataclass(frozen=True)
class _WordProbes:
    """A linear classifier of the attribute, and one of the object."""

    attribute: LinearClassifier
    object: LinearClassifier

    @property
    def note(self) -> str:
        return f"attribute: {self.attribute.kind}; object: {self.object.kind}"

    def predict(
        self, images: np.ndarray, truth: np.ndarray, labels: np.ndarray, words: Vocabulary
    ) -> Answers:
        attributes = self.attribute.predict_log_proba(images)
        objects = self.object.predict_log_proba(images)
        pairs = best_pairs(attributes, objects, labels, words)
        return Answers(truth, pairs, attributes.argmax(axis=1), objects.argmax(axis=1))


def split_images(
    truth: np.ndarray, trainable: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of trainable compositions to fit on, to choose the regularisation by, and to test on.

    To test on is one image, at random, of each composition that has two; the last fifth of
    `trainable`, with the rest of its images, is what the regularisation is chosen by. Indices
    each.
    """
    order = rng.permutation(len(truth))
    order = order[np.isin(truth[order], trainable)]
    _, first, counts = np.unique(truth[order], return_index=True, return_counts=True)
    again = order[first[counts > 1]]
    left = np.setdiff1d(order, again)
    checked = trainable[len(trainable) - round(CHECK * len(trainable)) :]
    inside = np.isin(truth[left], checked)
    return left[~inside], left[inside], np.sort(again)


def best_pairs(
    attributes: np.ndarray, objects: np.ndarray, labels: np.ndarray, words: Vocabulary
) -> np.ndarray:
    """The most probable compositions [n, 5] among `labels`, as ids, from log probabilities.

    `attributes` [n, A] and `objects` [n, O]; that of a pair is the sum.
    """
    if len(labels) == words.size:  # the best five are among those of the best five of both words
        a, o = (top(words_of, min(TOP, words_of.shape[1])) for words_of in (attributes, objects))
        first = np.take_along_axis(attributes, a, axis=1)
        second = np.take_along_axis(objects, o, axis=1)
        sums = (first[:, :, None] + second[:, None, :]).reshape(len(a), -1)
        ids = (a[:, :, None] * len(words.objects) + o[:, None, :]).reshape(len(a), -1)
        return np.take_along_axis(ids, top(sums, min(TOP, sums.shape[1])), axis=1)
    a, o = words.attribute_of(labels), words.object_of(labels)
    k, rows = min(TOP, len(labels)), max(1, CELLS // len(labels))
    blocks = [
        labels[top(attributes[i : i + rows][:, a] + objects[i : i + rows][:, o], k)]
        for i in range(0, len(attributes), rows)
    ]
    return np.concatenate(blocks) if blocks else np.empty((0, k), dtype=np.int64)


def _probe_classes(study: Study, name: str, id_set: str) -> Iterator[pd.DataFrame]:
    """Fit a probe to the classes of an ID set; test it there, and on the objects of each set.

    Tested are a fifth of the images there, and those images of a set whose object is a class.
    """
    try:
        embedded = read_embeddings(study, name, id_set)
    except MissingModelError as error:
        yield complete(missing_model(str(error)), model=name, set=id_set)
        return
    classes, names = read_classes(study, id_set), read_class_names(study, id_set)
    order = np.random.default_rng((study.seed, LINEAR)).permutation(len(classes))
    test, rest = np.split(order, [round(CHECK * len(order))])
    check, fit = np.split(rest, [round(CHECK * len(rest))])
    if len(np.unique(classes[fit])) < 2:
        reason = "no linear probe: it has images of fewer than two classes"
        yield complete(missing_model(reason), model=name, set=id_set)
        return
    images = embedded.tensors["images"].astype(np.float32, copy=False)
    probe = fit_linear_classifier(images, classes, len(names), fit, check)
    answers = top(probe.predict_log_proba(images[test]), min(TOP, len(names)))
    table = tabulate_in_distribution(
        answers, classes[test], len(names), study.evaluation, study.seed
    )
    fixed: dict[str, Any] = {"model": name, "method": LINEAR_PROBE, "note": f"object: {probe.kind}"}
    yield complete(table.assign(set=id_set, **fixed))
    for set_ in study.sets:
        with suppress(MissingModelError):  # it has a row that says so already
            embedded = read_embeddings(study, name, set_)
            table = _object_accuracy(study, embedded, id_set, names, probe)
            yield complete(table.assign(**fixed))


def _object_accuracy(
    study: Study, embedded: SetEmbeddings, id_set: str, names: np.ndarray, probe: LinearClassifier
) -> pd.DataFrame:
    """How often a probe of an ID set predicts the object, where that is one of its classes."""
    manifest = read_manifest(study, embedded.set)
    inside = manifest["object"].isin(names).to_numpy()
    if not inside.any():
        return complete([])
    images = embedded.tensors["images"][inside].astype(np.float32)
    predicted = probe.predict_log_proba(images).argmax(axis=1)
    # Two classes of one name count as one.
    mean = grouped_mean(
        names[predicted] == manifest["object"].to_numpy()[inside],
        manifest["composition"].to_numpy()[inside],
        seed=study.seed,
        resamples=study.evaluation.resamples,
        level=study.evaluation.level,
    )
    row = {
        "set": embedded.set,
        "split": ALL,
        "category": ALL,
        "space": "image",
        "metric": "object_top1",
        "fitted_on": id_set,
        "chance": 1 / len(names),
    }
    return pd.DataFrame([row | vars(mean)])
