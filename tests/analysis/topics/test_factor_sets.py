import numpy as np
import pandas as pd
import pytest

from cood.analysis.results import Results
from cood.analysis.stats.correlation import correlate
from cood.analysis.topics import factor_sets
from cood.errors import StudyError
from cood.evaluation.common.score_table import JOINED_SCORES, complete, concat, write_scores
from cood.factors.table import SHAPES3D
from cood.files import read_table, write_table
from cood.report.plots.gallery import scenes
from cood.report.topics.factor_sets import (
    count_significant_signs,
    describe_factors_above_chance,
    styled_held_out,
)
from cood.synthesis.manifests import read_factor_manifest

ZOO = {"a": 0.1, "b": 0.4, "c": 0.5, "d": 0.9}


def row(**known):
    usual = {"set": "shapes", "split": "all", "category": "all", "granularity": "words"}
    return {**usual, "space": "image", "metric": "mig", "n": 60, **known}


@pytest.fixture
def results(factored):
    """Four models of a zoo with known values, and one that was trained on the scenes."""
    rows = []
    for model, value in {**ZOO, "on-shapes": 0.7}.items():
        rows += [
            row(model=model, value=value, chance=0.05),
            row(model=model, value=1 - value, space="text", chance=0.1),
            row(model=model, value=value, factor="scale", chance=0.02),
            row(model=model, value=0.3, factor="shape", space="text", chance=0.04),
        ]
    hue = {"metric": "factor_top1", "factor": "scale", "granularity": "", "chance": 0.125}
    rows += [row(model=m, value=0.3, low=low, **hue) for m, low in (("a", 0.2), ("b", 0.1))]
    models = pd.DataFrame({"model": [*ZOO, "on-shapes"], "trained_on": [*[""] * 4, "shapes"]})
    models["family"] = ["1", "1", "2", "3", "50%"]
    study = factored.model_copy(update={"factor_sets": {"shapes": factored.factor_sets["shapes"]}})
    return Results(study, complete(rows), models)


def test_correlations_exclude_models_trained_on_the_factor_sets(results):
    accuracy = pd.Series({"a": 0.2, "b": 0.25, "c": 0.5, "d": 0.8, "on-shapes": -5.0})
    table = factor_sets.against_composing(results, accuracy, ["mig"])
    assert table[["set", "metric", "space", "granularity"]].to_numpy().tolist() == [
        ["shapes", "mig", "image", "words"],
        ["shapes", "mig", "text", "words"],
    ]
    values, families = pd.Series(ZOO), pd.Series(["1", "1", "2", "3"])
    expected = correlate(values, accuracy[list(ZOO)], families, seed=results.study.seed)
    image, text = table.to_dict("records")
    assert image["n"] == 4
    assert image["pearson"] == pytest.approx(expected.pearson.value)
    assert (image["pearson_low"], image["pearson_high"]) == pytest.approx(
        (expected.pearson.low, expected.pearson.high)
    )
    assert text["pearson"] == pytest.approx(-expected.pearson.value)
    assert (image["lowest"], image["highest"], image["chance"]) == (0.1, 0.9, 0.05)


def test_signs_of_intervals():
    bounds = {"pearson_low": [0.1, -0.5, -0.9, np.nan], "pearson_high": [0.5, 0.5, -0.1, np.nan]}
    table = pd.DataFrame(bounds)
    assert count_significant_signs(table.assign(pearson=[0.3, 0.1, -0.5, np.nan])) == (
        "of 3 Pearson coefficients, 1 are significantly positive, 1 significantly negative and 1 "
        "not significant"
    )


def test_values_by_factor(results):
    table = factor_sets.by_factor(results, "shapes", "mig", "image")
    assert list(table.columns) == SHAPES3D.names
    assert table["scale"].to_dict() == {**ZOO, "on-shapes": 0.7}
    assert table.drop(columns="scale").isna().all(axis=None)
    every = factor_sets.every_factor(results, "mig", "image")
    assert list(every.columns[:2]) == ["shapes: floor hue", "shapes: wall hue"]
    np.testing.assert_array_equal(every, table)
    with pytest.raises(StudyError, match="unknown factor set 'shaeps'"):
        factor_sets.by_factor(results, "shaeps", "mig", "image")


