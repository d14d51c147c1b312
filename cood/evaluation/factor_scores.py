"""The scores of a model on the factor sets: zero-shot accuracy and disentanglement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cood.evaluation.common.nearest import nearest, normalise
from cood.evaluation.common.resampling import grouped_mean
from cood.evaluation.common.score_table import ALL, OWN, ZERO_SHOT, concat, write_scores
from cood.evaluation.embeddings import SetEmbeddings, Tensors, score_each_set
from cood.factors.table import Table
from cood.metrics import SLOW, metric_table
from cood.settings import Evaluation
from cood.settings.study_file import Study
from cood.splits import UNSEEN, members
from cood.synthesis.manifests import read_factor_manifest
from cood.synthesis.scenes.splits import core, seen

# Of the slow metrics, Z-diff, which the paper reports, is computed once; its stricter forms, and
# Z-min variance, which is close to it, need pairs that few scenes provide.
Z_DIFF = "z_diff"
WORDS, VALUES = "words", "values"  # granularity of the factors


def score_factor_sets(study: Study, model: str) -> pd.DataFrame:
    """Score one model on each factor set it is tested on, write its table and return it."""

    def score_set(embedded: SetEmbeddings) -> pd.DataFrame:
        table = study.factor_set(embedded.set).table
        ids = read_factor_manifest(study, embedded.set)[table.names].to_numpy()
        of_split = _split_members(study, model, embedded.set)
        accuracies = zero_shot(
            embedded.tensors, table, ids, of_split, study.evaluation, study.seed
        ).assign(note=f"{embedded.metadata['captions']} captions")
        return concat([accuracies, disentanglement(study, embedded.tensors, table, ids)])

    table = concat(score_each_set(study, model, study.factor_sets_of(model), score_set))
    write_scores(table, study.paths.model_factor_scores(model))
    return table


def _split_members(study: Study, model: str, set_: str) -> dict[str, np.ndarray]:
    """Composition ids of each split of a factor set; all are unseen if it was not trained on it."""
    words = study.factor_set(set_).table.pair_words
    if model not in study.factor_models:
        return {UNSEEN: np.arange(words.size)}
    return members(words, core(study, set_), seen(study, study.factor_models[model]))


def disentanglement(study: Study, tensors: Tensors, table: Table, ids: np.ndarray) -> pd.DataFrame:
    """Metrics of images and captions, over all factors and by factor, as rows of a table of scores.

    Codes are unit embeddings of the images, and of their captions. Factors are word ids for both
    (`granularity` is ``words``), and for the images, which show more than words say, also value
    ids (``values``), by the quick metrics. `chance` is the value under shuffled labels; for
    Z-diff it is that of a guess.
    """
    chosen = study.representation_metrics.metrics
    quick, slow = [m for m in chosen if m not in SLOW], [m for m in chosen if m == Z_DIFF]
    images, captions = normalise(tensors["images"]), normalise(tensors["captions"])
    words, names, seed = table.word_ids(ids), table.names, study.seed
    tables = []
    for granularity, space, codes, z, factors in (
        (WORDS, "image", "images", images, words),
        (WORDS, "text", "captions", captions, words),
        (VALUES, "image", "images", images, ids),
    ):
        scores = metric_table(z, factors, metrics=quick, names=names, repeats=1, rng=seed)
        if granularity == WORDS:
            z_diff = metric_table(z, factors, metrics=slow, names=names, nulls=(), rng=seed)
            z_diff = z_diff[z_diff["metric"].isin(slow)].assign(chance=1 / len(names))
            scores = pd.concat([scores, z_diff], ignore_index=True)
        tables.append(scores.assign(granularity=granularity, space=space, codes=codes))
    return pd.concat(tables, ignore_index=True).assign(split=ALL, category=ALL)


def zero_shot(
    tensors: dict[str, np.ndarray],
    table: Table,
    ids: np.ndarray,
    members: dict[str, np.ndarray],
    settings: Evaluation,
    seed: int,
) -> pd.DataFrame:
    """Accuracy of naming each factor, and the pair, with intervals from resampling compositions.

    Parameters
    ----------
    tensors
        Embeddings, as `embed_factor_sets` writes them.
    table, ids
        The set's factors, and their value ids [n, m] in the images.
    members
        Composition ids of each split. The pair is predicted split by split with all compositions
        as labels, and for ``unseen`` also with its own only.
    settings, seed
        Of the resamples.

    Returns
    -------
    pandas.DataFrame
        `metric` is ``factor_top1``, for each `factor`, over all images and split by split; or
        ``pair_top1``, with `labels` ``all`` or ``own``.
    """
    composition = table.compositions(ids)
    rows = []
    for prediction in _predictions(tensors, table, ids, composition, members):
        mean = grouped_mean(
            prediction.right,
            composition[prediction.images],
            seed=seed,
            resamples=settings.resamples,
            level=settings.level,
        )
        rows.append(prediction.columns | vars(mean))
    return pd.DataFrame(rows).assign(category=ALL, space="image", method=ZERO_SHOT)


@dataclass(frozen=True)
class _Prediction:
    columns: dict[str, Any]  # of the table of scores
    images: np.ndarray  # mask [n] of the images it was made for
    right: np.ndarray  # whether it is right, for each of these


def _predictions(
    tensors: Tensors,
    table: Table,
    ids: np.ndarray,
    composition: np.ndarray,
    members: dict[str, np.ndarray],
) -> Iterator[_Prediction]:
    word_ids, images = table.word_ids(ids), tensors["images"]
    inside = {ALL: np.ones(len(ids), dtype=bool)}
    inside |= {split: np.isin(composition, own) for split, own in members.items()}
    for k, factor in enumerate(table.names):
        texts = tensors[f"words.{factor}"]
        right = nearest(images, texts, 1)[:, 0] == word_ids[:, k]
        for split, rows in inside.items():
            columns: dict[str, Any] = {
                "metric": "factor_top1",
                "factor": factor,
                "split": split,
                "labels": ALL,
            }
            yield _Prediction(columns | {"chance": 1 / len(texts)}, rows, right[rows])
    for split, own in members.items():
        labels = {ALL: np.arange(len(tensors["pairs"]))}
        if split == UNSEEN:
            labels[OWN] = own
        for name, classes in labels.items():
            predicted = classes[nearest(images[inside[split]], tensors["pairs"][classes], 1)[:, 0]]
            columns = {"metric": "pair_top1", "split": split, "labels": name}
            columns |= {"chance": 1 / len(classes)}
            yield _Prediction(columns, inside[split], predicted == composition[inside[split]])
