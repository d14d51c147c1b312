"""Picking one number per model out of the long table of scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.errors import StudyError, unknown
from cood.files import read_table
from cood.study import Study, load_study


@dataclass(frozen=True)
class Results:
    """A study and its two tables; what every notebook starts from."""

    study: Study
    scores: pd.DataFrame
    models: pd.DataFrame


def load_results(study: str) -> Results:
    """Read the joined scores and models of a study, given by name or by path."""
    settings = load_study(study)
    models = read_table(settings.paths.models)
    return Results(settings, read_table(settings.paths.scores), models)


def pick(results: Results, **where: str) -> pd.DataFrame:
    """One row per model, indexed by its name: `value`, `low`, `high`, `chance` and `n`.

    Parameters
    ----------
    results
        The tables of a study.
    where
        Values of the columns `set` (default: the study's first), `split`, `space` (default
        ``image``), `group` (default ``all``), `measure` and `variant` (default ``all``) that
        select the row.

    Raises
    ------
    StudyError
        If a value does not occur, or the selection leaves more than one row for a model.
    """
    usual = {"space": "image", "group": "all", "variant": "all"}
    where = {"set": next(iter(results.study.sets)), **usual} | where
    scores = results.scores
    for column in ("variant", *where):  # what leaves the fewest rows first
        scores = scores[scores[column] == where[column]]
    scores = scores[scores["model"].isin(results.models["model"])]
    if scores.empty:
        every = results.scores[results.scores["model"].isin(results.models["model"])]
        for column, value in where.items():
            known = every[column].unique()
            if value not in known:
                raise StudyError(unknown(column, value, known))
    repeated = scores.loc[scores["model"].duplicated(), "model"].unique()
    if len(repeated):
        raise StudyError(f"{where} does not select one row for {', '.join(repeated)}")
    return scores.set_index("model")[["value", "low", "high", "chance", "n"]]


def known_splits(results: Results) -> set[str]:
    """Splits that the study's models have scores in."""
    scores = results.scores
    return set(scores.loc[scores["model"].isin(results.models["model"]), "split"]) - {""}


def percent(value: float, low: float | None = None, high: float | None = None) -> str:
    """A share as text: ``12.3 %``, with its interval ``12.3 % [11.0, 13.5]`` if given.

    ``-`` stands for a share that is not known (NaN).
    """
    if not np.isfinite(value):
        return "-"
    digits = 1 if value >= 0.01 else 2  # chance is often far below one percent
    text = f"{100 * value:.{digits}f} %"
    if low is None or high is None or not np.isfinite(low):
        return text
    return f"{text} [{100 * low:.{digits}f}, {100 * high:.{digits}f}]"
