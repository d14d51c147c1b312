from collections import Counter

import numpy as np
import pytest

from cood.design.margins import balanced, stratified


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_one_place_in_each_stratum(rng):
    places = stratified(8, np.empty(0), rng)
    assert np.floor(places * 8).tolist() == list(range(8))


def test_new_places_go_into_the_gaps(rng):
    new = stratified(4, np.array([0.1, 0.9]), rng)
    assert np.floor(new * 4).tolist() == [1, 2]
    # Two of one stratum: one of them stands for the next stratum.
    assert np.floor(stratified(4, np.array([0.05, 0.1]), rng) * 4).tolist() == [2, 3]
    assert len(stratified(2, np.array([0.1, 0.9]), rng)) == 0


@pytest.mark.parametrize("number", [25, 40, 48, 200])
def test_old_and_new_together_are_even(rng, number):
    old = stratified(24, np.empty(0), rng)
    together = np.sort(np.concatenate([old, stratified(number, old, rng)]))
    centres = (np.arange(number) + 0.5) / number
    assert len(together) == number
    # An old value lies at most half an old and half a new stratum from where a new one would.
    assert np.abs(together - centres).max() < 0.5 / 24 + 1 / number


@pytest.mark.parametrize("number", [1, 6, 7, 8])
def test_levels_are_balanced(rng, number):
    counts = Counter(balanced(("a", "b", "c"), number, [], rng))
    counts = [counts[level] for level in "abc"]
    assert sum(counts) == number
    assert max(counts) - min(counts) <= 1


def test_levels_that_are_short_come_first(rng):
    assert balanced(("a", "b", "c"), 6, ["a", "a", "b"], rng) == ["b", "c", "c"]
    # More than their part: the new ones share the rest.
    assert balanced(("a", "b", "c"), 6, ["a", "a", "a", "a"], rng) == ["b", "c"]


def test_which_level_has_one_more_is_random():
    over = {balanced(("a", "b", "c"), 1, [], np.random.default_rng(seed))[0] for seed in range(20)}
    assert over == {"a", "b", "c"}
