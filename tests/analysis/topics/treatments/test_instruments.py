"""Treatments as instruments, and doses: planted effects are found, and bad instruments named."""

import numpy as np
import pandas as pd
import pytest

from cood.analysis.results import Results, load_results
from cood.analysis.stats.regression.instrumental import covers
from cood.analysis.topics.treatments.contrasts import TOGETHER, measure_name
from cood.analysis.topics.treatments.instruments import (
    adjusted_outcome,
    compare_treatments,
    dose_response,
    instrumental_estimates,
)
from tests.analysis.simulated import simulated_study
from tests.analysis.topics.treatments.test_contrasts import LAB, draw_arms, draw_outcome


def draw_measures(drawn, seed, *, took=1.0):
    """Measures that each penalty moves, the more the stronger, and a confounder of all of them."""
    rng = np.random.default_rng((seed, 2))
    index = drawn.treatment.index
    confounder = pd.Series(rng.normal(size=len(index)), index=index)
    moves = {
        p: took * (drawn.treatment == p) * (1 + 0.5 * drawn.log_strength) for p in drawn.penalties
    }
    none = pd.Series(0.0, index=index)
    targets = {"orthogonality": ("orthogonality", -1), "r2": ("additivity", 1)}
    measures = {
        measure_name(metric, space): sign * (moves.get(penalty, none) + confounder)
        + 0.3 * rng.normal(size=len(index))
        for metric, (penalty, sign) in targets.items()
        for space in ("image", "text")
    }
    return pd.DataFrame(measures), confounder


def test_the_effect_of_what_is_penalised_is_recovered_despite_a_confounder():
    drawn = draw_arms(400, 0)
    measures, confounder = draw_measures(drawn, 0)
    image = measures["orthogonality of images"]
    y = draw_outcome(drawn, 0) - 0.5 * image + 2 * confounder
    table = instrumental_estimates(drawn, measures, pd.DataFrame({"cood": y}))
    assert table[["instruments", "metric", "space"]].to_numpy().tolist() == [
        ["orthogonality", "orthogonality", "image"],
        ["orthogonality", "orthogonality", "text"],
    ]
    found, true = table["found"].iloc[0], 0.5 * image.std()
    assert covers(found.confidence_set, true)
    assert found.estimate.low < true < found.estimate.high
    assert (found.instruments, found.strength > 10) == (2, True)
    slope = np.polyfit(-image, y, 1)[0]
    assert slope * image.std() > found.estimate.high  # what a correlation would say


def test_both_treatments_contradict_each_other_if_one_acts_otherwise():
    drawn = draw_arms(300, 1, LAB)
    measures, _ = draw_measures(drawn, 1, took=2.0)
    honest = draw_outcome(drawn, 1) + 0.5 * measures["r2 of images"]
    # A detour that is not through the measure, of one of the two treatments.
    detour = honest + 3.0 * drawn.halves("orthogonality")
    y = pd.DataFrame({"cood": honest, "gap": detour})
    table = instrumental_estimates(drawn, measures, y)
    assert table["instruments"].value_counts().to_dict() == {
        "orthogonality": 4,
        "additivity": 4,
        TOGETHER: 8,
    }
    both = table[(table["instruments"] == TOGETHER) & (table["metric"] == "r2")]
    p = both[both["space"] == "image"].set_index("outcome")["found"]
    assert p["cood"].instruments == 4
    assert p["cood"].overidentified_p > 0.01
    assert p["gap"].overidentified_p < 1e-4


def test_a_treatment_that_does_not_take_excludes_nothing():
    drawn = draw_arms(24, 2)
    measures, _ = draw_measures(drawn, 2, took=0.0)
    y = pd.DataFrame({"cood": draw_outcome(drawn, 2)})
    for found in instrumental_estimates(drawn, measures, y)["found"]:
        assert found.strength < 10
        assert any(np.isinf(end) for part in found.confidence_set for end in part)


def test_planted_slopes_of_the_dose():
    drawn = draw_arms(400, 3, LAB)
    slope = 0.6 * (drawn.treatment == "orthogonality") + 0.2 * (drawn.treatment != "none")
    y = pd.DataFrame({"cood": draw_outcome(drawn, 3, additivity=2.0) + slope * drawn.log_strength})
    table = dose_response(drawn, y, seed=0).set_index(["penalty", "slope"])
    for key, true in {
        ("orthogonality", "treatment"): 0.8,
        ("orthogonality", "placebo"): 0.2,
        ("orthogonality", "difference"): 0.6,
        ("additivity", "treatment"): 0.2,
        ("additivity", "difference"): 0.0,
    }.items():
        row = table.loc[key]
        assert row["low"] < true < row["high"]
    for penalty in ("orthogonality", "additivity"):
        slopes = table.loc[penalty, "value"]
        assert slopes["difference"] == pytest.approx(slopes["treatment"] - slopes["placebo"])
    assert table.loc[("orthogonality", "difference"), "p"] < 0.01


def test_one_strength_for_all_has_no_slope():
    drawn = draw_arms(60, 4)
    fixed = type(drawn)(
        drawn.treatment,
        (drawn.treatment != "none").astype(float),
        0 * drawn.log_strength,
        drawn.design.drop(columns="strength"),
    )
    y = pd.DataFrame({"cood": draw_outcome(drawn, 4)})
    assert dose_response(fixed, y, seed=0).empty
    measures, _ = draw_measures(drawn, 4)
    for found in instrumental_estimates(fixed, measures, y)["found"]:
        assert found.instruments == 1
        assert np.isnan(found.overidentified_p)


def test_adjusted_outcomes_keep_the_treatment_and_lose_the_rest():
    drawn = draw_arms(60, 5)
    planted = 2.0 * (drawn.treatment == "orthogonality") + 0.3 * drawn.log_strength
    y = planted + drawn.design[["a", "b"]].sum(axis=1)
    left = adjusted_outcome(drawn, y) - planted
    assert np.ptp(left) < 1e-9


def test_all_of_the_page_for_a_study(project):
    study = simulated_study(project, models=40, arms="lab")
    found = compare_treatments(load_results(study.name))
    assert list(found.outcomes) == ["cood", "gap", "id"]
    assert len(found.effects) == 3 * 3
    assert len(found.first_stage) == 3 * 4
    assert len(found.instrumental) == 16
    assert len(found.doses) == 2 * 3 * 3
    assert found.diverged["models"].sum() == 40


def test_a_study_without_treatments_has_empty_tables(parse):
    found = compare_treatments(Results(parse(), pd.DataFrame(), pd.DataFrame()))
    for table in (found.effects, found.first_stage, found.instrumental, found.doses):
        assert table.empty
    assert found.diverged.empty
