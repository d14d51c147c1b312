import numpy as np
import pandas as pd
import pytest
import torch

from cood.errors import ArtefactError
from cood.evaluation.common.score_table import check, complete
from cood.evaluation.interventions import dimension_swap as module
from cood.evaluation.interventions.dimension_selection import BASES, prepare
from cood.evaluation.interventions.dimension_swap import (
    draw_pairs,
    exchange,
    score_dimension_swap,
    swap_dimensions,
)
from cood.evaluation.interventions.subset_discriminant import RULES
from cood.files import read_table, write_tensors
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
    study = parse(dimension_swap={"samples": 300})

    def run(tensors):
        table = score_dimension_swap(
            study, tensors, TRUTH, {"unseen": np.array([1, 7]), "seen": IDS}
        )
        table = complete(table)
        check(table)
        return table

    return run


def row(table, **where):
    """The row with these values, over all compositions, and nothing in the other columns."""
    where = {"space": "image", "split": "all", "basis": "", "rule": "", "factor": ""} | where
    for column, value in where.items():
        table = table[(table[column] == value).fillna(False)]
    assert len(table) == 1, where
    return table.iloc[0]


@pytest.mark.parametrize("disjoint", ["images", "compositions"])
def test_pairs_share_no_word_and_are_of_the_test_part(disjoint):
    task = prepare(rng().normal(size=(len(TRUTH), 3)), TRUTH, WORDS, disjoint, rng())
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


@pytest.mark.parametrize("disjoint", ["images", "compositions"])
@pytest.mark.parametrize("rule", ["share", "forward"])
def test_blocks_are_found_and_swapped(scores, disjoint, rule):
    table = scores(blocks())
    chosen = {"basis": "axes", "rule": rule, "disjoint": disjoint}
    # Either block holds what its factor needs, so nothing is shared.
    for metric in ("shared_dimensions", "overlap"):
        assert row(table, metric=metric, control=False, **chosen)["value"] == 0
    for method in ("zero_shot", "linear_probe"):
        how = {"method": method, "disjoint": disjoint}
        assert row(table, metric="intact_pair", **how)["value"] > 0.95

        def swapped(exchange, metric="swapped_pair", *, control=False, how=how, **where):
            where = {"exchange": exchange, "control": control, **how, **where}
            return row(table, metric=metric, **where)["value"]

        assert swapped("nearer", **chosen) > 0.9
        assert swapped("nearer", control=True, **chosen) < 0.5
        assert swapped("none") < 0.02
        assert swapped("all") < 0.02
        assert swapped("none", "swapped_object") > 0.95
        assert swapped("all", "swapped_attribute") > 0.95


def test_a_rotation_hides_the_blocks(scores):
    basis = np.linalg.qr(rng(5).normal(size=(WIDTH, WIDTH)))[0]
    straight, turned = scores(blocks()), scores(blocks(basis))
    common = {"method": "zero_shot", "disjoint": "images"}
    nearer = {"exchange": "nearer", "control": False, "rule": "share", **common}

    def both(**where):
        return [row(table, **where)["value"] for table in (straight, turned)]

    before, after = both(metric="swapped_pair", basis="axes", **nearer)
    assert after < before - 0.3
    # What is rotated has no axes to lose: both are rotated at random.
    before, _ = both(metric="swapped_pair", basis="rotated", **nearer)
    assert before < 0.8
    # A rotation changes no cosine, and so no prediction from intact codes.
    before, after = both(metric="intact_pair", **common)
    assert after == pytest.approx(before)


def test_needed_dimensions_of_mixed_codes_overlap_like_random_sets(scores):
    source = rng(6)
    inside = []
    for _ in range(6):
        mixed = source.normal(size=(4, WIDTH))[WORDS.attribute_of(IDS)]
        mixed = mixed + source.normal(size=(5, WIDTH))[WORDS.object_of(IDS)]
        images = mixed[TRUTH] + 2 * source.normal(size=(len(TRUTH), WIDTH))
        table = scores({"images": images, "compositions": mixed})
        chosen = {"basis": "axes", "rule": "random", "disjoint": "images"}
        null, found = (
            row(table, metric="shared_dimensions", control=control, **chosen)
            for control in (True, False)
        )
        inside.append(null["low"] <= found["value"] <= null["high"])
    assert sum(inside) >= 5


def test_rows_of_the_table(scores):
    table = scores(blocks())
    assert set(table["split"]) == {"all", "unseen"}
    image, text = (table[table["space"] == space] for space in ("image", "text"))
    assert set(image["disjoint"]) == {"images", "compositions"}
    assert set(text["disjoint"]) == {"compositions"}
    counted = image[(image["metric"] == "needed_dimensions") & (image["factor"] == "attribute")]
    assert len(counted) == 2 * len(BASES) * (len(RULES) + 1)
    assert (counted["value"] >= 1).all()
    assert (counted["n"] == WIDTH).all()
    whole = image[(image["metric"] == "subset_accuracy") & (image["factor"] == "object")]
    whole = whole[whole["dimensions"] == WIDTH]
    # With all dimensions neither the rule nor the basis matters.
    assert whole.groupby("disjoint")["value"].agg(np.ptp).max() < 0.01
    assert whole["chance"].to_numpy() == pytest.approx(1 / 5)


def test_texts_are_their_own_classes(scores):
    where = {"space": "text", "method": "zero_shot", "disjoint": "compositions"}
    assert row(scores(blocks()), metric="intact_pair", **where)["value"] == 1


def test_equal_seeds_give_equal_scores(scores):
    one, other = scores(blocks()), scores(blocks())
    assert one.equals(other)


def test_scores_of_a_model(copied):
    table = swap_dimensions(copied, "few")
    pd.testing.assert_frame_equal(read_table(copied.paths.model_dimension_swap("few")), table)
    check(table)
    assert set(table["space"]) == {"image", "text"}
    assert (table["seconds"] > 0).all()
    assert {"swapped_pair", "shared_dimensions", "subset_accuracy"} <= set(table["metric"])
    again = swap_dimensions(copied, "few")
    pd.testing.assert_frame_equal(*(t.drop(columns="seconds") for t in (table, again)))


def test_a_missing_model_is_one_row_with_the_reason(copied):
    write_tensors({}, copied.paths.embeddings("most", "ao"), {"missing": "no network"})
    (only,) = swap_dimensions(copied, "most").to_dict("records")
    assert (only["model"], only["note"], only["n"]) == ("most", "no network", 0)
    assert np.isnan(only["value"])


def test_a_swap_before_embedding_is_refused(copied):
    with pytest.raises(ArtefactError, match=r"most/ao.safetensors does not exist"):
        swap_dimensions(copied, "most")


def test_on_a_gpu_the_answers_are_the_same(scores, monkeypatch):
    expected = scores(blocks(noise=1.0))
    monkeypatch.setattr(module, "device_for", lambda products: torch.device("cpu"))
    pd.testing.assert_frame_equal(scores(blocks(noise=1.0)), expected)
