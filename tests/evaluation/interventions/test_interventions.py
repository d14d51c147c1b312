import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from cood.cli import main
from cood.evaluation.accuracy.zero_shot import answer, score_zero_shot
from cood.evaluation.common.score_table import INTERVENTIONS, check
from cood.evaluation.embeddings import split_members
from cood.evaluation.interventions import interventions as module
from cood.evaluation.interventions.interventions import (
    ACCURACIES,
    METRICS,
    divide,
    score_edits,
    score_interventions,
)
from cood.files import read_table, write_tensors
from cood.settings import Interventions
from cood.settings.study_file import parse_study

SETTINGS = {
    "name": "known",
    "seed": 7,
    "vocabulary": {
        "attributes": ["red", "blue", "striped", "brick", "green", "wooden"],
        "objects": ["apple", "hat", "dog", "bus", "umbrella", "bed", "cat"],
    },
    "core": 0.2,
    "sets": {"ao": {"source": "icons", "images_per_composition": 2}},
    "models": {"few": {"image_tower": "resnet", "share": 0.75, "images": 104, "steps": 13}},
    "defaults": {"batch": 8},
    "evaluation": {"resamples": 100},
    "notebooks": {},
}
EACH, D = 6, 24
EDITS = Interventions(doses=[1, 5, 6], repeats=2)
KEYS = ["edit", "dose", "side", "space", "metric", "against"]


@pytest.fixture(scope="module")
def study():
    return parse_study(SETTINGS, "known.yaml")


def embedded(study, noise=0.05, interaction=0.0):
    """Additive images and texts, attributes and objects at right angles, and their truth."""
    rng = np.random.default_rng(0)
    words = study.words
    every = np.arange(words.size)
    axes = np.eye(D)
    attribute, object_ = words.attribute_of(every), words.object_of(every)
    sums = axes[attribute] + axes[len(words.attributes) + object_]
    texts = sums + interaction * rng.normal(size=sums.shape)
    truth = np.repeat(every, EACH)
    images = sums[truth] + noise * rng.normal(size=(len(truth), D))
    tensors = {"images": images, "compositions": texts, "attributes": axes[:6], "objects": axes[:7]}
    return {name: z.astype(np.float32) for name, z in tensors.items()}, truth


def scored(study, settings=EDITS, **how):
    tensors, truth = embedded(study, **how)
    fitted, tested = divide(truth, split_members(study, "few")["unseen"], study.seed)
    return score_edits(study, settings, tensors, truth, fitted, tested)


@pytest.fixture(scope="module")
def table(study):
    return scored(study)


@pytest.fixture(scope="module")
def blurred(study):
    """Of images that are not always answered rightly."""
    return scored(study, noise=0.5)


