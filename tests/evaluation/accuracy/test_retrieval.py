import numpy as np
import pandas as pd
import pytest

from cood.errors import StudyError
from cood.evaluation.accuracy.retrieval import (
    TOP,
    Form,
    centred,
    compose,
    sample,
    score_retrieval,
    search,
)
from cood.evaluation.common.nearest import normalise
from cood.evaluation.common.score_table import check, complete
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(("red", "blue", "striped", "brick"), ("apple", "hat", "dog", "bus", "umbrella"))
TRUTH = np.repeat(np.arange(WORDS.size), 3)
METRICS = [f"retrieval_{end}" for end in ("top1", "top5", "attribute_top1", "object_top1")]


def rng(seed=0):
    return np.random.default_rng(seed)


def additive(noise=0.0, gap=0.0):
    """Images A[a] + O[o] and texts alike, `gap` apart along one more axis."""
    axes = np.eye(10)
    attributes, objects = axes[:4], axes[4:9]
    ids = np.arange(WORDS.size)
    compositions = attributes[WORDS.attribute_of(ids)] + objects[WORDS.object_of(ids)]
    images = compositions[TRUTH] + noise * rng(1).normal(size=(len(TRUTH), 10))
    apart = gap * axes[9]
    return {
        "images": images + apart,
        "compositions": compositions - apart,
        "attributes": attributes - apart,
        "objects": objects - apart,
    }


def unit(tensors):
    return {name: normalise(x) for name, x in tensors.items()}


def queries(truth=TRUTH, limit=100):
    return sample(truth, WORDS, limit, rng())


def test_queries_keep_the_object_and_change_the_attribute():
    found = queries()
    np.testing.assert_array_equal(TRUTH[found.images], found.sources)
    assert (WORDS.object_of(found.sources) == WORDS.object_of(found.targets)).all()
    assert (WORDS.attribute_of(found.sources) != WORDS.attribute_of(found.targets)).all()


@pytest.mark.parametrize(("limit", "each"), [(20, 1), (39, 1), (40, 2), (100, 5)])
def test_each_target_is_asked_equally_often(limit, each):
    np.testing.assert_array_equal(np.bincount(queries(limit=limit).targets), [each] * WORDS.size)


def test_with_more_targets_than_queries_some_are_left_out():
    found = queries(limit=7)
    assert len(np.unique(found.targets)) == len(found.targets) == 7


def test_only_what_has_images_is_asked_for_and_with():
    # red apple, blue apple, red hat
    truth = np.array([0, 5, 5, 1])
    found = queries(truth, limit=50)
    np.testing.assert_array_equal(np.bincount(found.targets), [25, 0, 0, 0, 0, 25])
    assert set(found.images[found.targets == 0]) == {1, 2}
    assert set(found.images[found.targets == 5]) == {0}


def test_a_set_in_which_no_object_has_two_attributes_is_refused():
    with pytest.raises(StudyError, match="no object of the set occurs with two attributes"):
        queries(np.array([0, 6, 12]))


def test_forms_of_the_query():
    tensors, asked = unit(additive(noise=0.1)), queries()
    image = tensors["images"][asked.images]
    given = tensors["attributes"][WORDS.attribute_of(asked.sources)]
    wanted = tensors["attributes"][WORDS.attribute_of(asked.targets)]
    pairs = tensors["compositions"]
    for query, expected in {
        "swap": image - 2 * given + 2 * wanted,
        "add": image + 2 * wanted,
        "pairs": image - 2 * pairs[asked.sources] + 2 * pairs[asked.targets],
        "text": pairs[asked.targets],
        "image": image,
    }.items():
        found = compose(tensors, asked, WORDS, Form(query, 2.0))
        np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=query)


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match=r"query: expected one of swap, .*, got 'swop'"):
        compose(unit(additive()), queries(), WORDS, Form("swop"))


