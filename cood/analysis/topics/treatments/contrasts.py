"""Treatments against their placebos: effects on accuracy and on what they penalise.

A contrast is coded 1/2 for models with a treatment, -1/2 for models with its placebo and 0 for all
others. Its coefficient, given the other columns of the design, is the mean difference between
treatment and placebo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.results import Results, pick, without_replicates
from cood.analysis.stats.correlation import correlate
from cood.analysis.stats.regression.adjusted import coefficient_given, independent_columns
from cood.analysis.topics.design import design_columns, design_table
from cood.errors import StudyError
from cood.evaluation.common.score_table import ALL
from cood.settings import NO_TREATMENT, PENALTIES, PLACEBO

TOGETHER = "all treatments"
# The measure that each penalty targets, and the sign that makes it larger if codes are more
# disentangled.
TARGETS = {"orthogonality": "orthogonality", "additivity": "r2"}
SIGNS = {"orthogonality": -1, "r2": 1}
SPACES = ("image", "text")
EFFECT = ["value", "low", "high", "p", "r", "r_low", "r_high", "n", "nuisance"]


@dataclass(frozen=True)
class Contrast:
    """Treatment against placebo: the column, by model, and the columns that are held fixed."""

    column: pd.Series
    nuisance: pd.DataFrame

    @property
    def counts(self) -> tuple[int, int]:
        """Models with a treatment, and with a placebo."""
        return int((self.column > 0).sum()), int((self.column < 0).sum())


@dataclass(frozen=True)
class Arms:
    """What each model of a design was treated with.

    Attributes
    ----------
    treatment
        By model, one of `TREATMENTS`.
    strength, log_strength
        Of the penalty, and its logarithm of base 2, centred within its arm; both are 0 without one.
    design
        The other columns of the design, by model.
    """

    treatment: pd.Series
    strength: pd.Series
    log_strength: pd.Series
    design: pd.DataFrame

    @property
    def penalties(self) -> list[str]:
        """Penalties of which models have the treatment, and models have its placebo."""
        levels = set(self.treatment)
        return [p for p in PENALTIES if {p, f"{p}{PLACEBO}"} <= levels]

    def halves(self, penalty: str) -> pd.Series:
        """1/2 with the treatment, -1/2 with its placebo, else 0."""
        real, placebo = (self.treatment == arm for arm in (penalty, f"{penalty}{PLACEBO}"))
        return (real.astype(float) - placebo.astype(float)) / 2

    def either(self, penalty: str) -> pd.Series:
        """1 with the treatment or its placebo, else 0."""
        return 2 * self.halves(penalty).abs()

    def fixed(self) -> pd.DataFrame:
        """The columns of the design that do not compare a treatment with its placebo."""
        paired = {f"{p}{end}" for p in self.penalties for end in ("", PLACEBO)}
        others = self.design.drop(columns=[c for c in self.design if c in paired])
        either = {f"{p} or its placebo": self.either(p) for p in self.penalties}
        return others.assign(**either)


def arms(results: Results) -> Arms:
    """The arms of a study with a design; without one, or without treatments, they are empty."""
    if results.study.design is None:
        nothing = pd.Series(dtype=float)
        return Arms(nothing.astype(str), nothing, nothing, pd.DataFrame())
    design = design_columns(results)
    models = results.models.set_index("model").reindex(design.index)
    return group_by_arm(models["treatment"].astype(str), models["strength"], design)


def group_by_arm(treatment: pd.Series, strength: pd.Series, design: pd.DataFrame) -> Arms:
    """The arms of models, from their treatment, strength and columns of the design."""
    logs = np.log2(strength.where(strength > 0))
    centred = (logs - logs.groupby(treatment).transform("mean")).fillna(0.0)
    return Arms(treatment, strength, centred, design)


def contrasts(drawn: Arms) -> dict[str, Contrast]:
    """Each treatment against its placebo, and, with several, all of them together.

    The nuisance of each is what else the columns of the design span: which penalty a model has,
    the contrasts of the other penalties, and all that is not a treatment. That of all together
    holds the differences between the contrasts fixed, so it is the mean of the single effects.
    """
    halves = {penalty: drawn.halves(penalty) for penalty in drawn.penalties}
    fixed = drawn.fixed()
    found = {
        penalty: Contrast(
            column,
            independent_columns(
                fixed.assign(**{f"{p} minus placebo": h for p, h in halves.items() if p != penalty})
            ),
        )
        for penalty, column in halves.items()
    }
    if len(halves) > 1:
        *first, last = halves
        apart = {f"{p} minus {last}": halves[p] - halves[last] for p in first}
        column = pd.Series(sum(halves.values()))
        found[TOGETHER] = Contrast(column, independent_columns(fixed.assign(**apart)))
    return found


def contrast(results: Results) -> tuple[pd.Series, pd.DataFrame]:
    """The contrast of all treatments of a study with their placebos, and its nuisance columns.

    Both are indexed by model, without replicates. See `contrasts`.

    Raises
    ------
    StudyError
        If no treatment of the study has models with it and models with its placebo.
    """
    found = contrasts(arms(results))
    if not found:
        raise StudyError(
            f"study {results.study.name} has no treatment with a placebo, so their difference "
            "cannot be tested; add both as levels of the factor treatment under design"
        )
    together = found.get(TOGETHER, next(iter(found.values())))
    return together.column, together.nuisance


def disentanglement(results: Results) -> pd.DataFrame:
    """What the penalties target, measured on each model: columns ``METRIC of SPACEs``, by model.

    `orthogonality` is the mean absolute cosine of attribute and object vectors as a multiple of
    that of random directions, and `r2` the share of the variance that sums of word vectors explain;
    both over all compositions.
    """
    columns = {}
    for metric in TARGETS.values():
        for space in SPACES:
            rows = pick(results, split=ALL, metric=metric, space=space)
            by_chance = rows["value"] / rows["chance"]
            values = by_chance if metric == "orthogonality" else rows["value"]
            columns[measure_name(metric, space)] = values
    return pd.DataFrame(columns)


def measure_name(metric: str, space: str) -> str:
    """Name of a measure in tables.

    Examples
    --------
    >>> measure_name("r2", "text")
    'r2 of texts'
    """
    return f"{metric} of {space}s"


def treatment_effects(
    found: Mapping[str, Contrast], numbers: pd.DataFrame, *, seed: int
) -> pd.DataFrame:
    """Treatment minus placebo, in each of some numbers of the models: a row a contrast and number.

    Parameters
    ----------
    found
        What `contrasts` returns.
    numbers
        By model, such as outcomes (the reduced form) or measures (the first stage).
    seed
        Of the permutations.

    Returns
    -------
    pandas.DataFrame
        `contrast`, `number`; `treated` and `placebo`, numbers of models; the difference with its
        interval (`value`, `low`, `high`, see `coefficient_given`); the partial correlation (`r`,
        `r_low`, `r_high`) and the p of its permutations; `n` and `nuisance`, models and columns.
    """
    rows = []
    for name, one in found.items():
        treated, placebo = one.counts
        for number in numbers:
            row = {"contrast": name, "number": number, "treated": treated, "placebo": placebo}
            rows.append(row | difference(numbers[number], one.column, one.nuisance, seed))
    columns = ["contrast", "number", "treated", "placebo", *EFFECT]
    return pd.DataFrame(rows, columns=columns)


def diverged_by_arm(results: Results) -> pd.DataFrame:
    """Models of each arm, and how many of them diverged: `treatment`, `models`, `diverged`.

    A model diverged if its mean loss at the end is not finite or no lower than at the start, as
    the table of the design says. Empty for a study without a design.
    """
    columns = ["treatment", "models", "diverged"]
    if results.study.design is None:
        return pd.DataFrame(columns=columns)
    models = without_replicates(design_table(results))
    untreated = pd.Series(NO_TREATMENT, index=models.index)
    counts = models.groupby(models.get("treatment", untreated), sort=False)["diverged"]
    return (
        counts.agg(["size", "sum"])
        .reset_index()
        .set_axis(columns, axis=1)
        .astype({"diverged": int})
    )


def difference(y: pd.Series, x: pd.Series, given: pd.DataFrame, seed: int) -> dict[str, float]:
    """The columns `EFFECT`: coefficient and partial correlation of x, given other columns.

    Parameters
    ----------
    y, x, given
        Numbers by model and columns that are held fixed; x and these have the same index.
    seed
        Of the permutations.
    """
    y = y.reindex(x.index)
    own = coefficient_given(y, x, given)
    each = pd.Series(x.index, index=x.index)
    partial = correlate(x, y, each, given=[given[c] for c in given], seed=seed).pearson
    return {
        "value": own.value,
        "low": own.low,
        "high": own.high,
        "p": partial.p,
        "r": partial.value,
        "r_low": partial.low,
        "r_high": partial.high,
        "n": own.n,
        "nuisance": given.shape[1],
    }
