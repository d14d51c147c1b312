"""Retrieval and switching scores of a model, from its embeddings."""

from __future__ import annotations

import time

import pandas as pd

from cood.evaluation.accuracy.retrieval import score_retrieval
from cood.evaluation.accuracy.zero_shot import COLUMNS
from cood.evaluation.collect import members, missing
from cood.evaluation.interventions.dimension_swap import score_dimension_swap
from cood.files import read_tensors, write_table
from cood.settings.study_file import Study
from cood.synthesis.manifests import read_manifest


def swap_dimensions_of_model(study: Study, model: str) -> pd.DataFrame:
    """Probe one model on every set, write `probes/<model>.parquet` and return it."""
    tables = []
    for set_ in study.sets:
        tensors, metadata = read_tensors(study.paths.embeddings(model, set_))
        if "missing" in metadata:
            tables.append(missing(model, set_, metadata["missing"]))
            continue
        truth = read_manifest(study, set_)["composition"].to_numpy()
        for probe in (score_retrieval, score_dimension_swap):
            start = time.perf_counter()
            table = probe(study, tensors, truth, members(study, model))
            fixed = {"model": model, "set": set_, "note": ""}
            tables.append(table.assign(**fixed, seconds=time.perf_counter() - start))
    table = pd.concat(tables, ignore_index=True)[list(COLUMNS)]
    write_table(table, study.paths.model_dimension_swap(model))
    return table
