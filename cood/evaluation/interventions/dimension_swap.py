"""Exchanging the dimensions of a factor between codes, and reading off what comes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.evaluation.common.nearest import nearest, normalise
from cood.evaluation.common.score_rows import ROW, Outcome, summarise
from cood.evaluation.interventions.dimension_selection import (
    FACTORS,
    Task,
    bases,
    curve,
    needed,
    overlap,
    prepare,
    steps,
)
from cood.evaluation.interventions.subset_discriminant import (
    RULES,
    classify,
    rank_dimensions,
    subset_discriminant,
)
from cood.metrics.class_moments import ClassMoments, class_moments
from cood.settings.study_file import Study
from cood.splits import SWITCHING
from cood.vocabulary import Vocabulary

RANDOM = "random"  # an order of the dimensions that knows nothing, beside `RULES`
DRAWS = 8  # pairs drawn for each that is kept, as those that share a word are refused


@dataclass(frozen=True)
class Pairs:
    """Pairs of codes that share no word.

    Attributes
    ----------
    first, second
        Indices [p] into the codes.
    targets
        Composition ids [p] of the second code's attribute with the first code's object.
    """

    first: np.ndarray
    second: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class Readers:
    """Two ways to read a composition off a code.

    Attributes
    ----------
    texts
        Embeddings [C, d] of the compositions, for zero-shot classification.
    discriminants
        Weights and offsets for each of `FACTORS`, on all dimensions.
    """

    texts: np.ndarray
    discriminants: dict[str, tuple[np.ndarray, np.ndarray]]

    def read(self, codes: np.ndarray, task: Task, words: Vocabulary) -> dict[str, np.ndarray]:
        """Composition ids [n] that each reader finds in codes [n, d] about the task's mean."""
        found = [classify(codes, *self.discriminants[factor]) for factor in FACTORS]
        return {
            "zeroshot": nearest(codes + task.mean, self.texts, 1)[:, 0],
            "probe": found[0] * len(words.objects) + found[1],
        }


def draw_pairs(task: Task, words: Vocabulary, limit: int, rng: np.random.Generator) -> Pairs:
    """At most `limit` random pairs of test codes whose attributes and objects both differ."""
    first, second = rng.choice(task.test, size=(2, DRAWS * limit))
    attribute, object_ = (task.labels[factor] for factor in FACTORS)
    differ = (attribute[first] != attribute[second]) & (object_[first] != object_[second])
    kept = np.flatnonzero(differ)[:limit]
    first, second = first[kept], second[kept]
    return Pairs(first, second, attribute[second] * len(words.objects) + object_[first])


def exchange(
    one: np.ndarray, other: np.ndarray, basis: np.ndarray, chosen: np.ndarray
) -> np.ndarray:
    """The codes `one` [p, d] with some dimensions of `other` [p, d], in a basis [d, d].

    `chosen` says which: [d], or [p, d] for each pair by itself.
    """
    basis = basis.astype(one.dtype)
    return one + ((other - one) @ basis * chosen) @ basis.T


