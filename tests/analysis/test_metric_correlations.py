import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cood.analysis.metric_correlations import (
    EXCESS,
    add_excess,
    correlate_metrics,
    holm,
    ways,
)
from cood.analysis.results import Results, plain_rows
from cood.errors import StudyError
from cood.evaluation.common.score_table import complete

MODELS = [f"m{i}" for i in range(6)]
RNG = np.random.default_rng(0)
ACCURACY = pd.Series(RNG.random(6), index=MODELS)


@pytest.fixture
def results(tiny):
    rows = [
        (model, "ao", split, space, "rank", codes, RNG.random(), 0.25)
        for model in [*MODELS, "baseline"]
        for split in ("all", "unseen")
        for space in ("image", "text")
        for codes in ("images", "means")
    ]
    columns = ["model", "set", "split", "space", "metric", "codes", "value", "chance"]
    models = pd.DataFrame({"model": MODELS, "family": list("aabbcc")})
    return Results(tiny, complete(pd.DataFrame(rows, columns=columns)), models)


def test_a_row_for_each_computation(results):
    found = correlate_metrics(results, ACCURACY, ["rank"], split="unseen")
    keys = list(found[["space", "metric", "codes"]].itertuples(index=False, name=None))
    assert keys == [(s, "rank", c) for s in ("image", "text") for c in ("images", "means")]
    scores = results.scores
    for row in found.itertuples():
        values = scores[
            (scores["split"] == "unseen")
            & (scores["space"] == row.space)
            & (scores["codes"] == row.codes)
        ].set_index("model")["value"][MODELS]
        assert row.pearson == pytest.approx(stats.pearsonr(values, ACCURACY).statistic)
        assert (row.lowest, row.highest) == (values.min(), values.max())
    assert set(found["n"]) == {6}
    assert set(found["families"]) == {3}
    assert set(found["chance"]) == {0.25}


def test_a_model_without_an_accuracy_is_left_out(results):
    found = correlate_metrics(results, ACCURACY.drop("m2"), ["rank"], split="all")
    assert set(found["n"]) == {5}


def test_holm_multiplies_the_smallest_p_most():
    corrected = holm(pd.Series([0.04, np.nan, 0.01, 0.5], index=list("abcd")))
    assert corrected.drop("b").to_dict() == pytest.approx({"a": 0.08, "c": 0.03, "d": 0.5})
    assert np.isnan(corrected["b"])
    assert holm(pd.Series([np.nan])).isna().all()


def test_missing_scores_are_reported(results):
    with pytest.raises(StudyError, match="tiny hold none of srank in split 'all'; run the study"):
        correlate_metrics(results, ACCURACY, ["srank"], split="all")


@pytest.fixture
def several(tiny):
    rows = [
        {"model": model, "split": split, "space": space, "value": RNG.random(), **computation}
        for model in MODELS
        for split in ("all", "unseen")
        for space in ("image", "text")
        for computation in (
            {"chance": RNG.random()},
            {"factor": "attribute", "chance": 0.1},
            {"null": "rotated"},
            {"projection": "pca", "width": 8},
            {"basis": "concepts", "chance": 0.1},
        )
    ]
    scores = complete(rows, set="ao", metric="mig", category="all")
    return Results(tiny, scores, pd.DataFrame({"model": MODELS, "family": list("aabbcc")}))


def test_what_lies_above_chance(several):
    found = add_excess(several, ["mig"]).scores
    whole = plain_rows(found).reset_index(drop=True)
    above = found[found["null"] == EXCESS].reset_index(drop=True)
    assert above["value"].tolist() == (whole["value"] - whole["chance"]).tolist()


def test_ways_to_compute_a_metric(several):
    found = ways(several, ACCURACY, ["mig"], "unseen")
    images = found[found["space"] == "image"]
    assert images["way"].tolist() == [
        "as they are",
        "above shuffled labels",
        "rotated at random",
        "principal components",
        "isolated words, images",
        "on all compositions",
    ]
    scores = plain_rows(several.scores, split="all", space="image")
    values = scores.set_index("model")["value"][MODELS]
    expected = stats.spearmanr(values, ACCURACY).statistic
    last = images[images["way"] == "on all compositions"].iloc[0]
    assert last["spearman"] == pytest.approx(expected)
    assert "on all compositions" not in set(ways(several, ACCURACY, ["mig"], "all")["way"])
