"""Rank and linear factorisation of one model's embeddings of one set."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from cood.device_arrays import Array, moved
from cood.evaluation.common.nearest import normalise
from cood.evaluation.common.score_table import ALL, complete, concat
from cood.evaluation.representation.sides import Side
from cood.metrics import directions, linear
from cood.metrics.dependence import GAUSSIAN, LINEAR, part_dependence
from cood.metrics.jackknife import deal, half_width
from cood.metrics.nulls import SHUFFLED, shuffle_factors
from cood.metrics.rank import rank_table
from cood.metrics.result import MetricWarning, Score
from cood.splits import GEOMETRY
from cood.vocabulary import Vocabulary

if TYPE_CHECKING:
    import torch

# Codes that are factorised, and their space; the isolated words have a rank only.
CODES = {"images": "image", "means": "image", "compositions": "text"}
WORDS = {"attributes": "attribute", "objects": "object"}  # tensors, and their factor
# By kernel, the name of the dependence of the parts of attribute and object.
DEPENDENCE = {LINEAR: "part_dependence", GAUSSIAN: "part_dependence_gaussian"}
# Metrics of the factorisation, over both factors; the last three also or only by factor.
FACTORISATION = (
    "r2",
    "r2_adjusted",
    "r2_projected",
    "r2_projected_adjusted",
    "r2_held_out",
    *DEPENDENCE.values(),
    "orthogonality",
    "factor_dimension",
    "word_cosine",
)

Row = dict[str, Any]


@dataclass(frozen=True)
class _Isolated:
    """Embeddings [values, d] of the isolated words of each factor, and a basis of their span."""

    words: dict[str, np.ndarray]
    span: np.ndarray

    @classmethod
    def of(cls, tensors: dict[str, np.ndarray], unit: bool) -> _Isolated:
        words = {
            factor: normalise(tensors[name]) if unit else tensors[name]
            for name, factor in WORDS.items()
        }
        return cls(words, linear.row_span(np.concatenate(list(words.values()))))


def score_geometry(
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    splits: dict[str, np.ndarray],
    words: Vocabulary,
    seed: int,
    folds: int,
    device: torch.device | None = None,
) -> pd.DataFrame:
    """Ranks and linear factorisation of one model on one set, as rows of a table of scores.

    `codes` are the `images` of a split, the `means` of the unit embeddings of each composition's
    images (as prompts are averaged), and the texts of the same `compositions`; factors are the
    ids of attribute and object.

    - Ranks (`cood.metrics.rank.DEFINITIONS`), with the columns `centred`, `unit_rows` and
      `relative`. The isolated words, `attributes` and `objects`, have a rank too, in the split
      ``all`` only.
    - Factorisation (`FACTORISATION`), with the column `unit_rows`: `r2` and `r2_projected` (onto
      the texts of all isolated words), ``..._adjusted`` of both, `r2_held_out`, the dependence of
      the parts of both factors (`part_dependence`, and ``..._gaussian``), `orthogonality`
      between the factors, and for each `factor` the `orthogonality` within it,
      `factor_dimension`, and `word_cosine`, which compares the directions of its values with
      the isolated words'. Those over both factors also with the labels shuffled once (`null` is
      ``shuffled``), for unit rows.

    Parameters
    ----------
    tensors
        Embeddings `images` [n, d], `compositions` [C, d], `attributes` [A, d], `objects` [O, d].
    truth
        Composition id [n] of each image.
    splits
        Composition ids of each split to report; those without an image are left out.
    words
        Which attribute and object each composition is made of.
    seed
        Of the study; deals compositions into folds.
    folds
        For the intervals: the compositions of a split are left out in so many parts
        (`cood.metrics.jackknife`); 0 for no intervals.
    device
        Where sums over the codes are computed; by default, the CPU.

    Returns
    -------
    pandas.DataFrame
        `chance` where the metric has it, `n` the number of codes, and in `note` what limits the
        value. Isolated words have no interval, nor has a split with fewer compositions than folds.

    Raises
    ------
    ValueError
        If an embedding is not finite, or widths differ.
    """
    present = {name: np.intersect1d(ids, truth) for name, ids in splits.items()}
    present = {name: ids for name, ids in present.items() if len(ids)}
    isolated = {unit: _Isolated.of(tensors, unit) for unit in (True, False)}
    means, shown = _means(tensors["images"], truth)
    sides = {
        name: Side(CODES[name], moved(codes, device), compositions)
        for name, codes, compositions in (
            ("images", tensors["images"], truth),
            ("means", means, shown),
            ("compositions", tensors["compositions"], np.arange(words.size)),
        )
    }
    rows: list[Row] = []
    for name in WORDS:
        rows += [{"split": ALL, "space": "text", **row} for row in _ranks(name, tensors[name])]
    tables = [pd.DataFrame(rows)]
    done: dict[bytes, pd.DataFrame] = {}  # splits may hold the same compositions
    for split, ids in present.items():
        key = ids.tobytes()
        if key not in done:
            done[key] = _with_interval(sides, isolated, ids, words, seed, folds)
        tables.append(done[key].assign(split=split))
    return concat(tables).assign(category=ALL)


def _with_interval(
    sides: dict[str, Side],
    isolated: dict[bool, _Isolated],
    ids: np.ndarray,
    words: Vocabulary,
    seed: int,
    folds: int,
) -> pd.DataFrame:
    table = _of_split(sides, isolated, ids, words, seed)
    half = np.full(len(table), np.nan)
    if folds and len(ids) >= folds:
        fold = deal(ids, folds, seed)
        parts = [
            _of_split(sides, isolated, ids[fold != i], words, seed)["value"] for i in range(folds)
        ]
        half = half_width(np.stack(parts))
    table = table.assign(low=table["value"] - half, high=table["value"] + half)
    return concat([table, _of_split(sides, isolated, ids, words, seed, SHUFFLED)])


def _of_split(
    sides: dict[str, Side],
    isolated: dict[bool, _Isolated],
    ids: np.ndarray,
    words: Vocabulary,
    seed: int,
    null: str = "",
) -> pd.DataFrame:
    """Every metric of some compositions, all of which have images; or those that `null` changes."""
    rows: list[Row] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)  # the notes go into the table
        for name, every in sides.items():
            side = every.of(ids)
            scores = [] if null else list(_ranks(name, side.codes))
            scores += _linear(name, side, isolated, words, seed, null)
            rows += [{"space": side.space, **row} for row in scores]
    return complete(rows)


def _means(images: np.ndarray, composition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Mean unit embedding of each composition [C, d], and the compositions' ids [C].
    order = np.argsort(composition, kind="stable")
    present, starts, counts = np.unique(composition[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(normalise(images)[order], starts, axis=0)
    return sums / counts[:, None], present


def _ranks(name: str, codes: Array) -> Iterator[Row]:
    start = time.perf_counter()
    table = rank_table(codes)
    seconds = (time.perf_counter() - start) / len(table)
    for row in table:
        yield {
            "metric": row["definition"],
            "codes": name,
            "centred": row["centred"],
            "unit_rows": row["unit"],
            "relative": row["relative"],
            "value": row["value"],
            "n": len(codes),
            "seconds": seconds,
        }


def _linear(
    name: str,
    side: Side,
    isolated: dict[bool, _Isolated],
    words: Vocabulary,
    seed: int,
    null: str,
) -> Iterator[Row]:
    """The factorisation; under a null that over both factors, of unit rows, without chance."""
    factors = side.factors(words)
    for unit in (True,) if null else (True, False):
        z = normalise(side.codes) if unit else side.codes
        start = time.perf_counter()
        rng = np.random.default_rng((seed, GEOMETRY))
        labels = shuffle_factors(factors, rng) if null else factors
        scores = list(_factorisation(z, labels, isolated[unit], rng))
        if null:
            scores = [row | {"chance": np.nan} for row in scores if row["factor"] == ""]
        seconds = (time.perf_counter() - start) / len(scores)
        fixed = {"codes": name, "unit_rows": unit, "null": null, "n": len(z)}
        yield from (row | fixed | {"seconds": seconds} for row in scores)


def _factorisation(
    codes: Array,
    factors: np.ndarray,
    isolated: _Isolated,
    rng: np.random.Generator,
) -> Iterator[Row]:
    """Each metric with its chance level."""
    fit = linear.fit_additive(codes, factors)
    projected = linear.r_squared_along(fit, isolated.span)
    kinds = {"r2": linear.r_squared(fit), "r2_projected": projected}
    for metric, score in kinds.items():
        yield _row(metric, score, score.parts.get("chance", np.nan))
        adjusted = Score(score.parts.get("adjusted", np.nan), note=score.note)
        yield _row(f"{metric}_adjusted", adjusted, 0.0)
    yield _row("r2_held_out", linear.held_out_r_squared(codes, factors, rng=rng), 0.0)
    for kernel, metric in DEPENDENCE.items():
        score = part_dependence(codes, factors, kernel=kernel, rng=rng, fit=fit)
        yield _row(metric, score, score.parts.get("chance", np.nan))
    across = directions.orthogonality(fit)
    yield _row("orthogonality", across, across.parts["chance"][0, 1])
    dimension = directions.factor_dimension(fit)
    for k, (factor, words) in enumerate(isolated.words.items()):
        within = Score(across.parts["matrix"][k, k], note=across.note)
        yield _row("orthogonality", within, across.parts["chance"][k, k], factor)
        relative = Score(dimension.parts["relative"][k], note=dimension.note)
        yield _row("factor_dimension", relative, np.nan, factor)
        cosine = directions.word_cosine(fit.vectors[k], words[np.unique(factors[:, k])])
        yield _row("word_cosine", cosine, cosine.parts["chance"], factor)


def _row(metric: str, score: Score, chance: float, factor: str = "") -> Row:
    row = {"metric": metric, "factor": factor, "value": score.value}
    return row | {"chance": chance, "note": score.note}
