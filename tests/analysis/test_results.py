from dataclasses import replace

import pandas as pd
import pytest

from cood.analysis.metric_correlations import correlate_metrics
from cood.analysis.results import (
    ENCODER_KINDS,
    Results,
    load_results,
    percent,
    pick,
    rows_with,
    select,
)
from cood.analysis.topics.diversity import caption_table
from cood.catalogue.checkpoints import families
from cood.errors import ArtefactError, StudyError
from cood.evaluation.common.score_table import check, complete
from cood.files import write_table
from cood.metrics.captions import caption_nmi
from cood.models.zoo import image_towers
from cood.settings import Towers
from cood.training_set import training_captions

COLUMNS = ["model", "set", "split", "category", "metric", "labels", "value"]


@pytest.fixture
def results(tiny):
    rows = [
        ("few", "ao", "unseen", "all", "pair_top1", "all", 0.1),
        ("few", "ao", "unseen", "all", "pair_top1", "own", 0.2),
        ("few", "ao", "unseen", "color", "pair_top1", "all", 0.3),
        ("few", "ao", "core", "all", "pair_top1", "all", 0.4),
        ("most", "ao", "unseen", "all", "pair_top1", "all", 0.5),
        ("text only", "ao", "unseen", "all", "pair_top1", "all", 0.6),
    ]
    numbers = {"space": "image", "low": 0.0, "high": 1.0, "chance": 0.05, "n": 8}
    scores = complete(pd.DataFrame(rows, columns=COLUMNS), **numbers)
    text = scores[scores["labels"] == "own"].assign(space="text", value=0.7)
    scores = pd.concat([scores, text], ignore_index=True)
    return Results(tiny, scores, pd.DataFrame({"model": ["few", "most"]}))


def test_one_row_a_model_and_no_baseline(results):
    found = pick(results, split="unseen", metric="pair_top1")
    assert found["value"].to_dict() == {"few": 0.1, "most": 0.5}
    assert list(found.columns) == ["value", "low", "high", "chance", "n"]
    assert found.index.name == "model"


def test_defaults_can_be_replaced(results):
    where = {"split": "unseen", "metric": "pair_top1"}
    assert pick(results, **where, labels="own")["value"].to_dict() == {"few": 0.2}
    assert pick(results, **where, category="color")["value"].to_dict() == {"few": 0.3}
    text = pick(results, **where, space="text", labels="own")
    assert text["value"].to_dict() == {"few": 0.7}
    assert pick(results, **where, set="ao")["value"].to_dict() == {"few": 0.1, "most": 0.5}


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"split": "unsen", "metric": "pair_top1"}, r"unknown split 'unsen'; did you mean unseen"),
        ({"split": "unseen", "metric": "top1"}, "unknown metric 'top1'"),
        ({"split": "unseen", "metric": "pair_top1", "set": "oa"}, "unknown set 'oa'"),
        ({"split": "unseen", "metric": "pair_top1", "space": "txt"}, "unknown space 'txt'"),
        ({"metric": "pair_top1"}, "does not select one row for few"),
        ({"metric": "pair_top1", "lables": "own"}, r"unknown column of scores 'lables'; did you"),
        ({"split": "unseen", "metric": "pair_top1", "width": 8}, r"unknown width '8'; known: none"),
    ],
)
def test_a_selection_that_is_wrong_is_refused(results, where, message):
    with pytest.raises(StudyError, match=message):
        pick(results, **where)


def test_results_without_any_model_that_could_be_loaded_are_refused(results):
    models = results.models.assign(missing=["", "few.pt does not exist"])
    with pytest.raises(StudyError, match="unknown split 'seen'"):
        pick(replace(results, models=models), split="seen", metric="pair_top1")
    models["missing"] = "few.pt does not exist"
    scores = results.scores[results.scores["model"] == "text only"]
    results = replace(results, scores=scores, models=models)
    message = (
        r"^study tiny: none of its 2 models could be loaded, so there are no scores: few: few.pt "
        r"does not exist; most: few.pt does not exist$"
    )
    with pytest.raises(StudyError, match=message):
        pick(results, split="unseen", metric="pair_top1")
    with pytest.raises(StudyError, match=message):
        correlate_metrics(results, pd.Series(dtype=float), ["mig"], split="unseen")
    many = pd.concat([models] * 3, ignore_index=True)
    with pytest.raises(StudyError, match=r"none of its 6 models .* and 3 more$"):
        pick(replace(results, models=many), split="unseen", metric="pair_top1")


