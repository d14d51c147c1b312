"""The metrics of one model's embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from cood.evaluation.common.score_table import ALL, SCORES, concat, write_scores
from cood.evaluation.embeddings import (
    SetEmbeddings,
    Tensors,
    read_truth,
    score_each_set,
    split_members,
)
from cood.evaluation.representation.concept_basis import SPACES, in_concept_basis
from cood.evaluation.representation.fixed_width import fixed_width
from cood.evaluation.representation.geometry import score_geometry
from cood.evaluation.representation.sides import Side, sides
from cood.metrics import metric_table
from cood.metrics.table import ALL_FACTORS, device_of_metrics
from cood.settings import RepresentationMetrics
from cood.settings.study_file import Study
from cood.vocabulary import Vocabulary

FACTORS = ("attribute", "object")
CONCEPTS = "concepts"
CODES_OF = {"image": "images", "text": "compositions"}  # which codes a side of a space has
NO_WORDS = "the set has no images of isolated words"


def score_representation(study: Study, model: str) -> pd.DataFrame:
    """Metrics of one model on every set: write `representation_metrics/<model>.parquet`.

    Codes are the unit embeddings of images and of the texts of compositions, factors their
    attribute and object. Each score comes with its value under shuffled labels in `chance`, after
    random rotations (`null`), after PCA (`projection`), and in the basis of the isolated words of
    its space (`basis` is ``concepts``). For the first split, all metrics are also computed at the
    width that the study file fixes, if it does.
    """

    def score_set(embedded: SetEmbeddings) -> pd.DataFrame:
        truth, settings = read_truth(study, embedded.set), study.representation_metrics
        members = {ALL: np.arange(study.words.size), **split_members(study, model)}
        splits = {split: members[split] for split in settings.splits if split in members}
        sizes = [embedded.tensors[name].size for name in CODES_OF.values()]
        device = device_of_metrics(sum(sizes) * (1 + settings.folds) * len(splits))
        geometry = score_geometry(
            embedded.tensors, truth, splits, study.words, study.seed, settings.folds, device
        )
        sides_ = sides(embedded.tensors, truth, study.words, device)
        metrics = [_of_side(study, embedded.tensors, side, splits) for side in sides_]
        return concat([geometry, *metrics])

    table = concat(score_each_set(study, model, study.sets, score_set))
    write_scores(table, study.paths.model_representation_metrics(model))
    return table


def _of_side(
    study: Study, tensors: Tensors, side: Side, splits: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Every metric of the codes of a side, by split."""
    words = [tensors[name] for name in SPACES[side.space][1:] if name in tensors]
    tables: list[pd.DataFrame] = []
    done: dict[bytes, pd.DataFrame] = {}  # splits may hold the same compositions
    for split, ids in splits.items():
        key = np.sort(ids).tobytes()
        if key not in done:
            done[key] = concat(metrics_of_side(study, side.of(ids), words))
        tables.append(done[key].assign(split=split))
        if split == study.representation_metrics.splits[0]:
            at_width = concat(metrics_at_width(study, side.of(ids)))
            keys = [name for name in SCORES.keys if name != "split"]
            present = pd.MultiIndex.from_frame(done[key][keys].astype(str))
            # The width of the study may be that of the PCA above.
            repeated = pd.MultiIndex.from_frame(at_width[keys].astype(str)).isin(present)
            tables.append(at_width[~repeated].assign(split=split))
    return concat(tables).assign(category=ALL, space=side.space, codes=CODES_OF[side.space])


def metrics_of_side(
    study: Study, side: Side, words: Sequence[np.ndarray]
) -> Iterator[pd.DataFrame]:
    """Every metric of a side, with nulls and intervals, and of its codes in the basis of words.

    `words` are the embeddings of the attributes and of the objects; without them, the values
    in their basis are missing, and `note` says so.
    """
    settings, factors = study.representation_metrics, side.factors(study.words)
    nulls = ("shuffled", "rotated")
    table = side_metrics(
        side, study.words, settings, study.seed, nulls=nulls, pca_width=settings.dimensions
    )
    yield table
    if words:
        codes = in_concept_basis(side.codes, *words)
        table = metric_table(
            codes, factors, metrics=settings.metrics, names=FACTORS, repeats=1, rng=study.seed
        )
    else:
        table = table[(table["null"] == "") & (table["projection"] == "")]
        table = table.assign(value=np.nan, low=np.nan, high=np.nan, chance=np.nan, note=NO_WORDS)
    yield table[table["factor"] == ALL_FACTORS].assign(basis=CONCEPTS)


def side_metrics(
    side: Side,
    words: Vocabulary,
    settings: RepresentationMetrics,
    seed: int,
    *,
    nulls: Sequence[str] = ("shuffled",),
    pca_width: int | None = None,
) -> pd.DataFrame:
    """Every metric of a side with its intervals and nulls, as `cood.metrics.metric_table` does."""
    return metric_table(
        side.codes,
        side.factors(words),
        metrics=settings.metrics,
        names=FACTORS,
        nulls=nulls,
        pca_width=pca_width,
        repeats=settings.repeats,
        folds=settings.folds,
        groups=side.compositions,
        rng=seed,
    )


def metrics_at_width(study: Study, side: Side) -> Iterator[pd.DataFrame]:
    """Every metric of a side at the width that the study file fixes for all models, if it does."""
    settings = study.representation_metrics
    if settings.fixed_width is None:
        return
    factors = side.factors(study.words)
    yield from fixed_width(side.codes, factors, settings.fixed_width, settings.metrics, study.seed)
