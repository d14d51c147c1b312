"""Metrics and accuracy of a small CLIP over its training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cood.evaluation.collect import members
from cood.evaluation.common.nearest import nearest, normalise
from cood.evaluation.representation.representation_metrics import NAMES, Side
from cood.files import read_tensors, write_table
from cood.metrics import TRACKED, metric_table
from cood.metrics.rank import effective_rank
from cood.metrics.table import ALL_FACTORS
from cood.settings.study_file import Study

COLUMNS = ("model", "step", "space", "metric", "value", "chance", "n")


def training_dynamics_of_model(study: Study, model: str) -> pd.DataFrame:
    """Measure a model at each moment kept in training, write `dynamics/<model>.parquet`.

    One drawing and one prompt of every composition are the probe: metrics of both spaces with
    their value under shuffled labels, and the accuracy of answering with the right composition,
    `pair_top1` on those that no model saw and `pair_top1_seen` on those that this one saw.
    """
    tensors, _ = read_tensors(study.paths.model(model) / "moments.safetensors")
    every = np.arange(study.words.size)
    rows: list[dict[str, Any]] = []
    for step, images, texts in zip(
        *(tensors[k] for k in ("steps", "images", "texts")), strict=True
    ):
        codes = {"image": normalise(images), "text": normalise(texts)}
        found = [
            row for space in codes for row in _metrics(study, Side(space, codes[space], every))
        ]
        found += _accuracies(study, model, codes)
        rows += [{"model": model, "step": int(step), **row} for row in found]
    table = pd.DataFrame(rows)[list(COLUMNS)]
    write_table(table, study.paths.model_training_dynamics(model))
    return table


def _metrics(study: Study, side: Side) -> Iterator[dict[str, Any]]:
    table = metric_table(
        side.codes,
        side.factors(study.words),
        metrics=TRACKED,
        names=NAMES,
        repeats=1,
        rng=study.seed,
    )
    for row in table[table["factor"] == ALL_FACTORS].to_dict("records"):
        kept = {name: row[name] for name in ("metric", "value", "chance", "n")}
        yield {"space": side.space, **kept}
    rank = effective_rank(side.codes, relative=True).value
    n = len(side.codes)
    yield {"space": side.space, "metric": "effective_rank", "value": rank, "n": n}


def _accuracies(study: Study, model: str, codes: dict[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    first = nearest(codes["image"], codes["text"], 1)[:, 0]
    splits = members(study, model)
    for name, split in (("pair_top1", "unseen"), ("pair_top1_seen", "seen")):
        inside = splits[split]
        value = float((first[inside] == inside).mean())
        chance = 1 / study.words.size
        yield {"space": "both", "metric": name, "value": value, "chance": chance, "n": len(inside)}
