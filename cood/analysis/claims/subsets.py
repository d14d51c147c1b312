"""Verdicts again for some of the models of a run, from the tables that the run saved.

`judge_again` computes all statistics anew, `verdict_frequencies` many times by parametric p. Tests
that rest on other models or on groups of families (`DIFFERENCE`, or columns that the table of
models lacks) keep the estimate of the whole run.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cood.analysis.claims.definitions import Claim, load_claims
from cood.analysis.claims.draws import Sample, statistic_of_draws
from cood.analysis.claims.effects import Effect
from cood.analysis.claims.rules import WORDS, Finding, combine, correct, decide, is_saturated
from cood.analysis.claims.statistics import COEFFICIENTS, Statistic, compute
from cood.analysis.claims.tables import statistic_of
from cood.analysis.claims.verdicts import SPREAD_CLAIM, SPREAD_TEST, Verdict, judge_effects
from cood.analysis.stats.equivalence import equivalence_p, equivalence_reachable
from cood.analysis.stats.estimate import Estimate
from cood.analysis.thresholds import load_thresholds
from cood.settings import TREATMENTS

STRENGTH = "strength"  # is centred within its arm, so it has no range


def within_ranges(numbers: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Models whose factors lie within the ranges of another study.

    The range of a factor is that of the realised values, widened at both ends by their mean
    distance, as the ends of a range are hardly ever drawn. Factors that do not vary in the other
    study are not compared. Models with a treatment that the other study lacks are left out.

    Parameters
    ----------
    numbers
        Of the models, a row each, as `model_numbers` gives them.
    other
        The columns of the design of the other study, by model.
    """
    inside = np.ones(len(numbers), dtype=bool)
    for name in numbers:
        values = numbers[name]
        if name in TREATMENTS and name not in other:
            inside &= values.to_numpy(float) == 0
        elif name in other and name != STRENGTH:
            low, high = other[name].min(), other[name].max()
            margin = (high - low) / max(1, len(other) - 1)
            inside &= ((values >= low - margin) & (values <= high + margin)).to_numpy(bool)
    return numbers[inside]


def judge_again(
    table: pd.DataFrame,
    numbers: pd.DataFrame,
    *,
    seed: int,
    claims: tuple[Claim, ...] | None = None,
) -> list[Verdict]:
    """Verdicts on the claims for the models of a table.

    Parameters
    ----------
    table
        What `verdict_table` gave for all models of the run.
    numbers
        Rows of what `model_numbers` gave for it.
    seed
        Of the permutations.
    claims
        By default those of `claims.yaml`. Claims and tests that `table` lacks are not tested.
    """
    claims = load_claims() if claims is None else claims
    effects: dict[str, dict[str, Effect]] = {}
    reasons = dict.fromkeys((claim.id for claim in claims), "The run did not test this claim.")
    families: dict[str, str] = {claim.id: claim.family for claim in claims}
    for claim in claims:
        rows = table[table["claim"] == claim.id]
        if rows.empty:
            continue
        families[claim.id] = str(rows["family"].iloc[0])
        own = {
            str(row["test"]): _effect_again(row, numbers, seed)
            for _, row in rows.iterrows()
            if row["test"] in claim.tests
        }
        if not own:
            reasons[claim.id] = str(rows["why"].iloc[0])
        elif any(np.isnan(effect.estimate.value) for effect in own.values()):
            reasons[claim.id] = f"The statistic cannot be computed from {len(numbers)} models."
        else:
            effects[claim.id] = own
    return judge_effects(claims, effects, reasons, families)


def _effect_again(row: pd.Series, numbers: pd.DataFrame, seed: int) -> Effect:
    statistic, saturated = statistic_of(row), row["saturated"]
    saturated = None if pd.isna(saturated) else bool(saturated)
    if not _has(numbers, statistic):
        return Effect(statistic, _saved(row), outcome=row["outcome"], saturated=saturated)
    if saturated is not None and statistic.kind in COEFFICIENTS:
        saturated = _saturated(numbers[statistic.x[0]])
    estimate = compute(statistic, numbers, seed)
    return Effect(statistic, estimate, numbers, outcome=row["outcome"], saturated=saturated)


def _has(numbers: pd.DataFrame, statistic: Statistic) -> bool:
    return bool(statistic.x) and all(name in numbers for name in statistic.columns)


