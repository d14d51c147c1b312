import numpy as np
import pandas as pd
import pytest

from cood.analysis.canonical_variants import (
    AS_THEY_ARE,
    COOD,
    GAP,
    at_width,
    outcome_correlations,
    usual,
)
from cood.analysis.outcomes import outcomes
from cood.analysis.results import Results, plain_rows
from cood.analysis.stats.correlation import correlate
from cood.evaluation.common.score_table import complete
from tests.analysis.simulated import Effects

MODELS = [f"m{i}" for i in range(5)]
ACCURACY = pd.Series([0.1, 0.2, 0.3, 0.4, 0.5], index=MODELS)
COMPUTATIONS = [
    ({}, 1),
    ({"null": "rotated"}, 1),
    ({"projection": "pca", "width": 8}, 1),
    ({"projection": "random", "width": 8}, -1),
]


def make(study):
    rows = [
        {"model": model, "metric": metric, "value": sign * ACCURACY[model], **computation}
        for model in MODELS
        for metric in ("mig", "sap")
        for computation, sign in COMPUTATIONS
    ]
    rows += [
        {"model": model, "metric": "r2", "codes": codes, "unit_rows": unit, "value": value}
        for model in MODELS
        for codes, unit, value in (
            ("means", True, 1.0),
            ("images", False, 1.0),
            ("images", True, ACCURACY[model] ** 2),
        )
    ]
    fixed = {"set": "ao", "split": "unseen", "category": "all", "space": "image"}
    table = complete(rows, **fixed)
    return Results(study, table, pd.DataFrame({"model": MODELS, "family": list("aabbc")}))


def test_only_the_plain_rows_are_left(tiny):
    found = usual(make(tiny), ["r2", "mig"]).scores
    assert list(found["metric"].unique()) == ["r2", "mig"]
    assert len(found) == 10
    squares = found[found["metric"] == "r2"].set_index("model")["value"]
    np.testing.assert_array_equal(squares, ACCURACY**2)
    assert set(found["null"]) == set(found["projection"]) == {""}


def test_coefficients_at_one_width(parse):
    metrics = {"metrics": ["mig"], "splits": ["unseen"], "fixed_width": 8}
    found = at_width(make(parse(representation_metrics=metrics)), ACCURACY, ["mig", "r2"], "unseen")
    coefficients = found.set_index(["way", "metric"])["spearman"].to_dict()
    assert coefficients == pytest.approx(
        {
            (AS_THEY_ARE, "mig"): 1,
            (AS_THEY_ARE, "r2"): 1,
            ("principal components, 8", "mig"): 1,
            ("random projection, 8", "mig"): -1,
        }
    )


def test_a_study_without_a_width_has_the_usual_ones_only(tiny):
    found = at_width(make(tiny), ACCURACY, ["mig"], "unseen")
    assert set(found["way"]) == {AS_THEY_ARE}


def test_metrics_against_both_outcomes(simulate):
    planted = Effects(id={"images": 2.0}, cood={"images": 2.0})
    results = simulate(models=24, effects=planted)
    log_odds = outcomes(results)
    names = ["explicitness", "z_diff", "mig"]
    table = outcome_correlations(results, log_odds, names, split="all")
    assert list(dict.fromkeys(table["metric"])) == names
    assert table["outcome"].tolist() == [COOD] * 6 + [GAP] * 6
    keys = ["outcome", "space", "metric"]
    row = table.set_index(keys).loc[(GAP, "text", "mig")]
    values = plain_rows(results.scores, metric="mig", space="text", split="all")
    x = values.set_index("model")["value"].reindex(log_odds.index)
    families = results.models.set_index("model")["family"]
    found = correlate(x, log_odds["gap"], families, seed=results.study.seed).pearson
    assert row[["value", "low", "high", "p"]].tolist() == [
        found.value,
        found.low,
        found.high,
        found.p,
    ]
    # Z-diff is the same in all models: no test, so that p is corrected for the others only.
    tested = table["p"].notna()
    assert set(table.loc[~tested, "metric"]) == {"z_diff"}
    least = table["p"].min()
    assert table["holm"].min() == pytest.approx(min(1, least * tested.sum()))


def test_without_seen_compositions_there_is_no_gap(simulate):
    results = simulate(models=24)
    log_odds = outcomes(results)[["cood"]]
    table = outcome_correlations(results, log_odds, ["mig"], split="all", coefficient="spearman")
    assert set(table["outcome"]) == {COOD}
    assert set(table["n"]) == {24}
