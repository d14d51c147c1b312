import numpy as np
import pytest

from cood.metrics.pairs import (
    Rows,
    batch_variances,
    draw_batches,
    draw_controls,
    draw_pairs,
    mean_differences,
)

GRID = np.array([[a, o] for a in range(4) for o in range(5)] * 3)


def rng():
    return np.random.default_rng(0)


def test_each_row_of_a_value_is_equally_likely():
    ids = np.array([1, 0, 1, 1, 2])
    drawn = Rows.of(ids).draw(np.ones(3000, int), rng())
    assert np.bincount(drawn, minlength=5) / 3000 == pytest.approx(
        [1 / 3, 0, 1 / 3, 1 / 3, 0], abs=0.05
    )


@pytest.mark.parametrize("fixed", [0, 1, None])
def test_pairs_agree_in_one_factor_only(fixed):
    first, second = draw_pairs(GRID, fixed, 4000, True, rng())
    same = GRID[first] == GRID[second]
    assert same.all(axis=0).tolist() == [fixed == 0, fixed == 1]
    assert same.any(axis=0).tolist() == [fixed == 0, fixed == 1]
    # All rows are drawn, none much more often.
    counts = np.bincount(first, minlength=60)
    assert counts.min() > 30 < counts.max() < 110


def test_pairs_may_agree_by_chance():
    first, second = draw_pairs(GRID, 0, 4000, False, rng())
    same = GRID[first] == GRID[second]
    assert same[:, 0].all()
    assert same[:, 1].mean() == pytest.approx(1 / 5, abs=0.03)


def test_a_factor_that_never_varies_rules_out_no_pair():
    factors = np.c_[GRID, np.zeros(60, int)]
    first, second = draw_pairs(factors, 0, 1000, True, rng())
    assert (factors[first, 1] != factors[second, 1]).all()


@pytest.mark.parametrize("size", [1, 2, 5000])
def test_no_such_pairs(size):
    same = np.repeat(np.arange(3), 4)[:, None] * [1, 1]
    assert draw_pairs(same, 0, size, True, rng()) is None
    assert draw_pairs(same, None, size, True, rng()) is not None


def test_pairs_where_few_rows_have_a_partner():
    # Only the rows of value 0 have a partner with another object.
    factors = np.array([[0, 0], [0, 1], [1, 2], [2, 3], [3, 4]])
    first, second = draw_pairs(factors, 0, 1000, True, rng())
    assert set(first) | set(second) == {0, 1}


@pytest.mark.parametrize("fixed", [0, 1])
def test_controls_are_alike_in_all_but_the_factor(fixed):
    factors = np.c_[GRID, np.arange(60) % 3]
    first, second = draw_pairs(factors, fixed, 3000, True, rng())
    left, right = draw_controls(factors, fixed, first, second, rng())
    others = [k for k in range(3) if k != fixed]
    assert (factors[left, fixed] != factors[right, fixed]).all()
    np.testing.assert_array_equal(factors[left][:, others], factors[first][:, others])
    np.testing.assert_array_equal(factors[right][:, others], factors[second][:, others])


def test_pairs_without_control_are_replaced():
    # Object 0 goes with attribute 0 only, as object 1 does: such pairs have no control.
    factors = np.array([[0, 0], [0, 1], [0, 2], [1, 2], [0, 3], [1, 3]])
    first, second = draw_pairs(factors, 0, 600, True, rng())
    left, right = draw_controls(factors, 0, first, second, rng())
    assert (factors[left, 0] != factors[right, 0]).all()
    np.testing.assert_array_equal(factors[left, 1], factors[first, 1])
    assert (factors[first, 0] == factors[second, 0]).all()
    assert not (factors[np.stack([first, second]), 1] < 2).all(axis=0).any()


def test_no_controls():
    factors = np.array([[0, 0], [0, 1], [1, 2], [1, 3]])
    pairs = draw_pairs(factors, 0, 100, True, rng())
    assert draw_controls(factors, 0, *pairs, rng()) is None


@pytest.mark.parametrize(("points", "batch", "d"), [(1, 1, 1), (7, 3, 2), (40, 64, 300)])
def test_mean_differences_by_loops(points, batch, d):
    codes = rng().standard_normal((60, d))
    first, second = rng().integers(60, size=(2, points * batch))
    expected = [
        np.mean(
            [abs(codes[first[i * batch + b]] - codes[second[i * batch + b]]) for b in range(batch)],
            0,
        )
        for i in range(points)
    ]
    np.testing.assert_allclose(mean_differences(codes, first, second, batch), expected)


def test_batch_variances_by_loops():
    codes = rng().standard_normal((60, 300))
    rows = rng().integers(60, size=(50, 64))
    expected = [np.var(codes[r], axis=0, ddof=1) for r in rows]
    np.testing.assert_allclose(batch_variances(codes, rows), expected)


@pytest.mark.parametrize("fixed", [0, 1])
def test_batches_share_a_value_and_spread_over_the_others(fixed):
    rows = draw_batches(GRID, fixed, 200, 8, "balanced", rng())
    assert (GRID[rows, fixed] == GRID[rows[:, :1], fixed]).all()
    for batch in rows:
        counts = np.bincount(GRID[batch, 1 - fixed])
        assert counts.max() - counts.min() <= 1
    by_chance = draw_batches(GRID, fixed, 200, 8, "with replacement", rng())
    assert (GRID[by_chance, fixed] == GRID[by_chance[:, :1], fixed]).all()


@pytest.mark.parametrize("rows", [1, 2**20])
def test_batches_do_not_hang_on_how_many_are_shuffled_at_a_time(monkeypatch, rows):
    whole = draw_batches(GRID, 0, 50, 8, "balanced", rng())
    monkeypatch.setattr("cood.metrics.pairs.POINTS", rows)
    np.testing.assert_array_equal(draw_batches(GRID, 0, 50, 8, "balanced", rng()), whole)