def test_medians_of_those_trained_on_the_set_and_of_the_others(results):
    table = factor_sets.medians(results, "mig").set_index("factor")
    assert table.loc["scale", ["zoo, image", "own, image", "chance"]].tolist() == [0.45, 0.7, 0.02]
    assert table.loc["shape", ["zoo, text", "own, text", "chance"]].tolist() == [0.3, 0.3, 0.04]
    assert table.loc["wall_hue", ["zoo, image", "own, text"]].isna().all()


def test_how_many_name_a_factor(results, monkeypatch):
    monkeypatch.setattr(type(SHAPES3D), "names", ["scale"])
    counts = factor_sets.count_above_chance(results, ["a", "b", "c"])
    assert describe_factors_above_chance(counts) == "shapes scale 1 of 2"
    other = counts.assign(factor="wall_hue", above_chance=0)
    both = pd.concat([counts, other], ignore_index=True)
    described = describe_factors_above_chance(both)
    assert described == "shapes scale 1 of 2; no model names shapes wall hue"
    assert describe_factors_above_chance(other) == "no model names shapes wall hue"


def test_values_and_words_of_each_factor(factored):
    table = factor_sets.factor_table(factored).set_index(["set", "factor"])
    published = table["values published"]
    assert published["shapes"].tolist() == [10, 10, 10, 8, 4, 15]
    assert published["sprites"].tolist() == [3, 6, 40, 32, 32]
    assert (table["values here"] <= published).all()
    assert table.loc[("shapes", "orientation"), "words"] == 7
    shared = table["words for several values"]
    assert shared["shapes", "scale"] == "none"
    assert shared["shapes", "orientation"].startswith("far left (2), left (2)")


@pytest.fixture
def whole(copied_factors):
    """A study of two models with all of its scores, and the tables of the zoo."""
    study = copied_factors
    for missing, like in (("published-too", "published"), ("on-shapes-more", "on-shapes")):
        scores = read_table(study.paths.model_factor_scores(like))
        write_table(scores.assign(model=missing), study.paths.model_factor_scores(missing))
    names = study.on_factor_sets
    tables = [read_table(study.paths.model_factor_scores(name)) for name in names]
    joined = concat(table.drop(columns="seconds") for table in tables)
    write_scores(joined.drop(columns="seconds"), study.paths.factor_scores, JOINED_SCORES)
    models = pd.DataFrame(
        {"model": ["published", "published-too"], "family": ["1", "2"], "missing": ""}
    )
    write_table(models, study.paths.models)
    write_table(pd.DataFrame({"model": ["published"]}), study.paths.scores)
    return factor_sets.load_factors("tiny")


def test_models_of_both_kinds(whole):
    models = whole.models.set_index("model")
    assert models["trained_on"].to_dict() == {
        "published": "",
        "published-too": "",
        "on-shapes": "shapes",
        "on-shapes-more": "shapes",
    }
    assert models.loc["on-shapes", "family"] == "draw 0"
    assert models.loc["on-shapes", "architecture"] == "resnet-causal-64-softmax"


def test_accuracy_on_what_was_held_out(whole):
    table = factor_sets.held_out(whole, "explicitness").set_index("model")
    scores = whole.scores[whole.scores["model"] == "on-shapes"]
    pair = scores[scores["metric"] == "pair_top1"].set_index(["split", "labels"])["value"]
    row = table.loc["on-shapes"]
    assert row["seen"] == pair["seen", "all"]
    assert row["held out"] == pair["unseen", "all"]
    assert row["held out, by itself"] == pair["unseen", "own"]
    unseen = 40 - 16  # it saw half of those outside the core of eight
    assert (row["held out chance"], row["held out, by itself chance"]) == (1 / 40, 1 / unseen)
    html = styled_held_out(table.reset_index()).to_html()
    assert "chance 2.5 %" in html
    assert "50%" in html


def test_samples_stand_above_their_captions(factored):
    manifests = {name: read_factor_manifest(factored, name) for name in factored.factor_sets}
    figure = scenes(factored, manifests, 2)
    texts = [text.get_text().replace("\n", " ") for axes in figure.axes for text in axes.texts]
    assert texts == [*manifests["shapes"]["prompt"][:4], *manifests["sprites"]["prompt"][:4]]
    assert sum(len(axes.images) for axes in figure.axes) == 8
