"""Picking one number per model out of the long table of scores."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from cood.errors import StudyError, unknown
from cood.files import read_table
from cood.settings.study_file import Study, load_study

EVERY, FIRST = "all", "first"
MOST_REASONS = 3  # models whose reason an error gives
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


def pick(results: Results, **where: str) -> pd.DataFrame:
    """One row per model, indexed by its name: `value`, `low`, `high`, `chance` and `n`.

    Parameters
    ----------
    results
        The tables of a study.
    where
        Values of the columns `set` (default: that of the results), `split`, `space` (default
        ``image``), `group` (default ``all``), `metric` and `variant` (default ``all``) that
        select the row.

    Raises
    ------
    StudyError
        If a value does not occur, no model could be loaded, or the selection leaves more than one
        row for a model.
    """
    usual = {"space": "image", "group": "all", "variant": "all"}
    where = {"set": results.set, **usual} | where
    scores = results.scores
    for column in ("variant", *where):  # what leaves the fewest rows first
        scores = scores[scores[column] == where[column]]
    scores = scores[scores["model"].isin(results.models["model"])]
    if scores.empty:
        check_loaded(results)
        every = results.scores[results.scores["model"].isin(results.models["model"])]
        for column, value in where.items():
            known = every[column].unique()
            if value not in known:
                raise StudyError(unknown(column, value, known))
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
