"""Picking one number per model out of the long table of scores."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd

from cood.errors import StudyError, unknown
from cood.evaluation.common.score_table import ALL, SCORES
from cood.files import read_table
from cood.metrics.rank import DEFINITIONS
from cood.settings.study_file import Study, load_study

EVERY, FIRST = "all", "first"
# The plain row of a metric has one of these values in each column of the table of scores: what
# does not apply, or what is usual. Ranks alone are those of centred codes.
PLAIN: dict[str, tuple[Any, ...]] = {
    "category": (ALL,),
    "method": ("", "zero_shot"),
    "labels": ("", ALL),
    "templates": ("",),
    "fitted_on": ("",),
    "query": ("",),
    "weight": (None, 1.0),
    "rule": ("",),
    "disjoint": ("",),
    "exchange": ("",),
    "control": (None, False),
    "dimensions": (None,),
    "codes": ("", "images", "compositions", "captions"),
    "basis": ("",),
    "unit_rows": (None, True),
    "relative": (None, True),
    "factor": ("",),
    "granularity": ("", "words"),
    "null": ("",),
    "projection": ("",),
    "width": (None,),
}
TOWERS = {
    "convolutional": re.compile("rn[0-9]|resnet|convnext|byobnet", re.IGNORECASE),
    "transformer": re.compile("vit|eva", re.IGNORECASE),
}


@dataclass(frozen=True)
class Results:
    """A study and its two tables; what every notebook starts from.

    `chosen` is the set that scores are taken from, the study's first if it is empty.
    """

    study: Study
    scores: pd.DataFrame
    models: pd.DataFrame
    chosen: str = ""

    @property
    def set(self) -> str:
        """Name of the set that scores are taken from."""
        return self.chosen or next(iter(self.study.sets))


def load_results(study: str, models: str = EVERY, set: str = FIRST) -> Results:
    """Read the joined scores and models of a study, given by name or by path.

    `models` and `set` say which of them are taken; see `select`.
    """
    settings = load_study(study)
    known = read_table(settings.paths.models)
    results = Results(settings, read_table(settings.paths.scores), known)
    return select(results, models, set)


def select(results: Results, models: str = EVERY, set: str = FIRST) -> Results:
    """Some of the models of a study, and one of its sets.

    Parameters
    ----------
    results
        The tables of a study.
    models
        ``all``, or what some have, with commas between several: ``convolutional`` or
        ``transformer`` (the image tower), an architecture, a family, a name. ``*`` stands for
        anything, as in ``ViT-B*``.
    set
        Name of a set, or ``first``.

    Raises
    ------
    StudyError
        If no model, or no set, is of that name.
    """
    if set != FIRST and set not in results.study.sets:
        raise StudyError(unknown("set", set, [FIRST, *results.study.sets]))
    results = replace(results, chosen="" if set == FIRST else set)
    if models == EVERY:
        return results
    table = results.models
    names = [[EVERY, *few] for few in model_names(table)]
    taken = np.zeros(len(table), dtype=bool)
    for asked in (part.strip() for part in models.split(",")):
        here = np.array([any(fnmatchcase(n.lower(), asked.lower()) for n in ns) for ns in names])
        if not here.any():
            known = dict.fromkeys(name for few in names for name in few)
            raise StudyError(unknown("models", asked, known))
        taken |= here
    return replace(results, models=table[taken].reset_index(drop=True))


def model_names(models: pd.DataFrame) -> list[list[str]]:
    """What each model may be asked for by, the widest first: tower, architecture, family, name."""
    found = []
    columns = [c for c in ("architecture", "family", "model") if c in models]
    for row in models[columns].itertuples(index=False):
        known = [value for value in row if isinstance(value, str)]
        towers = [name for name, pattern in TOWERS.items() if pattern.search(known[0])]
        found.append([*towers, *known])
    return found


def has_value(column: pd.Series, *values: Any) -> np.ndarray:
    """Rows [n] in which a column has one of some values; None stands for a missing one."""
    present = [value for value in values if value is not None]
    rows = column.isin(present).to_numpy(bool)
    return rows | column.isna().to_numpy(bool) if len(present) < len(values) else rows


def rows_with(scores: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """Rows that have these values in these columns; None stands for a missing one."""
    for column in sorted(where, key=lambda name: name != "metric"):  # leaves few rows at once
        scores = scores[has_value(scores[column], where[column])]
    return scores


def plain_rows(scores: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """Rows that have these values, and in the other columns what the plain row has (`PLAIN`).

    Parameters
    ----------
    scores
        A table of scores, or of something by columns of one.
    where
        Values by column; None stands for a missing one. `model`, `set`, `split`, `space` and
        `metric` may have any value where they are not given.
    """
    scores = rows_with(scores, **where)
    for column, values in PLAIN.items():
        if column in scores and column not in where:
            scores = scores[has_value(scores[column], *values)]
    if "centred" not in scores or "centred" in where:
        return scores
    ranks = scores["metric"].isin(DEFINITIONS).to_numpy(bool)
    return scores[ranks == has_value(scores["centred"], True)]


def pick(results: Results, **where: Any) -> pd.DataFrame:
    """One row per model, indexed by its name: `value`, `low`, `high`, `chance` and `n`.

    Parameters
    ----------
    results
        The tables of a study.
    where
        Values of columns of the table of scores. By default, `set` is that of the results,
        `space` is ``image``, and the other columns are those of the plain row (`PLAIN`).

    Raises
    ------
    StudyError
        If a column or a value does not occur, or the selection leaves more than one row for a
        model.
    """
    for column in where:
        if column not in SCORES.keys:
            raise StudyError(unknown("column of scores", column, SCORES.keys))
    where = {"set": results.set, "space": "image"} | where
    scores = plain_rows(results.scores, **where)
    scores = scores[scores["model"].isin(results.models["model"])]
    if scores.empty:
        every = results.scores[results.scores["model"].isin(results.models["model"])]
        for column, value in where.items():
            if not has_value(every[column], value).any():
                raise StudyError(unknown(column, str(value), every[column].dropna().unique()))
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
