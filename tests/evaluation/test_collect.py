import json

import numpy as np
import pandas as pd
import pytest
import yaml

from cood.analysis.results import load_results
from cood.analysis.topics.null_models.against_null import untrained_scores
from cood.cli import main
from cood.errors import ArtefactError
from cood.evaluation.accuracy.accuracy import score_accuracy
from cood.evaluation.accuracy.baselines import score_baselines
from cood.evaluation.collect import _notes, _precision, _table, collect
from cood.evaluation.common.score_table import JOINED_SCORES, check
from cood.evaluation.common.tensor_names import ablated
from cood.evaluation.embeddings import split_members
from cood.evaluation.interventions.dimension_swap import swap_dimensions
from cood.evaluation.linear_probe.linear_probe import score_linear_probe
from cood.evaluation.representation.representation_metrics import score_representation
from cood.files import read_table, read_tensors, write_tensors


@pytest.fixture
def joined(copied):
    """Scores of `few` and the baselines, joined; `most` could not be had."""
    score_accuracy(copied, "few")
    reason = {"missing": "no network"}
    write_tensors({}, copied.paths.embeddings("most", "ao"), reason)
    score_accuracy(copied, "most")
    for name in ("few", "most"):
        swap_dimensions(copied, name)
        score_representation(copied, name)
    score_baselines(copied)
    collect(copied)
    return copied


def test_scores_of_a_model(copied):
    table = score_accuracy(copied, "few")
    pd.testing.assert_frame_equal(read_table(copied.paths.model_accuracy("few")), table)
    check(table)
    assert set(table["split"]) == {"seen", "unseen", "core"}
    pair = table.query(
        "metric == 'pair_top1' and category == 'all' and labels == 'all' and templates == ''"
    )
    images = pair.set_index("split")["n"]
    for name, compositions in split_members(copied, "few").items():
        assert images[name] == 2 * len(compositions)
    gains = table["metric"] == "retrieval_gain_top1"
    assert table.loc[~gains, "value"].dropna().between(0, 1).all()
    asked = table.query(
        "metric == 'retrieval_top1' and query == 'swap' and weight == 1 and not centred"
    ).set_index("split")
    assert asked.loc[["seen", "unseen"], "n"].sum() == 2500
    assert 0 < asked.loc["core", "n"] < asked.loc["unseen", "n"]


def test_scoring_again_gives_the_same_scores(copied):
    one, other = (score_accuracy(copied, "few").drop(columns="seconds") for _ in range(2))
    pd.testing.assert_frame_equal(one, other)


def test_scoring_before_embedding_is_told(copied):
    with pytest.raises(ArtefactError, match=r"most/ao.safetensors does not exist"):
        score_accuracy(copied, "most")


def test_a_model_that_could_not_be_had_is_one_row_with_the_reason(joined):
    table = read_table(joined.paths.model_accuracy("most"))
    assert len(table) == 1
    row = table.iloc[0]
    assert (row["model"], row["note"], row["n"]) == ("most", "no network", 0)
    assert np.isnan(row["value"])


def test_baselines(joined):
    table = read_table(joined.paths.model_accuracy("baselines"))
    assert set(table["model"]) == {"text only", "background only"}
    assert set(table["note"]) == {"baseline"}


def test_all_scores_are_joined(joined):
    scores = read_table(joined.paths.scores)
    check(scores, JOINED_SCORES)
    assert set(scores["model"]) == {"few", "most", "text only", "background only"}
    parts = [read_table(joined.paths.model_accuracy(n)) for n in ("few", "most", "baselines")]
    parts += [read_table(joined.paths.model_dimension_swap(n)) for n in ("few", "most")]
    parts += [read_table(joined.paths.model_representation_metrics(n)) for n in ("few", "most")]
    assert len(scores) == sum(map(len, parts))


def test_what_is_known_of_each_model(joined):
    models = read_table(joined.paths.models).set_index("model")
    assert list(models.index) == ["few", "most"]
    assert models["missing"].to_dict() == {"few": "", "most": "no network"}
    few = models.loc["few"]
    assert few["kind"] == "trained here"
    assert few["compositions"] == 10
    assert few["parameters"] > 49408 * 64
    assert few["family"] == "draw 0"
    assert few["architecture"] == "resnet-causal-64-softmax"
    settings = joined.models["few"].model_dump(exclude={"moments"})
    assert few[list(settings)].to_dict() == settings
    assert few["samples_seen"] == 8 * 8


