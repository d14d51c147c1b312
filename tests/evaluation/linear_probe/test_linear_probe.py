import numpy as np
import pandas as pd
import pytest

from cood.errors import ArtefactError
from cood.evaluation.accuracy.accuracy import score_accuracy
from cood.evaluation.collect import collect
from cood.evaluation.common.score_table import check, complete, write_scores
from cood.evaluation.linear_probe.linear_probe import (
    HELD_OUT,
    LINEAR_PROBE,
    PROBE,
    best_pairs,
    probe_words,
    score_linear_probe,
    split_images,
)
from cood.files import read_table, read_tensors, write_table, write_tensors
from cood.settings import Evaluation
from cood.splits import core_of
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(("red", "blue", "striped", "brick"), ("apple", "hat", "dog", "bus", "umbrella"))
SETTINGS = Evaluation(resamples=100)
KNOWN = np.setdiff1d(np.arange(20), core_of(WORDS, 0.2, (7,)))
TRUTH = np.repeat(np.arange(WORDS.size), 6)
RNG = np.random.default_rng(0)
CODES = np.hstack([np.eye(4)[WORDS.attribute_of(TRUTH)], np.eye(5)[WORDS.object_of(TRUTH)]])
IMAGES = CODES + 0.05 * RNG.normal(size=CODES.shape)


def scored(images, truth=TRUTH, **texts):
    tensors = {"images": images, **texts}
    return probe_words(tensors, truth, KNOWN, WORDS, SETTINGS, 0)


def value(table, metric, split=HELD_OUT, labels="all", method=LINEAR_PROBE):
    rows = table[(table["metric"] == metric) & (table["split"] == split)]
    rows = rows[(rows["labels"] == labels) & (rows["method"] == method)]
    (found,) = rows["value"]
    return found


def test_planted_words_are_read_on_compositions_held_out():
    table = scored(IMAGES)
    for metric in ("pair_top1", "attribute_top1", "object_top1", "object_alone_top1"):
        for split, labels in ((PROBE, "all"), (HELD_OUT, "all"), (HELD_OUT, "own")):
            assert value(table, metric, split, labels) == 1
    assert set(table["category"]) == {"all"}
    assert set(table["method"]) == {LINEAR_PROBE}
    assert "binding" not in set(table["metric"])
    counts = table.groupby("split")["n"].first()
    assert counts.to_dict() == {PROBE: len(KNOWN), HELD_OUT: 6 * (WORDS.size - len(KNOWN))}
    chances = table[table["metric"] == "pair_top1"].groupby("labels")["chance"].first()
    assert chances.to_dict() == {"all": 1 / 20, "own": 1 / 4}
    assert table["note"].str.contains("attribute: logistic regression, C = ").all()


def test_shuffled_images_give_chance():
    rng = np.random.default_rng(1)
    found = [value(scored(rng.permutation(IMAGES)), "pair_top1", PROBE) for _ in range(6)]
    # 6 x 16 guesses among 20 labels.
    assert np.mean(found) == pytest.approx(1 / 20, abs=4 * np.sqrt(0.05 * 0.95 / 96))


def test_held_out_images_do_not_touch_the_probe():
    hard = IMAGES + RNG.normal(size=IMAGES.shape)
    held = ~np.isin(TRUTH, KNOWN)
    other = hard.copy()
    other[held] = 100 * RNG.normal(size=other[held].shape)
    one, two = (scored(images) for images in (hard, other))
    assert one["note"].unique() == two["note"].unique()
    inside = one["split"] == PROBE
    pd.testing.assert_frame_equal(
        one[inside].drop(columns="seconds"), two[inside].drop(columns="seconds")
    )
    assert not one["value"].equals(two["value"])


def test_texts_answer_the_same_images_where_there_are_some():
    texts = {
        "compositions": CODES[::6],
        "attributes": np.eye(9)[:4],
        "objects": np.eye(9)[4:],
    }
    table = scored(IMAGES, **texts)
    pairs = table[table["metric"] == "pair_top1"].set_index(["split", "labels"])
    rows = pairs[pairs["method"] == "zero_shot"]
    assert (rows["value"] == 1).all()
    assert list(rows.index) == [(HELD_OUT, "all"), (HELD_OUT, "own")]
    linear = pairs[pairs["method"] == LINEAR_PROBE]
    assert rows["n"].equals(linear["n"].reindex(rows.index))
    assert value(table, "binding", method="zero_shot") == 1


def test_the_images_are_split_by_composition():
    fit, check, again = split_images(TRUTH, KNOWN, np.random.default_rng(0))
    parts = [*fit, *check, *again]
    assert len(set(parts)) == len(parts)
    assert set(parts) == set(np.flatnonzero(np.isin(TRUTH, KNOWN)))
    assert sorted(TRUTH[again]) == sorted(KNOWN)  # one each
    assert not set(TRUTH[fit]) & set(TRUTH[check])
    assert set(TRUTH[check]) == set(KNOWN[-3:])  # a fifth of 16
    single = np.arange(WORDS.size)
    assert len(split_images(single, KNOWN, np.random.default_rng(0))[2]) == 0


def test_the_best_pairs_are_those_with_the_largest_sum(monkeypatch):
    monkeypatch.setattr(
        "cood.evaluation.linear_probe.linear_probe.CELLS", 40
    )  # a few rows at a time
    attributes, objects = RNG.normal(size=(7, 4)), RNG.normal(size=(7, 5))
    labels = np.array([3, 19, 0, 7, 11, 12, 5])
    found = best_pairs(attributes, objects, labels, WORDS)
    whole = (attributes[:, :, None] + objects[:, None, :]).reshape(7, 20)[:, labels]
    np.testing.assert_array_equal(found, labels[np.argsort(-whole, axis=1)[:, :5]])
    everything = best_pairs(attributes, objects, np.arange(20), WORDS)
    whole = (attributes[:, :, None] + objects[:, None, :]).reshape(7, 20)
    np.testing.assert_array_equal(everything, np.argsort(-whole, axis=1)[:, :5])


