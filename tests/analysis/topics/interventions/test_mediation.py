import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.mediation import Mediation

from cood.analysis.results import Results
from cood.analysis.topics.interventions.mediation import (
    graded,
    mediate,
    mediation,
    total_effect,
)
from cood.evaluation.common.score_table import complete

DESIGN = np.log2([0.05, 0.1, 0.2, 0.4, 0.8, 0.05, 0.1, 0.2, 0.4, 0.8, 0.4])


def drawn(a, b, direct, t, seed):
    rng = np.random.default_rng(seed)
    m = a * t + rng.normal(size=len(t))
    return t, m, direct * t + b * m + rng.normal(size=len(t))


def test_planted_effects_are_recovered():
    t = np.tile(DESIGN, 400)
    found = mediate(*drawn(0.7, 0.5, -0.2, t, 0), seed=0)
    assert found.indirect.value == pytest.approx(0.35, abs=0.03)
    assert found.direct.value == pytest.approx(-0.2, abs=0.05)
    assert found.total.value == pytest.approx(found.direct.value + found.indirect.value)
    assert found.p < 0.01
    assert (found.n, found.levels) == (4400, 5)
    for part, true in ((found.indirect, 0.35), (found.direct, -0.2), (found.total, 0.15)):
        assert part.low < true < part.high


def test_the_estimates_are_those_of_statsmodels():
    t, m, y = drawn(0.6, 0.8, 0.3, np.tile(DESIGN, 8), 1)
    outcome = sm.OLS(y, sm.add_constant(np.column_stack([t, m])))
    # From 0 to 1 of the treatment, by quasi-Bayesian simulation.
    peer = Mediation(outcome, sm.OLS(m, sm.add_constant(t)), (1, 1), 2).fit(n_rep=200)
    summary, found = peer.summary()["Estimate"], mediate(t, m, y, seed=0)
    assert found.indirect.value == pytest.approx(summary["ACME (average)"], abs=0.05)
    assert found.direct.value == pytest.approx(summary["ADE (average)"], abs=0.05)


def test_eleven_models_hold_the_indirect_effect_as_often_as_they_say():
    found = [mediate(*drawn(1, 0.5, 0.3, DESIGN, seed), seed=seed).indirect for seed in range(200)]
    held = np.mean([part.low < 0.5 < part.high for part in found])
    assert 0.91 <= held <= 0.99


def test_false_positives_are_rare_without_an_effect():
    found = [mediate(*drawn(0.5, 0.0, 0.3, DESIGN, seed), seed=seed) for seed in range(100)]
    assert np.mean([one.p < 0.05 for one in found]) <= 0.07


def test_within_a_treatment_only_what_it_leaves_counts():
    t = np.tile(DESIGN, 40)
    rng = np.random.default_rng(3)
    m = t**2 + rng.normal(size=len(t))
    y = t**2 + rng.normal(size=len(t))  # both bend alike, and have nothing to do with each other
    found = mediate(t, m, y, seed=0)
    assert found.indirect.high < 0  # the line through the treatments is wrong
    assert found.within.low < 0 < found.within.high


@pytest.mark.parametrize(
    ("t", "m"),
    [
        (DESIGN[:4], [1.0, 2, 3, 5]),  # too few
        (np.repeat([1.0, 2], 4), np.arange(8.0)),  # two treatments
        (DESIGN, np.full(11, 3.0)),  # a metric that is the same for all
        (DESIGN, 2 * DESIGN + 1),  # one that is the treatment itself
        (DESIGN, np.full(11, np.nan)),
    ],
)
def test_degenerate_data_have_no_estimate(t, m):
    found = mediate(t, m, np.sin(np.arange(len(t))), seed=0)
    assert np.isnan([found.total.value, found.indirect.low, found.p]).all()
    assert str(found.total) == "not estimable"


def test_one_model_a_treatment_has_no_within():
    found = mediate(*drawn(0.5, 0.5, 0, DESIGN[:5], 0), seed=0)
    assert np.isfinite(found.indirect.value)
    assert np.isnan(found.within.value)


SHARES = {"a": 0.35, "b": 0.5, "c": 0.8, "d": 0.35, "e": 0.5, "f": 0.8}
ALIKE = {name: {"share": share, "seed": i} for i, (name, share) in enumerate(SHARES.items())}
# So many words that the smallest share shows each of them.
MANY = {
    "vocabulary": {
        "attributes": ["red", "blue", "striped", "brick", "green", "dotted", "wooden", "metal"],
        "objects": ["apple", "hat", "dog", "bus", "umbrella", "hammer", "guitar", "envelope"],
    },
    "defaults": {"image_tower": "resnet", "images": 200, "steps": 25, "batch": 8},
}


def test_models_that_differ_in_share_and_seed_only(parse):
    others = {
        "g": {"share": 0.5, "steps": 26},
        "h": {"checkpoint": "ViT-B-32-quickgelu/openai"},
        "i": {"share": 0.6, "image_tower": "vit"},
    }
    assert graded(parse(models=ALIKE | others, **MANY)) == list("abcdef")
    assert graded(parse(models={"a": {"share": 0.35}, "b": {"share": 0.5}}, **MANY)) == []
    assert graded(parse(models={"h": others["h"]})) == []


def test_each_metric_as_a_mediator(parse):
    study = parse(models=ALIKE, **MANY)
    rng = np.random.default_rng(0)
    doublings = np.log2(list(SHARES.values()))
    rows = []
    for metric, space, split, value in (
        ("pair_top1", "image", "unseen", 0.1 + 0.05 * doublings),
        ("pair_top1", "image", "seen", 0.5 + 0.01 * doublings),
        ("pair_top1", "image", "core", 0.4 + 0.01 * doublings),
        ("explicitness", "image", "all", 0.9 + 0.02 * doublings),
        ("explicitness", "text", "all", 0 * doublings),
    ):
        noisy = value + (0.005 * rng.normal(size=6) if value.any() else 0)
        for model, one in zip(SHARES, noisy, strict=True):
            rows.append((model, "ao", split, "all", space, metric, one))
    columns = ["model", "set", "split", "category", "space", "metric", "value"]
    scores = complete(pd.DataFrame(rows, columns=columns), chance=0.0, n=8)
    models = pd.DataFrame({"model": list(SHARES), "family": "x"})
    table = mediation(Results(study, scores, models)).set_index(["space", "metric"])
    assert set(table.index) == {
        ("image", "explicitness"),
        ("text", "explicitness"),
        ("seen", "pair_top1"),
    }
    row = table.loc[("image", "explicitness")]
    assert row["total"] == pytest.approx(0.05, abs=0.01)
    assert row["total"] == pytest.approx(row["direct"] + row["indirect"])
    assert (row["n"], row["levels"]) == (6, 3)
    assert np.isnan(row["levels_low"])  # three means leave nothing for an interval
    assert row["holm"] >= row["p"]
    assert np.isnan(table.loc[("text", "explicitness"), "indirect"])
    total, n = total_effect(table.reset_index())
    assert (total.value, n) == (row["total"], 6)


def test_no_mediation_without_graded_shares(parse):
    study = parse(models={"h": {"checkpoint": "ViT-B-32-quickgelu/openai"}})
    table = mediation(Results(study, pd.DataFrame(), pd.DataFrame()))
    assert table.empty
    assert total_effect(table)[1] == 0