def values(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def test_what_is_fitted_on_is_not_what_is_tried_on():
    truth = np.repeat([0, 1, 2, 5, 6], 3)
    fitted, tested = divide(truth, np.array([2, 3, 6]), seed=0)
    assert (fitted.tolist(), tested.tolist()) == ([0, 1, 5], [2, 6])
    fitted, tested = divide(truth, np.arange(9), seed=0)  # a zoo: all are unseen
    assert (len(fitted), len(tested)) == (3, 2)
    assert sorted([*fitted, *tested]) == [0, 1, 2, 5, 6]


def test_each_row_is_there_once(table):
    assert not table.duplicated(KEYS).any()
    assert set(table["metric"]) == {*ACCURACIES, *METRICS}
    assert set(table["side"]) == {"images", "texts", "both"}
    accuracies = table[table["metric"].isin(ACCURACIES)]
    assert accuracies[["value", "low", "high", "n"]].notna().all(axis=None)
    assert (accuracies["low"] <= accuracies["value"]).all()
    assert (accuracies["value"] <= accuracies["high"]).all()
    plain = values(table, edit="none", metric="attribute_top1")
    assert plain["chance"].item() == pytest.approx(1 / 6)


def test_the_accuracy_before_is_the_benchmarks(study, blurred):
    tensors, truth = embedded(study, noise=0.5)
    splits = split_members(study, "few")
    answers, given = answer(tensors, truth), (study.words, study.evaluation, study.seed)
    benchmark = score_zero_shot(tensors, answers, splits, *given)
    for metric in ACCURACIES:
        here = values(blurred, edit="none", metric=metric, against="")
        there = values(benchmark, split="unseen", labels="all", category="all", metric=metric)
        for column in ("value", "low", "high", "chance", "n"):
            assert here[column].item() == pytest.approx(there[column].item())


@pytest.mark.parametrize(("gone", "left"), [("attribute", "object"), ("object", "attribute")])
def test_without_the_directions_of_a_factor_it_is_guessed_and_the_other_known(table, gone, left):
    every = {"attribute": 5, "object": 6}
    found = values(table, edit=f"remove {gone}", dose=every[gone], against="")
    for side in ("images", "texts", "both"):
        right = values(found, side=side).set_index("metric")["value"]
        assert right[f"{left}_top1"] == 1
        assert right[f"{gone}_top1"] < 0.45  # 6 or 7 to guess among


def test_sums_of_additive_texts_change_nothing(table):
    moved = values(table, edit="additive", against="unedited")
    moved = moved[moved["metric"].isin(ACCURACIES)]
    assert set(moved["side"]) == {"images", "texts", "both"}
    assert (moved[["value", "low", "high"]] == 0).all(axis=None)


def test_a_rotation_moves_no_accuracy_but_metrics_of_axes(table):
    moved = values(table, edit="rotate", against="unedited").set_index("metric")["value"]
    assert moved[list(ACCURACIES)].abs().max() == 0
    assert moved["dcimig"].abs().max() > 0.05
    assert moved[["r2_adjusted", "orthogonality"]].abs().max() < 1e-5


def test_what_sets_a_text_apart_from_its_sum_can_be_harm(study):
    table = scored(study, interaction=0.4)
    found = values(table, edit="additive", dose=1.0, side="texts", metric="pair_top1")
    found = found.set_index("against")
    assert found.loc["unedited", "value"] > 0.1
    assert found.loc["control", "low"] > 0
    factorised = values(table, edit="additive", side="texts", metric="r2_adjusted", against="")
    twice, *_, without = factorised["value"]
    assert twice < 0.5 < 0.95 < without


def test_differences_are_those_of_the_values_and_paired(blurred):
    wide = blurred.pivot(
        index=["edit", "dose", "side", "metric"], columns="against", values="value"
    )
    for edit, dose, side, control in (
        ("remove attribute", 1, "both", ("remove random", 1)),
        ("whiten", 0.9, "texts", ("centre", 0.0)),
        ("additive", 0.5, "texts", ("shuffled", 0.5)),
    ):
        one = wide.loc[(edit, dose, side, "pair_top1")]
        other = wide.loc[(*control, side, "pair_top1")]
        assert one["control"] == pytest.approx(one[""] - other[""])
        assert one["unedited"] == pytest.approx(
            one[""] - wide.loc[("none", 0.0, "both", "pair_top1"), ""]
        )
    centred = values(blurred, edit="centre", side="both", metric="pair_top1").set_index("against")
    width = centred["high"] - centred["low"]
    assert width["unedited"] < width[""]  # few images change; unpaired it would be wider


def test_some_of_the_images_stand_for_all(study):
    few = scored(study, Interventions(doses=[1], repeats=1, samples=20))
    assert set(few.loc[few["metric"].isin(ACCURACIES), "n"]) == {20}


@pytest.fixture
def edited(copied):
    """The tiny study, which asks for edits."""
    file = copied.paths.studies / "tiny.yaml"
    settings = yaml.safe_load(file.read_text()) | {"interventions": {"doses": [1, 2], "repeats": 1}}
    file.write_text(yaml.safe_dump(settings))
    return copied


def test_from_the_command_line(edited):
    assert main(["interventions", "--study", "tiny", "--model", "few"]) == 0
    table = read_table(edited.paths.model_interventions("few"))
    check(table, INTERVENTIONS)
    assert {"remove attribute", "additive", "rotate", "whiten"} <= set(table["edit"])
    assert (table["seconds"] > 0).all()
    unseen = 10 * 2  # images of those that `few` was not trained on
    assert set(table.loc[table["metric"] == "pair_top1", "n"]) == {unseen}


def test_models_without_embeddings_are_one_row_with_the_reason(edited, monkeypatch, parse):
    study = parse(interventions={})
    write_tensors({}, edited.paths.embeddings("most", "ao"), {"missing": "no network"})
    (row,) = score_interventions(study, "most").to_dict("records")
    assert (row["model"], row["note"], row["n"]) == ("most", "no network", 0)
    alike = {"images": np.ones((40, 3), np.float32), "compositions": np.ones((20, 3), np.float32)}
    write_tensors(alike, edited.paths.embeddings("most", "ao"), {})
    table = score_interventions(study, "most")  # codes that are all alike have no directions
    assert values(table, edit="remove attribute").empty
    assert pd.isna(values(table, edit="none", metric="r2_adjusted")["value"]).all()


def test_on_a_gpu_the_answers_are_the_same(study, monkeypatch):
    # Texts that are no sums: without their attributes, sums would be equal but for rounding.
    how = {"noise": 0.5, "interaction": 0.3}
    expected, asked = scored(study, **how), []
    monkeypatch.setattr(
        module, "device_for", lambda products: asked.append(products) or torch.device("cpu")
    )
    there = scored(study, **how)
    keys = [*KEYS, "n", "chance"]
    pd.testing.assert_frame_equal(there[keys], expected[keys])
    numbers = ["value", "low", "high"]
    np.testing.assert_allclose(there[numbers], expected[numbers], atol=1e-6)
    assert asked == [EDITS.rankings * EDITS.samples * study.words.size * D]
