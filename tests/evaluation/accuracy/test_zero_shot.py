import numpy as np
import pandas as pd
import pytest

from cood.evaluation.accuracy import zero_shot as zeroshot
from cood.evaluation.accuracy.zero_shot import Answers, answer, hits, score_zero_shot, tabulate
from cood.evaluation.common.score_table import check, complete
from cood.evaluation.common.tensor_names import ablated
from cood.settings import Evaluation
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(("red", "striped"), ("apple", "hat", "dog"))
ALL = np.arange(6)
SETTINGS = Evaluation(resamples=100)


def embedded(pairs, attributes, objects):
    """Embeddings of images that a model answers with these ids: texts on axes of their own."""
    axes = np.eye(11)
    tensors = {"compositions": axes[:6], "attributes": axes[6:8], "objects": axes[8:]}
    images = tensors["compositions"][pairs] + axes[6:8][attributes] + axes[8:][objects]
    return {"images": images, **tensors}


# Truth, and what the model says of pair, attribute alone and object alone:
#   0 red apple      all right
#   1 red hat        knows both words, answers red dog
#   2 red dog        answers striped dog; alone: striped, dog
#   3 striped apple  all right but the attribute alone
#   4 striped hat    knows both words, answers red apple
#   5 striped dog    all right
TRUTH = np.array([0, 1, 2, 3, 4, 5])
PAIRS, ATTRIBUTES, OBJECTS = [0, 2, 5, 3, 0, 5], [0, 0, 1, 0, 1, 1], [0, 1, 2, 0, 1, 2]
TENSORS = embedded(PAIRS, ATTRIBUTES, OBJECTS)


def metrics(answers, labels=ALL):
    return {name: (right, chance) for name, right, chance in hits(answers, WORDS, labels)}


def test_answers_are_the_nearest_texts():
    found = answer(TENSORS, TRUTH)
    np.testing.assert_array_equal(found.truth, TRUTH)
    np.testing.assert_array_equal(found.pairs[:, 0], PAIRS)
    assert found.pairs.shape == (6, 5)
    np.testing.assert_array_equal(found.attributes, ATTRIBUTES)
    np.testing.assert_array_equal(found.objects, OBJECTS)


def test_only_the_labels_that_are_offered_are_answered():
    labels = np.array([5, 1])
    found = answer(TENSORS, TRUTH, labels)
    assert found.pairs.shape == (6, 2)
    assert set(found.pairs.ravel()) == {1, 5}
    # 5 is nearest where the model says it; elsewhere all are equally far, and 5 comes first.
    np.testing.assert_array_equal(found.pairs[:, 0], [5] * 6)


def test_known_answers():
    found = metrics(answer(TENSORS, TRUTH))
    expected = {
        "pair_top1": [1, 0, 0, 1, 0, 1],
        "attribute_top1": [1, 1, 0, 1, 0, 1],
        "object_top1": [1, 0, 1, 1, 0, 1],
        "attribute_alone_top1": [1, 1, 0, 0, 1, 1],
        "object_alone_top1": [1, 1, 1, 1, 1, 1],
        "binding": [1, 0, np.nan, np.nan, 0, 1],
        # What was not said is a tie, won by the lower ids: only the last id can be missing.
        "pair_top5": [1, 1, 1, 1, 1, 1],
    }
    assert found.keys() == expected.keys()
    for name, right in expected.items():
        np.testing.assert_array_equal(found[name][0].astype(float), right, err_msg=name)


def test_chance_among_all_labels():
    found = {name: chance for name, (_, chance) in metrics(answer(TENSORS, TRUTH)).items()}
    for name, level in {
        "pair_top1": 1 / 6,
        "pair_top5": 5 / 6,
        "attribute_top1": 1 / 2,
        "object_top1": 1 / 3,
        "attribute_alone_top1": 1 / 2,
        "object_alone_top1": 1 / 3,
    }.items():
        np.testing.assert_allclose(found[name], level, err_msg=name)
    assert np.isnan(found["binding"]).all()