def test_the_own_image_is_never_found():
    images = normalise(rng(2).normal(size=(40, 6)))
    own = np.arange(40)
    found = search(images, images, own)
    assert found.shape == (40, TOP)
    similarity = images @ images.T
    np.fill_diagonal(similarity, -np.inf)
    np.testing.assert_array_equal(found, np.argsort(-similarity, axis=1)[:, :TOP])


def test_a_gallery_smaller_than_the_list():
    images = np.eye(3)
    np.testing.assert_array_equal(search(images[[2]], images, np.array([2])), [[0, 1]])


def test_centred_modalities_have_the_same_mean():
    moved = centred(unit(additive(gap=3)))
    for name in ("images", "compositions"):
        np.testing.assert_allclose(moved[name].mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(moved[name], axis=1), 1, atol=1e-6)


@pytest.fixture
def scores(parse):
    study = parse(retrieval={"samples": 100})

    def run(tensors, **splits):
        table = score_retrieval(study, tensors, TRUTH, {"all": np.arange(WORDS.size)} | splits)
        assert (table["space"] == "image").all()
        check(complete(table))
        form = [Form(*row) for row in table[["query", "weight", "centred"]].to_numpy()]
        return table.assign(form=form).set_index(["metric", "form", "split"])

    return run


def test_additive_embeddings_are_retrieved_perfectly(scores):
    table = scores(additive(noise=0.01))
    for query in ("swap", "pairs", "text"):
        assert table.loc[("retrieval_top1", Form(query), "all"), "value"] == 1, query
    # The image finds its like, which shows the right object with the wrong attribute.
    assert table.loc[("retrieval_top1", Form("image"), "all"), "value"] == 0
    assert table.loc[("retrieval_object_top1", Form("image"), "all"), "value"] == 1
    assert table.loc[("retrieval_attribute_top1", Form("image"), "all"), "value"] == 0
    gain = table.loc[("retrieval_gain_top1", Form("swap"), "all")]
    assert gain[["value", "low", "high"]].tolist() == [0, 0, 0]


def test_a_gap_between_modalities_cancels_in_a_difference_and_where_they_are_centred(scores):
    table = scores(additive(noise=0.01, gap=1))["value"]
    centred_forms = [Form(query, centred=True) for query in ("swap", "pairs", "text")]
    for form in (Form("swap"), *centred_forms):
        assert table["retrieval_top1", form, "all"] == 1, form


def test_texts_that_tell_nothing_retrieve_at_chance(scores):
    source, tensors = rng(4), additive(noise=0.5)
    found = []
    for _ in range(20):
        texts = {name: source.permutation(tensors[name]) for name in ("compositions", "attributes")}
        found.append(scores(tensors | texts).loc[[(m, Form("text"), "all") for m in METRICS]])
    for metric in METRICS:
        rows = pd.concat(found).loc[[(metric, Form("text"), "all")]]
        assert rows["value"].mean() == pytest.approx(rows["chance"].mean(), abs=0.05), metric


def test_chance(scores):
    chance = scores(additive())["chance"]
    assert chance["retrieval_top1", Form("swap"), "all"] == pytest.approx(3 / 59)
    none = np.prod([(56 - i) / (59 - i) for i in range(5)])
    assert chance["retrieval_top5", Form("swap"), "all"] == pytest.approx(1 - none)
    assert chance["retrieval_attribute_top1", Form("swap"), "all"] == pytest.approx(15 / 59)
    assert chance["retrieval_object_top1", Form("swap"), "all"] == pytest.approx(11 / 59)
    assert np.isnan(chance["retrieval_gain_top1", Form("swap"), "all"])


def test_splits_are_those_of_the_target(scores):
    table = scores(additive(), unseen=np.array([0, 7]))
    assert table.loc[("retrieval_top1", Form("swap"), "unseen"), "n"] == 10
    assert table.loc[("retrieval_top1", Form("swap"), "all"), "n"] == 100
