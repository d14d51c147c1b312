import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from cood.evaluation.interventions import subset_discriminant as module
from cood.evaluation.interventions.subset_discriminant import (
    RULES,
    classify,
    rank_dimensions,
    subset_discriminant,
)
from cood.metrics.class_moments import ClassMoments, class_moments


def rng(seed=0):
    return np.random.default_rng(seed)


def classes(n=600, width=6, size=4, seed=0):
    """Codes with a shared covariance, and their labels."""
    source = rng(seed)
    labels = source.integers(size, size=n)
    mixing = source.normal(size=(width, width))
    codes = 2 * source.normal(size=(size, width))[labels] + source.normal(size=(n, width)) @ mixing
    return codes, labels


@pytest.mark.parametrize("some", [range(6), [4, 1]])
def test_the_discriminant_is_that_of_scikit_learn(some):
    codes, labels = classes(n=6000)  # so many that hardly anything is shrunk
    codes = codes - codes.mean(axis=0)
    some = np.array(some)
    peer = LinearDiscriminantAnalysis(solver="lsqr").fit(codes[:, some], labels)
    found = classify(codes[:, some], *subset_discriminant(class_moments(codes, labels, 4), some))
    assert (found == peer.predict(codes[:, some])).mean() > 0.99


def test_rotation_changes_no_answer():
    codes, labels = classes()
    codes = codes - codes.mean(axis=0)
    known, every = class_moments(codes, labels, 4), np.arange(6)
    basis = np.linalg.qr(rng(1).normal(size=(6, 6)))[0]
    one = classify(codes, *subset_discriminant(known, every))
    other = classify(codes @ basis, *subset_discriminant(known.rotated(basis), every))
    assert (one == other).mean() > 0.99


def test_values_that_did_not_occur_are_never_answered():
    codes, labels = classes()
    known = class_moments(codes, labels * 2, 8)
    found = classify(codes - codes.mean(axis=0), *subset_discriminant(known, np.arange(6)))
    assert set(found) == {0, 2, 4, 6}


def test_classifying_in_blocks_and_nothing(monkeypatch):
    codes, labels = classes()
    known = subset_discriminant(class_moments(codes, labels, 4), np.arange(6))
    whole = classify(codes, *known)
    monkeypatch.setattr(module, "ROWS", 7)
    np.testing.assert_array_equal(classify(codes, *known), whole)
    assert classify(codes[:0], *known).shape == (0,)


def test_ties_go_to_the_first_value_on_a_gpu_too():
    codes = rng().integers(-2, 3, size=(300, 4)).astype(np.float32)
    weights = np.repeat(rng(1).integers(-2, 3, size=(4, 5)), 2, axis=1).astype(float)
    offsets = np.array([0, 0, 1, 1, 0, 0, -np.inf, -np.inf, 1, 1])
    found = classify(codes, weights, offsets)
    assert set(found) <= {0, 2, 4, 8}
    np.testing.assert_array_equal(classify(torch.tensor(codes), weights, offsets), found)


def test_what_rounding_leaves_of_a_constant_dimension_has_finite_weights():
    counts, means = np.array([3, 3]), np.array([[1.0, 1e-17], [-1.0, -1e-17]])
    within = np.diag([1.0, -1e-34])  # no variation in all, so minus that of the means
    weights, offsets = subset_discriminant(ClassMoments(counts, means, within), np.array([1]))
    assert np.isfinite(weights.astype(np.float32)).all()
    assert np.abs(offsets - np.log(0.5)).max() < 1e-6


def planted():
    """Dimension 2 tells most, 0 less, 3 is a noisy copy of 2, 1 and 4 are noise."""
    source = rng(3)
    labels = source.integers(3, size=4000)
    codes = source.normal(size=(4000, 5))
    codes[:, 2] += 4 * labels
    codes[:, 0] += 1.0 * (labels == 1)
    codes[:, 3] = codes[:, 2] + source.normal(size=4000)
    return class_moments(codes, labels, 3)


def test_share_is_eta_squared():
    known = planted()
    eta = np.diag(known.between) / np.diag(known.between + known.within)
    np.testing.assert_array_equal(rank_dimensions(known, "share"), np.argsort(-eta))


def test_rules_on_planted_dimensions():
    known = planted()
    assert list(rank_dimensions(known, "share")[:3]) == [2, 3, 0]
    assert rank_dimensions(known, "weight")[0] == 2
    # Given dimension 2, its copy tells nothing more.
    assert list(rank_dimensions(known, "forward")[:2]) == [2, 0]


def test_forward_is_a_greedy_search_by_wilks_lambda():
    codes, labels = classes(width=5, seed=7)
    known = class_moments(codes, labels, 4)
    within = known.shrunk(known.scale)
    total = within + known.between
    chosen = []
    while len(chosen) < 5:
        wilks = {
            j: np.linalg.det(within[np.ix_(some, some)]) / np.linalg.det(total[np.ix_(some, some)])
            for j in range(5)
            if j not in chosen
            for some in [[*chosen, j]]
        }
        chosen.append(min(wilks, key=wilks.get))
    assert list(rank_dimensions(known, "forward")) == chosen


def swept(within, total):
    """The order of forward selection, with all that is left kept up to date at each step."""
    within, total = within.copy(), total.copy()
    left, order = np.ones(len(total), dtype=bool), []
    for _ in range(len(total)):
        order.append(int(np.where(left, np.diag(within) / np.diag(total), np.inf).argmin()))
        left[order[-1]] = False
        for matrix in (within, total):
            column = matrix[:, order[-1]] * left
            matrix -= np.outer(column, column) / matrix[order[-1], order[-1]]
    return order


@pytest.mark.parametrize("kind", ["plain", "ties", "fewer codes than dimensions"])
def test_forward_is_the_same_as_sweeping_the_whole_matrices(kind, monkeypatch):
    monkeypatch.setattr(module, "PLACES", 7)
    n = 12 if kind == "fewer codes than dimensions" else 600
    known = class_moments(*classes(n, width=40, size=4), 4)
    if kind == "ties":
        known = ClassMoments(known.counts, known.means * 0, np.eye(40))
    within = known.shrunk(known.scale)
    expected = swept(within, within + known.between)
    assert list(rank_dimensions(known, "forward")) == expected


@pytest.mark.parametrize("rule", RULES)
def test_an_order_holds_every_dimension_once_even_of_constant_codes(rule):
    codes, labels = classes()
    for known in (
        class_moments(codes, labels, 4),
        class_moments(np.ones((20, 6)), np.arange(20) % 4, 4),
    ):
        np.testing.assert_array_equal(np.sort(rank_dimensions(known, rule)), np.arange(6))


@pytest.mark.parametrize("rule", RULES)
def test_the_order_does_not_depend_on_the_scale_of_all_codes(rule):
    codes, labels = classes()
    one, other = (rank_dimensions(class_moments(s * codes, labels, 4), rule) for s in (1, 1e-3))
    np.testing.assert_array_equal(one, other)


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="rule: expected one of share, weight, forward, got 'eta'"):
        rank_dimensions(planted(), "eta")
