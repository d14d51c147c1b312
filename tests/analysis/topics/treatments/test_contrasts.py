"""Treatments against placebos: planted effects, none, and designs that cannot tell."""

import numpy as np
import pandas as pd
import pytest

from cood.analysis.outcomes import outcomes
from cood.analysis.results import Results, load_results
from cood.analysis.stats.regression.adjusted import coefficient_given
from cood.analysis.topics.design import design_columns
from cood.analysis.topics.treatments.contrasts import (
    TOGETHER,
    arms,
    contrast,
    contrasts,
    disentanglement,
    diverged_by_arm,
    group_by_arm,
    treatment_effects,
)
from cood.errors import StudyError
from cood.files import read_table, write_table
from tests.analysis.simulated import Effects, simulated_study

LAB = ("none", "orthogonality", "orthogonality_placebo", "additivity", "additivity_placebo")
MINI = LAB[:3]


def draw_arms(n, seed, levels=MINI, covariates=3):
    """Arms in random order, with strengths and other columns of a design."""
    rng = np.random.default_rng(seed)
    names = [f"m{i:03d}" for i in range(n)]
    treatment = pd.Series(rng.permutation(np.resize(levels, n)), index=names)
    strength = pd.Series(2 ** rng.uniform(-2, 3, n), index=names).where(treatment != "none", 0.0)
    design = pd.DataFrame(rng.normal(size=(n, covariates)), index=names, columns=list("abc"))
    dummies = {arm: (treatment == arm).astype(float) for arm in levels[1:]}
    drawn = group_by_arm(treatment, strength, design)
    return group_by_arm(treatment, strength, design.assign(**dummies, strength=drawn.log_strength))


def draw_outcome(drawn, seed, **effects):
    """An outcome on which covariates act, and arms by name."""
    rng = np.random.default_rng((seed, 1))
    planted = sum(size * (drawn.treatment == arm) for arm, size in effects.items())
    noise = rng.normal(size=len(drawn.treatment))
    return drawn.design[["a", "b", "c"]].sum(axis=1) + planted + noise


def test_the_strength_is_centred_within_each_arm():
    drawn = draw_arms(60, 0, LAB)
    assert (drawn.log_strength[drawn.treatment == "none"] == 0).all()
    assert drawn.log_strength.groupby(drawn.treatment).mean().abs().max() < 1e-12
    one = drawn.treatment == "additivity"
    ratio = np.log2(drawn.strength[one] / drawn.strength[one].iloc[0])
    assert (drawn.log_strength[one] - drawn.log_strength[one].iloc[0]).to_numpy() == pytest.approx(
        ratio.to_numpy()
    )


@pytest.mark.parametrize("levels", [MINI, LAB, LAB[1:]])
def test_each_contrast_and_its_nuisance_span_the_design(levels):
    drawn = draw_arms(60, 0, levels)
    whole = np.column_stack([np.ones(60), drawn.design])
    rank = np.linalg.matrix_rank(whole)
    for one in contrasts(drawn).values():
        columns = np.column_stack([np.ones(60), one.nuisance, one.column])
        assert np.linalg.matrix_rank(columns) == columns.shape[1] == rank
        assert np.linalg.matrix_rank(np.column_stack([whole, columns])) == rank


def test_without_covariates_the_effect_is_the_difference_of_means():
    drawn = draw_arms(30, 0)
    drawn = group_by_arm(drawn.treatment, drawn.strength, drawn.design[list(MINI[1:])])
    y = draw_outcome(draw_arms(30, 0), 0)
    (one,) = contrasts(drawn).values()
    means = y.groupby(drawn.treatment).mean()
    found = coefficient_given(y, one.column, one.nuisance)
    assert found.value == pytest.approx(means["orthogonality"] - means["orthogonality_placebo"])
    assert one.counts == (10, 10)


def test_all_together_is_the_mean_of_the_single_effects():
    drawn = draw_arms(67, 3, LAB)
    found = contrasts(drawn)
    assert list(found) == ["orthogonality", "additivity", TOGETHER]
    y = draw_outcome(drawn, 3, orthogonality=1.0)
    first, second, both = (coefficient_given(y, c.column, c.nuisance).value for c in found.values())
    assert both == pytest.approx((first + second) / 2)


