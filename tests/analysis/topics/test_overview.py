import numpy as np
import pandas as pd
import pytest

from cood.analysis.topics.overview import median_model, sample_answers
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(("red", "blue", "striped"), ("apple", "hat", "bus", "dog"))


@pytest.fixture
def answers():
    composition = np.repeat(np.arange(WORDS.size), 5)
    pair = np.where(np.arange(len(composition)) % 2 == 0, composition, (composition + 1) % 12)
    return pd.DataFrame(
        {
            "image": [f"{k}.png" for k in range(len(composition))],
            "composition": composition,
            "seen": composition < 4,
            "pair": pair,
        }
    )


def test_half_of_the_sample_was_seen_and_no_composition_comes_twice(answers):
    drawn = sample_answers(answers, WORDS, 6, seed=1)
    assert drawn["seen"].tolist() == [True] * 3 + [False] * 3
    assert drawn["composition"].is_unique
    rows = answers.set_index("image").loc[drawn["image"]]
    names = WORDS.compositions()
    assert drawn["composition"].tolist() == [names[k] for k in rows["composition"]]
    assert drawn["answer"].tolist() == [names[k] for k in rows["pair"]]
    assert (drawn["right"] == (drawn["composition"] == drawn["answer"])).all()
    assert 0 < sample_answers(answers, WORDS, 12, seed=1)["right"].mean() < 1


def test_the_sample_is_drawn_by_its_seed(answers):
    first, again, other = (sample_answers(answers, WORDS, 6, seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_where_nothing_was_seen_all_images_are_of_unseen_compositions(answers):
    drawn = sample_answers(answers.assign(seen=False), WORDS, 6, seed=1)
    assert len(drawn) == 6
    assert not drawn["seen"].any()


def test_a_sample_of_more_images_than_there_are_compositions_has_them_all(answers):
    assert len(sample_answers(answers.head(15), WORDS, 6, seed=1)) == 3


def test_the_median_model_of_an_odd_and_of_an_even_number():
    accuracy = pd.Series({"best": 0.9, "worst": 0.1, "middle": 0.4})
    assert median_model(accuracy) == "middle"
    assert median_model(accuracy[["best", "middle"]]) == "middle"
    assert median_model(pd.Series({"none": np.nan, "only": 0.2})) == "only"
