"""Measure intervals and tests of treatments in simulated zoos with the designs of the studies.

Half of an outcome's variance is noise, of a kind: normal, with heavy tails, or with another
variance under the treatment than under the placebo. The measure that the treatments target shares
a confounder with the outcome; the treatments move it strongly, weakly or not at all.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cood.analysis.stats.regression.adjusted import coefficient_given
from cood.analysis.stats.regression.instrumental import covers, two_stage
from cood.analysis.topics.treatments.contrasts import (
    Arms,
    contrasts,
    difference,
    group_by_arm,
)
from cood.analysis.topics.treatments.instruments import instruments_of
from cood.settings.study_file import load_study

DRAWS, PERMUTED = 2000, 500  # simulated studies; of these, with permutations
STUDIES = ("mini", "lab")
NOISES = ("normal", "heavy tails", "unequal")
MOVES = {"strong": 2.0, "weak": 0.3, "none": 0.0}  # of the measure, in its standard deviations
EFFECT = 0.5  # planted, of the contrast on the outcome and of the measure on the outcome
LEVEL = 0.05


def design_of(study: str) -> Arms:
    """The arms and numeric columns of the design of a study, as asked."""
    models = load_study(study).trained
    names = [name for name in models if name in load_study(study).design.names()]
    table = pd.DataFrame([models[name].model_dump() for name in names], index=names)
    numbers = table.select_dtypes("number").drop(columns=["seed", "strength"])
    numbers = numbers.loc[:, numbers.nunique() > 1]
    return group_by_arm(
        table["treatment"], table["strength"], (numbers - numbers.mean()) / numbers.std()
    )


def noise(kind: str, drawn: Arms, rng: np.random.Generator) -> np.ndarray:
    """Errors of the models [n] with a variance of about 1."""
    n = len(drawn.treatment)
    if kind == "heavy tails":
        return rng.standard_t(5, n) / np.sqrt(5 / 3)
    errors = rng.normal(size=n)
    real = drawn.treatment.isin(drawn.penalties).to_numpy()
    return np.where(real, 1.5, 0.7) * errors if kind == "unequal" else errors


def reduced_form(drawn: Arms, kind: str, rng: np.random.Generator) -> dict[str, float]:
    """Coverage of the interval of the contrast of all treatments, and size of its test."""
    one = list(contrasts(drawn).values())[-1]
    covered, wrong = 0, 0
    for draw in range(DRAWS):
        errors = pd.Series(noise(kind, drawn, rng), one.column.index)
        planted = coefficient_given(errors + EFFECT * one.column, one.column, one.nuisance)
        covered += planted.low <= EFFECT <= planted.high
        if draw < PERMUTED:
            effect = difference(errors, one.column, one.nuisance, draw)
            wrong += effect["p"] < LEVEL
    return {"interval holds the effect": covered / DRAWS, "p below 0.05": wrong / PERMUTED}


def instrumental(drawn: Arms, move: float, rng: np.random.Generator) -> dict[str, float]:
    """Coverage of both intervals, and size of the test of overidentification."""
    exogenous, instruments = instruments_of(drawn, drawn.penalties)
    moved = move * sum(drawn.halves(p) * (1 + drawn.log_strength) for p in drawn.penalties)
    hits = np.zeros(3)
    for _ in range(DRAWS):
        confounder, own = rng.normal(size=(2, len(moved)))
        x = moved + confounder
        y = EFFECT * x + 0.8 * confounder + 0.6 * own
        found = two_stage(y, x, instruments, exogenous)
        hits += [
            covers(found.confidence_set, EFFECT),
            found.estimate.low <= EFFECT <= found.estimate.high,
            found.overidentified_p < LEVEL,
        ]
    names = ("Anderson-Rubin", "two-stage", "J below 0.05")
    return dict(zip(names, hits / DRAWS, strict=True))


def main() -> None:
    """Measure both, and print the tables."""
    rng = np.random.default_rng(0)
    arms = {study: design_of(study) for study in STUDIES}
    tables = (
        [
            {"design": s, "noise": k, **reduced_form(a, k, rng)}
            for s, a in arms.items()
            for k in NOISES
        ],
        [
            {"design": s, "instruments": m, **instrumental(a, by, rng)}
            for s, a in arms.items()
            for m, by in MOVES.items()
        ],
    )
    for rows in tables:
        print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