def test_a_set_that_shows_one_word_is_one_row_with_the_reason():
    one_object = np.flatnonzero(WORDS.object_of(TRUTH) == 2)
    table = scored(IMAGES[one_object], TRUTH[one_object])
    assert len(table) == 1
    assert table["note"].iloc[0].startswith("no linear probe: its images show fewer than two")


def test_a_set_with_nothing_left_to_test_on_is_one_row_with_the_reason():
    known, first = np.unique(TRUTH, return_index=True)
    single = first[np.isin(known, KNOWN)]
    table = scored(IMAGES[single], TRUTH[single])
    assert table["note"].tolist() == ["no linear probe: no image is left to test it on"]


def test_a_set_that_was_filtered(monkeypatch):
    some = RNG.random(len(TRUTH)) < 0.4
    some &= WORDS.attribute_of(TRUTH) != 1
    table = scored(IMAGES[some], TRUTH[some])
    assert value(table, "pair_top1") == 1
    assert (table["n"] > 0).all()


def test_models_and_towers_are_read_by_the_same_probe(copied, parse):
    write = write_tensors
    images, metadata = read_tensors(copied.paths.embeddings("few", "ao"))
    study = parse(
        models={"few": {"share": 0.6}},
        image_encoders={"twin": {"untrained": "resnet"}, "gone": {"encoder": "local-dir:none"}},
    )
    write({"images": images["images"]}, study.paths.embeddings("twin", "ao"), metadata)
    write({}, study.paths.embeddings("gone", "ao"), {"missing": "no network"})
    clip, twin, gone = (score_linear_probe(study, name) for name in ("few", "twin", "gone"))
    check(clip)
    pd.testing.assert_frame_equal(read_table(study.paths.model_linear_probe("few")), clip)
    linear = clip[clip["method"] == LINEAR_PROBE].reset_index(drop=True)
    left = ["model", "seconds"]
    pd.testing.assert_frame_equal(linear.drop(columns=left), twin.drop(columns=left))
    assert gone[["model", "note", "n"]].to_numpy().tolist() == [["gone", "no network", 0]]
    with pytest.raises(ArtefactError, match=r"most/ao.safetensors does not exist"):
        score_linear_probe(copied, "most")
    score_accuracy(study, "few")
    for path in (study.paths.model_accuracy("baselines"), study.paths.model_dimension_swap("few")):
        write_scores(complete([]), path)
    write_scores(complete([]), study.paths.model_representation_metrics("few"))
    collect(study)
    scores, towers = read_table(study.paths.scores), read_table(study.paths.image_encoders)
    assert set(scores["model"]) == {"few", "twin", "gone"}
    assert list(read_table(study.paths.models)["model"]) == ["few"]
    assert towers.set_index("model")["missing"].to_dict() == {"twin": "", "gone": "no network"}
    assert towers.set_index("model").loc["twin", "learns"] == "nothing"


@pytest.fixture
def with_id_set(project, parse):
    """A study with an ID set of three classes, two of which are objects of its set."""
    study = parse(
        id_sets={"val": {"folder": "none"}},
        models={"few": {"share": 0.6}},
        image_encoders={"planted": {"untrained": "resnet"}},
    )
    names = ["hat", "dog", "whale"]
    n = 30
    classes = np.arange(3 * n) % 3
    manifest = pd.DataFrame({"class": classes, "composition": classes, "status": "kept"})
    manifest["object"] = np.array(names)[classes]
    manifest["image"] = [f"{i}.png" for i in range(len(manifest))]
    write_table(manifest, study.paths.manifest("val"))
    words = study.words
    truth = np.repeat(np.arange(words.size), 2)
    objects = np.array(words.objects)[words.object_of(truth)]
    table = {"composition": truth, "object": objects, "status": "kept"}
    table["image"] = [f"{i}.png" for i in range(len(truth))]
    write_table(pd.DataFrame(table), study.paths.manifest("ao"))
    axes = dict(zip(["hat", "dog", "whale", "apple", "bus", "umbrella"], np.eye(6), strict=True))
    for set_, shown in (("val", manifest["object"]), ("ao", objects)):
        codes = np.stack([axes[name] for name in shown])
        codes = np.hstack([codes, RNG.normal(size=(len(codes), 3))]).astype(np.float32)
        write_tensors({"images": codes}, study.paths.embeddings("planted", set_), {"a": "b"})
    return study


def test_a_probe_of_classes_is_tried_on_the_objects_of_a_set(with_id_set):
    table = score_linear_probe(with_id_set, "planted")
    inside = table[table["set"] == "val"].set_index("metric")
    assert inside.loc["id_top1", ["value", "chance", "split"]].tolist() == [1, 1 / 3, "id"]
    assert inside.loc["id_top1", "n"] == 18  # a fifth
    (row,) = table[table["fitted_on"] == "val"].to_dict("records")
    assert (row["metric"], row["set"], row["split"]) == ("object_top1", "ao", "all")
    assert (row["value"], row["chance"], row["n"]) == (1, 1 / 3, 16)  # hats and dogs, each twice


def test_an_id_set_of_one_class_is_one_row_with_the_reason(with_id_set):
    manifest = read_table(with_id_set.paths.manifest("val")).assign(**{"class": 0})
    write_table(manifest, with_id_set.paths.manifest("val"))
    table = score_linear_probe(with_id_set, "planted")
    (row,) = table[table["set"] == "val"].to_dict("records")
    assert "fewer than two classes" in row["note"]
