"""Linear probes of frozen image embeddings: the same reader for CLIPs and image-only towers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cood.evaluation.accuracy.in_distribution import tabulate_in_distribution
from cood.evaluation.accuracy.zero_shot import (
    COLUMNS,
    TOP,
    Answers,
    answer,
    tabulate_splits,
)
from cood.evaluation.collect import missing
from cood.evaluation.common.nearest import top
from cood.evaluation.common.resampling import grouped_mean
from cood.evaluation.linear_probe.linear_classifier import fit_linear_classifier
from cood.files import read_tensors, write_table
from cood.settings import Evaluation
from cood.settings.study_file import Study
from cood.splits import LINEAR, training_order
from cood.synthesis.manifests import read_manifest
from cood.vocabulary import Vocabulary

# Splits: other images of the compositions that a probe was fitted on, and all other compositions.
PROBE, HELD_OUT = "probe", "held out"
LINEAR_PREFIX, ZERO_SHOT_PREFIX = "linear_", "zeroshot_"
CHECK = 0.2  # share of the compositions, or images, that regularisation is chosen by
CELLS = 50_000_000  # log probabilities of pairs that are held at a time


def linear_probe_model(study: Study, name: str) -> pd.DataFrame:
    """Read one model or image-only tower on every set, write `linear/<name>.parquet`, return it."""
    tables = list(_tables(study, name))
    table = pd.concat(tables, ignore_index=True)[list(COLUMNS)]
    write_table(table, study.paths.model_linear_probe(name))
    return table


def _tables(study: Study, name: str) -> Iterator[pd.DataFrame]:
    known = training_order(study.words, study.held_out, study.seed)
    for set_ in study.sets:
        tensors, metadata = read_tensors(study.paths.embeddings(name, set_))
        if "missing" in metadata:
            yield missing(name, set_, metadata["missing"])
            continue
        truth = read_manifest(study, set_)["composition"].to_numpy()
        given = (study.words, study.evaluation, study.seed)
        yield score_linear_probe(tensors, truth, known, *given).assign(model=name, set=set_)
    for id_set in study.id_sets:
        yield from _of_classes(study, name, id_set)


def score_linear_probe(
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    known: np.ndarray,
    words: Vocabulary,
    settings: Evaluation,
    seed: int,
) -> pd.DataFrame:
    """Probe embeddings for attribute and object, and compose the two: `COLUMNS` less two.

    One probe tells the attribute and one the object; the log probability of a pair is the sum of
    theirs. Measures are those of `cood.evaluation.accuracy.zero_shot` with ``linear_`` in front, on the
    splits ``probe`` and ``held out``. Where there are texts of compositions, the images held out
    are also answered by these (``zeroshot_``).

    Parameters
    ----------
    tensors
        Embeddings `images` [n, d], and perhaps `compositions`, `attributes` and `objects`.
    truth
        Composition id [n] of each image.
    known
        Composition ids that the probes may be fitted on; the last fifth serves to choose their
        regularisation. One image of each is kept for the test, where it has two.
    words, settings, seed
        The vocabulary; resamples and level of the intervals; seed of the split and the resamples.
    """
    rng = np.random.default_rng((seed, LINEAR))
    fit, check, again = split_images(truth, known, rng)
    both = np.concatenate([fit, check])
    attribute, object_ = words.attribute_of(truth), words.object_of(truth)
    if min(len(np.unique(attribute[both])), len(np.unique(object_[both]))) < 2:
        reason = "its images show fewer than two attributes or objects that a probe could learn"
        return missing("", "", f"no linear probe: {reason}")
    rows = {PROBE: again, HELD_OUT: np.flatnonzero(~np.isin(truth, known))}
    rows = {split: some for split, some in rows.items() if len(some)}
    if not rows:
        return missing("", "", "no linear probe: no image is left to test it on")
    images = tensors["images"].astype(np.float32, copy=False)
    readers = [
        fit_linear_classifier(images, ids, len(names), fit, check)
        for ids, names in ((attribute, words.attributes), (object_, words.objects))
    ]

    def read(some: np.ndarray, labels: np.ndarray) -> Answers:
        attributes, objects = (reader.told(images[some]) for reader in readers)
        pairs = best_pairs(attributes, objects, labels, words)
        return Answers(truth[some], pairs, attributes.argmax(axis=1), objects.argmax(axis=1))

    def asked(some: np.ndarray, labels: np.ndarray) -> Answers:
        return answer(tensors | {"images": images[some]}, truth[some], labels)

    given = ([HELD_OUT], words, settings, seed)
    note = "; ".join(
        f"{word}: {reader.kind}"
        for word, reader in zip(("attribute", "object"), readers, strict=True)
    )
    ways = [(LINEAR_PREFIX, read, note, rows)]
    if "compositions" in tensors and HELD_OUT in rows:
        ways.append((ZERO_SHOT_PREFIX, asked, "", {HELD_OUT: rows[HELD_OUT]}))
    tables = []
    for prefix, way, said, some in ways:
        table = tabulate_splits(way, truth, some, *given, by_category=False)
        if way is read:  # where both words are right, the pair of two probes is too
            table = table[table["metric"] != "binding"]
        tables.append(table.assign(metric=prefix + table["metric"], note=said))
    return pd.concat(tables, ignore_index=True)


def split_images(
    truth: np.ndarray, known: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of known compositions to fit on, to choose the regularisation by, and to test on.

    To test on is one image, at random, of each composition that has two; the last fifth of
    `known`, with the rest of its images, is what the regularisation is chosen by. Indices each.
    """
    order = rng.permutation(len(truth))
    order = order[np.isin(truth[order], known)]
    _, first, counts = np.unique(truth[order], return_index=True, return_counts=True)
    again = order[first[counts > 1]]
    left = np.setdiff1d(order, again)
    checked = known[len(known) - round(CHECK * len(known)) :]
    inside = np.isin(truth[left], checked)
    return left[~inside], left[inside], np.sort(again)


