import numpy as np
import pytest

from cood.evaluation.common import resampling
from cood.evaluation.common.resampling import (
    Estimate,
    grouped_mean,
    grouped_means,
    means_of_finite,
)


def rng(seed=0):
    return np.random.default_rng(seed)


HITS = np.array([1, 0, 1, 1, 1, 1, 0, 0])
GROUPS = np.array([5, 5, 5, 5, 2, 2, 9, 9])


def test_mean_over_observations_and_over_groups():
    found = grouped_mean(HITS, GROUPS, seed=0)
    assert found.value == 5 / 8
    assert found.n == 8
    assert found.low <= found.value <= found.high
    by_group = grouped_mean(HITS, GROUPS, seed=0, per_group=True)
    assert by_group.value == pytest.approx((3 / 4 + 1 + 0) / 3)
    assert by_group.n == 8


def test_equal_groups_have_an_interval_without_width():
    found = grouped_mean(np.tile([0, 1], 10), np.repeat(np.arange(10), 2), seed=0)
    assert found == Estimate(0.5, 0.5, 0.5, 20)


def test_one_group_cannot_vary():
    assert grouped_mean(HITS, np.zeros(8), seed=0) == Estimate(5 / 8, 5 / 8, 5 / 8, 8)


def test_groups_that_are_all_right_or_all_wrong_widen_the_interval():
    hits = np.repeat(rng(1).integers(0, 2, size=30), 20)
    together = grouped_mean(hits, np.repeat(np.arange(30), 20), seed=0)
    apart = grouped_mean(hits, np.arange(600), seed=0)
    assert together.high - together.low > 3 * (apart.high - apart.low)


def test_single_observations_agree_with_the_normal_interval():
    values = rng(2).normal(3, 2, size=400)
    found = grouped_mean(values, np.arange(400), seed=0, resamples=4000)
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


@pytest.mark.parametrize("per_group", [False, True])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(per_group):
    source, covered = rng(3), 0
    for trial in range(200):
        # Groups of different sizes and abilities; the truth is the mean ability, 0.6.
        ability = source.beta(3, 2, size=50)
        groups = np.repeat(np.arange(50), source.integers(2, 8, size=50))
        hits = source.random(len(groups)) < ability[groups]
        found = grouped_mean(
            hits, groups, seed=trial, resamples=200, level=0.9, per_group=per_group
        )
        covered += found.low <= 0.6 <= found.high
    assert 0.84 <= covered / 200 <= 0.95


def test_a_higher_level_gives_a_wider_interval():
    width = [
        (found := grouped_mean(HITS, GROUPS, seed=0, level=level)).high - found.low
        for level in (0.2, 0.5, 0.99)
    ]
    assert width[0] < width[1] < width[2]


def test_nothing_gives_nothing():
    found = grouped_mean(np.array([]), np.array([]), seed=0)
    assert found.n == 0
    assert np.isnan([found.value, found.low, found.high]).all()


def test_equal_seeds_give_equal_intervals():
    assert grouped_mean(HITS, GROUPS, seed=4) == grouped_mean(HITS, GROUPS, seed=4)
    groups = np.arange(100)
    hits = rng(5).random(100)
    one, other = (grouped_mean(hits, groups, seed=seed) for seed in (4, 5))
    assert (one.low, one.high) != (other.low, other.high)


@pytest.mark.parametrize("resamples", [1, 99, 100, 101, 250])
def test_resamples_in_chunks_are_the_same_resamples(monkeypatch, resamples):
    hits, groups = rng(6).random(90), rng(7).integers(0, 30, size=90)

    def interval(chunk):
        monkeypatch.setattr(resampling, "CHUNK", chunk)
        resampling._draws.cache_clear()
        return grouped_mean(hits, groups, seed=8, resamples=resamples)

    whole = interval(10_000)
    for chunk in (1, 7, 100):
        found = interval(chunk)
        assert (found.low, found.high) == pytest.approx((whole.low, whole.high), abs=1e-12)


def test_resamples_are_those_of_an_interval_written_out():
    hits, groups = rng(6).random(90), rng(7).integers(0, 30, size=90)
    _, groups = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(groups, weights=hits), np.bincount(groups)
    drawn = rng(8).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=1000)
    means = (drawn @ sums) / (drawn @ counts)
    found = grouped_mean(hits, groups, seed=8)
    assert (found.low, found.high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=1e-12)


@pytest.mark.parametrize("groups", [1, 255, 256, 70_000])
def test_no_count_is_too_large_for_the_draws_that_are_kept(groups):
    assert (resampling._draws(0, groups, 3).sum(axis=1, dtype=np.int64) == groups).all()
    assert np.iinfo(resampling._draws(0, groups, 3).dtype).max >= groups


@pytest.mark.parametrize("per_group", [False, True])
def test_columns_are_resampled_together(per_group):
    hits = rng(9).random((90, 3))
    groups = rng(7).integers(0, 30, size=90)
    together = grouped_means(hits, groups, seed=8, per_group=per_group)
    for column, found in zip(hits.T, together, strict=True):
        alone = grouped_mean(column, groups, seed=8, per_group=per_group)
        assert found.n == alone.n == 90
        figures = (found.value, found.low, found.high)
        assert figures == pytest.approx((alone.value, alone.low, alone.high), abs=1e-12)
    assert [e.n for e in grouped_means(hits[:0], groups[:0], seed=0)] == [0, 0, 0]


def test_names_of_groups_do_not_matter():
    names = np.array([f"group {g}" for g in GROUPS])
    assert grouped_mean(HITS, names, seed=0) == grouped_mean(HITS, GROUPS, seed=0)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="hits and groups differ in length: 8 and 7"):
        grouped_mean(HITS, GROUPS[1:], seed=0)


def test_hits_with_gaps_have_the_means_that_each_has_by_itself():
    source = np.random.default_rng(3)
    groups = source.integers(12, size=200)
    hits = [source.random(200) < share for share in (0.2, 0.9)]
    hits.append(np.where(source.random(200) < 0.5, hits[0], np.nan))
    hits.append(np.full(200, np.nan))
    together = means_of_finite(hits, groups, seed=5, resamples=150, level=0.9)
    for values, estimate in zip(hits, together, strict=True):
        kept = np.isfinite(values.astype(float))
        by_itself = grouped_mean(
            values[kept],
            groups[kept],
            seed=5,
            resamples=150,
            level=0.9,
        )
        np.testing.assert_equal(vars(estimate), vars(by_itself))
