import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cood.analysis.metric_correlations import (
    EXCESS,
    add_excess,
    composite,
    correlate_metrics,
    ways,
    with_control,
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
        without = [stats.pearsonr(values.drop(m), ACCURACY.drop(m)).statistic for m in values.index]
        assert (row.pearson_min, row.pearson_max) == pytest.approx((min(without), max(without)))
    assert set(found["n"]) == {6}
    assert set(found["families"]) == {3}
    assert set(found["chance"]) == {0.25}


def test_a_model_without_an_accuracy_is_left_out(results):
    found = correlate_metrics(results, ACCURACY.drop("m2"), ["rank"], split="all")
    assert set(found["n"]) == {5}


def test_each_coefficient_with_its_partial_coefficient(results):
    given = pd.Series(np.random.default_rng(1).random(6), index=MODELS)
    found = correlate_metrics(results, ACCURACY, ["rank"], split="unseen")
    partial = correlate_metrics(results, ACCURACY, ["rank"], split="unseen", given=given)
    table = with_control(found, partial.iloc[::-1], "spearman")
    assert table["spearman"].tolist() == found["spearman"].tolist()
    assert table["partial"].tolist() == partial["spearman"].tolist()
    assert table["partial_low"].tolist() == partial["spearman_low"].tolist()
    order = np.argsort(table["p"].to_numpy())
    steps = np.maximum.accumulate(table["p"].to_numpy()[order] * [4, 3, 2, 1])
    assert table["holm"].to_numpy()[order] == pytest.approx(np.minimum(steps, 1))
    found.loc[0, ["spearman", "spearman_p"]] = np.nan
    untested = with_control(found, partial, "spearman")
    assert np.isnan(untested["holm"]).tolist() == [True, False, False, False]


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


def test_mean_ranks_of_the_plain_rows_and_of_the_others(several):
    plain, others = composite(several, ["mig"])
    scores = plain_rows(several.scores, split="all")
    wide = scores.pivot(index="model", columns="space", values="value")
    expected = wide.rank(pct=True).mean(axis=1)
    pd.testing.assert_series_equal(plain, expected)
    assert len(others) == 2 * 5 - 1
