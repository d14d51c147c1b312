"""Treatments as instruments for what they penalise, and the dependence on their strength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cood.analysis.outcomes import outcomes
from cood.analysis.results import Results
from cood.analysis.stats.regression.adjusted import independent_columns
from cood.analysis.stats.regression.instrumental import two_stage
from cood.analysis.stats.regression.least_squares import with_constant
from cood.analysis.topics.treatments.contrasts import (
    EFFECT,
    SIGNS,
    SPACES,
    TARGETS,
    TOGETHER,
    Arms,
    arms,
    contrasts,
    difference,
    disentanglement,
    diverged_by_arm,
    measure_name,
    treatment_effects,
)
from cood.settings import PLACEBO, TREATMENTS

STRENGTH = "strength"
OUTCOMES = ("cood", "gap", "id")  # y1, y2 and y0, as `outcomes` names them
INSTRUMENTED = OUTCOMES[:2]


@dataclass(frozen=True)
class Comparison:
    """Treatments against placebos in one study; tables are empty if it has no such pair.

    Attributes
    ----------
    arms, outcomes
        What each model was treated with; `OUTCOMES` by model.
    effects, first_stage
        `treatment_effects` on the outcomes, and on what the penalties target.
    instrumental, doses, diverged
        What `instrumental_estimates`, `dose_response` and `diverged_by_arm` return.
    """

    arms: Arms
    outcomes: pd.DataFrame
    effects: pd.DataFrame
    first_stage: pd.DataFrame
    instrumental: pd.DataFrame
    doses: pd.DataFrame
    diverged: pd.DataFrame


def compare_treatments(results: Results) -> Comparison:
    """All that the page of the treatments shows."""
    drawn, seed = arms(results), results.study.seed
    found = contrasts(drawn)
    y = outcomes(results)[list(OUTCOMES)] if found else pd.DataFrame()
    measures = disentanglement(results) if found else pd.DataFrame()
    return Comparison(
        arms=drawn,
        outcomes=y,
        effects=treatment_effects(found, y, seed=seed),
        first_stage=treatment_effects(found, measures, seed=seed),
        instrumental=instrumental_estimates(drawn, measures, y.reindex(columns=list(INSTRUMENTED))),
        doses=dose_response(drawn, y, seed=seed),
        diverged=diverged_by_arm(results),
    )


def instrumental_estimates(
    drawn: Arms, measures: pd.DataFrame, numbers: pd.DataFrame
) -> pd.DataFrame:
    """The effect of what a treatment penalises on the outcomes, with the treatment as instrument.

    Instruments of a treatment are its contrast, and its contrast times the logarithm of the
    strength. Each treatment has a row for the measure that it targets; with several, both measures
    also have one with the instruments of all treatments.

    Parameters
    ----------
    drawn
        What `arms` returns.
    measures, numbers
        By model, what `disentanglement` returns, and outcomes.

    Returns
    -------
    pandas.DataFrame
        `instruments` (a penalty or `TOGETHER`), `metric`, `space`, `outcome`, and in `found` an
        `Instrumental`, for one standard deviation of the measure over the models in the direction
        of more disentangled.
    """
    rows = []
    sources = {penalty: [penalty] for penalty in drawn.penalties}
    if len(sources) > 1:
        sources[TOGETHER] = drawn.penalties
    for source, penalties in sources.items():
        exogenous, instruments = instruments_of(drawn, penalties)
        for metric in dict.fromkeys(TARGETS[p] for p in penalties):
            for space in SPACES:
                measure = measures[measure_name(metric, space)].reindex(exogenous.index)
                scaled = SIGNS[metric] * measure / measure.std()
                for outcome in numbers:
                    y = numbers[outcome].reindex(exogenous.index)
                    estimated = two_stage(y, scaled, instruments, exogenous)
                    row = {"instruments": source, "metric": metric, "space": space}
                    rows.append(row | {"outcome": outcome, "found": estimated})
    return pd.DataFrame(rows, columns=["instruments", "metric", "space", "outcome", "found"])


def dose_response(drawn: Arms, numbers: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Change of each outcome for twice the strength, with each treatment and with its placebo.

    Parameters
    ----------
    drawn, numbers
        As in `instrumental_estimates`.
    seed
        Of the permutations.

    Returns
    -------
    pandas.DataFrame
        A row a penalty, outcome and `slope` (``treatment``, ``placebo`` or ``difference``), with
        the columns of `EFFECT`. Empty for penalties of which the strength does not vary.
    """
    rows = []
    for penalty in drawn.penalties:
        exogenous, instruments = instruments_of(drawn, [penalty])
        half, dose = instruments.columns[0], drawn.log_strength
        if instruments.shape[1] < 2:
            continue
        real, placebo = ((drawn.treatment == f"{penalty}{end}") * dose for end in ("", PLACEBO))
        # Each slope is the coefficient of one column, given the other.
        slopes = {
            "treatment": (real, placebo),
            "placebo": (placebo, real),
            "difference": (drawn.halves(penalty) * dose, drawn.either(penalty) * dose),
        }
        others = exogenous.drop(columns=_dose_name(penalty)).assign(**{half: instruments[half]})
        for outcome in numbers:
            for name, (column, other) in slopes.items():
                effect = difference(numbers[outcome], column, others.assign(other=other), seed)
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


def _dose_name(penalty: str) -> str:
    return f"strength of {penalty} or its placebo"


def instruments_of(drawn: Arms, penalties: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Columns that are held fixed, and the contrasts of some penalties with and without dose.

    Held fixed are all other columns of the design, with a slope over the strength for each
    penalty, and the contrasts of the other penalties.
    """
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
