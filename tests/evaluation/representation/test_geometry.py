import itertools

import numpy as np
import pytest

from cood.evaluation.common.score_table import check, complete
from cood.evaluation.representation import geometry
from cood.evaluation.representation.geometry import FACTORISATION, score_geometry
from cood.metrics.jackknife import deal, half_width
from cood.metrics.linear import fit_additive, r_squared
from cood.metrics.rank import DEFINITIONS, effective_rank
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(("red", "striped", "brick"), ("apple", "hat", "dog", "bus"))
ALL = np.arange(12)
D = 9
SPLITS = {"all": ALL, "unseen": np.array([1, 2, 4, 6, 7, 8, 11])}


def planted(seed=0, noise=0.0):
    """Texts that are sums of word vectors, images of the same with noise."""
    rng = np.random.default_rng(seed)
    attributes, objects = rng.normal(size=(3, D)), rng.normal(size=(4, D))
    texts = attributes[WORDS.attribute_of(ALL)] + objects[WORDS.object_of(ALL)]
    truth = np.repeat(ALL, 5)
    images = texts[truth] + noise * rng.normal(size=(60, D)) + 2
    tensors = {
        "images": images,
        "compositions": texts,
        "attributes": attributes,
        "objects": objects,
    }
    return {name: z.astype(np.float32) for name, z in tensors.items()}, truth


def scored(tensors, truth, splits=SPLITS):
    return score_geometry(tensors, truth, splits, WORDS, seed=3, folds=4)


@pytest.fixture(scope="module")
def table():
    return scored(*planted(noise=0.5))


def value(table, metric, codes="images", split="all", column="value", **where):
    where = {"metric": metric, "codes": codes, "split": split, "factor": "", "null": "", **where}
    for name, expected in where.items():
        table = table[(table[name] == expected).fillna(False)]
    assert len(table) == 1
    return table.iloc[0][column]


def test_it_is_a_table_of_scores(table):
    check(complete(table, model="m", set="ao"))
    assert set(table["category"]) == {"all"}
    assert set(table["metric"]) == {*DEFINITIONS, *FACTORISATION}
    assert (table["seconds"] > 0).all()
    assert (table.loc[table["split"] == "all", "note"] == "").all()
    assert table["value"].notna().all()


def test_which_codes_are_in_which_space(table):
    spaces = table.groupby("codes")["space"].unique().map(list).to_dict()
    assert spaces == {
        "images": ["image"],
        "means": ["image"],
        "compositions": ["text"],
        "attributes": ["text"],
        "objects": ["text"],
    }
    n = table[table["split"] == "unseen"].groupby("codes")["n"].unique().map(list).to_dict()
    assert n == {"images": [35], "means": [7], "compositions": [7]}
    words = table[table["codes"].isin(["attributes", "objects"])]
    assert set(words["metric"]) == set(DEFINITIONS)
    assert dict(zip(words["codes"], words["n"], strict=True)) == {"attributes": 3, "objects": 4}


def test_intervals_come_from_leaving_out_compositions(table):
    words = table["codes"].isin(["attributes", "objects"])
    assert table.loc[words, ["low", "high"]].isna().all(axis=None)
    shuffled = table["null"] == "shuffled"
    assert table.loc[shuffled, ["low", "high"]].isna().all(axis=None)
    rest = table[~words & ~shuffled & (table["split"] == "all")]
    assert (rest["low"] <= rest["value"]).all()
    assert (rest["value"] <= rest["high"]).all()
    assert (rest["low"] < rest["value"]).mean() > 0.5
    few = scored(*planted(noise=0.5), splits={"unseen": np.array([0, 5, 10])})
    assert few["low"].isna().all()


def test_the_interval_is_that_of_the_measure_without_each_fold(table):
    tensors, truth = planted(noise=0.5)
    fold = deal(ALL, 4, seed=3)
    images = tensors["images"] / np.linalg.norm(tensors["images"], axis=1, keepdims=True)
    values = [
        effective_rank(images[fold[truth] != i], centred=True, relative=False).value
        for i in range(4)
    ]
    switches = {"centred": True, "unit_rows": True, "relative": False}
    low, high = (
        value(table, "effective_rank", column=column, **switches) for column in ("low", "high")
    )
    assert (high - low) / 2 == pytest.approx(half_width(np.array(values)[:, None])[0], rel=1e-6)


@pytest.mark.parametrize("switches", list(itertools.product([False, True], repeat=3)))
def test_ranks_are_those_of_the_metric(table, switches):
    tensors, truth = planted(noise=0.5)
    centred, unit, relative = switches
    columns = {"centred": centred, "unit_rows": unit, "relative": relative}
    images = tensors["images"][np.isin(truth, SPLITS["unseen"])]
    for codes, z, split in (
        ("images", images, "unseen"),
        ("compositions", tensors["compositions"], "all"),
        ("objects", tensors["objects"], "all"),
    ):
        found = value(table, "effective_rank", codes, split, **columns)
        expected = effective_rank(z, centred=centred, unit=unit, relative=relative)
        assert found == pytest.approx(expected.value)