def test_placebos_and_other_treatments_do_not_count():
    drawn = draw_arms(60, 1, LAB)
    y = pd.Series(0.0, index=drawn.treatment.index)
    y += 5.0 * drawn.either("orthogonality") + 3.0 * drawn.halves("additivity")
    y += 2.0 * drawn.log_strength + drawn.design["a"]
    found = contrasts(drawn)
    value = {
        name: coefficient_given(y, one.column, one.nuisance).value for name, one in found.items()
    }
    assert value == pytest.approx({"orthogonality": 0.0, "additivity": 3.0, TOGETHER: 1.5})


@pytest.mark.parametrize(("n", "levels", "draws"), [(24, MINI, 100), (60, LAB, 50)])
def test_planted_effects_are_covered_at_the_nominal_rate(n, levels, draws):
    covered = []
    for seed in range(draws):
        drawn = draw_arms(n, seed, levels)
        one = list(contrasts(drawn).values())[-1]
        y = draw_outcome(drawn, seed, orthogonality=0.8, additivity=0.8)
        found = coefficient_given(y, one.column, one.nuisance)
        covered.append(found.low <= 0.8 <= found.high)
    assert abs(np.mean(covered) - 0.95) <= 3 * np.sqrt(0.05 * 0.95 / draws)


def test_no_effect_is_supported_at_most_at_the_nominal_rate():
    p = []
    for seed in range(60):
        drawn = draw_arms(24, seed)
        y = pd.DataFrame({"y": draw_outcome(drawn, seed)})
        p.append(treatment_effects(contrasts(drawn), y, seed=seed)["p"].item())
    assert np.mean(np.array(p) < 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    assert np.mean(np.array(p) < 0.5) > 0.3


def test_treatments_without_a_placebo_are_no_contrast():
    drawn = draw_arms(40, 0, ("none", "orthogonality", "additivity", "additivity_placebo"))
    assert drawn.penalties == ["additivity"]
    (one,) = contrasts(drawn).values()
    assert "orthogonality" in one.nuisance
    assert treatment_effects({}, pd.DataFrame(), seed=0).empty


@pytest.mark.parametrize(("kind", "n", "penalties"), [("mini", 24, 1), ("lab", 40, 2)])
def test_a_study_with_planted_treatments(project, kind, n, penalties):
    planted = dict.fromkeys(("orthogonality", "additivity")[:penalties], 4.0)
    effects = Effects(cood=planted, id=dict.fromkeys(planted, 2.0))
    study = simulated_study(project, models=n, seed=1, effects=effects, arms=kind)
    results = load_results(study.name)
    column, nuisance = contrast(results)
    design = design_columns(results)
    assert list(column.index) == list(nuisance.index) == list(design.index)
    assert set(column) == {-0.5, 0.0, 0.5}
    assert 1 + nuisance.shape[1] == design.shape[1]
    y = outcomes(results)[["cood", "gap"]]
    table = treatment_effects(contrasts(arms(results)), y, seed=0)
    assert len(table) == 2 * (1 if penalties == 1 else 3)
    last = table.tail(2).set_index("number")
    assert last.loc["cood", "low"] < 4.0 < last.loc["cood", "high"]
    assert last.loc["gap", "low"] < 2.0 < last.loc["gap", "high"]
    assert last.loc["cood", "p"] < 0.01
    measures = disentanglement(results)
    assert list(measures) == [
        *("orthogonality of images", "orthogonality of texts", "r2 of images", "r2 of texts")
    ]
    assert measures["orthogonality of images"].mean() == pytest.approx(0.75, abs=0.2)


def test_diverged_models_are_counted_by_arm(project):
    study = simulated_study(project, models=24, replicates=3)
    results = load_results(study.name)
    table = read_table(study.paths.design)
    lost = (table["treatment"] == "orthogonality") & (table["replicate_of"] == "")
    table.loc[table.index[lost][:2], "diverged"] = True
    table.loc[table["replicate_of"] != "", "diverged"] = True
    write_table(table, study.paths.design)
    counts = diverged_by_arm(results).set_index("treatment")
    assert counts["models"].to_dict() == dict.fromkeys(MINI, 8)
    assert counts["diverged"].to_dict() == dict.fromkeys(MINI, 0) | {"orthogonality": 2}


def test_a_study_without_treatments_cannot_tell(parse):
    results = Results(parse(), pd.DataFrame(), pd.DataFrame())
    with pytest.raises(StudyError, match="no treatment with a placebo"):
        contrast(results)
    assert contrasts(arms(results)) == {}
    assert diverged_by_arm(results).empty