def test_the_plain_row_of_a_metric_that_is_computed_in_many_ways(tiny):
    rank = {"metric": "stable_rank", "codes": "images", "relative": True, "unit_rows": True}
    rows = [
        rank | {"centred": True, "value": 1},
        rank | {"centred": False, "value": 2},
        rank | {"centred": True, "relative": False, "value": 3},
        rank | {"centred": True, "projection": "pca", "width": 8, "value": 4},
        {"metric": "mig", "codes": "images", "value": 5},
        {"metric": "mig", "codes": "images", "factor": "object", "value": 6},
        {"metric": "mig", "codes": "images", "null": "rotated", "value": 7},
        {"metric": "retrieval_top1", "query": "add", "weight": 1, "centred": False, "value": 8},
        {"metric": "retrieval_top1", "query": "add", "weight": 2, "centred": False, "value": 9},
        {"metric": "retrieval_top1", "query": "add", "weight": 1, "centred": True, "value": 10},
    ]
    fixed = {"model": "few", "set": "ao", "split": "all", "space": "image", "category": "all"}
    scores = complete(rows, **fixed)
    check(scores)
    results = Results(tiny, scores, pd.DataFrame({"model": ["few"]}))
    for value, where in (
        (1, {"metric": "stable_rank"}),
        (2, {"metric": "stable_rank", "centred": False}),
        (4, {"metric": "stable_rank", "projection": "pca", "width": 8}),
        (5, {"metric": "mig"}),
        (6, {"metric": "mig", "factor": "object"}),
        (8, {"metric": "retrieval_top1", "query": "add"}),
        (9, {"metric": "retrieval_top1", "query": "add", "weight": 2.0}),
        (10, {"metric": "retrieval_top1", "query": "add", "centred": True}),
    ):
        assert pick(results, split="all", **where)["value"].tolist() == [value], where
    assert rows_with(scores, weight=None, width=8)["value"].tolist() == [4]


def test_a_study_and_its_tables(results, tiny):
    with pytest.raises(ArtefactError, match=r"models.parquet does not exist"):
        load_results("tiny")
    write_table(results.scores, tiny.paths.scores)
    write_table(results.models, tiny.paths.models)
    loaded = load_results("tiny")
    assert loaded.study == tiny
    pd.testing.assert_frame_equal(loaded.scores, results.scores)
    pd.testing.assert_frame_equal(loaded.models, results.models)


def test_shares_as_text():
    assert percent(0.1234) == "12.3 %"
    assert percent(0.1234, 0.1, 0.2) == "12.3 % [10.0, 20.0]"
    assert percent(0.1234, 0.0, 0.2) == "12.3 % [0.0, 20.0]"
    assert percent(0.1234, 0.1) == "12.3 %"


def test_dependence_in_the_captions_of_each_model(tiny):
    for name, model in tiny.trained.items():
        write_table(training_captions(tiny, model), tiny.paths.model(name) / "captions.parquet")
    table = caption_table(tiny).set_index("model")
    assert list(table.index) == ["few", "most"]
    named = training_captions(tiny, tiny.models["few"]).query("names == 'pair'")
    words, ids = tiny.words, named["captioned"].to_numpy()
    expected = caption_nmi(words.attribute_of(ids), words.object_of(ids))
    few = table.loc["few"]
    assert few["captions"] == expected.n == len(named)
    for form in ("information", "geometric", "arithmetic", "corrected"):
        assert few[form] == getattr(expected, form)
    # Fewer compositions tell more of the other word; shuffled captions tell less than either.
    assert table.loc["few", "geometric"] > table.loc["most", "geometric"]
    assert few["shuffled"] < few["geometric"]
    pd.testing.assert_frame_equal(caption_table(tiny), caption_table(tiny))


def test_captions_before_training_are_missing(tiny):
    with pytest.raises(ArtefactError, match=r"few/captions.parquet does not exist"):
        caption_table(tiny)


@pytest.fixture
def zoo(parse):
    rows = [
        ("few", "ViT-B-32", "laion2b"),
        ("more", "RN50", "openai"),
        ("most", "convnext_base", "laion2b"),
    ]
    models = pd.DataFrame(rows, columns=["model", "architecture", "family"])
    return Results(parse(), pd.DataFrame(), models)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("all", ["few", "more", "most"]),
        ("convolutional", ["more", "most"]),
        ("transformer", ["few"]),
        ("vit-*", ["few"]),
        ("laion2b", ["few", "most"]),
        ("RN50, mo*t", ["more", "most"]),
    ],
)
def test_models_are_selected_by_encoder_architecture_family_or_name(zoo, asked, found):
    assert select(zoo, asked).models["model"].tolist() == found


def test_every_architecture_has_one_kind_of_image_encoder():
    named = {name.partition("/")[0] for names in families().values() for name in names}
    own = {Towers(image_tower=name).architecture for name in image_towers()}
    assert own
    for architecture in sorted(named | own):
        kinds = [kind for kind, pattern in ENCODER_KINDS.items() if pattern.search(architecture)]
        assert len(kinds) == 1, (
            f"{architecture}: {kinds}; see ENCODER_KINDS in cood/analysis/results.py"
        )


def test_an_unknown_model_or_set_gets_suggestions(zoo):
    with pytest.raises(StudyError, match=r"unknown models 'convolutonal'; did you mean conv"):
        select(zoo, "all, convolutonal")
    with pytest.raises(StudyError, match=r"unknown set 'oa'; known: first, ao"):
        select(zoo, set="oa")
    assert select(zoo, set="ao").set == select(zoo).set == "ao"
