import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.mediation import Mediation

from cood.analysis.results import Results, load_results
from cood.analysis.topics.interventions.mediation import (
    QUARTILES,
    mediate,
    mediation,
    robustness_values,
)
from tests.analysis.simulated import Effects, simulated_study


def drawn(a, b, direct, n, seed, bend=0.0):
    """Dose, mediator, outcome and two further columns; mediator and outcome may bend alike."""
    rng = np.random.default_rng(seed)
    t = pd.Series(rng.permutation(np.linspace(-2, 0, n)))
    given = pd.DataFrame(rng.normal(size=(n, 2)), columns=["first", "second"])
    curve = bend * (t + 1) ** 2 + given["first"]
    m = a * t + curve + rng.normal(size=n)
    return t, m, direct * t + b * m + curve + rng.normal(size=n), given


def test_planted_effects_are_recovered():
    found = mediate(*drawn(0.7, 0.5, -0.2, 4000, 0, bend=1.0), seed=0)
    step = np.diff(np.quantile(np.linspace(-2, 0, 4000), QUARTILES)).item()
    assert found.indirect.value == pytest.approx(0.35 * step, abs=0.05)
    assert found.total.value == pytest.approx(found.direct.value + found.indirect.value)
    assert found.indirect.p < 0.01
    assert found.indirect.n == 4000
    for part, true in ((found.indirect, 0.35), (found.direct, -0.2), (found.total, 0.15)):
        assert part.low < true * step < part.high


def test_without_a_bend_the_estimates_are_near_those_of_statsmodels():
    t, m, y, given = drawn(0.6, 0.8, 0.3, 400, 1)
    fixed = sm.add_constant(given.to_numpy())
    outcome = sm.OLS(y.to_numpy(), np.column_stack([t, m, fixed]))
    # From 0 to 1 of the dose, by quasi-Bayesian simulation.
    peer = Mediation(outcome, sm.OLS(m.to_numpy(), np.column_stack([t, fixed])), (0, 0), 1)
    summary = peer.fit(n_rep=200).summary()["Estimate"]
    found = mediate(t, m, y, given, seed=0)
    step = np.diff(np.quantile(t, QUARTILES)).item()
    assert found.indirect.value == pytest.approx(step * summary["ACME (average)"], abs=0.08)
    assert found.direct.value == pytest.approx(step * summary["ADE (average)"], abs=0.08)


def test_a_bend_that_mediator_and_outcome_share_is_no_effect():
    t, m, y, given = drawn(1.0, 0.0, 0.0, 300, 2, bend=3.0)
    found = mediate(t, m, y, given, seed=0)
    assert found.indirect.low < 0 < found.indirect.high
    straight = sm.OLS(y.to_numpy(), np.column_stack([m, sm.add_constant(t), given])).fit()
    assert straight.pvalues[0] < 1e-6  # what two straight lines would say


def test_intervals_hold_the_indirect_effect_as_often_as_they_say():
    found = [mediate(*drawn(1, 0.5, 0.3, 24, s), seed=s).indirect for s in range(150)]
    true = 0.5 * np.diff(np.quantile(np.linspace(-2, 0, 24), QUARTILES)).item()
    held = np.mean([part.low < true < part.high for part in found])
    assert 0.91 <= held <= 0.99


def test_false_positives_are_rare_without_an_effect():
    found = [mediate(*drawn(1.0, 0.0, 0.3, 24, s), seed=s).indirect for s in range(100)]
    assert np.mean([part.p < 0.05 for part in found]) <= 0.1


def test_a_confounder_as_strong_as_the_robustness_value_explains_a_coefficient_away():
    t, free = 4.0, 60
    for strength, left in zip(robustness_values(t, free), (0.0, None), strict=True):
        # Coefficient and error once a confounder of this partial R2 with both is held fixed:
        # Cinelli and Hazlett 2020, equations 7 and 8.
        bias = np.sqrt(strength * strength / (1 - strength) * free)
        error = np.sqrt((1 - strength) / (1 - strength) * free / (free - 1))
        limit = stats.t.ppf(0.975, free - 1) if left is None else left
        assert (t - bias) / error == pytest.approx(limit, abs=1e-6)


def test_extremes_of_robustness():
    assert robustness_values(0.0, 20) == (0.0, 0.0)
    assert robustness_values(1.5, 20)[1] == 0.0  # not significant to begin with
    assert all(0.95 < value <= 1 for value in robustness_values(1e3, 20))


@pytest.mark.parametrize("change", ["few", "flat", "dose", "levels", "missing"])
def test_degenerate_data_have_no_estimate(change):
    t, m, y, given = drawn(0.5, 0.5, 0.3, 24, 0)
    if change == "few":
        t, m, y, given = (part[:8] for part in (t, m, y, given))
    m = {"flat": 0 * m + 3, "dose": 2 * t + 1, "missing": m * np.nan}.get(change, m)
    t = (t > -1).astype(float) if change == "levels" else t
    found = mediate(t, m, y, given, seed=0)
    assert np.isnan([found.total.value, found.indirect.low, found.indirect.p]).all()
    assert np.isnan(found.robustness)


def test_mediators_of_a_study(project):
    effects = Effects(cood={"share": 1.0}, metrics={("image", "r2"): (0.8, 0.6)})
    study = simulated_study(project, models=36, effects=effects, seed=2)
    table = mediation(load_results(study.name)).set_index("mediator")
    assert len(table) == 4
    assert table["n"].tolist() == [36] * 4
    assert np.allclose(table["total"], table["direct"] + table["indirect"])
    assert table["total_low"].min() > 0
    row = table.loc["r2 of images"]
    assert row["robustness"] > table["robustness"].drop("r2 of images").max()
    assert row["robustness_significant"] > 0


def test_no_mediation_without_a_design(parse):
    assert mediation(Results(parse(), pd.DataFrame(), pd.DataFrame())).empty
