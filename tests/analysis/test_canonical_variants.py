import numpy as np
import pandas as pd
import pytest

from cood.analysis.canonical_variants import AS_THEY_ARE, at_width, usual
from cood.analysis.results import Results
from cood.evaluation.common.score_table import complete

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
