"""The design of a study: its columns, and how far its factors are from orthogonal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.reference import DESIGN_FILE
from cood.analysis.results import Results, without_replicates
from cood.design import Dose, Factor, Levels, Summary, observed_range, summarise
from cood.errors import StudyError
from cood.evaluation.design_table import REALISED
from cood.files import read_table
from cood.settings import NO_TREATMENT
from cood.settings.study_file import Study

# Factors of which the analysis takes the logarithm of base 2: a unit is a doubling.
DOUBLED = ("share", "images", "steps", "learning_rate", "embed_dim")
TREATMENT = "treatment"
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


def design_columns(results: Results) -> pd.DataFrame:
    """The columns of the design, as the analysis plan takes them, indexed by model.

    Parameters
    ----------
    results
        The tables of a study with a design, of a run or of a reference run.

    Returns
    -------
    pandas.DataFrame
        Realised values, without columns that are the same for all models: `share`, `images`,
        `steps`, `learning_rate` and `embed_dim` as logarithms of base 2, `skew`, `wrong_captions`
        and `pair_captions`; 0 or 1 for each level of a categorical factor but the first, such as
        `image_tower=byobnet`; 0 or 1 for each arm of the treatment but the first, such as
        `orthogonality_placebo`; and `strength`, the logarithm of base 2 minus its mean in the arm.

    Raises
    ------
    StudyError
        If the study has no design.
    ArtefactError
        If the table of the design is missing or damaged.
    """
    factors, models = factors_of(results.study), results.models["model"]
    table = without_replicates(design_table(results)).set_index("model")
    table = table.loc[[model for model in models if model in table.index]]
    columns: dict[str, pd.Series] = {}
    for factor in factors:
        name = factor.name
        values = table[f"{name}{REALISED}" if f"{name}{REALISED}" in table else name]
        if isinstance(factor, Levels):
            first = NO_TREATMENT if NO_TREATMENT in factor.levels else factor.levels[0]
            arms = name == TREATMENT
            columns |= {
                level if arms else f"{name}={level}": (values == level).astype(float)
                for level in factor.levels
                if level != first
            }
        elif isinstance(factor, Dose):
            dose = np.log2(values.where(values > 0))
            columns[name] = (dose - dose.groupby(table[factor.of]).transform("mean")).fillna(0.0)
        else:
            columns[name] = np.log2(values) if name in DOUBLED else values.astype(float)
    every = pd.DataFrame(columns, index=table.index)
    return every.loc[:, every.nunique() > 1]


def design_table(results: Results) -> pd.DataFrame:
    """The table `design.parquet` of a study, of a run or of a reference run; see `Results`."""
    folder = results.reference
    return read_table(results.study.paths.design if folder is None else folder / DESIGN_FILE)
