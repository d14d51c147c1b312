import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cood.analysis.results import Results
from cood.analysis.topics.null_models.against_null import (
    HIGHER,
    LOWER,
    UNCLEAR,
    against_untrained,
    untrained_scores,
)
from cood.evaluation.common.score_table import complete

MODELS = [f"m{i}" for i in range(6)]
FAMILIES = list("aabbcc")
VALUES = {
    "z_diff": ([0.9, 0.91, 0.92, 0.9, 0.91, 0.92], [0.2, 0.3]),
    "mig": ([0.1, 0.1, 0.2, 0.1, 0.1, 0.2], [0.4, 0.5]),
    "dci_disentanglement": ([0.1, 0.2, 0.9, 0.9, 0.1, 0.2], [0.15, 0.85]),
    "r2": ([0.5] * 6, [np.nan, np.nan]),
}


@pytest.fixture
def results(parse):
    study = parse(null_models={n: {"image_tower": "vit", "seed": int(n[1])} for n in ("u0", "u1")})
    rows = [
        (model, metric, "images", value)
        for metric, (trained, null) in VALUES.items()
        for model, value in zip([*MODELS, "u0", "u1"], [*trained, *null], strict=True)
    ]
    table = pd.DataFrame(rows, columns=["model", "metric", "codes", "value"])
    fixed = {"set": "ao", "split": "unseen", "space": "image", "category": "all", "chance": 0.05}
    table = complete(table, **fixed, low=0.0, high=1.0)
    other = table.assign(null="rotated", value=7.0)
    models = pd.DataFrame({"model": MODELS, "family": FAMILIES})
    return Results(study, pd.concat([table, other], ignore_index=True), models)


def test_what_training_raised_lowered_and_left(results):
    found = against_untrained(results, list(VALUES), "unseen").set_index("metric")
    assert found["reading"].to_dict() == {
        "z_diff": HIGHER,
        "mig": LOWER,
        "dci_disentanglement": UNCLEAR,
    }
    row = found.loc["z_diff"]
    assert row["mean"] == pytest.approx(0.91)
    # Without each of the three families of equal size.
    spread = np.var([0.9125, 0.91, 0.9075]) * 2
    reach = stats.t.ppf(0.975, 2) * np.sqrt(spread)
    assert row["high"] - row["mean"] == pytest.approx(row["mean"] - row["low"]) == reach
    assert (row["untrained_lowest"], row["untrained_highest"]) == (0.2, 0.3)
    assert row[["above", "below", "n", "families", "untrained"]].tolist() == [6, 0, 6, 3, 2]
    assert found.loc["mig", ["above", "below"]].tolist() == [0, 6]
    assert found.loc["dci_disentanglement", ["above", "below"]].tolist() == [2, 2]


def test_without_untrained_models_the_table_is_empty(results, parse):
    found = against_untrained(Results(parse(), results.scores, results.models), ["mig"], "unseen")
    assert found.empty
    assert "reading" in found


def test_scores_of_the_untrained(results):
    found = untrained_scores(results, metric="mig", split="unseen")
    assert found["value"].to_dict() == {"u0": 0.4, "u1": 0.5}
    assert untrained_scores(results, metric="mig", split="seen").empty
