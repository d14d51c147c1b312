import numpy as np
import pytest

from cood.evaluation.interventions.dimension_selection import BASES, prepare
from cood.evaluation.interventions.dimension_swap import (
    draw_pairs,
    exchange,
    score_dimension_swap,
)
from cood.evaluation.interventions.subset_discriminant import RULES
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(("red", "blue", "striped", "brick"), ("apple", "hat", "dog", "bus", "umbrella"))
IDS = np.arange(WORDS.size)
IMAGES = 20
TRUTH = np.repeat(IDS, IMAGES)
WIDTH = 24


def rng(seed=0):
    return np.random.default_rng(seed)


def blocks(basis=None, noise=0.05):
    """The attribute in the first 12 dimensions, the object in the other 12, each with noise."""
    source = rng(1)
    attributes = np.hstack([source.normal(size=(4, 12)), np.zeros((4, 12))])
    objects = np.hstack([np.zeros((5, 12)), source.normal(size=(5, 12))])
    codes = attributes[WORDS.attribute_of(IDS)] + objects[WORDS.object_of(IDS)]
    images = codes[TRUTH] + noise * source.normal(size=(len(TRUTH), WIDTH))
    turn = np.eye(WIDTH) if basis is None else basis
    return {"images": images @ turn, "compositions": codes @ turn}


@pytest.fixture
def scores(parse):
    study = parse(probing={"samples": 300})

    def run(tensors):
        table = score_dimension_swap(
            study, tensors, TRUTH, {"unseen": np.array([1, 7]), "seen": IDS}
        )
        keys = ["metric", "variant", "group", "split", "space"]
        assert not table.duplicated(keys).any()
        return table.set_index(["space", "metric", "variant", "group", "split"])

    return run


@pytest.mark.parametrize("apart", ["images", "compositions"])
def test_pairs_share_no_word_and_are_of_the_test_part(apart):
    task = prepare(rng().normal(size=(len(TRUTH), 3)), TRUTH, WORDS, apart, rng())
    pairs = draw_pairs(task, WORDS, 100, rng())
    assert len(pairs.first) == len(pairs.second) == len(pairs.targets) == 100
    assert set(pairs.first) | set(pairs.second) <= set(task.test)
    one, other = TRUTH[pairs.first], TRUTH[pairs.second]
    assert (WORDS.attribute_of(one) != WORDS.attribute_of(other)).all()
    assert (WORDS.object_of(one) != WORDS.object_of(other)).all()
    np.testing.assert_array_equal(WORDS.attribute_of(pairs.targets), WORDS.attribute_of(other))
    np.testing.assert_array_equal(WORDS.object_of(pairs.targets), WORDS.object_of(one))


def test_exchange_in_the_own_axes_and_in_others():
    one, other = rng(1).normal(size=(2, 7, 5))
    some = np.array([True, False, False, True, False])
    expected = np.where(some, other, one)
    np.testing.assert_allclose(exchange(one, other, np.eye(5), some), expected)
    basis = np.linalg.qr(rng(2).normal(size=(5, 5)))[0]
    turned = exchange(one @ basis.T, other @ basis.T, basis, some)
    np.testing.assert_allclose(turned @ basis, expected)
    np.testing.assert_allclose(exchange(one, other, basis, np.zeros(5)), one)
    np.testing.assert_allclose(exchange(one, other, basis, np.ones(5)), other)
    each = rng(3).random((7, 5)) < 0.5
    expected = np.where(each, other, one)
    np.testing.assert_allclose(exchange(one, other, np.eye(5), each), expected)


@pytest.mark.parametrize("apart", ["images", "compositions"])
@pytest.mark.parametrize("rule", ["share", "forward"])
def test_blocks_are_found_and_switched(scores, apart, rule):
    table = scores(blocks())
    variant = f"axes {rule} {apart}"
    # Either block holds what its factor needs, so nothing is shared.
    assert table.loc[("image", "shared_dimensions", variant, "all", "all"), "value"] == 0
    assert table.loc[("image", "overlap", variant, "all", "all"), "value"] == 0
    for reader in ("zeroshot", "probe"):
        value = table["value"]
        assert value["image", f"intact_{reader}", apart, "all", "all"] > 0.95
        assert value["image", f"switched_{reader}", f"{variant} nearer", "all", "all"] > 0.9
        assert value["image", f"switched_{reader}", f"{variant} nearer-control", "all", "all"] < 0.5
        assert value["image", f"switched_{reader}", f"{apart} none", "all", "all"] < 0.02
        assert value["image", f"switched_{reader}", f"{apart} all", "all", "all"] < 0.02
        assert value["image", f"switched_{reader}_object", f"{apart} none", "all", "all"] > 0.95
        assert value["image", f"switched_{reader}_attribute", f"{apart} all", "all", "all"] > 0.95


def test_a_rotation_hides_the_blocks(scores):
    basis = np.linalg.qr(rng(5).normal(size=(WIDTH, WIDTH)))[0]
    straight, turned = scores(blocks())["value"], scores(blocks(basis))["value"]
    key = ("image", "swapped_zero_shot", "axes share images nearer", "all", "all")
    assert turned[key] < straight[key] - 0.3
    # What is rotated has no axes to lose: both are rotated at random.
    key = ("image", "swapped_zero_shot", "rotated share images nearer", "all", "all")
    assert straight[key] < 0.8
    # Cosines, and so what is read off intact codes, are left as they were.
    key = ("image", "intact_zeroshot", "images", "all", "all")
    assert turned[key] == pytest.approx(straight[key])


def test_needed_dimensions_of_mixed_codes_overlap_like_random_sets(scores):
    source = rng(6)
    inside = []
    for _ in range(6):
        mixed = source.normal(size=(4, WIDTH))[WORDS.attribute_of(IDS)]
        mixed = mixed + source.normal(size=(5, WIDTH))[WORDS.object_of(IDS)]
        images = mixed[TRUTH] + 2 * source.normal(size=(len(TRUTH), WIDTH))
        table = scores({"images": images, "compositions": mixed})
        key = ("axes random images", "all", "all")
        null = table.loc[("image", "shared_dimensions_by_chance", *key)]
        found = table.loc[("image", "shared_dimensions", *key), "value"]
        inside.append(null["low"] <= found <= null["high"])
    assert sum(inside) >= 5


def test_rows_of_the_table(scores):
    table = scores(blocks()).reset_index()
    assert set(table["split"]) == {"all", "unseen"}
    image, text = (table[table["space"] == space] for space in ("image", "text"))
    assert not text["variant"].str.contains("images").any()
    counted = image[image["metric"] == "attribute_dimensions"]
    assert len(counted) == 2 * len(BASES) * (len(RULES) + 1)
    assert (counted["value"] >= 1).all()
    assert (counted["n"] == WIDTH).all()
    whole = image[(image["metric"] == "object_accuracy") & (image["group"] == "all")]
    # With all dimensions neither the rule nor the basis matters.
    assert whole.groupby(whole["variant"].str.split().str[-1])["value"].agg(np.ptp).max() < 0.01
    assert whole["chance"].to_numpy() == pytest.approx(1 / 5)


def test_texts_are_their_own_classes(scores):
    table = scores(blocks())["value"]
    assert table["text", "intact_zeroshot", "compositions", "all", "all"] == 1


def test_equal_seeds_give_equal_scores(scores):
    one, other = scores(blocks()), scores(blocks())
    assert one.equals(other)
