import numpy as np
import pandas as pd

from cood.evaluation.common.resampling import grouped_mean
from cood.evaluation.common.score_rows import Outcome, summarise
from cood.settings import Evaluation

SETTINGS = Evaluation(resamples=100)
COMPOSITIONS = np.array([0, 0, 1, 1, 2, 2])
HITS = np.array([1, 0, 1, 1, 0, 0])


def rows(*outcomes, **splits):
    table = summarise(outcomes, COMPOSITIONS, splits, SETTINGS, seed=3)
    return table.set_index(["metric", "split"])


def test_means_in_each_split():
    guess = np.array([0.1, 0.1, 0.2, 0.2, 0.6, 0.6])
    table = rows(
        Outcome("m", HITS, guess, {"query": "add"}), some=np.array([0, 1]), all=np.arange(3)
    )
    assert table.loc[("m", "all"), ["value", "chance", "n"]].tolist() == [0.5, np.mean(guess), 6]
    some = table.loc[("m", "some")]
    assert (some["value"], some["n"], some["query"]) == (0.75, 4, "add")
    np.testing.assert_allclose(some["chance"], 0.15)


def test_intervals_are_those_of_one_outcome_alone():
    other = Outcome("other", 1.0 - HITS)
    table = rows(Outcome("m", HITS, 0.25), other, all=np.arange(3))
    alone = grouped_mean(HITS, COMPOSITIONS, seed=3, resamples=100, level=0.95)
    found = table.loc[("m", "all")]
    assert (found["value"], found["low"], found["high"]) == (alone.value, alone.low, alone.high)
    # All outcomes are resampled together, so the bounds of the complement mirror these.
    mirror = table.loc[("other", "all")]
    np.testing.assert_allclose([1 - mirror["high"], 1 - mirror["low"]], [alone.low, alone.high])
    assert pd.isna(mirror["chance"])


def test_a_split_without_trials():
    found = rows(Outcome("m", HITS, 0.25), none=np.array([7])).loc[("m", "none")]
    assert found["n"] == 0
    assert found[["value", "low", "high", "chance"]].isna().all()