def _saved(row: pd.Series) -> Estimate:
    value, low, high, p = (float(row[name]) for name in ("value", "low", "high", "p"))
    n, families, nuisance = (int(row[name]) for name in ("n", "families", "nuisance"))
    return Estimate(value, low, high, p, n=n, families=families, nuisance=nuisance)


def _saturated(values: pd.Series | np.ndarray) -> bool:
    limits = load_thresholds()
    return is_saturated(values, share=limits.saturated_share, tolerance=limits.saturated_tolerance)


def verdict_frequencies(
    table: pd.DataFrame, numbers: pd.DataFrame, *, draws: int = 1000, models: int = 24, seed: int
) -> pd.DataFrame:
    """How often each verdict comes if some of the models of a run are drawn without replacement.

    To be quick, p is parametric: Student's t of the (partial) correlation or mean, and the normal
    distribution for accuracies, where the verdicts of a run use permutations and resamples.

    Parameters
    ----------
    table, numbers
        As for `judge_again`, of all models of the run.
    draws, models, seed
        How many draws, of how many models each; of the draws.

    Returns
    -------
    pandas.DataFrame
        A row a claim that the run tested, a column for each of `WORDS`: shares of the draws.
    """
    rng = np.random.default_rng(seed)
    size = min(models, len(numbers))
    chosen = np.argsort(rng.random((draws, len(numbers))), axis=1)[:, :size]
    claims = {claim.id: claim for claim in load_claims()}
    rows = [row for _, row in table.iterrows() if row["test"] in _tests(claims, row["claim"])]
    samples = {(row["claim"], row["test"]): _sample(row, numbers, chosen) for row in rows}
    families = {str(row["claim"]): str(row["family"]) for row in rows}
    words = pd.DataFrame([_draw_verdicts(claims, families, samples, i) for i in range(draws)])
    shares = {name: words[name].value_counts(normalize=True) for name in families}
    table = pd.DataFrame(shares).T.reindex(columns=list(WORDS)).fillna(0.0)
    return table.rename_axis("claim")


def _tests(claims: Mapping[str, Claim], name: str) -> Mapping[str, str]:
    return claims[name].tests if name in claims else {}


def _sample(row: pd.Series, numbers: pd.DataFrame, chosen: np.ndarray) -> Sample:
    statistic, saturated = statistic_of(row), row["saturated"]
    if not _has(numbers, statistic):
        return Sample.constant(_saved(row), len(chosen), row["outcome"])
    sample = statistic_of_draws(statistic, numbers, chosen, row["outcome"])
    if pd.isna(saturated):
        return sample
    if statistic.kind not in COEFFICIENTS:
        return sample.with_saturation(np.full(len(chosen), bool(saturated)))
    values = numbers[statistic.x[0]].to_numpy(float)
    return sample.with_saturation(np.array([_saturated(values[rows]) for rows in chosen]))


def _draw_verdicts(
    claims: Mapping[str, Claim],
    families: Mapping[str, str],
    samples: Mapping[tuple[str, str], Sample],
    draw: int,
) -> dict[str, str]:
    """Verdict of each claim that the run tested, in one draw."""
    level, findings, words = load_thresholds().level, {}, {}
    for name in families:
        own = {test: s.at(draw) for (claim, test), s in samples.items() if claim == name}
        if any(np.isnan(estimate.value) for estimate in own.values()):
            words[name] = WORDS[-1]
            continue
        p, expected = combine(
            {test: estimate.value for test, estimate in own.items()},
            {test: estimate.p for test, estimate in own.items()},
            claims[name].tests,
        )
        parts = [s for (claim, _), s in samples.items() if claim == name]
        findings[name] = Finding(
            p,
            expected,
            _equivalence(parts, list(own.values())),
            any(bool(s.saturated[draw]) for s in parts),
            any(s.association for s in parts),
        )
    corrected, _ = correct({name: found.p for name, found in findings.items()}, families)
    spread = samples.get((SPREAD_CLAIM, SPREAD_TEST))
    alike = spread is not None and spread.p[draw] >= level
    for name, found in findings.items():
        words[name], _ = decide(found, corrected[name], level, alike=alike)
    return words


def _equivalence(samples: list[Sample], estimates: list[Estimate]) -> float:
    if not all(sample.coefficient for sample in samples):
        return np.nan
    # Most draws have too few models for the test, which is slow.
    if not all(equivalence_reachable(e.families, e.nuisance) for e in estimates):
        return np.nan
    margin = load_thresholds().equivalence
    return max(equivalence_p(estimate, margin) for estimate in estimates)
