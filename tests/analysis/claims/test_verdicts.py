from functools import partial

import numpy as np
import pandas as pd
import pytest

from cood.analysis.claims import verdicts
from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.definitions import Claim, load_claims
from cood.analysis.claims.evidence import ID, Effect, Evidence, Untestable
from cood.analysis.claims.rules import RULES
from cood.analysis.claims.verdicts import (
    control_table,
    decide,
    judge,
    member_table,
    verdict_table,
)
from cood.analysis.stats.correlation import Correlation
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.verdict import interval_verdict
from cood.errors import CoodError


def claim(*signs, rule=None):
    tests = {f"t{i}": sign for i, sign in enumerate(signs)}
    rule = rule or ("single" if len(signs) == 1 else "joint")
    return Claim("C0", "", "", "", "", tests, rule, "", ("accuracy",))


def effects(*found, **more):
    return {
        f"t{i}": Effect("Pearson", Estimate(value, value - 0.1, value + 0.1, p, 12, 5), **more)
        for i, (value, p) in enumerate(found)
    }


def decided(claim, effects, corrected=None, tested=1, **more):
    """The verdict, with p after correction that is given, or as it is."""
    finding = RULES[claim.rule].apply(claim.tests, effects)
    p = finding.p if corrected is None else corrected
    others = {f"other {i}": 1.0 for i in range(tested - 1)}
    return decide(claim, effects, finding, pd.Series({claim.id: p, **others}), **more)


@pytest.mark.parametrize(
    ("signs", "found", "p", "verdict"),
    [
        ("+", [(0.5, 0.01)], 0.01, "supported"),
        ("-", [(-0.5, 0.01)], 0.01, "supported"),
        ("-", [(0.5, 0.01)], 0.01, "contradicted"),
        ("+", [(0.5, 0.2)], 0.2, "undecided"),
        # All must hold for a claim of several, and one against it suffices.
        ("+-", [(0.5, 0.01), (-0.5, 0.03)], 0.03, "supported"),
        ("+-", [(0.5, 0.01), (-0.5, 0.06)], 0.06, "undecided"),
        ("+-", [(0.5, 0.01), (0.5, 0.02)], 0.04, "contradicted"),
        ("+-", [(0.5, 0.001), (0.5, 0.04)], 0.08, "undecided"),
        ("++", [(-0.5, 0.7), (-0.5, 0.01)], 0.02, "contradicted"),
        ("++", [(0.0, 1.0), (0.5, 0.001)], 1.0, "undecided"),
    ],
)
def test_the_rules_combine_the_tests_of_a_claim(signs, found, p, verdict):
    one, every = claim(*signs), effects(*found)
    result = decided(one, every)
    assert result.p == pytest.approx(p)
    assert result.verdict == verdict
    assert bool(result.why) == (verdict == "undecided")


def test_the_correction_decides():
    found = decided(claim("+"), effects((0.5, 0.01)), corrected=0.12, tested=12)
    assert found.verdict == "undecided"
    assert found.why == (
        "the p-value of the claim is 0.01, or 0.12 after Holm's correction for 12 claims"
    )


@pytest.mark.parametrize(
    ("value", "single", "holm", "verdict"),
    [
        (0.5, -0.6, 0.01, "undecided"),
        (0.5, -0.6, 0.06, "supported"),
        (0.5, 0.6, 0.01, "supported"),
        (-0.5, 0.6, 0.01, "undecided"),
        (-0.5, -0.6, 0.01, "contradicted"),
    ],
)
def test_a_single_metric_of_the_opposite_sign_prevents_a_verdict(value, single, holm, verdict):
    members = pd.DataFrame({"metric": ["mig", "sap"], "pearson": [single, np.nan]})
    members["holm"] = [holm, np.nan]
    every = effects((value, 0.01), members=members)
    found = decided(claim("+", rule="metric_set"), every)
    assert found.verdict == verdict
    assert found.why.endswith("within the set, for mig") == (verdict == "undecided")
    # The rule that is named decides: that for one statistic looks at no single metric.
    alone = decided(claim("+", rule="single"), every)
    assert alone.verdict == ("supported" if value > 0 else "contradicted")


