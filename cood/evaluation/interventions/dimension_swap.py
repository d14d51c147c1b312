"""Dimension swap: exchange the dimensions of a factor between codes, and classify the result."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cood.device_arrays import (
    Array,
    device_for,
    device_of,
    like,
    moved,
    single_precision,
)
from cood.evaluation.common.nearest import Classes, normalise
from cood.evaluation.common.score_rows import Outcome, summarise
from cood.evaluation.common.score_table import ALL, ZERO_SHOT, concat, write_scores
from cood.evaluation.embeddings import (
    SetEmbeddings,
    read_truth,
    score_each_set,
    split_members,
)
from cood.evaluation.interventions.dimension_selection import (
    BASES,
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
from cood.metrics.class_moments import ClassMoments, moments_by_factor
from cood.settings.study_file import Study
from cood.splits import SWITCHING, UNSEEN
from cood.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch

LINEAR_PROBE = "linear_probe"
RANDOM = "random"  # a random order of the dimensions, besides `RULES`
NONE, NEEDED, NEARER = "none", "needed", "nearer"  # which dimensions are exchanged
RANKINGS = 2 * 2 * len(BASES) * len(RULES)  # of all texts, for the codes of each task, at least
DRAWS = 8  # pairs drawn for each that is kept, as those that share a word are refused

Columns = Mapping[str, Any]  # of the table of scores


@dataclass(frozen=True)
class CodePairs:
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
class Classifiers:
    """Two ways to predict the composition of a code.

    Attributes
    ----------
    texts
        The compositions, for zero-shot classification.
    discriminants
        Weights and offsets for each of `FACTORS`, on all dimensions: a linear probe.
    """

    texts: Classes
    discriminants: dict[str, tuple[np.ndarray, np.ndarray]]

    def predict(self, codes: Array, task: Task, words: Vocabulary) -> dict[str, np.ndarray]:
        """Composition ids [n] by each method, of codes [n, d] about the task's mean."""
        attribute, object_ = (classify(codes, *self.discriminants[f]) for f in FACTORS)
        return {
            ZERO_SHOT: self.texts.nearest(codes + like(codes, task.mean), 1)[:, 0],
            LINEAR_PROBE: attribute * len(words.objects) + object_,
        }


def draw_pairs(task: Task, words: Vocabulary, limit: int, rng: np.random.Generator) -> CodePairs:
    """At most `limit` random pairs of test codes whose attributes and objects both differ."""
    first, second = rng.choice(task.test, size=(2, DRAWS * limit))
    attribute, object_ = (task.labels[factor] for factor in FACTORS)
    differ = (attribute[first] != attribute[second]) & (object_[first] != object_[second])
    kept = np.flatnonzero(differ)[:limit]
    first, second = first[kept], second[kept]
    return CodePairs(first, second, attribute[second] * len(words.objects) + object_[first])


def exchange(one: Array, other: Array, basis: np.ndarray, chosen: np.ndarray) -> Array:
    """The codes `one` [p, d] with some dimensions of `other` [p, d], in a basis [d, d].

    `chosen` says which: [d], or [p, d] for each pair by itself.
    """
    basis, chosen = like(one, basis), moved(chosen, device_of(one))
    return one + ((other - one) @ basis * chosen) @ basis.T


def swap_dimensions(study: Study, model: str) -> pd.DataFrame:
    """Swap dimensions in one model's codes of every set, write `dimension_swap/<model>.parquet`."""

    def score_set(embedded: SetEmbeddings) -> pd.DataFrame:
        start, truth = time.perf_counter(), read_truth(study, embedded.set)
        splits = split_members(study, model)
        table = score_dimension_swap(study, embedded.tensors, truth, splits)
        return table.assign(seconds=time.perf_counter() - start)

    table = concat(score_each_set(study, model, study.sets, score_set))
    write_scores(table, study.paths.model_dimension_swap(model))
    return table