def best_pairs(
    attributes: np.ndarray, objects: np.ndarray, labels: np.ndarray, words: Vocabulary
) -> np.ndarray:
    """The most probable compositions [n, 5] among `labels`, as ids, from log probabilities.

    `attributes` [n, A] and `objects` [n, O]; that of a pair is the sum.
    """
    if len(labels) == words.size:  # the best five are among those of the best five of both words
        a, o = (top(told, min(TOP, told.shape[1])) for told in (attributes, objects))
        first, second = (
            np.take_along_axis(told, best, axis=1) for told, best in ((attributes, a), (objects, o))
        )
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


def _of_classes(study: Study, name: str, id_set: str) -> Iterator[pd.DataFrame]:
    """Fit a probe to the classes of an ID set; try it there, and on the objects of each set.

    Tested are a fifth of the images there, and those images of a set whose object is a class.
    """
    tensors, metadata = read_tensors(study.paths.embeddings(name, id_set))
    if "missing" in metadata:
        yield missing(name, id_set, metadata["missing"])
        return
    manifest = read_manifest(study, id_set)
    _, classes = np.unique(manifest["class"], return_inverse=True)
    names = manifest.groupby("class")["object"].first().to_numpy()
    order = np.random.default_rng((study.seed, LINEAR)).permutation(len(classes))
    test, rest = np.split(order, [round(CHECK * len(order))])
    check, fit = np.split(rest, [round(CHECK * len(rest))])
    if len(np.unique(classes[fit])) < 2:
        yield missing(name, id_set, "no linear probe: it has images of fewer than two classes")
        return
    settings = study.evaluation
    images = tensors["images"].astype(np.float32, copy=False)
    reader = fit_linear_classifier(images, classes, len(names), fit, check)
    answers = top(reader.told(images[test]), min(TOP, len(names)))
    table = tabulate_in_distribution(answers, classes[test], len(names), settings, study.seed)
    metric = LINEAR_PREFIX + table["metric"]
    said = {"note": f"object: {reader.kind}", "seconds": np.nan, "model": name}
    yield table.assign(metric=metric, set=id_set, **said)
    for set_ in study.sets:
        tensors, metadata = read_tensors(study.paths.embeddings(name, set_))
        if "missing" in metadata:
            continue
        shown = read_manifest(study, set_)
        inside = shown["object"].isin(names).to_numpy()
        if not inside.any():
            continue
        told = reader.told(tensors["images"][inside].astype(np.float32)).argmax(axis=1)
        # Two classes of one name count as one.
        found = grouped_mean(
            names[told] == shown["object"].to_numpy()[inside],
            shown["composition"].to_numpy()[inside],
            rng=np.random.default_rng(study.seed),
            resamples=settings.resamples,
            level=settings.level,
        )
        values = {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
        place = {"set": set_, "split": "all", "group": "all", "space": "image"}
        what = {"metric": "linear_object_top1", "variant": f"fitted on {id_set}"}
        yield pd.DataFrame([{**values, **place, **what, "chance": 1 / len(names)}]).assign(**said)
