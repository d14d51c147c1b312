from functools import partial

import numpy as np
import pandas as pd
import pytest

from cood.analysis.claims import verdicts
from cood.analysis.claims.claim_tests import STATISTICS
from cood.analysis.claims.definitions import load_claims
from cood.analysis.claims.effects import Effect
from cood.analysis.claims.evidence import Untestable
from cood.analysis.claims.rules import WORDS
from cood.analysis.claims.statistics import CORRELATION, MEAN, Statistic
from cood.analysis.claims.tables import member_table, model_numbers, statistic_of, verdict_table
from cood.analysis.claims.verdicts import compute_effects, judge, judge_effects, power_of
from cood.analysis.stats.estimate import Estimate
from cood.analysis.stats.power import power

CLAIMS = {claim.id: claim for claim in load_claims()}
FAMILIES = {name: claim.family for name, claim in CLAIMS.items()}
P = {"C1": 0.001, "C2": 0.004, "C3": 0.03, "C6": 0.5, "C8": 0.001}
N = 80


def effects_of(name, p, value=0.5, **more):
    """An effect for each test of a claim, with the expected sign."""
    found = {}
    for i, (test, sign) in enumerate(CLAIMS[name].tests.items()):
        v = value if sign == "+" else -value
        estimate = Estimate(v, v - 0.2, v + 0.2, p, N, N)
        kind = MEAN if name in ("C1", "C8") else CORRELATION
        fields = {"outcome": "" if name in ("C1", "C8") else "y1"} | more
        found[test] = Effect(Statistic(kind, (f"x{i}",), ("cood",)), estimate, **fields)
    return found


def decided(p, **more):
    effects = {name: effects_of(name, x, **more) for name, x in p.items()}
    reasons = {name: f"No {name}." for name in CLAIMS if name not in p}
    found = judge_effects(list(CLAIMS.values()), effects, reasons, FAMILIES)
    return {verdict.claim.id: verdict for verdict in found}


def test_p_is_corrected_within_families():
    found = decided(P)
    assert list(found) == list(CLAIMS)
    # C1 stands apart; C2 and C3 are primary; C6 and C8 secondary.
    assert {name: found[name].holm for name in P} == pytest.approx(
        {"C1": 0.001, "C2": 0.008, "C3": 0.03, "C6": 0.5, "C8": 0.002}
    )
    words = [found[name].verdict for name in P]
    assert words == ["supported", "supported", "supported", "undecided", "supported"]
    assert [found[name].tested for name in P] == [1, 2, 2, 2, 2]


def test_a_small_coefficient_of_many_models_is_no_relevant_effect():
    found = decided({"C2": 0.9, "C8": 0.9}, value=0.01)
    assert found["C2"].verdict == "no relevant effect"
    assert found["C2"].equivalence_p < 0.05
    # A mean has no margin.
    assert found["C8"].verdict == "undecided"
    assert np.isnan(found["C8"].equivalence_p)


def test_a_measure_that_cannot_differ_decides_nothing():
    found = decided({"C2": 0.001, "C8": 0.001}, saturated=True)
    assert found["C2"].verdict == found["C8"].verdict == "saturated"


def test_without_a_spread_in_accuracy_no_association_is_interpreted():
    found = decided(P | {"C1": 0.2})
    assert [found[name].verdict for name in ("C2", "C3", "C6")] == ["undecided"] * 3
    assert "do not differ significantly" in found["C2"].why
    assert found["C8"].verdict == "supported"  # is about embeddings only


def test_the_power_is_that_at_the_first_step_of_holm():
    found = decided(P)["C2"].power
    assert found.level == 0.05 / 2
    assert found.of == pytest.approx({r: power(r, N, 0, 0.025) for r in (0.3, 0.5, 0.7)})
    assert power(found.detectable, N, 0, 0.025) == pytest.approx(0.8)
    assert not decided(P)["C8"].power.of
    # All tests of a claim must be found.
    many, few = Estimate(0.5, n=N, families=N), Estimate(0.5, n=N, families=N, nuisance=60)
    both = [Effect(Statistic(CORRELATION, ()), estimate) for estimate in (many, few)]
    assert power_of(both, 0.05).of[0.5] == pytest.approx(power(0.5, N, 60, 0.05))


def test_an_untested_claim_has_a_reason():
    found = decided(P)["C5"]
    assert (found.verdict, found.why) == ("not testable here", "No C5.")
    assert np.isnan(found.p)


def test_reasons_come_from_the_statistics(monkeypatch):
    def statistic(name, evidence):
        if name not in P:
            raise Untestable(f"The study has no {name}.")
        return effects_of(name, P[name])

    functions = {name: partial(statistic, name) for name in STATISTICS}
    monkeypatch.setattr(verdicts, "STATISTICS", functions)
    effects, reasons = compute_effects(list(CLAIMS.values()), None)
    assert set(effects) == set(P)
    assert reasons["C7"] == "The study has no C7."


@pytest.fixture(scope="module")
def judged(made_planted, evidence):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made_planted)
        return judge(evidence)


def test_planted_effects_have_their_verdicts(judged):
    found = {verdict.claim.id: verdict for verdict in judged}
    assert found["C1"].verdict == "supported"
    assert found["C7"].verdict == "supported"
    assert found["C8"].verdict == "saturated"
    assert found["C15"].family == "secondary"  # the study has one treatment
    assert {verdict.verdict for verdict in judged} <= set(WORDS)


def test_tables_hold_every_test(judged, evidence):
    table = verdict_table(judged)
    assert table["claim"].unique().tolist() == list(CLAIMS)
    assert table.groupby("claim").size()["U1"] == 2
    row = table.set_index("test").loc["images, C-OoD"]
    assert (row["kind"], row["y"], row["df"], row["family"]) == (CORRELATION, "cood", 27, "primary")
    assert row["claim_holm"] >= row["claim_p"] >= row["p"]
    assert 0 < row["power_0.3"] < row["power_0.5"] < row["power_0.7"]
    assert set(member_table(judged)["claim"]) == {"C6", "C7"}
    assert member_table([v for v in judged if v.claim.id not in ("C6", "C7")]).empty


def test_the_numbers_of_every_test_are_saved(judged, evidence):
    table, numbers = verdict_table(judged), model_numbers(judged, evidence.design)
    assert len(numbers) == 30
    assert numbers["model"].is_unique
    assert set(evidence.design) <= set(numbers)
    for _, row in table[table["test"] != ""].iterrows():
        statistic = statistic_of(row)
        assert set(statistic.columns) <= set(numbers), row["test"]
        if statistic.kind == CORRELATION:
            r = np.corrcoef(numbers[row["x"]], numbers[row["y"]])[0, 1]
            assert r == pytest.approx(row["value"])
    assert model_numbers([], pd.DataFrame()).empty
