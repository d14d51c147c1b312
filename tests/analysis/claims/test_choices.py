from dataclasses import replace

import numpy as np
import pytest

from cood.analysis.claims.choices import FORMS_OF, USUAL, curve_of, measure_choices, outcome_choices
from cood.analysis.claims.claim_tests import STATISTICS


@pytest.fixture(autouse=True)
def _in_the_project(made_planted, monkeypatch):
    monkeypatch.chdir(made_planted)


def effect_of(evidence, claim):
    name, effect = next(iter(STATISTICS[claim](evidence).items()))
    return name, effect


def test_the_outcomes_are_those_of_the_plan(evidence):
    found = [dict(about) for about in outcome_choices(evidence, "y1")]
    assert {about["outcome"] for about in found} == {
        "log odds, fit",
        "empirical logit",
        "empirical logit, core",
        "accuracy",
    }
    assert {about["labels"] for about in found} == {"all", "unseen only"}
    assert {about["templates"] for about in found} == {"usual", *evidence.results.study.ablations}
    assert len(outcome_choices(evidence, "y2")) == 2


@pytest.mark.parametrize("claim", ["C2", "C5", "C6", "C7", "C9", "C10", "C12"])
def test_a_measure_has_other_forms_that_no_model_lacks(evidence, claim):
    _, effect = effect_of(evidence, claim)
    found = measure_choices(evidence, claim, effect)
    names = [dict(about)["measure"] for about in found]
    assert names[0] == USUAL
    assert len(names) > 1
    assert all(values.notna().all() for values in found.values())
    assert claim in FORMS_OF


def test_the_registered_way_is_one_of_the_curve(evidence):
    _, effect = effect_of(evidence, "C7")
    curve = curve_of(evidence, "C7", effect, "+")
    rows = curve.table
    registered = rows[
        (rows["outcome"] == "log odds, fit")
        & (rows["measure"] == USUAL)
        & (rows["coefficient"] == "Pearson")
    ]
    assert registered["value"].item() == pytest.approx(effect.estimate.value)
    assert curve.share > 0.9  # as planted
    assert curve.p < 0.05


def test_a_factor_is_given_its_nuisance_in_all_specifications(evidence):
    _, effect = effect_of(evidence, "C3")
    curve = curve_of(evidence, "C3", effect, "+")
    usual = curve.table["outcome"].eq("log odds, fit") & curve.table["coefficient"].eq("Pearson")
    assert curve.table.loc[usual, "value"].item() == pytest.approx(effect.estimate.value)


def test_families_are_the_units_where_models_share_them(evidence):
    _, effect = effect_of(evidence, "U2")
    models = evidence.results.models
    shared = models.assign(family=[f"f{i // 2}" for i in range(len(models))])
    changed = replace(evidence, results=replace(evidence.results, models=shared))
    assert curve_of(changed, "U2", effect, "+").n == 15


def test_what_is_no_association_has_no_curve(evidence):
    _, effect = effect_of(evidence, "C8")
    assert curve_of(evidence, "C8", effect, "+") is None
    _, few = effect_of(evidence, "U2")
    lacking = evidence.outcomes.assign(core=np.nan)
    assert curve_of(replace(evidence, outcomes=lacking), "U2", few, "+") is None
