"""The metrics of one model's embeddings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.evaluation.geometry import score_geometry
from cood.evaluation.ranking import normalise
from cood.evaluation.scoring import members, missing
from cood.evaluation.zeroshot import COLUMNS
from cood.files import read_tensors, write_table
from cood.metrics.evaluate import evaluate
from cood.study import Study
from cood.synthesis.sets import read_manifest
from cood.vocabulary import Vocabulary

NAMES = ("attribute", "object")


@dataclass(frozen=True)
class Side:
    """Codes [n, d] of one space, unit vectors, and the composition id [n] of each."""

    space: str
    codes: np.ndarray
    compositions: np.ndarray

    def factors(self, words: Vocabulary) -> np.ndarray:
        """Attribute and object id [n, 2]."""
        ids = words.attribute_of(self.compositions), words.object_of(self.compositions)
        return np.stack(ids, axis=1)


def measure_model(study: Study, model: str) -> pd.DataFrame:
    """Measure one model on every set, write `measures/<model>.parquet` and return it.

    Codes are the unit embeddings of images and of the texts of compositions, factors their
    attribute and object. Each score comes with its value under shuffled labels in `chance`, and
    again after random rotations and after PCA.
    """
    tables = []
    for set_ in study.sets:
        tensors, metadata = read_tensors(study.paths.embeddings(model, set_))
        if "missing" in metadata:
            tables.append(missing(model, set_, metadata["missing"]))
            continue
        truth = read_manifest(study, set_)["composition"].to_numpy()
        known = {"all": np.arange(study.words.size), **members(study, model)}
        kept = {split: known[split] for split in study.metrics.splits if split in known}
        tables.append(score_geometry(model, set_, tensors, truth, kept, study.words, study.seed))
        for side in sides(tensors, truth, study.words):
            for split, inside in kept.items():
                table = measured(study, side, inside)
                tables.append(table.assign(model=model, set=set_, split=split, group="all"))
    table = pd.concat([part[list(COLUMNS)] for part in tables], ignore_index=True)
    write_table(table, study.paths.model_measures(model))
    return table


def sides(tensors: dict[str, np.ndarray], truth: np.ndarray, words: Vocabulary) -> Iterator[Side]:
    """Every image of a set, and the text of every composition."""
    yield Side("image", normalise(tensors["images"]), truth)
    yield Side("text", normalise(tensors["compositions"]), np.arange(words.size))


def measured(study: Study, side: Side, inside: np.ndarray) -> pd.DataFrame:
    """Every metric of the codes of the compositions `inside`, with nulls, as a long table."""
    here = np.isin(side.compositions, inside)
    settings = study.metrics
    table = evaluate(
        side.codes[here],
        side.factors(study.words)[here],
        measures=settings.measures,
        names=NAMES,
        nulls=("shuffled", "rotated", "reduced"),
        repeats=settings.repeats,
        dimensions=settings.dimensions,
        folds=settings.folds,
        groups=side.compositions[here],
        rng=study.seed,
    )
    return table.assign(space=side.space)
