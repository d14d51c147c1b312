"""Select one number per model from the long table of scores."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
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
MOST_REASONS = 3  # models whose reason an error gives
# Kinds of image encoders, by the names of architectures. The encoders of MobileCLIP are vision
# transformers (B and L) or of FastViT, which mixes convolutions and attention (S).
ENCODER_KINDS = {
    "convolutional": re.compile("rn[0-9]|resnet|convnext|byobnet", re.IGNORECASE),
    "transformer": re.compile("vit|eva|mobileclip2?-[bl]", re.IGNORECASE),
    "hybrid": re.compile("mobileclip2?-s", re.IGNORECASE),
}


@dataclass(frozen=True)
class Results:
    """A study and its two tables, which every notebook reads first.

    `chosen` is the set that scores are selected from; empty for the first set of the study.
    `reference` is the folder of the reference run that the tables are from; None for those of a
    run.
    """

    study: Study
    scores: pd.DataFrame
    models: pd.DataFrame
    chosen: str = ""
    reference: Path | None = None

    @property
    def set(self) -> str:
        """Name of the set that scores are selected from."""
        return self.chosen or next(iter(self.study.sets))


def load_results(
    study: str, models: str = EVERY, set: str = FIRST, *, replicates: bool = False
) -> Results:
    """Read the joined scores and models of a study, by its name or path.

    `models` and `set` choose among them; see `select`. Models that repeat a point of the design
    are left out unless `replicates`: they say how reliable a score is, and are no models of their
    own.
    """
    settings = load_study(study)
    table = read_table(settings.paths.models)
    table = table if replicates else without_replicates(table)
    results = Results(settings, read_table(settings.paths.scores), table)
    return select(results, models, set)


def without_replicates(models: pd.DataFrame) -> pd.DataFrame:
    """A table of models without those that repeat a point of the design."""
    if "replicate_of" not in models:
        return models
    return models[models["replicate_of"].fillna("") == ""].reset_index(drop=True)


def select(results: Results, models: str = EVERY, set: str = FIRST) -> Results:
    """Some of the models of a study, and one of its sets.

    Parameters
    ----------
    results
        The tables of a study.
    models
        ``all``, or a list with commas of: a kind of image encoder (one of `ENCODER_KINDS`), an
        architecture, a family, a name. ``*`` matches any text, as in ``ViT-B*``.
    set
        Name of a set, or ``first``.

    Raises
    ------
    StudyError
        If no model, or no set, has that name.
    """
    if set != FIRST and set not in results.study.sets:
        raise StudyError(unknown("set", set, [FIRST, *results.study.sets]))
    results = replace(results, chosen="" if set == FIRST else set)
    if models == EVERY:
        return results
    table = results.models
    names = [[EVERY, *own] for own in model_names(table)]
    selected = np.zeros(len(table), dtype=bool)
    for pattern in (part.strip() for part in models.split(",")):
        lower = pattern.lower()
        matches = np.array([any(fnmatchcase(n.lower(), lower) for n in own) for own in names])
        if not matches.any():
            available = dict.fromkeys(name for own in names for name in own)
            raise StudyError(unknown("models", pattern, available))
        selected |= matches
    return replace(results, models=table[selected].reset_index(drop=True))


def model_names(models: pd.DataFrame) -> list[list[str]]:
    """Names that select each model, the widest first: image encoder, architecture, family, name."""
    names = []
    columns = [c for c in ("architecture", "family", "model") if c in models]
    for row in models[columns].itertuples(index=False):
        own = [value for value in row if isinstance(value, str)]
        kinds = [name for name, pattern in ENCODER_KINDS.items() if pattern.search(own[0])]
        names.append([*kinds, *own])
    return names


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
        If a column or a value does not occur, no model could be loaded, or the selection leaves
        more than one row for a model.
    """
    for column in where:
        if column not in SCORES.keys:
            raise StudyError(unknown("column of scores", column, SCORES.keys))
    where = {"set": results.set, "space": "image"} | where
    scores = plain_rows(results.scores, **where)
    scores = scores[scores["model"].isin(results.models["model"])]
    if scores.empty:
        check_loaded(results)
        every = results.scores[results.scores["model"].isin(results.models["model"])]
        for column, value in where.items():
            if not has_value(every[column], value).any():
                raise StudyError(unknown(column, str(value), every[column].dropna().unique()))
    repeated = scores.loc[scores["model"].duplicated(), "model"].unique()
    if len(repeated):
        raise StudyError(f"{where} does not select one row for {', '.join(repeated)}")
    return scores.set_index("model")[["value", "low", "high", "chance", "n"]]


def check_loaded(results: Results) -> None:
    """Refuse results in which no model could be loaded, with a StudyError that says why."""
    models = results.models
    if "missing" not in models or models.empty or (models["missing"] == "").any():
        return
    shown = models.head(MOST_REASONS)
    reasons = [f"{row.model}: {row.missing}" for row in shown.itertuples()]
    if len(models) > len(shown):
        reasons.append(f"and {len(models) - len(shown)} more")
    raise StudyError(
        f"study {results.study.name}: none of its {len(models)} models could be loaded, so there "
        f"are no scores: {'; '.join(reasons)}"
    )


def available_splits(results: Results) -> set[str]:
    """Splits in which the models of the study have scores."""
    scores = results.scores
    return set(scores.loc[scores["model"].isin(results.models["model"]), "split"]) - {""}


def percent(value: float, low: float | None = None, high: float | None = None) -> str:
    """A share as text: ``12.3 %``, or with an interval ``12.3 % [11.0, 13.5]``; ``-`` for NaN."""
    if not np.isfinite(value):
        return "-"
    digits = 1 if value >= 0.01 else 2  # chance is often far below one percent
    text = f"{100 * value:.{digits}f} %"
    if low is None or high is None or not np.isfinite(low):
        return text
    return f"{text} [{100 * low:.{digits}f}, {100 * high:.{digits}f}]"
