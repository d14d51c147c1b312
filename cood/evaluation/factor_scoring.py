"""The scores of a model on the factor sets: zero-shot accuracy and disentanglement."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cood.evaluation.ranking import nearest
from cood.evaluation.resampling import grouped_mean
from cood.evaluation.scoring import missing
from cood.evaluation.zeroshot import COLUMNS
from cood.files import read_table, read_tensors, write_table
from cood.study import Evaluation, Study
from cood.synthesis.factors.scenes import seen, splits
from cood.synthesis.factors.sets import read_factor_manifest
from cood.synthesis.factors.table import Table


def score_factor_sets(study: Study, model: str) -> pd.DataFrame:
    """Score one model on each factor set it is tested on, write its table and return it."""
    tables = []
    for name in study.factor_sets_of(model):
        tensors, metadata = read_tensors(study.paths.embeddings(model, name))
        if "missing" in metadata:
            tables.append(missing(model, name, metadata["missing"]))
            continue
        table = study.factor_set(name).table
        manifest = read_factor_manifest(study, name)
        ids = manifest[table.names].to_numpy()
        split = splits(study, name)
        members = {str(s): np.flatnonzero(split == s) for s in dict.fromkeys(split)}
        if model in study.factor_models:
            members["seen"] = np.sort(seen(study, study.factor_models[model]))
        found = zero_shot(tensors, table, ids, members, study.evaluation, study.seed)
        found["note"] = f"{metadata['captions']} captions"
        tables.append(found.assign(model=model, set=name, group="all", seconds=np.nan))
    joined = pd.concat(tables, ignore_index=True)[list(COLUMNS)]
    write_table(joined, study.paths.model_factor_scores(model))
    return joined


def collect_factors(study: Study) -> None:
    """Join the scores of all models on the factor sets, without how long each took."""
    names = [*study.models, *study.factor_models]
    tables = [read_table(study.paths.model_factor_scores(name)) for name in names]
    joined = pd.concat(tables, ignore_index=True).drop(columns="seconds")
    write_table(joined, study.paths.factor_scores)


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
        Composition ids of each split. The pair is asked split by split with all compositions as
        labels, and for ``unseen`` also with its own alone.
    settings, seed
        Of the resamples.

    Returns
    -------
    pandas.DataFrame
        `measure` is ``factor_top1``, with the factor as `variant`, or ``pair_top1``, with the
        labels (``all`` or ``unseen``) as `variant`.
    """
    composition = table.compositions(ids)
    rows = []
    for measure, variant, split, inside, right, chance in _answers(
        tensors, table, ids, composition, members
    ):
        found = grouped_mean(
            right,
            composition[inside],
            rng=np.random.default_rng(seed),
            resamples=settings.resamples,
            level=settings.level,
        )
        values = (found.value, found.low, found.high, chance, found.n)
        rows.append((split, "image", measure, variant, *values))
    columns = ["split", "space", "measure", "variant", "value", "low", "high", "chance", "n"]
    return pd.DataFrame(rows, columns=columns)


def _answers(
    tensors: dict[str, np.ndarray],
    table: Table,
    ids: np.ndarray,
    composition: np.ndarray,
    members: dict[str, np.ndarray],
) -> Iterator[tuple[str, str, str, np.ndarray, np.ndarray, float]]:
    word_ids, images = table.word_ids(ids), tensors["images"]
    everywhere = np.ones(len(ids), dtype=bool)
    for k, factor in enumerate(table.names):
        texts = tensors[f"words.{factor}"]
        right = nearest(images, texts, 1)[:, 0] == word_ids[:, k]
        yield "factor_top1", factor, "all", everywhere, right, 1 / len(texts)
    for split, own in members.items():
        inside = np.isin(composition, own)
        labels = {"all": np.arange(len(tensors["pairs"]))}
        if split == "unseen":
            labels["unseen"] = own
        for variant, offered in labels.items():
            texts = tensors["pairs"][offered]
            right = offered[nearest(images[inside], texts, 1)[:, 0]] == composition[inside]
            yield "pair_top1", variant, split, inside, right, 1 / len(offered)
