import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.sandbox.regression.gmm import IV2SLS

from cood.analysis.stats.regression.instrumental import LINE, covers, two_stage


def draw(n, move, *, seed, effect=0.5, columns=4, extra=0.0):
    """Outcome, cause, two instruments and fixed columns; a confounder affects cause and outcome."""
    rng = np.random.default_rng(seed)
    half = np.where(rng.permutation(n) < n // 2, 0.5, -0.5)
    dose = rng.normal(size=n)
    fixed = pd.DataFrame(rng.normal(size=(n, columns))).assign(dose=dose)
    confounder = rng.normal(size=n)
    instruments = pd.DataFrame({"half": half, "times dose": half * dose})
    x = move * instruments.sum(axis=1) + 0.5 * fixed[0] + confounder
    y = effect * x + 0.8 * confounder + 0.6 * rng.normal(size=n) + extra * instruments["times dose"]
    return y, x, instruments, fixed


def test_the_estimate_is_that_of_statsmodels():
    y, x, instruments, fixed = draw(60, 1.0, seed=0)
    found = two_stage(y, x, instruments, fixed)
    exogenous = np.column_stack([np.ones(60), fixed])
    peer = IV2SLS(
        y.to_numpy(),
        np.column_stack([x, exogenous]),
        np.column_stack([instruments, exogenous]),
    ).fit()
    assert found.estimate.value == pytest.approx(peer.params[0])
    assert found.estimate.p == pytest.approx(peer.pvalues[0])
    low, high = peer.conf_int()[0]
    assert (found.estimate.low, found.estimate.high) == pytest.approx((low, high))


def reject(y, x, instruments, fixed, effect):
    """Anderson and Rubin's p of an effect: the F test of the instruments in a regression."""
    import statsmodels.api as sm

    small = sm.OLS(y - effect * x, sm.add_constant(fixed.to_numpy())).fit()
    large = sm.OLS(y - effect * x, sm.add_constant(np.column_stack([fixed, instruments]))).fit()
    return large.compare_f_test(small)[1]


@pytest.mark.parametrize(("move", "seed"), [(1.0, 0), (0.2, 1), (0.0, 2), (0.3, 17)])
def test_the_confidence_set_is_what_f_tests_do_not_reject(move, seed):
    y, x, instruments, fixed = draw(40, move, seed=seed)
    found = two_stage(y, x, instruments, fixed)
    for effect in np.linspace(-6, 6, 61):
        kept = reject(y, x, instruments, fixed, effect) >= 0.05
        assert covers(found.confidence_set, effect) == kept
    assert found.zero_p == pytest.approx(reject(y, x, instruments, fixed, 0.0))
    assert found.strength_p == pytest.approx(reject(x, 0 * x, instruments, fixed, 0.0))


def test_instruments_that_move_nothing_leave_the_set_unbounded():
    sets = [two_stage(*draw(40, 0.0, seed=seed)).confidence_set for seed in range(40)]
    unbounded = [any(np.isinf(end) for part in found for end in part) for found in sets]
    assert np.mean(unbounded) > 0.8
    assert any(len(found) == 2 for found in sets)
    assert LINE in sets


def test_instruments_that_contradict_each_other_leave_the_set_empty():
    found = two_stage(*draw(400, 2.0, seed=0, extra=2.0))
    assert found.confidence_set == ()
    assert found.overidentified_p < 1e-6


@pytest.mark.parametrize("move", [0.0, 0.3, 2.0])
def test_sets_cover_and_instruments_agree_at_the_nominal_rate(move):
    found = [two_stage(*draw(30, move, seed=seed)) for seed in range(150)]
    covered = np.mean([covers(one.confidence_set, 0.5) for one in found])
    assert abs(covered - 0.95) < 3 * np.sqrt(0.05 * 0.95 / 150)
    contradict = np.mean([one.overidentified_p < 0.05 for one in found])
    assert contradict < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)
    if move == 2.0:  # strong instruments: the size is the nominal one
        assert contradict > 0.01


def test_with_many_models_the_test_of_overidentification_is_sargans():
    y, x, instruments, fixed = draw(2000, 2.0, seed=5, extra=0.05)
    found = two_stage(y, x, instruments, fixed)
    every = np.column_stack([np.ones(2000), fixed, instruments])
    others = np.column_stack([x, np.ones(2000), fixed])
    fitted = IV2SLS(y.to_numpy(), others, every).fit()
    rest = y - others @ fitted.params
    explained = every @ np.linalg.lstsq(every, rest, rcond=None)[0]
    sargan = 2000 * (explained @ explained) / (rest @ rest)
    assert found.overidentified_p == pytest.approx(stats.chi2.sf(sargan, 1), abs=0.01)


def test_one_instrument_has_no_test_of_agreement():
    y, x, instruments, fixed = draw(60, 1.0, seed=0)
    found = two_stage(y, x, instruments[["half"]], fixed)
    assert np.isnan(found.overidentified_p)
    assert covers(found.confidence_set, found.estimate.value)


def test_models_without_a_number_are_left_out():
    y, x, instruments, fixed = draw(60, 1.0, seed=0)
    holed = x.where(x.index != 3)
    found = two_stage(y, holed, instruments, fixed)
    less = two_stage(*(part.drop(index=3) for part in (y, x, instruments, fixed)))
    assert found == less
    assert found.estimate.n == 59


def test_what_cannot_be_estimated_excludes_nothing():
    y, x, instruments, fixed = draw(60, 1.0, seed=0)
    for arguments in (
        (y[:7], x[:7], instruments[:7], fixed[:7]),  # no degree of freedom
        (y, x, instruments.assign(again=instruments["half"]), fixed),
        (y, 0 * x, instruments, fixed),
        (y, fixed[0], instruments, fixed),
        (y, x, instruments[[]], fixed),
    ):
        found = two_stage(*arguments)
        assert np.isnan(found.estimate.value)
        assert found.confidence_set == LINE