def score_dimension_swap(
    study: Study,
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    splits: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Needed and shared dimensions, and the result of exchanging them: rows of a table of scores.

    Columns are the `basis` (``axes``, ``pca`` or ``rotated``), the `rule` that ranks the
    dimensions (`RULES` or ``random``) and what the parts do not share (`disjoint`:
    ``images`` or ``compositions``). The metrics are

    - ``subset_accuracy``, of each `factor`: test accuracy of the discriminant on the first
      `dimensions`;
    - ``needed_dimensions``, of each `factor`: how many are needed;
    - ``shared_dimensions`` and ``overlap``: how many of the needed ones both factors need, and
      Jaccard's index; where `control` is true, the same for random sets of these sizes;
    - ``swapped_pair``, ``swapped_attribute`` and ``swapped_object``: whether the composition that
      was put together, or that half of it, is predicted from the code, by each `method`.
      `exchange` is ``needed``: the dimensions that the attribute needs; or ``nearer``: those
      that rank higher for the attribute than for the object. Where `control` is true, as many
      random ones are exchanged, drawn anew for each pair. ``all`` and ``none`` need no basis and
      no rule;
    - ``intact_pair``: whether the composition of the first code of a pair is predicted before
      anything is exchanged.

    Parameters
    ----------
    study
        The study; the same codes are divided and paired alike for all of its models.
    tensors, truth
        Embeddings, as `cood.evaluation.embed.embed.embed_model` writes them; composition id [n] of
        each image.
    splits
        Composition ids of each split; a pair belongs to that of the composition put together.
    """
    texts, words = normalise(tensors["compositions"]), study.words
    inside = {ALL: np.arange(words.size)}
    inside |= {name: ids for name, ids in splits.items() if name == UNSEEN}
    images = normalise(tensors["images"])
    device = device_for(RANKINGS * study.dimension_swap.samples * texts.size)
    classes, tables = Classes.of(texts, device), []
    for space, codes, ids, disjoint in (
        ("image", images, truth, "images"),
        ("image", images, truth, "compositions"),
        ("text", texts, np.arange(words.size), "compositions"),
    ):
        rng = np.random.default_rng((study.seed, SWITCHING))
        task = prepare(codes, ids, words, disjoint, rng)
        pairs = draw_pairs(task, words, study.dimension_swap.samples, rng)
        with single_precision(device):
            table = _score(_Trial.of(study, task, pairs, classes, device), inside, rng)
        tables.append(table.assign(space=space, disjoint=disjoint, category=ALL))
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True)
class _Trial:
    """Codes in three parts, their pairs, and what is fitted to the first part.

    The codes of pairs, and those held out, are on the device where there is one.
    """

    study: Study
    task: Task
    pairs: CodePairs
    first: Array
    second: Array
    held_out: Array  # those to choose by, then those to test on
    moments: dict[str, ClassMoments]
    classifiers: Classifiers

    @classmethod
    def of(
        cls,
        study: Study,
        task: Task,
        pairs: CodePairs,
        texts: Classes,
        device: torch.device | None,
    ) -> _Trial:
        every, sizes = np.arange(task.codes.shape[1]), _sizes(study.words)
        labels = [(task.labels[f][task.fit], sizes[f]) for f in FACTORS]
        fitted = dict(zip(FACTORS, moments_by_factor(task.codes[task.fit], labels), strict=True))
        discriminants = {f: subset_discriminant(fitted[f], every) for f in FACTORS}
        held_out = np.concatenate([task.choose, task.test])
        first, second, rest = (
            moved(task.codes[rows], device) for rows in (pairs.first, pairs.second, held_out)
        )
        classifiers = Classifiers(texts, discriminants)
        return cls(study, task, pairs, first, second, rest, fitted, classifiers)

    @property
    def width(self) -> int:
        return int(self.task.codes.shape[1])


def _sizes(words: Vocabulary) -> dict[str, int]:
    return dict(zip(FACTORS, (len(words.attributes), len(words.objects)), strict=True))


def _score(trial: _Trial, splits: dict[str, np.ndarray], rng: np.random.Generator) -> pd.DataFrame:
    study, settings = trial.study, trial.study.evaluation
    swapped = [
        *_swapped(trial, trial.first, {"exchange": NONE, "control": False}),
        *_swapped(trial, trial.second, {"exchange": ALL, "control": False}),
        *_intact(trial),
    ]
    accuracies: list[Outcome] = []
    counts: list[dict[str, Any]] = []
    for basis, matrix in bases(trial.moments["attribute"], rng).items():
        turned = {f: trial.moments[f].rotated(matrix) for f in FACTORS}
        held_out = trial.held_out @ like(trial.held_out, matrix)
        for rule in (*RULES, RANDOM):
            columns = {"basis": basis, "rule": rule}
            selections = {f: _select(trial, f, turned[f], held_out, rule, rng) for f in FACTORS}
            accuracies += _accuracies(trial, selections, columns)
            counts += _counts(selections, trial.width, settings.level, columns)
            if rule != RANDOM:
                swapped += _exchanges(trial, selections, matrix, columns, rng)
    tested_on = trial.task.compositions[trial.task.test]
    tables = [
        summarise(accuracies, tested_on, {ALL: splits[ALL]}, settings, study.seed),
        pd.DataFrame(counts),
        summarise(swapped, trial.pairs.targets, splits, settings, study.seed),
    ]
    return pd.concat(tables, ignore_index=True)


def _swapped(trial: _Trial, codes: Array, columns: Columns) -> list[Outcome]:
    """Whether the composition put together, or a half of it, is predicted from codes [p, d]."""
    words, targets = trial.study.words, trial.pairs.targets
    outcomes = []
    for method, ids in trial.classifiers.predict(codes, trial.task, words).items():
        attribute = words.attribute_of(ids) == words.attribute_of(targets)
        object_ = words.object_of(ids) == words.object_of(targets)
        for metric, right, size in (
            ("swapped_pair", ids == targets, words.size),
            ("swapped_attribute", attribute, len(words.attributes)),
            ("swapped_object", object_, len(words.objects)),
        ):
            outcomes.append(Outcome(metric, right, 1 / size, {"method": method, **columns}))
    return outcomes


def _intact(trial: _Trial) -> list[Outcome]:
    words, truth = trial.study.words, trial.task.compositions[trial.pairs.first]
    predicted = trial.classifiers.predict(trial.first, trial.task, words)
    return [
        Outcome("intact_pair", ids == truth, 1 / words.size, {"method": method})
        for method, ids in predicted.items()
    ]


@dataclass(frozen=True)
class _Selection:
    order: np.ndarray  # all dimensions, the best first
    chosen: np.ndarray  # those that are needed
    right: np.ndarray  # [test codes, steps]


def _select(
    trial: _Trial,
    factor: str,
    moments: ClassMoments,
    codes: Array,
    rule: str,
    rng: np.random.Generator,
) -> _Selection:
    """By a rule, from moments and held-out codes [n, d] in the same basis."""
    task, share = trial.task, trial.study.dimension_swap.needed
    order = rng.permutation(trial.width) if rule == RANDOM else rank_dimensions(moments, rule)
    labels = task.labels[factor][np.concatenate([task.choose, task.test])]
    right = curve(moments, order, codes, labels)
    choose, test = np.split(right, [len(task.choose)])
    return _Selection(order, order[: needed(choose.mean(axis=0), len(order), share)], test)


def _accuracies(
    trial: _Trial, selections: dict[str, _Selection], columns: Columns
) -> list[Outcome]:
    sizes = _sizes(trial.study.words)
    return [
        Outcome(
            "subset_accuracy",
            right,
            1 / sizes[factor],
            {"method": LINEAR_PROBE, "factor": factor, "dimensions": int(k), **columns},
        )
        for factor in FACTORS
        for k, right in zip(steps(trial.width), selections[factor].right.T, strict=True)
    ]


def _counts(
    selections: dict[str, _Selection], width: int, level: float, columns: Columns
) -> list[dict[str, Any]]:
    fixed = {"split": ALL, "n": width, **columns}
    rows: list[dict[str, Any]] = [
        {"metric": "needed_dimensions", "factor": f, "value": len(selections[f].chosen), **fixed}
        for f in FACTORS
    ]
    both = overlap(selections["attribute"].chosen, selections["object"].chosen, width, level)
    for i, metric in enumerate(("shared_dimensions", "overlap")):
        row = {"metric": metric, "chance": both.chance[i], **fixed}
        rows.append(row | {"control": False, "value": both.observed[i]})
        random = {"value": both.chance[i], "low": both.low[i], "high": both.high[i]}
        rows.append(row | {"control": True, **random})
    return rows


def _exchanges(
    trial: _Trial,
    selections: dict[str, _Selection],
    basis: np.ndarray,
    columns: Columns,
    rng: np.random.Generator,
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for name, which in _exchanged(selections).items():
        each = rng.permuted(np.tile(which, (len(trial.first), 1)), axis=1)
        for control, chosen in ((False, which), (True, each)):
            codes = exchange(trial.first, trial.second, basis, chosen)
            kind = {"exchange": name, "control": control}
            outcomes += _swapped(trial, codes, {**columns, **kind})
    return outcomes


def _exchanged(selections: dict[str, _Selection]) -> dict[str, np.ndarray]:
    """Masks [d] of the dimensions that are exchanged."""
    rank = {factor: np.argsort(selections[factor].order) for factor in FACTORS}
    every = np.arange(len(rank["attribute"]))
    return {
        NEEDED: np.isin(every, selections["attribute"].chosen),
        NEARER: rank["attribute"] < rank["object"],
    }
