from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cood.analysis.results import Results, plain_rows
from cood.analysis.topics import factor_sets
from cood.evaluation.common.score_table import JOINED_SCORES, complete, concat, write_scores
from cood.factors.table import SHAPES3D
from cood.files import read_table, write_table
from cood.report.plots.gallery import scenes
from cood.report.topics.factor_sets import describe_factors_above_chance, styled_held_out
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


def test_medians_of_those_trained_on_the_set_and_of_the_others(results):
    table = factor_sets.medians(results, "mig").set_index("factor")
    images = ["tested, image", "trained, image", "chance"]
    assert table.loc["scale", images].tolist() == [0.45, 0.7, 0.02]
    assert table.loc["shape", ["tested, text", "trained, text"]].tolist() == [0.3, 0.3]
    assert table.loc["wall_hue", ["tested, image", "trained, text"]].isna().all()
    own = results.scores[results.scores["model"] == "on-shapes"]
    alone = factor_sets.medians(replace(results, scores=own), "mig")
    assert not [name for name in alone if name.startswith("tested")]


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


def test_a_row_for_each_factor_model(whole):
    table = factor_sets.factor_model_table(whole, "explicitness").set_index("model")
    assert table.index.tolist() == ["on-shapes", "on-shapes-more"]
    scores = whole.scores[whole.scores["model"] == "on-shapes"]
    unseen = plain_rows(scores, metric="pair_top1", split="unseen").iloc[0]
    right = round(unseen["value"] * unseen["n"])
    expected = np.log((right + 0.5) / (unseen["n"] - right + 0.5))
    row = table.loc["on-shapes"]
    assert row["log_odds"] == pytest.approx(expected)
    plain = plain_rows(scores, metric="explicitness", split="all", space="image")
    assert row["metric"] == plain["value"].iloc[0]
    assert (row["set"], row["share"], row["able"]) == ("shapes", 0.5, False)
    assert np.isnan(factor_sets.factor_model_table(whole, "mig_")["metric"]).all()
    tested = factor_sets.tested_models(whole)
    assert tested["model"].tolist() == ["published", "published-too"]


def test_factor_models_are_correlated_given_their_set():
    rng = np.random.default_rng(0)
    n = 30
    table = pd.DataFrame({"metric": rng.random(n), "set": ["a", "b"] * (n // 2), "able": True})
    table["family"] = [str(i) for i in range(n)]
    # Within the sets they agree; between the sets they are far apart the other way.
    table["log_odds"] = table["metric"] - 50 * (table["set"] == "b")
    table.loc[table["set"] == "b", "metric"] += 10
    found = factor_sets.correlate_factor_models(table, seed=0)
    assert found.value == pytest.approx(1)
    assert (found.n, found.nuisance) == (n, 1)
    unable = table.assign(able=table["set"] == "a")
    alone = factor_sets.correlate_factor_models(unable, seed=0)
    assert (alone.n, alone.nuisance) == (n // 2, 0)
    assert np.isnan(factor_sets.correlate_factor_models(table[:1], seed=0).value)
    assert np.isnan(factor_sets.correlate_factor_models(table[:0], seed=0).value)


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
