import numpy as np
import pandas as pd
import pytest

from cood.analysis.canonical_variants import AS_THEY_ARE
from cood.analysis.results import Results
from cood.analysis.topics.null_models.confounders import (
    OUTCOME,
    confounders,
    correlate_controls,
    correlate_given_each,
    lost,
    sizes,
)
from cood.evaluation.common.score_table import complete

N = 40
MODELS = [f"m{i}" for i in range(N)]
RNG = np.random.default_rng(4)
SIZE = 10 ** RNG.uniform(6, 8, N)
OUTSIDE = pd.Series(np.log10(SIZE) + 0.05 * RNG.standard_normal(N), index=MODELS)
VALUES = {
    "mig": np.log10(SIZE) + 0.05 * RNG.standard_normal(N),  # by size alone
    "sap": OUTSIDE.to_numpy() ** 3,  # by accuracy itself
}
BOUNDS = ("spearman_low", "spearman_high")


@pytest.fixture
def results(tiny):
    rows = [(m, k, v) for k, values in VALUES.items() for m, v in zip(MODELS, values, strict=True)]
    table = pd.DataFrame(rows, columns=["model", "metric", "value"])
    fixed = {"set": "ao", "split": "unseen", "category": "all", "space": "image"}
    models = pd.DataFrame(
        {
            "model": MODELS,
            "family": [f"f{i // 2}" for i in range(N)],
            "parameters": SIZE,
            "embed_dim": 64.0,
            "images": 2 * SIZE,
            "samples_seen": 2 * SIZE * np.arange(1, N + 1),
            "pairs": [1.0, 2.0, 3.0] + [np.nan] * (N - 3),
        }
    )
    return Results(tiny, complete(table, **fixed), models)


def test_sizes_that_can_be_held_fixed(results):
    every = sizes(results)
    np.testing.assert_allclose(every["parameters"], np.log10(SIZE))
    np.testing.assert_allclose(every["samples seen"], np.log10(2 * SIZE * np.arange(1, N + 1)))
    found, left = confounders(results)
    # Images order the models as parameters do; pairs are known of three models only.
    assert list(found) == ["parameters", "samples seen"]
    assert left == ["width of the embedding", "pre-training pairs", "training images"]


def test_what_goes_with_a_size(results):
    controls, _ = confounders(results)
    found = correlate_controls(results, OUTSIDE, ["mig", "sap"], controls[["parameters"]], "unseen")
    assert found["metric"].tolist() == [OUTCOME, "mig", "sap"]
    assert (found["spearman"] > 0.9).all()
    assert set(found["alike"]) == {1}
    assert correlate_controls(results, OUTSIDE, ["mig"], controls[[]], "unseen").empty


def test_a_correlation_due_to_size_is_lost_given_size(results):
    controls = confounders(results)[0][["parameters"]]
    found = correlate_given_each(results, OUTSIDE, ["mig", "sap"], controls, "unseen")
    assert found["way"].unique().tolist() == [AS_THEY_ARE, "given parameters"]
    partial = found[found["way"] != AS_THEY_ARE].set_index("metric")["spearman"]
    assert partial["sap"] == pytest.approx(1)
    assert abs(partial["mig"]) < 0.4
    rows = lost(found, "spearman", BOUNDS).set_index("metric")["lost_given"]
    assert rows.to_dict() == {"mig": "parameters", "sap": ""}
