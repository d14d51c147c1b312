"""Treatments against their placebos: effects on accuracy, on what they penalise, and doses.

A contrast is coded 1/2 for models with a treatment, -1/2 for models with its placebo and 0 for all
others. Its coefficient, given the other columns of the design, is the mean difference between
treatment and placebo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.results import Results, pick
from cood.analysis.stats.correlation import correlate
from cood.analysis.stats.regression.adjusted import coefficient_given, independent_columns
from cood.analysis.stats.regression.instrumental import two_stage
from cood.analysis.stats.regression.least_squares import with_constant
from cood.analysis.topics.design import design_columns
from cood.errors import StudyError
from cood.evaluation.common.score_table import ALL
from cood.settings import PENALTIES, PLACEBO, TREATMENTS

TOGETHER = "all treatments"
STRENGTH = "strength"
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

    `orthogonality` is the mean |cosine| of attribute and object vectors as a multiple of that of
    random directions, and `r2` the share of the variance that sums of word vectors explain; both
    over all compositions.
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
            rows.append(row | _effect(numbers[number], one.column, one.nuisance, seed))
    columns = ["contrast", "number", "treated", "placebo", *EFFECT]
    return pd.DataFrame(rows, columns=columns)


def instrumental_estimates(
    drawn: Arms, measures: pd.DataFrame, outcomes: pd.DataFrame
) -> pd.DataFrame:
    """The effect of what a treatment penalises on the outcomes, with the treatment as instrument.

    Instruments of a treatment are its contrast, and its contrast times the logarithm of the
    strength. Each treatment has a row for the measure that it targets; with several, both measures
    also have one with the instruments of all treatments.

    Parameters
    ----------
    drawn
        What `arms` returns.
    measures, outcomes
        By model, what `disentanglement` returns, and outcomes.

    Returns
    -------
    pandas.DataFrame
        `instruments` (a penalty or `TOGETHER`), `metric`, `space`, `outcome`, `models`, and in
        `found` an `Instrumental`, for one standard deviation of the measure over the models in the
        direction of more disentangled.
    """
    rows = []
    sources = {penalty: [penalty] for penalty in drawn.penalties}
    if len(sources) > 1:
        sources[TOGETHER] = drawn.penalties
    for source, penalties in sources.items():
        exogenous, instruments = _instruments(drawn, penalties)
        for metric in dict.fromkeys(TARGETS[p] for p in penalties):
            for space in SPACES:
                measure = measures[measure_name(metric, space)].reindex(exogenous.index)
                scaled = SIGNS[metric] * measure / measure.std()
                for outcome in outcomes:
                    y = outcomes[outcome].reindex(exogenous.index)
                    estimated = two_stage(y, scaled, instruments, exogenous)
                    row = {"instruments": source, "metric": metric, "space": space}
                    rows.append(row | {"outcome": outcome, "found": estimated})
    return pd.DataFrame(rows, columns=["instruments", "metric", "space", "outcome", "found"])


def dose_response(drawn: Arms, outcomes: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Change of each outcome for twice the strength, with each treatment and with its placebo.

    Returns
    -------
    pandas.DataFrame
        A row a penalty, outcome and `slope` (``treatment``, ``placebo`` or ``difference``), with
        the columns of `EFFECT`. Empty for penalties of which the strength does not vary.
    """
    rows = []
    for penalty in drawn.penalties:
        exogenous, instruments = _instruments(drawn, [penalty])
        half, dose = instruments.columns[0], drawn.log_strength
        if instruments.shape[1] < 2:
            continue
        slopes = {
            "treatment": (drawn.treatment == penalty) * dose,
            "placebo": (drawn.treatment == f"{penalty}{PLACEBO}") * dose,
        }
        others = exogenous.drop(columns=_dose_name(penalty)).assign(**{half: instruments[half]})
        own = {
            name: (slope, slopes[other])
            for (name, slope), other in zip(slopes.items(), reversed(slopes), strict=True)
        }
        own["difference"] = (drawn.halves(penalty) * dose, drawn.either(penalty) * dose)
        for outcome in outcomes:
            for name, (column, other) in own.items():
                effect = _effect(outcomes[outcome], column, others.assign(other=other), seed)
                rows.append({"penalty": penalty, "outcome": outcome, "slope": name} | effect)
    return pd.DataFrame(rows, columns=["penalty", "outcome", "slope", *EFFECT])


def adjusted_outcome(drawn: Arms, outcome: pd.Series) -> pd.Series:
    """An outcome by model, less what the columns of the design beside the treatments explain."""
    found = drawn.design
    arm_columns = [c for c in found if c in (*TREATMENTS, STRENGTH)]
    y = outcome.reindex(found.index)
    complete = y.notna()
    x = with_constant(found[complete])
    weights = np.linalg.lstsq(x, y[complete].to_numpy(float), rcond=None)[0]
    others = [c not in arm_columns for c in found]
    centred = found - found.mean()
    return y - centred.loc[:, others].to_numpy(float) @ weights[1:][others]


def diverged_by_arm(design: pd.DataFrame) -> pd.DataFrame:
    """Models of each arm, and how many of them diverged, without replicates.

    `design` is `design.parquet`; a model diverged if its mean loss at the end is not finite or no
    lower than at the start.
    """
    models = design[design["replicate_of"] == ""]
    arm = models["treatment"] if "treatment" in models else pd.Series("none", index=models.index)
    counts = models.groupby(arm, sort=False)["diverged"].agg(["size", "sum"])
    table = counts.rename_axis("treatment").reset_index()
    return table.set_axis(["treatment", "models", "diverged"], axis=1).astype({"diverged": int})


def _effect(y: pd.Series, x: pd.Series, given: pd.DataFrame, seed: int) -> dict[str, float]:
    y = y.reindex(x.index)
    difference = coefficient_given(y, x, given)
    each = pd.Series(x.index, index=x.index)
    partial = correlate(x, y, each, given=[given[c] for c in given], seed=seed).pearson
    return {
        "value": difference.value,
        "low": difference.low,
        "high": difference.high,
        "p": partial.p,
        "r": partial.value,
        "r_low": partial.low,
        "r_high": partial.high,
        "n": difference.n,
        "nuisance": given.shape[1],
    }


def _dose_name(penalty: str) -> str:
    return f"strength of {penalty} or its placebo"


def _instruments(drawn: Arms, penalties: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Columns that are held fixed, and the contrasts of some penalties with and without dose."""
    doses = {_dose_name(p): drawn.either(p) * drawn.log_strength for p in drawn.penalties}
    fixed = drawn.fixed().drop(columns=STRENGTH, errors="ignore").assign(**doses)
    moved: dict[str, pd.Series] = {}
    held: dict[str, pd.Series] = {}
    for penalty in drawn.penalties:
        half = drawn.halves(penalty)
        columns = {penalty: half, f"{penalty} times strength": half * drawn.log_strength}
        (moved if penalty in penalties else held).update(columns)
    every = independent_columns(fixed.assign(**held, **moved))
    chosen = [c for c in every if c in moved]
    return every.drop(columns=chosen), every[chosen]