def score_dimension_swap(
    study: Study,
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    splits: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Needed and shared dimensions, and what exchanging them gives: the columns `ROW`, and `space`.

    `variant` starts with the basis (``axes``, ``pca`` or ``rotated``), the rule that ranks the
    dimensions (`RULES` or ``random``) and what the parts have not in common (``images`` or
    ``compositions``). The metrics are

    - ``attribute_accuracy`` and ``object_accuracy``: test accuracy of the discriminant; `group`
      is the number of dimensions, or ``all``;
    - ``attribute_dimensions`` and ``object_dimensions``: how many are needed;
    - ``shared_dimensions`` and ``overlap``: how many of the needed ones both factors need, and
      Jaccard's index; ``..._by_chance``: the same for random sets of these sizes;
    - ``swapped_zero_shot`` and ``switched_probe``: whether the composition that was put together
      is read off the code, by the nearest text or by the discriminants; ``..._attribute`` and
      ``..._object``: whether that half of it is. `variant` ends with what was exchanged:
      ``needed``, the dimensions that the attribute needs; ``nearer``, those that rank higher for
      the attribute than for the object; or as many random ones, drawn anew for each pair,
      ``needed-control`` and ``nearer-control``. ``all`` and ``none`` need no basis and no rule;
    - ``intact_zeroshot`` and ``intact_probe``: whether the first code of a pair is read rightly
      before anything is exchanged.

    Parameters
    ----------
    study
        The study; the same codes are divided and paired alike for all of its models.
    tensors, truth
        Embeddings, as `cood.evaluation.embed.embed.embed_model` writes them; composition id [n] of
        each image.
    splits
        Composition ids of each split; of a pair, that of the composition put together counts.
    """
    texts, words = normalise(tensors["compositions"]), study.words
    inside = {"all": np.arange(words.size)}
    inside |= {name: ids for name, ids in splits.items() if name == "unseen"}
    images = normalise(tensors["images"])
    tables = []
    for space, codes, ids, apart in (
        ("image", images, truth, "images"),
        ("image", images, truth, "compositions"),
        ("text", texts, np.arange(words.size), "compositions"),
    ):
        rng = np.random.default_rng((study.seed, SWITCHING))
        task = prepare(codes, ids, words, apart, rng)
        pairs = draw_pairs(task, words, study.dimension_swap.samples, rng)
        tables.append(_inspect(study, task, pairs, texts, apart, inside, rng).assign(space=space))
    return pd.concat(tables, ignore_index=True)


def _inspect(
    study: Study,
    task: Task,
    pairs: Pairs,
    texts: np.ndarray,
    apart: str,
    splits: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> pd.DataFrame:
    words, settings, width = study.words, study.evaluation, task.codes.shape[1]
    sizes = {"attribute": len(words.attributes), "object": len(words.objects)}
    known = {
        f: class_moments(task.codes[task.fit], task.labels[f][task.fit], sizes[f]) for f in FACTORS
    }
    readers = Readers(texts, {f: subset_discriminant(known[f], np.arange(width)) for f in FACTORS})
    one, other = task.codes[pairs.first], task.codes[pairs.second]

    def switch(variant: str, codes: np.ndarray) -> list[Outcome]:
        return _read_off(readers.read(codes, task, words), pairs.targets, words, variant)

    switched = switch(f"{apart} none", one) + switch(f"{apart} all", other)
    for name, ids in readers.read(one, task, words).items():
        right = ids == task.compositions[pairs.first]
        switched.append(Outcome(f"intact_{name}", apart, right, 1 / words.size))
    accuracies, counts = [], []
    for basis, matrix in bases(known["attribute"], rng).items():
        turned = {f: known[f].rotated(matrix) for f in FACTORS}
        for rule in (*RULES, RANDOM):
            variant = f"{basis} {rule} {apart}"
            found = {
                f: _find(task, f, turned[f], matrix, rule, study.dimension_swap.needed, rng)
                for f in FACTORS
            }
            for f in FACTORS:
                accuracies += _accuracies(f, variant, found[f].right, width, sizes[f])
            counts += _counts(variant, found, width, settings.level)
            if rule == RANDOM:
                continue
            for name, which in _exchanged(found).items():
                each = rng.permuted(np.tile(which, (len(one), 1)), axis=1)
                switched += switch(f"{variant} {name}", exchange(one, other, matrix, which))
                control = exchange(one, other, matrix, each)
                switched += switch(f"{variant} {name}-control", control)
    everything = {"all": splits["all"]}
    tested_on = task.compositions[task.test]
    tables = [
        summarise(accuracies, tested_on, everything, settings, study.seed),
        pd.DataFrame(counts, columns=list(ROW)),
        summarise(switched, pairs.targets, splits, settings, study.seed),
    ]
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class _Found:
    order: np.ndarray  # all dimensions, the best first
    chosen: np.ndarray  # those that are needed
    right: np.ndarray  # [test codes, steps]


def _find(
    task: Task,
    factor: str,
    known: ClassMoments,
    basis: np.ndarray,
    rule: str,
    share: float,
    rng: np.random.Generator,
) -> _Found:
    order = rng.permutation(len(basis)) if rule == RANDOM else rank_dimensions(known, rule)
    held = np.concatenate([task.choose, task.test])
    codes = task.codes[held] @ basis.astype(task.codes.dtype)
    right = curve(known, order, codes, task.labels[factor][held])
    choose, test = np.split(right, [len(task.choose)])
    return _Found(order, order[: needed(choose.mean(axis=0), len(order), share)], test)


def _read_off(
    found: dict[str, np.ndarray], targets: np.ndarray, words: Vocabulary, variant: str
) -> list[Outcome]:
    outcomes = []
    for reader, ids in found.items():
        attribute = words.attribute_of(ids) == words.attribute_of(targets)
        object_ = words.object_of(ids) == words.object_of(targets)
        for half, right, size in (
            ("", ids == targets, words.size),
            ("_attribute", attribute, len(words.attributes)),
            ("_object", object_, len(words.objects)),
        ):
            outcomes.append(Outcome(f"switched_{reader}{half}", variant, right, 1 / size))
    return outcomes


def _accuracies(
    factor: str, variant: str, right: np.ndarray, width: int, size: int
) -> list[Outcome]:
    names = ["all" if k == width else str(k) for k in steps(width)]
    return [
        Outcome(f"{factor}_accuracy", variant, column, 1 / size, name)
        for name, column in zip(names, right.T, strict=True)
    ]


def _counts(
    variant: str, found: dict[str, _Found], width: int, level: float
) -> list[tuple[object, ...]]:
    both = overlap(found["attribute"].chosen, found["object"].chosen, width, level)
    none, key = np.nan, (variant, "all", "all")
    rows: list[tuple[object, ...]] = [
        (f"{f}_dimensions", *key, len(found[f].chosen), none, none, none, width) for f in FACTORS
    ]
    for i, name in enumerate(("shared_dimensions", "overlap")):
        random = both.chance[i], both.low[i], both.high[i]
        rows.append((name, *key, both.found[i], none, none, both.chance[i], width))
        rows.append((f"{name}_by_chance", *key, *random, both.chance[i], width))
    return rows


def _exchanged(found: dict[str, _Found]) -> dict[str, np.ndarray]:
    rank = {factor: np.argsort(found[factor].order) for factor in FACTORS}
    every = np.arange(len(rank["attribute"]))
    return {
        "needed": np.isin(every, found["attribute"].chosen),
        "nearer": rank["attribute"] < rank["object"],
    }
