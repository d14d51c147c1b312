"""The metrics of one model's embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from cood.evaluation.accuracy.zero_shot import COLUMNS
from cood.evaluation.collect import members, missing
from cood.evaluation.common.nearest import normalise
from cood.evaluation.representation.concept_basis import SPACES, in_concept_basis
from cood.evaluation.representation.fixed_width import fixed_width
from cood.evaluation.representation.geometry import score_geometry
from cood.files import read_tensors, write_table
from cood.metrics.metric_table import WHOLE, evaluate
from cood.settings.study_file import Study
from cood.synthesis.manifests import read_manifest
from cood.vocabulary import Vocabulary

NAMES = ("attribute", "object")
NO_WORDS = "the set has no images of words alone"


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

    def of(self, compositions: np.ndarray) -> Side:
        """Its codes of some compositions only."""
        inside = np.isin(self.compositions, compositions)
        return Side(self.space, self.codes[inside], self.compositions[inside])


def representation_metrics_of_model(study: Study, model: str) -> pd.DataFrame:
    """Measure one model on every set, write `metrics/<model>.parquet` and return it.

    Codes are the unit embeddings of images and of the texts of compositions, factors their
    attribute and object. Each score comes with its value under shuffled labels in `chance`, again
    after random rotations and after PCA, and, as the `variant` ``isolated``, in the basis of the
    isolated words of its space. Of the first split, all is taken again at the width that all
    models are to be fixed_width in, if the study names one.
    """
    tables = []
    for set_ in study.sets:
        tensors, metadata = read_tensors(study.paths.embeddings(model, set_))
        if "missing" in metadata:
            tables.append(missing(model, set_, metadata["missing"]))
            continue
        truth = read_manifest(study, set_)["composition"].to_numpy()
        known = {"all": np.arange(study.words.size), **members(study, model)}
        kept = {
            split: known[split] for split in study.representation_metrics.splits if split in known
        }
        geometry = (
            tensors,
            truth,
            kept,
            study.words,
            study.seed,
            study.representation_metrics.folds,
        )
        tables.append(score_geometry(model, set_, *geometry))
        for side in sides(tensors, truth, study.words):
            words = [tensors[name] for name in SPACES[side.space][1:] if name in tensors]
            done: dict[bytes, list[pd.DataFrame]] = {}  # splits may hold the same compositions
            for split, inside in kept.items():
                key = np.sort(inside).tobytes()
                if key not in done:
                    done[key] = list(measured(study, side.of(inside), words))
                fixed = {"model": model, "set": set_, "split": split, "group": "all"}
                tables += [table.assign(**fixed) for table in done[key]]
                if split == study.representation_metrics.splits[0]:
                    tables += [table.assign(**fixed) for table in at_width(study, side.of(inside))]
    table = pd.concat([part[list(COLUMNS)] for part in tables], ignore_index=True)
    write_table(table, study.paths.model_representation_metrics(model))
    return table


def sides(tensors: dict[str, np.ndarray], truth: np.ndarray, words: Vocabulary) -> Iterator[Side]:
    """Every image of a set, and the text of every composition."""
    yield Side("image", normalise(tensors["images"]), truth)
    yield Side("text", normalise(tensors["compositions"]), np.arange(words.size))


def measured(study: Study, side: Side, words: Sequence[np.ndarray]) -> Iterator[pd.DataFrame]:
    """Every metric of a side, with nulls and intervals, and of its codes in the basis of words.

    `words` are the embeddings of the attributes and of the objects; if there are none, the values
    in their basis are missing, and `note` says so.
    """
    settings, factors = study.representation_metrics, side.factors(study.words)
    scored = partial(evaluate, metrics=settings.metrics, names=NAMES, rng=study.seed)
    table = scored(
        side.codes,
        factors,
        nulls=("shuffled", "rotated", "reduced"),
        repeats=settings.repeats,
        dimensions=settings.dimensions,
        folds=settings.folds,
        groups=side.compositions,
    )
    yield table.assign(space=side.space)
    if words:
        table = scored(in_concept_basis(side.codes, *words), factors, repeats=1)
    else:
        table = table.assign(value=np.nan, low=np.nan, high=np.nan, chance=np.nan, note=NO_WORDS)
    yield table[table["variant"] == WHOLE].assign(space=side.space, variant="isolated")


def at_width(study: Study, side: Side) -> Iterator[pd.DataFrame]:
    """Every metric of a side at the width that all models are fixed_width in, if there is one."""
    settings = study.representation_metrics
    if settings.fixed_width is None:
        return
    factors = side.factors(study.words)
    for table in fixed_width(
        side.codes, factors, settings.fixed_width, settings.metrics, study.seed
    ):
        yield table.assign(space=side.space)