def test_what_is_known_of_each_image_only_encoder(copied, parse):
    recipe = {"image_tower": "resnet", "share": 0.6, "images": 64, "steps": 16, "batch": 8}
    encoders = {"run": {"objective": "views", **recipe}, "raw": {"untrained": "byobnet"}}
    study = parse(image_encoders=encoders, models={"few": {"share": 0.6}})
    few = study.paths.embeddings("few", "ao")
    for name in study.embedded_image_encoders:
        other = study.paths.embeddings(name, "ao")
        other.parent.mkdir(parents=True)
        other.write_bytes(few.read_bytes())
    for name in study.probed:
        score_linear_probe(study, name)
    score_accuracy(study, "few")
    swap_dimensions(study, "few")
    score_representation(study, "few")
    score_baselines(study)
    collect(study)
    table = read_table(study.paths.image_encoders).set_index("model")
    assert list(table.index) == ["run-eighth", "run-quarter", "run-half", "run-whole", "raw"]
    assert table["run"].tolist()[:4] == table["family"].tolist()[:4] == ["run"] * 4
    assert table["steps"].tolist()[:4] == [2, 4, 8, 16]
    assert table["samples_seen"].tolist()[:4] == [16, 32, 64, 128]
    assert table.loc["run-half", ["objective", "learns"]].tolist() == ["views", "images alone"]
    assert table.loc["raw", ["family", "learns"]].tolist() == ["untrained", "nothing"]
    assert set(table["kind"]) == {"trained here"}
    assert set(table.index) <= set(read_table(study.paths.scores)["model"])


def test_joining_again_gives_the_same_bytes(joined):
    before = joined.paths.scores.read_bytes()
    score_accuracy(joined, "few")
    swap_dimensions(joined, "few")
    score_representation(joined, "few")
    collect(joined)
    assert joined.paths.scores.read_bytes() == before


def test_the_settings_lie_beside_the_scores_that_they_made(joined):
    settings = json.loads(joined.paths.settings.read_text())
    assert settings["seed"] == 7
    assert settings["models"]["few"]["share"] == 0.6
    assert "notebooks" not in settings


def test_a_checkpoint_has_no_compositions_of_its_own(copied, parse):
    checkpoints = {
        "c": {"checkpoint": "x/y", "family": "CLIP"},
        "known": {"checkpoint": "RN50-quickgelu/openai"},
        "gone": {"checkpoint": "ViT-B-16-SigLIP/webli"},
    }
    study = parse(models={"few": {"share": 0.6}, **checkpoints})
    few = study.paths.embeddings("few", "ao")
    for name in ("c", "known"):
        other = study.paths.embeddings(name, "ao")
        other.parent.mkdir(parents=True)
        other.write_bytes(few.read_bytes())
    write_tensors({}, study.paths.embeddings("gone", "ao"), {"missing": "no network"})
    for name in study.models:
        table = score_accuracy(study, name)
        assert ("seen" in set(table["split"])) == (name == "few")
        swap_dimensions(study, name)
        score_representation(study, name)
    score_baselines(study)
    collect(study)
    models = read_table(study.paths.models).set_index("model")
    assert models.loc["c", ["kind", "family"]].tolist() == ["checkpoint", "CLIP"]
    # Sizes are those of what was loaded; the rest is of the catalogue.
    assert models.loc["known", "parameters"] == models.loc["few", "parameters"]
    assert models.loc["known", ["embed_dim", "resolution"]].tolist() == [64, 32]
    assert models.loc["known", ["data", "pairs", "family"]].tolist() == ["WIT", 4e8, "openai"]
    assert models.loc["known", "published_id"] == 0.56928
    assert models["precision"].tolist() == ["single"] * 3 + [""]
    for column in ("preprocessing", "tokeniser"):
        assert models.loc[["few", "c", "known"], column].str.len().min() > 10
    assert models.loc["gone", ["missing", "data"]].tolist() == ["no network", "WebLI"]
    assert models.loc["gone", ["embed_dim", "resolution"]].tolist() == [768, 224]
    assert np.isnan(models.loc["gone", "pairs"])
    assert models["published_id"].isna().tolist() == [True, True, False, True]


