import numpy as np
import pandas as pd
import pytest

from cood.analysis.canonical_variants import (
    AS_THEY_ARE,
    at_width,
    usual,
    usual_variant,
)
from cood.analysis.results import Results

MODELS = [f"m{i}" for i in range(5)]
ACCURACY = pd.Series([0.1, 0.2, 0.3, 0.4, 0.5], index=MODELS)
SIGNS = {"all": 1, "rotated": 1, "fixed_width PCA 8": 1, "fixed_width random 8": -1}


def test_the_canonical_variant_of_a_metric():
    assert usual_variant("image", "numerical_rank_0.1") == "images, centred, unit rows, relative"
    assert usual_variant("text", "orthogonality") == "compositions, unit rows"
    assert usual_variant("text", "explicitness") == "all"


def make(study):
    rows = [
        (model, "image", metric, variant, sign * ACCURACY[model])
        for model in MODELS
        for metric in ("mig", "sap")
        for variant, sign in SIGNS.items()
    ]
    rows += [
        (model, "image", "r2", v, 1.0) for model in MODELS for v in ("all", "means, unit rows")
    ]
    rows += [(model, "image", "r2", "images, unit rows", ACCURACY[model] ** 2) for model in MODELS]
    table = pd.DataFrame(rows, columns=["model", "space", "metric", "variant", "value"])
    table = table.assign(set="ao", split="unseen", group="all", chance=np.nan)
    return Results(study, table, pd.DataFrame({"model": MODELS, "family": list("aabbc")}))


def test_only_the_usual_variants_are_left(tiny):
    found = usual(make(tiny), ["r2", "mig"]).scores
    assert found.groupby("metric", sort=False)["variant"].unique().str.join("+").to_dict() == {
        "r2": "images, unit rows",
        "mig": "all",
    }
    assert list(found["metric"].unique()) == ["r2", "mig"]
    assert len(found) == 10


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
