"""The design of a study as a table: what each model was to be, and what it became."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cood.files import read_table, write_table
from cood.settings import Training
from cood.settings.study_file import Study
from cood.splits import core
from cood.training_set import PAIR

REALISED = "_realised"  # ends the name of a column with what a factor became
TAIL = 0.1  # share of the rows of the loss that say how training ended


def tabulate_design(study: Study) -> pd.DataFrame:
    """Write `design.parquet`, a row a model of the design, and return it.

    Columns: `model`; `replicate_of`, the model whose point it repeats, or empty; every factor as
    it was asked; and as it was realised, with `_realised` after the name:

    - `share`: compositions in the captions file, of those outside the core;
    - `images`, `steps`: drawings, and completed steps;
    - `skew`: minus the least-squares slope of log counts on log ranks of the compositions. It is
      below what was asked where each composition has hardly more drawings than the least;
    - `wrong_captions`: share of the captions that say something false. It is below what was asked,
      as the caption of another drawing may be right;
    - `pair_captions`: share of the captions that name the pair.

    Other factors are realised as asked. `compositions` is how many it saw, `loss` the mean loss at
    the end, `diverged` whether that is not finite or no lower than at the start.
    """
    names = [factor.name for factor in study.design.factors.as_factors()] if study.design else []
    points = study.design.names() if study.design else []
    models = [name for name in study.trained if name in points or study.replicate_of(name)]
    table = pd.DataFrame([_row(study, model, names) for model in models])
    write_table(table, study.paths.design)
    return table


def _row(study: Study, model: str, names: list[str]) -> dict[str, Any]:
    settings, folder = study.trained[model], study.paths.model(model)
    captions = read_table(folder / "captions.parquet")
    training = read_table(folder / "training.parquet")
    realised = _realised(study, settings, captions, training)
    loss = training["loss"].to_numpy()
    end = float(loss[-max(1, round(TAIL * len(loss))) :].mean())
    return {
        "model": model,
        "replicate_of": study.replicate_of(model),
        **{name: getattr(settings, name) for name in names},
        **{f"{name}{REALISED}": realised[name] for name in names if name in realised},
        "compositions": captions["composition"].nunique(),
        "loss": end,
        "diverged": not (np.isfinite(end) and end < loss[0]),
    }


def _realised(
    study: Study, settings: Training, captions: pd.DataFrame, training: pd.DataFrame
) -> dict[str, float]:
    counts = np.sort(captions["composition"].value_counts().to_numpy())[::-1]
    outside = study.words.size - len(core(study))
    return {
        "share": len(counts) / outside,
        "images": len(captions),
        "steps": int(training["step"].max()),
        "skew": _slope(counts),
        "wrong_captions": float(captions["wrong"].mean()),
        "pair_captions": float((captions["names"] == PAIR).mean()),
    }


def _slope(counts: np.ndarray) -> float:
    """Exponent of a power law of ranks, by least squares on logarithms."""
    if len(counts) < 2:
        return 0.0
    ranks = np.log(np.arange(1, len(counts) + 1))
    return float(-np.polyfit(ranks, np.log(counts), 1)[0])
