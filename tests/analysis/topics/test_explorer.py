import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cood.analysis.results import load_results
from cood.analysis.topics.explorer import (
    MOST_WORDS,
    ModelAnswers,
    Sample,
    answers_of,
    composition_table,
    sample_images,
    spread_models,
)
from cood.errors import ArtefactError, NotebookError
from cood.files import read_table, write_table
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(("red", "blue"), ("apple", "hat", "dog"))


def test_all_images_are_shown_if_they_are_few_enough():
    composition = np.array([5, 0, 0, 5, 2, 0])
    sample = sample_images(composition, WORDS, most=100)
    assert sample.compositions.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert sample.counts.tolist() == [[3, 0, 1], [0, 0, 2]]
    assert sample.images.tolist() == [1, 2, 5, 4, 0, 3]  # by cell, then as in the manifest


@given(st.integers(2, 40), st.integers(2, 40), st.integers(1, 12), st.integers(0, 300))
def test_a_sample_is_within_its_bound_and_evenly_spaced(rows, columns, each, more):
    words = Vocabulary(tuple(f"a{i}" for i in range(rows)), tuple(f"o{i}" for i in range(columns)))
    composition = np.repeat(np.arange(words.size), each)
    most = min(each, 8) + more
    sample = sample_images(composition, words, most)
    assert 0 < len(sample.images) == sample.counts.sum() <= most
    assert sample.counts.max() == min(each, 8)
    truth = np.repeat(sample.compositions.ravel(), sample.counts.ravel())
    np.testing.assert_array_equal(composition[sample.images], truth)
    assert len(np.unique(sample.images)) == len(sample.images)
    for ids, n in ((sample.attributes, rows), (sample.objects, columns)):
        steps = np.diff([*ids, n])
        assert steps.min() >= 1
        assert steps.max() - steps.min() <= 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 30))
def test_a_grid_of_few_pairs_of_many_has_some_of_them(seed, n, most):
    words = Vocabulary(tuple(f"a{i}" for i in range(50)), tuple(f"o{i}" for i in range(90)))
    composition = np.random.default_rng(seed).choice(words.size, n, replace=False)
    sample = sample_images(composition, words, most)
    assert sample.compositions.size <= most
    assert 0 < len(sample.images) <= n
    assert set(sample.attributes) <= set(composition // 90)
    assert set(sample.objects) <= set(composition % 90)
    if len(set(composition // 90)) * len(set(composition % 90)) <= most:
        assert len(sample.images) == n


@pytest.mark.parametrize("shape", [(2, 700), (700, 2)])
def test_a_long_grid_fits_into_the_pictures_of_the_page(shape):
    words = Vocabulary(*(tuple(f"{n} {i}" for i in range(n)) for n in shape))
    sample = sample_images(np.arange(words.size), words, most=3200)
    assert sample.counts.shape == tuple(min(n, MOST_WORDS) for n in shape)


def test_a_bound_below_one_composition_is_an_error():
    with pytest.raises(NotebookError, match="parameter images: got 1, and a composition has 2"):
        sample_images(np.array([0, 0]), WORDS, most=1)


def test_models_are_spread_over_accuracy(graded):
    results = load_results(graded)
    names = results.models["model"].tolist()
    assert spread_models(results, 24) == names
    few = spread_models(results, 3)  # the models are graded: m0 is the best, m9 the worst
    assert len(few) == 3
    assert {"m0", "m9"} <= set(few)
    assert few == [name for name in names if name in few]
    assert len(spread_models(results, 1)) == 1
    with pytest.raises(NotebookError, match="parameter most: got 0; set it to 1 or more"):
        spread_models(results, 0)


def test_the_answers_are_those_that_were_saved_with_the_cosines_of_the_embeddings(graded):
    study = load_results(graded).study
    saved = read_table(study.paths.model_answers("m3"))
    images = np.array([7, 3, 100])
    found = answers_of(study, "mine", "m3", images)
    for own, column in (
        (found.pairs[:, 0], "pair"),
        (found.attributes, "attribute"),
        (found.objects, "object"),
    ):
        np.testing.assert_array_equal(own, saved[column].to_numpy()[images])
    from safetensors.numpy import load_file

    tensors = load_file(study.paths.embeddings("m3", "mine"))
    shown, texts = (tensors[k].astype(float) for k in ("images", "compositions"))
    for row, image in enumerate(images):
        cosines = texts @ shown[image] / np.linalg.norm(texts, axis=1)
        cosines /= np.linalg.norm(shown[image])
        best = np.argsort(-cosines)[:5]
        assert found.pairs[row].tolist() == best.tolist()
        np.testing.assert_allclose(found.cosines[row], cosines[best], atol=1e-6)
    assert not len(found.seen)  # checkpoints have seen nothing, by decree


def test_answers_of_another_run_are_an_error(graded, tmp_path, monkeypatch):
    study = load_results(graded).study
    other = tmp_path / "m3.parquet"
    table = read_table(study.paths.model_answers("m3"))
    write_table(table.assign(pair=(table["pair"] + 1) % study.words.size), other)
    monkeypatch.setattr(type(study.paths), "model_answers", lambda self, model: other)
    with pytest.raises(ArtefactError, match=r"m3\.parquet has other answers than the embeddings"):
        answers_of(study, "mine", "m3", np.arange(9))
    write_table(table.head(5), other)
    with pytest.raises(ArtefactError, match=r"delete both and run"):
        answers_of(study, "mine", "m3", np.arange(3))


def test_a_trained_model_has_seen_what_it_was_trained_on(copied):
    from cood.evaluation.accuracy.accuracy import score_accuracy
    from cood.splits import seen

    score_accuracy(copied, "few")
    found = answers_of(copied, "ao", "few", np.arange(4))
    assert set(found.seen) == set(seen(copied, copied.trained["few"]))


def test_accuracies_of_compositions_are_apart_for_models_that_saw_them():
    grid = np.arange(6).reshape(2, 3)
    counts = np.array([[2, 0, 1], [0, 0, 1]])
    sample = Sample(np.arange(2), np.arange(3), grid, np.arange(4), counts)
    pairs = {"a": [0, 1, 2, 5], "b": [0, 0, 1, 1], "c": [3, 0, 2, 5]}
    seen = {"a": [0, 2], "b": [0], "c": []}
    answers = {
        model: ModelAnswers(
            np.array(own)[:, None],
            np.ones((4, 1)),
            WORDS.attribute_of(own),
            WORDS.object_of(own),
            np.array(seen[model], dtype=int),
        )
        for model, own in pairs.items()
    }
    table = composition_table(WORDS, sample, answers).set_index(["attribute", "object"])
    expected = pd.DataFrame(
        {
            "images": [2, 1, 1],
            "seen_by": [2, 1, 0],
            "pair_seen": [0.75, 1, np.nan],  # of 1/2 and 2/2; of 1; of none
            "pair_unseen": [0.5, 0.5, 2 / 3],
            "attribute_alone": [5 / 6, 1, 2 / 3],
            "object_alone": [5 / 6, 2 / 3, 2 / 3],
        },
        index=pd.MultiIndex.from_tuples(
            [("red", "apple"), ("red", "dog"), ("blue", "dog")], names=table.index.names
        ),
    )
    pd.testing.assert_frame_equal(table, expected, check_index_type=False)
