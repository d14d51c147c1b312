import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from cood.evaluation.interventions import subset_discriminant as module
from cood.evaluation.interventions.subset_discriminant import (
    RULES,
    Moments,
    classify,
    discriminant,
    moments,
    ranked,
)
from cood.metrics.discriminant import shrink


def rng(seed=0):
    return np.random.default_rng(seed)


def classes(n=600, width=6, size=4, seed=0):
    """Codes with a shared covariance, and their labels."""
    source = rng(seed)
    labels = source.integers(size, size=n)
    mixing = source.normal(size=(width, width))
    codes = 2 * source.normal(size=(size, width))[labels] + source.normal(size=(n, width)) @ mixing
    return codes, labels


def test_moments_are_sample_moments():
    codes, labels = classes()
    found = moments(codes, labels, 5)
    np.testing.assert_array_equal(found.counts, np.bincount(labels, minlength=5))
    about = codes - codes.mean(axis=0)
    for k in range(4):
        np.testing.assert_allclose(found.means[k], about[labels == k].mean(axis=0))
    np.testing.assert_array_equal(found.means[4], 0)
    residual = about - found.means[labels]
    np.testing.assert_allclose(found.within, residual.T @ residual / len(codes))
    np.testing.assert_allclose(found.within + found.between, np.cov(codes.T, bias=True))


def test_moments_of_rotated_codes():
    codes, labels = classes()
    basis = np.linalg.qr(rng(1).normal(size=(6, 6)))[0]
    one, other = moments(codes, labels, 4).rotated(basis), moments(codes @ basis, labels, 4)
    np.testing.assert_allclose(one.means, other.means, atol=1e-12)
    np.testing.assert_allclose(one.within, other.within, atol=1e-12)


@pytest.mark.parametrize("some", [range(6), [4, 1]])
def test_the_discriminant_is_that_of_scikit_learn(some):
    codes, labels = classes(n=6000)  # so many that hardly anything is shrunk
    codes = codes - codes.mean(axis=0)
    some = np.array(some)
    peer = LinearDiscriminantAnalysis(solver="lsqr").fit(codes[:, some], labels)
    found = classify(codes[:, some], *discriminant(moments(codes, labels, 4), some))
    assert (found == peer.predict(codes[:, some])).mean() > 0.99


def test_rotation_changes_no_answer():
    codes, labels = classes()
    codes = codes - codes.mean(axis=0)
    known, every = moments(codes, labels, 4), np.arange(6)
    basis = np.linalg.qr(rng(1).normal(size=(6, 6)))[0]
    one = classify(codes, *discriminant(known, every))
    other = classify(codes @ basis, *discriminant(known.rotated(basis), every))
    assert (one == other).mean() > 0.99


def test_values_that_did_not_occur_are_never_answered():
    codes, labels = classes()
    known = moments(codes, labels * 2, 8)
    found = classify(codes - codes.mean(axis=0), *discriminant(known, np.arange(6)))
    assert set(found) == {0, 2, 4, 6}


def test_classifying_in_blocks_and_nothing(monkeypatch):
    codes, labels = classes()
    known = discriminant(moments(codes, labels, 4), np.arange(6))
    whole = classify(codes, *known)
    monkeypatch.setattr(module, "ROWS", 7)
    np.testing.assert_array_equal(classify(codes, *known), whole)
    assert classify(codes[:0], *known).shape == (0,)


def test_what_rounding_leaves_of_a_constant_dimension_has_finite_weights():
    counts, means = np.array([3, 3]), np.array([[1.0, 1e-17], [-1.0, -1e-17]])
    within = np.diag([1.0, -1e-34])  # no variation in all, so minus that of the means
    weights, offsets = discriminant(Moments(counts, means, within), np.array([1]))
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
    return moments(codes, labels, 3)


def test_share_is_eta_squared():
    known = planted()
    eta = np.diag(known.between) / np.diag(known.between + known.within)
    np.testing.assert_array_equal(ranked(known, "share"), np.argsort(-eta))


def test_rules_on_planted_dimensions():
    known = planted()
    assert list(ranked(known, "share")[:3]) == [2, 3, 0]
    assert ranked(known, "weight")[0] == 2
    # Given dimension 2, its copy tells nothing more.
    assert list(ranked(known, "forward")[:2]) == [2, 0]


def test_forward_is_a_greedy_search_by_wilks_lambda():
    codes, labels = classes(width=5, seed=7)
    known = moments(codes, labels, 4)
    within = shrink(known.means, known.within, known.counts, known.scale)
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
    assert list(ranked(known, "forward")) == chosen


@pytest.mark.parametrize("rule", RULES)
def test_an_order_holds_every_dimension_once_even_of_constant_codes(rule):
    codes, labels = classes()
    for known in (moments(codes, labels, 4), moments(np.ones((20, 6)), np.arange(20) % 4, 4)):
        np.testing.assert_array_equal(np.sort(ranked(known, rule)), np.arange(6))


@pytest.mark.parametrize("rule", RULES)
def test_the_order_does_not_depend_on_the_scale_of_all_codes(rule):
    codes, labels = classes()
    one, other = (ranked(moments(s * codes, labels, 4), rule) for s in (1, 1e-3))
    np.testing.assert_array_equal(one, other)


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="rule: expected one of share, weight, forward, got 'eta'"):
        ranked(planted(), "eta")
