"""Metrics and accuracy of a small CLIP over its training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cood.evaluation.common.nearest import nearest, normalise
from cood.evaluation.common.score_table import (
    ALL,
    TRAINING_DYNAMICS,
    complete,
    write_scores,
)
from cood.evaluation.embeddings import split_members
from cood.evaluation.representation.representation_metrics import FACTORS
from cood.evaluation.representation.sides import Side
from cood.files import read_tensors
from cood.metrics import TRACKED, metric_table
from cood.metrics.rank import effective_rank
from cood.metrics.table import ALL_FACTORS
from cood.settings.study_file import Study
from cood.splits import SEEN, UNSEEN


def score_training_dynamics(study: Study, model: str) -> pd.DataFrame:
    """Score a model at each moment kept in training, write `training_dynamics/<model>.parquet`.

    Tested on one drawing and one prompt of every composition: metrics of both spaces with
    their value under shuffled labels, and the accuracy `pair_top1` on the compositions that the
    model did not see (`split` is ``unseen``) and on those that it saw (``seen``).
    """
    tensors, _ = read_tensors(study.paths.model(model) / "moments.safetensors")
    every = np.arange(study.words.size)
    rows: list[dict[str, Any]] = []
    for step, images, texts in zip(
        *(tensors[k] for k in ("steps", "images", "texts")), strict=True
    ):
        codes = {"image": normalise(images), "text": normalise(texts)}
        scores: list[dict[str, Any]] = []
        for space, z in codes.items():
            scores += _metrics(study, Side(space, z, every))
        scores += _accuracies(study, model, codes)
        rows += [{"step": int(step), **row} for row in scores]
    table = complete(rows, TRAINING_DYNAMICS, model=model)
    write_scores(table, study.paths.model_training_dynamics(model), TRAINING_DYNAMICS)
    return table


def _metrics(study: Study, side: Side) -> Iterator[dict[str, Any]]:
    table = metric_table(
        side.codes,
        side.factors(study.words),
        metrics=TRACKED,
        names=FACTORS,
        repeats=1,
        rng=study.seed,
    )
    fixed = {"split": ALL, "space": side.space}
    scores = table.loc[table["factor"] == ALL_FACTORS, ["metric", "value", "chance", "n"]]
    yield from (fixed | row for row in scores.to_dict("records"))
    rank = effective_rank(side.codes, relative=True).value
    yield fixed | {"metric": "effective_rank", "value": rank, "n": len(side.codes)}


def _accuracies(study: Study, model: str, codes: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    first = nearest(codes["image"], codes["text"], 1)[:, 0]
    members = split_members(study, model)
    fixed = {"space": "both", "metric": "pair_top1", "chance": 1 / study.words.size}
    return [
        fixed
        | {
            "split": split,
            "value": float((first[members[split]] == members[split]).mean()),
            "n": len(members[split]),
        }
        for split in (UNSEEN, SEEN)
    ]
