import numpy as np
import pytest
from scipy.stats import hypergeom

from cood.evaluation.interventions.dimension_selection import (
    BASES,
    DISJOINT,
    bases,
    curve,
    needed,
    overlap,
    prepare,
    steps,
)
from cood.metrics.class_moments import class_moments
from cood.vocabulary import Vocabulary

WORDS = Vocabulary(("red", "blue", "striped", "brick"), ("apple", "hat", "dog", "bus"))
TRUTH = np.repeat(np.arange(16), 5)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("disjoint", DISJOINT)
def test_parts_are_disjoint_and_hold_all(disjoint):
    codes = rng().normal(size=(80, 3))
    task = prepare(codes, TRUTH, WORDS, disjoint, rng())
    parts = [task.fit, task.choose, task.test]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(80))
    assert [len(part) for part in parts] == [40, 20, 20]
    shared = set(TRUTH[task.fit]) & set(TRUTH[task.test])
    assert bool(shared) == (disjoint == "images")
    np.testing.assert_allclose(task.codes[task.fit].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(task.codes + task.mean, codes)
    np.testing.assert_array_equal(task.labels["attribute"], TRUTH // 4)
    np.testing.assert_array_equal(task.labels["object"], TRUTH % 4)


def test_what_cannot_be_divided_is_refused():
    with pytest.raises(ValueError, match=r"compositions: at least 4 are needed .*, got 3"):
        prepare(np.ones((9, 2)), np.repeat([0, 1, 2], 3), WORDS, "compositions", rng())
    with pytest.raises(
        ValueError, match="disjoint: expected one of images, compositions, got 'all'"
    ):
        prepare(np.ones((9, 2)), np.arange(9), WORDS, "all", rng())


def test_bases_are_orthogonal_and_pca_is_sorted():
    codes = rng().normal(size=(300, 5)) * [1, 3, 0.5, 2, 4]
    found = bases(class_moments(codes, np.arange(300) % 3, 3), rng())
    assert tuple(found) == BASES
    for basis in found.values():
        np.testing.assert_allclose(basis.T @ basis, np.eye(5), atol=1e-12)
    np.testing.assert_array_equal(found["axes"], np.eye(5))
    turned = np.cov((codes @ found["pca"]).T)
    np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=1e-10)
    assert (np.diff(np.diag(turned)) < 0).all()


@pytest.mark.parametrize("width", [1, 2, 7, 64, 768])
def test_steps_go_from_one_to_all(width):
    found = steps(width)
    assert (found[0], found[-1]) == (1, width)
    assert (np.diff(found) > 0).all()
    assert len(found) <= 16


def test_accuracy_rises_where_the_informative_dimensions_enter():
    labels = np.arange(400) % 2
    codes = rng().normal(size=(400, 8))
    codes[:, 5] += 20 * labels
    codes -= codes.mean(axis=0)
    order = np.array([0, 1, 2, 5, 3, 4, 6, 7])
    right = curve(class_moments(codes, labels, 2), order, codes, labels)
    assert right.shape == (400, len(steps(8)))
    accuracy = dict(zip(steps(8), right.mean(axis=0), strict=True))
    assert accuracy[3] < 0.7
    assert accuracy[4] == accuracy[8] == 1


@pytest.mark.parametrize(("share", "k"), [(0.1, 1), (0.5, 2), (0.75, 3), (0.9, 4), (0.95, 5)])
def test_needed_is_the_fewest_that_suffice(share, k):
    # Not monotonous: what reaches the share first counts.
    accuracies = np.array([0.1, 0.41, 0.62, 0.73, 0.79, 0.7, 0.8])
    assert needed(accuracies, 7, share) == k


@pytest.mark.parametrize(("width", "k", "m"), [(10, 4, 3), (64, 20, 50), (1536, 700, 900)])
def test_chance_is_hypergeometric(width, k, m):
    peer = hypergeom(width, k, m)
    found = overlap(np.arange(k), np.arange(m), width, 0.95)
    np.testing.assert_allclose(found.chance[0], peer.mean())
    np.testing.assert_allclose(found.chance[0], k * m / width)
    assert (found.low[0], found.high[0]) == peer.interval(0.95)
    x = np.arange(min(k, m) + 1)
    np.testing.assert_allclose(found.chance[1], peer.pmf(x) @ (x / (k + m - x)), rtol=1e-6)


def test_overlap_counts_what_is_common():
    found = overlap(np.array([1, 2, 3, 7]), np.array([7, 5, 1]), 10, 0.95)
    assert found.observed == (2, 2 / 5)
    every = overlap(np.arange(6), np.arange(6), 6, 0.95)
    assert every.observed == every.chance == every.low == every.high == (6, 1)
    none = overlap(np.array([0]), np.array([1]), 2, 0.95)
    assert none.observed == (0, 0)
    assert none.chance[0] == 0.5