def test_the_worst_agreement_of_all_sets_goes_into_the_facts():
    half = {"precision": "half", "embedded_again": "2", "image_cosine": "0.9999"}
    other = {**half, "image_cosine": "0.99", "text_cosine": "0.999", "same_answers": "1.0"}
    assert _precision([half, other]) == {
        "precision": "half",
        "embedded_again": 4,
        "image_cosine": 0.99,
        "text_cosine": 0.999,
        "same_answers": 1.0,
    }
    single = {"precision": "single", "embedded_again": "0"}
    assert _precision([single, single]) == {"precision": "single", "embedded_again": 0}
    assert _precision([{"missing": "no network"}]) == {"precision": ""}


@pytest.fixture
def with_null(copied):
    """The tiny study with an untrained model and other templates, embedded by the command line."""
    file = copied.paths.studies / "tiny.yaml"
    settings = yaml.safe_load(file.read_text())
    settings["null_models"] = {
        "null": {"image_tower": "resnet", "seed": 3},
        "narrow": {"image_tower": "vit", "embed_dim": 8, "loss": "sigmoid"},
    }
    settings["evaluation"]["ablations"] = {"bare": ["{}"]}
    settings["models"] = {"few": {"share": 0.6}}
    file.write_text(yaml.safe_dump(settings))
    for command in ("embed", "accuracy", "representation-metrics"):
        for model in ("few", "null", "narrow"):
            assert main([command, "--study", "tiny", "--model", model]) == 0
    for command in (["baselines"], ["dimension-swap", "--model", "few"], ["collect"]):
        assert main([*command, "--study", "tiny"]) == 0
    return load_results("tiny")


def test_untrained_models_go_the_same_way_and_count_as_none(with_null):
    scores, models = with_null.scores, with_null.models
    assert models["model"].tolist() == ["few"]
    assert {"few", "null", "narrow"} <= set(scores["model"])
    swapped = set(read_table(with_null.study.paths.model_dimension_swap("few"))["metric"])
    keys = [key for key in JOINED_SCORES.keys if key != "model"]
    few = scores[(scores["model"] == "few") & ~scores["split"].isin(["seen", "core"])]
    few = few[~few["metric"].isin(swapped) & (few["query"] == "")]
    null = scores[scores["model"] == "null"]
    left, right = (table[keys].sort_values(keys).reset_index(drop=True) for table in (few, null))
    pd.testing.assert_frame_equal(left, right)
    found = untrained_scores(with_null, metric="pair_top1", split="unseen")
    assert set(found.index) == {"null", "narrow"}
    assert (found["low"] <= found["chance"]).all()
    bare = null[(null["templates"] == "bare") & (null["metric"] == "pair_top1")]
    assert len(bare) == 1
    tensors, metadata = read_tensors(with_null.study.paths.embeddings("null", "ao"))
    assert metadata["checkpoint"] == "resnet-causal-64-softmax, untrained, seed 3"
    assert json.loads(metadata["ablations"]) == {"bare": ["{}"]}
    narrow, of_narrow = read_tensors(with_null.study.paths.embeddings("narrow", "ao"))
    assert of_narrow["checkpoint"] == "vit-causal-8-sigmoid, untrained, seed 0"
    assert of_narrow["embed_dim"] == "8"
    assert narrow["images"].shape == (len(tensors["images"]), 8)
    assert tensors[ablated("bare")].shape == tensors["compositions"].shape


def test_untrained_models_are_known_to_the_commands_by_name(tiny, capsys):
    assert main(["accuracy", "--study", "tiny", "--model", "null"]) == 1
    assert "unknown model 'null'" in capsys.readouterr().err


def test_notes_of_a_model_stand_once_with_the_sets_that_it_lacks():
    short, alike = json.dumps(["short"]), json.dumps(["short", "alike"])
    by_set = {"ao": {"notes": short}, "shapes": {"missing": "no room"}, "b": {"notes": alike}}
    assert _notes(by_set) == {"notes": "short; shapes is left out: no room; alike"}
    assert _notes({"ao": {"missing": "no network"}}) == {}
    assert _notes({"ao": {}}) == {}
    table = _table([{"model": "a"}, {"model": "b", "notes": "short"}])
    assert table["notes"].tolist() == ["", "short"]
    assert list(_table([{"model": "a"}])) == ["model"]
