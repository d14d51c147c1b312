import numpy as np
import pytest

import cood
from cood.evaluation.common.resampling import grouped_mean
from cood.scorecard.card import compare
from cood.scorecard.printing import COMPARED
from cood.scorecard.scoring import score_tensors
from cood.settings import Evaluation

LABELS = np.array([[a, o] for a in range(3) for o in range(4)] * 3)


def sums(width=24):
    """Texts of 3 attributes and 4 objects that are sums of orthogonal words."""
    words = np.eye(width)
    return {
        "pairs": words[:3, None] + words[None, 3:7],
        "attributes": words[:3],
        "objects": words[3:7],
    }


@pytest.fixture
def images():
    noise = np.random.default_rng(0).normal(0, 0.01, (len(LABELS), 24))
    return sums()["pairs"][LABELS[:, 0], LABELS[:, 1]] + noise


def test_embeddings_that_are_right_are_all_right(quick, images):
    card = cood.score(images, sums(), LABELS)
    for metric in ("pair_top1", "attribute_top1", "object_alone_top1", "binding"):
        assert card.value(metric) == 1
    chance = card.accuracy.query("labels == 'all'").set_index("metric")["chance"]
    assert chance["pair_top1"] == pytest.approx(1 / 12)
    assert chance["attribute_top1"] == pytest.approx(1 / 3)
    assert chance["object_top1"] == pytest.approx(1 / 4)
    metrics = card.representation.set_index(["space", "metric"])
    assert metrics.loc[("image", "dci_informativeness"), "value"] > 0.9
    assert metrics.loc[("image", "dci_informativeness"), "chance"] < 0.5
    assert metrics.loc[("text", "r2_adjusted"), "value"] == pytest.approx(1)


def test_the_interval_is_that_of_the_compositions(quick, images):
    images[:20:5] = images[1:21:5]  # some images show something else
    card = cood.score(images, sums(), LABELS, seed=3)
    right = card.images["right"].to_numpy()
    assert 0 < right.mean() < 1
    truth = LABELS[:, 0] * 4 + LABELS[:, 1]
    expected = grouped_mean(right, truth, seed=3)
    (row,) = card.accuracy.query("metric == 'pair_top1' and labels == 'all'").itertuples()
    assert (row.value, row.low, row.high) == pytest.approx(list(vars(expected).values())[:3])
    assert row.n == 36


def test_words_may_be_given(quick, images):
    attributes, objects = ["red", "rotten", "odd"], ["apple", "hat", "bus", "dog"]
    named = [(attributes[a], objects[o]) for a, o in LABELS]
    card = cood.score(images, sums(), named, attributes=attributes, objects=objects)
    assert card.value("pair_top1") == 1
    assert card.images.loc[1, ["attribute", "answered_object"]].tolist() == ["red", "hat"]
    numbers = cood.score(images, sums(), LABELS)
    assert card.scores.equals(numbers.scores)


def test_texts_that_are_the_same_are_noted(quick, images):
    texts = {key: values.copy() for key, values in sums().items()}
    texts["attributes"][1] = texts["attributes"][0]
    assert cood.score(images, sums(), LABELS).notes == ()
    (note,) = cood.score(images, texts, LABELS).notes
    assert note.startswith("2 of 3 attributes have the same text as another, so that no answer")


def test_without_single_words_there_is_less(quick, images):
    card = cood.score(images, sums()["pairs"], LABELS)
    assert card.value("pair_top1") == 1
    assert "binding" not in set(card.accuracy["metric"])
    assert set(card.representation["metric"]) >= {"mig", "dci_completeness"}
    assert "r2_adjusted" not in set(card.representation["metric"])


def test_pairs_without_images_are_offered_or_not(quick, images):
    some = (LABELS[:, 0] < 2) | (LABELS[:, 1] > 2)
    card = cood.score(images[some], sums(), LABELS[some])
    chance = card.accuracy.query("metric == 'pair_top1'").set_index("labels")["chance"]
    assert chance["all"] == pytest.approx(1 / 12)
    assert chance["own"] == pytest.approx(1 / 9)


def test_few_compositions_have_no_interval_of_metrics(quick, images):
    some = (LABELS < 2).all(axis=1)
    texts = {key: value[:2] for key, value in sums().items()}
    texts["pairs"] = texts["pairs"][:, :2]
    metrics = cood.score(images[some], texts, LABELS[some]).representation
    assert metrics["low"].isna().all()
    assert metrics.query("metric == 'mig'")["value"].notna().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros(3)}, r"images: expected \[n, d\], got an array of shape \(3,\)"),
        ({"images": np.full((36, 24), np.nan)}, "images: nan in row 0"),
        ({"texts": np.zeros((3, 24))}, r"texts: expected \[A, O, d\]"),
        ({"texts": {"attributes": np.eye(3)}}, "texts: pairs is needed"),
        ({"texts": {"pair": np.eye(3)}}, "texts: unknown key 'pair'; did you mean pairs"),
        ({"texts": np.zeros((3, 4, 5))}, r"pairs must be of shape \(3, 4, 24\)"),
        ({"images": np.zeros((36, 24))}, "36 of the 36 embeddings of images are zero"),
        ({"images": np.ones((36, 24))}, "the 36 embeddings of images are all the same"),
        ({"labels": LABELS[:5]}, r"labels: expected \[36, 2\], got an array of shape \(5, 2\)"),
        ({"labels": LABELS + 1}, "labels: 3 in row 8 is no attribute; there are 3"),
        ({"labels": [["red", "hat"]] * 36}, "labels: red in row 0 is no attribute"),
        ({"attributes": ["red"]}, "attributes: 1 words for 3 attributes in texts"),
    ],
)
def test_wrong_arrays_are_refused_by_name(images, change, message):
    given = {"images": images, "texts": sums(), "labels": LABELS, **change}
    with pytest.raises(ValueError, match=message):
        cood.score(**given)


def test_models_are_ranked_and_compared_on_the_same_images(quick, images):
    shifted = np.roll(images, 1, axis=0)  # each image is taken for the one before
    half = np.where(np.arange(len(images))[:, None] % 2, images, shifted)
    cards = [
        cood.score(codes, sums(), LABELS, name=name)
        for name, codes in (("none", shifted), ("all", images), ("half", half))
    ]
    board = compare(cards, Evaluation(), seed=0, missing={"far": "no network"})
    assert [card.model for card in board.cards] == ["all", "half", "none"]
    pairs = board.differences.query("metric == 'pair_top1'").set_index(["model", "against"])
    assert pairs["value"].to_dict() == {
        ("all", "half"): 0.5,
        ("all", "none"): 1.0,
        ("half", "none"): 0.5,
    }
    # Without variation there is no width.
    assert pairs.loc[("all", "none"), ["low", "high"]].tolist() == [1, 1]
    assert set(board.differences["metric"]) == set(COMPARED)
    right = [card.images["right"].to_numpy(float) for card in board.cards]
    difference = right[0] - right[1]
    truth = LABELS[:, 0] * 4 + LABELS[:, 1]
    expected = grouped_mean(difference, truth, seed=0)
    assert pairs.loc[("all", "half"), "low"] == pytest.approx(expected.low)


def test_the_default_metrics_are_those_of_a_study_but_one():
    from cood.metrics import METRICS

    own = score_tensors.__kwdefaults__["metrics"].metrics
    assert [name for name in METRICS if name not in own] == ["z_min_variance"]