def test_a_set_of_metrics_needs_a_row_for_each():
    with pytest.raises(CoodError, match="test 't0': the rule metric_set needs"):
        decided(claim("+", rule="metric_set"), effects((0.5, 0.01)))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(11, 20, "supported"), (2, 9, "contradicted"), (9, 11, "undecided"), (10, 12, "undecided")],
)
def test_an_interval_decides_against_a_threshold(low, high, verdict):
    assert interval_verdict(Estimate((low + high) / 2, low, high), 10) == verdict
    assert interval_verdict(Estimate(0.5), 10) == "undecided"


def test_no_correlation_counts_with_an_accuracy_that_may_be_the_same_for_all():
    found = Correlation(*[Estimate(0.9, 0.8, 0.95, n=12)] * 2)
    every = effects((0.9, 1e-6), correlation=found)
    result = decided(claim("+"), every, corrected=1e-5, alike=True)
    assert result.verdict == "undecided"
    assert "do not differ significantly" in result.why
    # Differences are no correlations with it.
    assert decided(claim("+"), effects((0.9, 1e-6)), 1e-5, alike=True).verdict == "supported"


P = {"C1": 0.001, "C2": 0.004, "C3": 0.03, "C6": 0.5}


def statistic(name):
    if name not in P:
        raise Untestable(f"The study has no {name}.")
    tests = next(c for c in load_claims() if c.id == name).tests
    values = {test: 0.5 if sign == "+" else -0.5 for test, sign in tests.items()}
    found = Correlation(*[Estimate(0.4, 0.1, 0.6, n=12, families=5)] * 2)
    more = {"correlation": found, "controls": {ID: found, "width": found}, "ways": (0.1, 0.7)}
    member = {"set": "ao", "space": "text", "metric": "mig", "pearson": 0.1, "low": -0.3}
    member |= {"high": 0.4, "p": 0.6, "holm": 1.0, "median": 0.2, "chance": 0.1}
    members = pd.DataFrame([member])
    more |= {"members": members} if name == "C6" else {}
    return {
        t: Effect("Pearson", Estimate(v, 0.1, 0.6, P[name], 12, 5), **more)
        for t, v in values.items()
    }


@pytest.fixture
def judged(monkeypatch):
    functions = {name: lambda evidence, name=name: statistic(name) for name in verdicts.STATISTICS}
    monkeypatch.setattr(verdicts, "STATISTICS", functions)
    return judge(Evidence(None, None, None))


def test_holm_is_over_all_claims_that_were_tested(judged):
    assert [one.claim.id for one in judged] == [c.id for c in load_claims()]
    found = {one.claim.id: one for one in judged}
    # C1 says two things, and both have this p.
    assert {k: found[k].holm for k in P} == pytest.approx(
        {"C1": 0.004, "C2": 0.012, "C3": 0.06, "C6": 0.5}
    )
    assert [found[k].verdict for k in P] == ["supported", "supported", "undecided", "undecided"]


def test_without_a_spread_in_accuracy_correlations_are_undecided(monkeypatch):
    monkeypatch.setitem(P, "C1", 0.2)
    functions = {name: partial(lambda name, evidence: statistic(name), name) for name in STATISTICS}
    monkeypatch.setattr(verdicts, "STATISTICS", functions)
    found = {one.claim.id: one for one in judge(Evidence(None, None, None))}
    assert {found[k].verdict for k in P} == {"undecided"}
    assert found["C2"].p == 0.004


def test_an_untested_claim_has_a_reason(judged):
    found = {one.claim.id: one for one in judged}
    assert found["C5"].verdict == "not testable here"
    assert found["C5"].why == "The study has no C5."
    assert "sketches a proof" in found["C14"].why
    assert np.isnan(found["C5"].p)


def test_tables_hold_every_test(judged):
    table = verdict_table(judged)
    assert table["claim"].unique().tolist() == [c.id for c in load_claims()]
    assert table.groupby("claim").size()["C1"] == 2
    row = table.set_index("test").loc["ID accuracy"]
    assert (row["value"], row["n"], row["given_id"], row["ways_highest"]) == (0.5, 12, 0.4, 0.7)
    assert (row["claim_p"], row["claim_holm"]) == pytest.approx((0.004, 0.012))
    controls = control_table(judged)
    assert len(controls) == 2 * 5  # two controls of the tests of C1, C2, C3 and C6
    assert set(controls["given"]) == {ID, "width"}
    assert member_table(judged)[["claim", "metric"]].to_numpy().tolist() == [["C6", "mig"]]
    assert member_table([one for one in judged if one.claim.id != "C6"]).empty
