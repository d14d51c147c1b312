"""Rank and linear factorisation of one model's embeddings of one set."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cood.evaluation.accuracy.zero_shot import COLUMNS
from cood.evaluation.common.nearest import normalise
from cood.metrics import directions, linear
from cood.metrics.jackknife import deal, half_width
from cood.metrics.rank import rank_table
from cood.metrics.result import MetricWarning, Score
from cood.splits import GEOMETRY
from cood.vocabulary import Vocabulary

# Codes that are factorised, and of which space; the isolated words besides have a rank only.
CODES = {"images": "image", "means": "image", "compositions": "text"}
WORDS = ("attributes", "objects")
FACTORISATION = (
    *("r2", "r2_adjusted", "r2_projected", "r2_projected_adjusted", "r2_held_out"),
    *("orthogonality", "orthogonality_attributes", "orthogonality_objects"),
    *("dimension_attributes", "dimension_objects", "word_cosine_attributes", "word_cosine_objects"),
)

Row = dict[str, Any]


def score_geometry(
    model: str,
    set_: str,
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    splits: dict[str, np.ndarray],
    words: Vocabulary,
    seed: int,
    folds: int,
) -> pd.DataFrame:
    """Ranks and linear factorisation as a long table (columns `COLUMNS`).

    Codes are the `images` of a split, the `means` of the unit embeddings of each composition's
    images (as prompts are averaged), and the texts of the same `compositions`; factors are the
    ids of attribute and object. `variant` starts with the codes:

    - Ranks (`cood.metrics.rank.DEFINITIONS`): `rank_variant` names the switches. The isolated
      words, `attributes` and `objects`, have a rank too, in the split ``all`` only.
    - Factorisation: ``CODES, unit rows`` and ``CODES, rows as given``. The metrics `r2` and
      `r2_projected` (onto the texts of all isolated words), ``..._adjusted`` of both,
      `r2_held_out`, `orthogonality` (across), and for each factor `orthogonality_FACTOR`
      (within), `dimension_FACTOR` and `word_cosine_FACTOR`, which compares the directions of
      its values with the isolated words'.

    Parameters
    ----------
    model, set_
        Names for the table.
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
        (`cood.metrics.jackknife`).

    Returns
    -------
    pandas.DataFrame
        `chance` where the metric has it, `n` the number of codes, and in `note` what the metric
        says of its value. Isolated words have no interval, nor has a split with fewer
        compositions than folds.

    Raises
    ------
    ValueError
        If an embedding is not finite, or widths differ.
    """
    present = {name: np.intersect1d(ids, truth) for name, ids in splits.items()}
    present = {name: ids for name, ids in present.items() if len(ids)}
    rows: list[Row] = []
    for name in WORDS:
        rows += [{"split": "all", "space": "text", **row} for row in _ranks(name, tensors[name])]
    tables = [pd.DataFrame(rows).assign(low=np.nan, high=np.nan)]
    done: dict[bytes, pd.DataFrame] = {}  # splits may hold the same compositions
    for split, ids in present.items():
        key = ids.tobytes()
        if key not in done:
            done[key] = _with_interval(tensors, truth, ids, words, seed, folds)
        tables.append(done[key].assign(split=split))
    joined = pd.concat(tables, ignore_index=True).assign(model=model, set=set_, group="all")
    return joined[list(COLUMNS)]


def _with_interval(
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    ids: np.ndarray,
    words: Vocabulary,
    seed: int,
    folds: int,
) -> pd.DataFrame:
    table = _of_split(tensors, truth, ids, words, seed)
    half = np.full(len(table), np.nan)
    if len(ids) >= folds:
        fold = deal(ids, folds, seed)
        parts = [
            _of_split(tensors, truth, ids[fold != i], words, seed)["value"] for i in range(folds)
        ]
        half = half_width(np.stack(parts))
    return table.assign(low=table["value"] - half, high=table["value"] + half)


def _of_split(
    tensors: dict[str, np.ndarray],
    truth: np.ndarray,
    ids: np.ndarray,
    words: Vocabulary,
    seed: int,
) -> pd.DataFrame:
    """Every metric of some compositions, all of which have images."""
    inside = np.isin(truth, ids)
    means, present = _means(tensors["images"][inside], truth[inside])
    codes = {
        "images": (tensors["images"][inside], truth[inside]),
        "means": (means, present),
        "compositions": (tensors["compositions"][present], present),
    }
    rows: list[Row] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)  # the notes go into the table
        for name, (z, composition) in codes.items():
            found = [*_ranks(name, z), *_linear(name, z, composition, tensors, words, seed)]
            rows += [{"space": CODES[name], **row} for row in found]
    return pd.DataFrame(rows)


def rank_variant(codes: str, *, centred: bool, unit: bool, relative: bool) -> str:
    """Name of a way to take a rank, as it stands in the column `variant`.

    Examples
    --------
    >>> rank_variant("images", centred=True, unit=True, relative=False)
    'images, centred, unit rows, in dimensions'
    """
    switches = (
        "centred" if centred else "not centred",
        "unit rows" if unit else "rows as given",
        "relative" if relative else "in dimensions",
    )
    return ", ".join([codes, *switches])


def linear_variant(codes: str, *, unit: bool) -> str:
    """Name of a way to factorise codes, as it stands in the column `variant`."""
    return f"{codes}, {'unit rows' if unit else 'rows as given'}"


def _means(images: np.ndarray, composition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Mean unit embedding of each composition [C, d], and the compositions' ids [C].
    order = np.argsort(composition, kind="stable")
    present, starts, counts = np.unique(composition[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(normalise(images)[order], starts, axis=0)
    return sums / counts[:, None], present


def _ranks(name: str, codes: np.ndarray) -> Iterator[Row]:
    start = time.perf_counter()
    table = rank_table(codes)
    seconds = (time.perf_counter() - start) / len(table)
    for row in table:
        switches = {key: row[key] for key in ("centred", "unit", "relative")}
        yield {
            "metric": row["definition"],
            "variant": rank_variant(name, **switches),
            "value": row["value"],
            "chance": np.nan,
            "n": len(codes),
            "seconds": seconds,
            "note": "",
        }


def _linear(
    name: str,
    codes: np.ndarray,
    composition: np.ndarray,
    tensors: dict[str, np.ndarray],
    words: Vocabulary,
    seed: int,
) -> Iterator[Row]:
    ids = {
        "attributes": words.attribute_of(composition),
        "objects": words.object_of(composition),
    }
    factors = np.column_stack([ids[factor] for factor in WORDS])
    for unit in (True, False):
        z = normalise(codes) if unit else codes
        alone = {f: normalise(tensors[f]) if unit else tensors[f] for f in WORDS}
        start = time.perf_counter()
        scores = dict(_scores(z, factors, alone, np.random.default_rng((seed, GEOMETRY))))
        seconds = (time.perf_counter() - start) / len(scores)
        for metric, (score, chance) in scores.items():
            yield {
                "metric": metric,
                "variant": linear_variant(name, unit=unit),
                "value": score.value,
                "chance": chance,
                "n": len(codes),
                "seconds": seconds,
                "note": score.note,
            }


def _scores(
    codes: np.ndarray,
    factors: np.ndarray,
    alone: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> Iterator[tuple[str, tuple[Score, float]]]:
    """Each metric with its chance level."""
    fit = linear.fit_additive(codes, factors)
    probes = np.concatenate(list(alone.values()))
    kinds = {"r2": linear.r_squared(fit), "r2_projected": linear.projected_r_squared(fit, probes)}
    for metric, score in kinds.items():
        yield metric, (score, score.parts.get("chance", np.nan))
        adjusted = Score(score.parts.get("adjusted", np.nan), note=score.note)
        yield f"{metric}_adjusted", (adjusted, 0.0)
    yield "r2_held_out", (linear.held_out_r_squared(codes, factors, rng=rng), 0.0)
    across = directions.orthogonality(fit)
    yield "orthogonality", (across, across.parts["chance"][0, 1])
    dimension = directions.factor_dimension(fit)
    for k, factor in enumerate(WORDS):
        within = Score(across.parts["matrix"][k, k], note=across.note)
        yield f"orthogonality_{factor}", (within, across.parts["chance"][k, k])
        relative = Score(dimension.parts["relative"][k], note=dimension.note)
        yield f"dimension_{factor}", (relative, np.nan)
        present = np.unique(factors[:, k])
        found = directions.word_cosine(fit.vectors[k], alone[factor][present])
        yield f"word_cosine_{factor}", (found, found.parts["chance"])
