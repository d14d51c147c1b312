"""The design of a study: how far its factors are from orthogonal, as asked and as realised."""

from __future__ import annotations

import pandas as pd

from cood.design import Dose, Factor, Levels, Summary, observed_range, summarise
from cood.errors import StudyError
from cood.evaluation.design_table import REALISED
from cood.settings.study_file import Study

ASKED, AS_REALISED = "asked", "realised"


def factors_of(study: Study) -> list[Factor]:
    """The factors of a study's design.

    Raises
    ------
    StudyError
        If it has none.
    """
    if study.design is None:
        raise StudyError(f"study {study.name} has no section `design`")
    return study.design.factors.as_factors()


def summaries(study: Study, table: pd.DataFrame) -> dict[str, Summary]:
    """How good the design is, `ASKED` and `AS_REALISED`, without the replicates.

    `table` is `design.parquet`.
    """
    factors, models = factors_of(study), table[table["replicate_of"] == ""]
    realised, became = models.copy(), []
    for factor in factors:
        column = f"{factor.name}{REALISED}"
        if isinstance(factor, Levels | Dose) or column not in models:
            became.append(factor)
            continue
        realised[factor.name] = models[column]
        became.append(observed_range(factor.name, models[column], log=factor.log))
    return {ASKED: summarise(models, factors), AS_REALISED: summarise(realised, became)}