def test_chance_among_a_subset_of_labels():
    # red apple, red hat, striped dog
    labels = np.array([0, 1, 5])
    truth = np.array([0, 1, 5, 5])
    found = metrics(Answers(truth, np.array([[0, 1, 5]] * 4)), labels)
    assert found.keys() == {"pair_top1", "pair_top5", "attribute_top1", "object_top1"}
    np.testing.assert_allclose(found["pair_top1"][1], 1 / 3)
    np.testing.assert_allclose(found["pair_top5"][1], 1)
    np.testing.assert_allclose(found["attribute_top1"][1], [2 / 3, 2 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(found["object_top1"][1], [1 / 3] * 4)


def test_a_guesser_scores_chance():
    rng = np.random.default_rng(0)
    labels = np.array([0, 1, 2, 5])
    truth = rng.choice(labels, size=40_000)
    pairs = rng.permuted(np.tile(labels, (len(truth), 1)), axis=1)
    for name, (right, chance) in metrics(Answers(truth, pairs), labels).items():
        assert right.mean() == pytest.approx(chance.mean(), abs=0.01), name


def row(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_table_with_groups_by_category():
    table = tabulate(answer(TENSORS, TRUTH), WORDS, ALL, SETTINGS, seed=0)
    assert set(table["category"]) == {"all", "color", "pattern"}
    assert row(table, metric="pair_top1", category="all")["value"] == pytest.approx(3 / 6)
    assert row(table, metric="pair_top1", category="color")["value"] == pytest.approx(1 / 3)
    assert row(table, metric="pair_top1", category="pattern")["value"] == pytest.approx(2 / 3)
    assert row(table, metric="attribute_alone_top1", category="color")["value"] == pytest.approx(
        2 / 3
    )
    binding = row(table, metric="binding", category="all")
    assert (binding["value"], binding["n"]) == (0.5, 4)
    assert np.isnan(binding["chance"])
    assert (table.loc[table["metric"] != "binding", "chance"] > 0).all()
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()


def test_class_mean_weighs_compositions_equally():
    truth = np.array([0, 0, 0, 1])
    answers = Answers(truth, np.array([[0], [0], [0], [0]]))
    table = tabulate(answers, WORDS, ALL, SETTINGS, seed=0)
    assert row(table, metric="pair_top1", category="all")["value"] == 0.75
    assert row(table, metric="pair_class_mean", category="all")["value"] == 0.5


def test_a_category_without_images_is_told_as_nothing():
    answers = Answers(np.array([0, 1]), np.array([[0], [0]]))
    empty = row(tabulate(answers, WORDS, ALL, SETTINGS, 0), metric="pair_top1", category="pattern")
    assert empty["n"] == 0
    assert np.isnan([empty["value"], empty["low"], empty["high"], empty["chance"]]).all()


def test_nobody_knows_both_words():
    tensors = embedded(PAIRS, [1, 1, 1, 0, 0, 0], OBJECTS)
    table = tabulate(answer(tensors, TRUTH), WORDS, ALL, SETTINGS, seed=0)
    assert row(table, metric="binding", category="all")["n"] == 0


@pytest.fixture
def scored():
    splits = {"unseen": np.array([2, 5]), "core": np.array([0, 1]), "seen": np.array([0, 1, 3])}
    return score_zero_shot(TENSORS, answer(TENSORS, TRUTH), splits, WORDS, SETTINGS, seed=0)


def test_scores_are_a_long_table(scored):
    check(complete(scored, model="m", set="ao"))
    assert set(scored["split"]) == {"unseen", "core", "seen"}
    assert set(scored["method"]) == {"zero_shot"}
    assert (scored["seconds"] > 0).all()


def test_scores_of_each_split(scored):
    pair = {"metric": "pair_top1", "category": "all", "labels": "all"}
    for split, value, n in (("unseen", 1 / 2, 2), ("core", 1 / 2, 2), ("seen", 2 / 3, 3)):
        found = row(scored, split=split, **pair)
        assert (found["value"], found["n"]) == (pytest.approx(value), n)
        assert found["chance"] == pytest.approx(1 / 6)


def test_unseen_compositions_are_also_scored_among_themselves(scored):
    assert set(scored.loc[scored["labels"] == "own", "split"]) == {"unseen"}
    found = row(scored, split="unseen", metric="pair_top1", category="all", labels="own")
    assert found["chance"] == pytest.approx(1 / 2)
    assert found["value"] == pytest.approx(1 / 2)
    # Both labels are dogs: the object cannot be wrong.
    object_ = row(scored, split="unseen", metric="object_top1", category="all", labels="own")
    assert (object_["value"], object_["chance"]) == (1, 1)
    top = row(scored, split="unseen", metric="pair_top5", category="all", labels="own")
    assert (top["value"], top["chance"]) == (1, 1)


def test_equal_seeds_give_equal_scores(scored):
    splits = {"unseen": np.array([2, 5]), "core": np.array([0, 1]), "seen": np.array([0, 1, 3])}
    again = score_zero_shot(TENSORS, answer(TENSORS, TRUTH), splits, WORDS, SETTINGS, seed=0)
    left, right = (t.drop(columns="seconds") for t in (scored, again))
    assert left.equals(right)


def test_near_synonyms_count_as_right_where_they_are_merged():
    words = Vocabulary(("teal", "red", "aqua"), ("apple", "hat"))
    truth = np.array([0, 0, 0, 2, 4])  # teal apple three times, red apple, aqua apple
    said = np.array([[4], [5], [0], [3], [1]])  # aqua apple, aqua hat, right, red hat, teal hat
    labels = np.arange(6)
    found = {
        name: (right, chance) for name, right, chance in hits(Answers(truth, said), words, labels)
    }
    np.testing.assert_array_equal(found["pair_top1"][0], [0, 0, 1, 0, 0])
    np.testing.assert_array_equal(found["pair_merged_top1"][0], [1, 0, 1, 0, 0])
    np.testing.assert_array_equal(found["attribute_merged_top1"][0], [1, 1, 1, 1, 1])
    np.testing.assert_allclose(found["pair_merged_top1"][1], [2 / 6, 2 / 6, 2 / 6, 1 / 6, 2 / 6])
    np.testing.assert_allclose(found["attribute_merged_top1"][1], [2 / 3] * 3 + [1 / 3, 2 / 3])


@pytest.mark.parametrize("offered", [np.arange(6), np.array([0, 3, 4])])
def test_chance_of_merged_answers_is_what_guessing_gives(offered):
    words = Vocabulary(("teal", "red", "aqua"), ("apple", "hat"))
    for truth in offered:
        guesses = Answers(np.full(len(offered), truth), offered[:, None])
        for name, right, chance in hits(guesses, words, offered):
            if "merged" in name:
                assert right.mean() == pytest.approx(chance[0])


def test_labels_of_the_unseen_are_those_that_have_an_image():
    truth = np.array([0, 3, 5])
    tensors = {**TENSORS, "images": TENSORS["images"][truth]}
    table = score_zero_shot(tensors, answer(tensors, truth), {"unseen": ALL}, WORDS, SETTINGS, 0)
    rows = table[(table["metric"] == "pair_top1") & (table["category"] == "all")]
    chance = rows.set_index("labels")["chance"]
    assert chance["all"] == pytest.approx(1 / 6)
    assert chance["own"] == pytest.approx(1 / 3)


def test_other_templates_are_scored_on_unseen_compositions_only():
    splits = {"seen": np.array([0, 1, 2]), "unseen": np.array([3, 4, 5])}
    texts = TENSORS["compositions"]
    tensors = TENSORS | {ablated("bare"): texts, ablated("bad"): np.roll(texts, 1, axis=0)}
    table = complete(score_zero_shot(tensors, answer(tensors, TRUTH), splits, WORDS, SETTINGS, 0))
    columns = ["split", "labels", "templates"]
    assert set(table[columns].itertuples(index=False, name=None)) == {
        ("seen", "all", ""),
        ("unseen", "all", ""),
        ("unseen", "own", ""),
        ("unseen", "all", "bare"),
        ("unseen", "all", "bad"),
    }
    whole = table[(table["split"] == "unseen") & (table["labels"] == "all")]
    usual, bare, bad = (
        whole[whole["templates"] == name].set_index(["metric", "category"])["value"]
        for name in ("", "bare", "bad")
    )
    pd.testing.assert_series_equal(bare, usual[bare.index])
    assert not any("alone" in metric or metric == "binding" for metric, _ in bare.index)
    assert (usual["pair_top1", "all"], bad["pair_top1", "all"]) == (2 / 3, 0)


def test_images_are_ranked_once_among_all_labels_and_once_among_those_of_the_unseen(monkeypatch):
    given, answers = (WORDS, SETTINGS, 0), answer(TENSORS, TRUTH)
    apart = [score_zero_shot(TENSORS, answers, {"unseen": ids}, *given) for ids in (ALL, ALL[:5])]
    for table in apart:
        assert set(table["labels"]) == {"all", "own"}
    asked = []
    monkeypatch.setattr(zeroshot, "answer", lambda *args: asked.append(args[-1]) or answer(*args))
    both = score_zero_shot(TENSORS, answers, {"unseen": ALL}, *given)
    assert asked == []  # its labels are all
    same = [both[both["labels"] == name].drop(columns="labels") for name in ("all", "own")]
    np.testing.assert_array_equal(*(table.to_numpy(str) for table in same))
    score_zero_shot(TENSORS, answers, {"seen": ALL[:3], "unseen": ALL[:5]}, *given)
    np.testing.assert_array_equal(asked, [ALL[:5]])


def test_the_answers_to_some_images():
    answers, images = answer(TENSORS, TRUTH), np.array([4, 1])
    alone = answer(TENSORS | {"images": TENSORS["images"][images]}, TRUTH[images])
    for name, values in vars(answers.of(images)).items():
        np.testing.assert_array_equal(values, vars(alone)[name])
    assert Answers(TRUTH, answers.pairs).of(images).objects is None
