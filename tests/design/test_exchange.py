import numpy as np
import pytest

from cood.design.exchange import Arrangement, Block, improve, repair

BLOCKS = [Block((0,), 0), Block((1, 2), None), Block((3,), 1)]
FACTOR_OF = ["a", "level", "level", "b"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def coded(rng):
    level = rng.integers(3, size=15)
    return np.column_stack([rng.random(15), level == 1, level == 2, rng.random(15)]).astype(float)


def arranged(coded):
    return Arrangement(coded, FACTOR_OF, coded[:, [0, 3]], BLOCKS)


def moved(coded, rows):
    """The coded columns after the exchanges that `rows` records."""
    result = coded.copy()
    for k, block in enumerate(BLOCKS):
        for column in block.coded:
            result[:, column] = coded[rows[:, k], column]
    return result


@pytest.mark.parametrize("block", range(3))
def test_an_exchange_is_foreseen(coded, block):
    after = arranged(coded).after(4, block)
    for j in range(15):
        arrangement = arranged(coded)
        arrangement.exchange(4, j, block)
        assert arrangement.criterion == pytest.approx(after[j])
        assert arranged(moved(coded, arrangement.rows)).criterion == pytest.approx(after[j])


def test_what_is_better_has_a_smaller_criterion(rng):
    grid = np.array([[a, b] for a in range(3) for b in range(3)]) / 2
    aliased = np.repeat(grid[:3, 1:], 2, axis=1).repeat(3, axis=0)
    blocks, names = [Block((0,), 0), Block((1,), 1)], ["a", "b"]
    good, bad = (Arrangement(x, names, x, blocks).criterion for x in (grid, aliased))
    assert good < bad - 0.9


def test_only_new_rows_change_and_every_column_keeps_its_values(coded, rng):
    arrangement = arranged(coded)
    before, new = arrangement.criterion, np.arange(6, 15)
    improve(arrangement, new, None, rng)
    assert arrangement.criterion < before
    assert (arrangement.rows[:6] == np.arange(6)[:, None]).all()
    assert (np.sort(arrangement.rows, axis=0) == np.arange(15)[:, None]).all()
    assert (arrangement.rows[6:] != np.arange(6, 15)[:, None]).any()


def test_rows_are_made_feasible_and_stay_so(coded, rng):
    coded[:, 3] = 1 - rng.permutation(coded[:, 0])  # so that all sums can be 1

    def feasible(rows):
        return coded[rows[:, 0], 0] + coded[rows[:, 2], 3] < 1.3

    arrangement, new = arranged(coded), np.arange(15)
    assert not feasible(arrangement.rows).all()
    assert repair(arrangement, new, feasible, rng, 300) == 0
    improve(arrangement, new, feasible, rng)
    assert feasible(arrangement.rows).all()


def test_rows_that_cannot_be_made_feasible_are_counted(coded, rng):
    def feasible(rows):
        return coded[rows[:, 0], 0] < np.sort(coded[:, 0])[-2]

    assert repair(arranged(coded), np.arange(15), feasible, rng, 100) == 2