def test_no_folds_give_the_same_values_without_intervals(table):
    alone = score_geometry(*planted(noise=0.5), SPLITS, WORDS, seed=3, folds=0)
    assert alone[["low", "high"]].isna().all(axis=None)
    assert alone["value"].tolist() == table["value"].tolist()


def test_under_shuffled_labels_nothing_is_explained():
    tensors, truth = planted(noise=0.1)
    table = scored(tensors, truth, splits={"all": ALL})
    rows = table[table["null"] == "shuffled"]
    over_both = {*FACTORISATION} - {"factor_dimension", "word_cosine"}
    assert set(rows["metric"]) == over_both
    assert len(rows) == 3 * len(over_both)  # for each of the codes, unit rows only
    assert rows["unit_rows"].all()
    for metric in ("r2", "r2_adjusted", "r2_held_out"):
        labels, none = (
            value(table, metric, unit_rows=True, null=null) for null in ("", "shuffled")
        )
        assert none < 0.25 < 0.6 < labels


def test_sums_of_word_vectors_are_recognised():
    table = scored(*planted())
    for codes in ("images", "means", "compositions"):
        for split in SPLITS:
            raw = (codes, split)
            if codes != "means":  # means of unit embeddings are no sums any more
                assert value(table, "r2", *raw, unit_rows=False) == pytest.approx(1)
                for factor in ("attribute", "object"):
                    cosine = value(table, "word_cosine", *raw, unit_rows=False, factor=factor)
                    assert cosine == pytest.approx(1)
            assert value(table, "r2", *raw, unit_rows=True) > 0.6
    assert value(table, "r2_held_out", unit_rows=False) == pytest.approx(1)


def test_r_squared_and_its_chance(table):
    tensors, truth = planted(noise=0.5)
    factors = np.column_stack([WORDS.attribute_of(truth), WORDS.object_of(truth)])
    expected = r_squared(fit_additive(tensors["images"], factors))
    raw = {"unit_rows": False}
    assert value(table, "r2", **raw) == pytest.approx(expected.value)
    assert value(table, "r2", **raw, column="chance") == pytest.approx(5 / 59)
    assert value(table, "r2_adjusted", **raw) == pytest.approx(expected.parts["adjusted"])
    assert value(table, "r2_adjusted", **raw, column="chance") == 0


def test_the_mean_image_of_a_composition_is_that_of_unit_embeddings():
    tensors, truth = planted(noise=0.5)
    unit = tensors["images"] / np.linalg.norm(tensors["images"], axis=1, keepdims=True)
    means = np.stack([unit[truth == c].mean(axis=0) for c in ALL])
    shuffled = np.random.default_rng(0).permutation(60)
    table = scored(tensors | {"images": tensors["images"][shuffled]}, truth[shuffled])
    columns = {"centred": True, "unit_rows": False, "relative": False}
    found = value(table, "effective_rank", "means", **columns)
    expected = effective_rank(means, centred=True, unit=False, relative=False)
    assert found == pytest.approx(expected.value, rel=1e-5)


def test_compositions_without_an_image_are_left_out():
    tensors, truth = planted()
    few = truth < 8
    table = scored(tensors | {"images": tensors["images"][few]}, truth[few], SPLITS | {"gone": [9]})
    texts = table[table["codes"] == "compositions"]
    assert texts.groupby("split")["n"].first().to_dict() == {"all": 8, "unseen": 5}


def test_what_a_metric_says_of_its_value_is_in_the_table():
    tensors, truth = planted()
    table = scored(tensors, truth, {"one": np.array([0, 1, 2, 3])})  # one attribute only
    note = value(table, "r2", split="one", column="note", unit_rows=True)
    assert note == "factor 0 has one value only: left out"


def test_equal_seeds_give_equal_scores(table):
    again = scored(*planted(noise=0.5))
    left, right = (t.drop(columns="seconds") for t in (table, again))
    assert left.equals(right)


def test_an_embedding_that_is_not_finite_is_refused():
    tensors, truth = planted()
    tensors["images"][7, 2] = np.nan
    with pytest.raises(ValueError, match="nan in row 7, column 2"):
        scored(tensors, truth)


def test_splits_of_the_same_compositions_are_measured_once(table, monkeypatch):
    asked, within = [], geometry._with_interval
    monkeypatch.setattr(geometry, "_with_interval", lambda *a: asked.append(1) or within(*a))
    both = scored(*planted(noise=0.5), {"unseen": ALL, "all": ALL})
    assert len(asked) == 1
    for split in ("unseen", "all"):
        for metric in ("r2", "r2_held_out", "orthogonality"):
            expected = value(table, metric, unit_rows=True)
            found = value(both, metric, split=split, unit_rows=True)
            assert found == pytest.approx(expected, nan_ok=True)
