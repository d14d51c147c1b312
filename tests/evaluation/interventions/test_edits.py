import numpy as np
import pytest

from cood.evaluation.common.nearest import nearest, normalise
from cood.evaluation.interventions.edits import (
    SHARES,
    STRENGTHS,
    Codes,
    Structure,
    edits,
    keep,
    predicted,
    random_basis,
    remove,
    structure,
    whiten,
)

N_A, N_O, D = 4, 5, 16
FACTORS = np.array([[a, o] for a in range(N_A) for o in range(N_O)])


@pytest.fixture
def apart():
    """Sums [20, 16] of attribute vectors in the first dimensions and object vectors in others."""
    attributes, objects = np.zeros((N_A, D)), np.zeros((N_O, D))
    attributes[:, :N_A], objects[:, N_A : N_A + N_O] = np.eye(N_A), np.eye(N_O)
    return (attributes[FACTORS[:, 0]] + objects[FACTORS[:, 1]]).astype(np.float32)


@pytest.fixture
def mixed():
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(len(FACTORS)), 6)
    vectors = rng.normal(size=(N_A, D)), rng.normal(size=(N_O, D))
    sums = vectors[0][FACTORS[rows, 0]] + vectors[1][FACTORS[rows, 1]]
    return (sums + 0.5 * rng.normal(size=sums.shape) + 2).astype(np.float32), FACTORS[rows]


def test_orthogonal_factors_have_directions_of_their_own(apart):
    known = structure(apart, FACTORS)
    sizes = {name: basis.shape[1] for name, basis in known.bases.items()}
    assert sizes == {"attribute": 3, "object": 4, "shared": 0, "residual": 0, "factors": 7}
    assert np.abs(known.bases["attribute"][N_A:]).max() < 1e-6
    assert np.abs(known.bases["object"].T @ known.bases["attribute"]).max() < 1e-6


@pytest.mark.parametrize(("kind", "left"), [("attribute", 1), ("object", 0)])
def test_taking_a_factor_away_leaves_the_other(apart, kind, left):
    known = structure(apart, FACTORS)
    edited = remove(apart, known.mean, known.bases[kind])
    for word in np.unique(FACTORS[:, left]):  # nothing tells them apart any more
        assert np.ptp(edited[FACTORS[:, left] == word], axis=0).max() < 1e-5
    found = FACTORS[nearest(edited, apart, 1)[:, 0]]
    np.testing.assert_array_equal(found[:, left], FACTORS[:, left])


def test_what_is_removed_and_what_is_kept_make_the_whole(mixed):
    codes, factors = mixed
    known = structure(codes, factors)
    basis = known.bases["attribute"][:, :2]
    removed, kept = (edit(codes, known.mean, basis) for edit in (remove, keep))
    np.testing.assert_allclose(removed + kept - known.mean, codes, atol=1e-4)
    np.testing.assert_allclose(remove(removed, known.mean, basis), removed, atol=1e-4)
    np.testing.assert_allclose(removed.mean(axis=0), codes.mean(axis=0), atol=1e-4)
    assert np.var(removed @ basis.astype(np.float32), axis=0).max() < 1e-8


def test_the_first_shared_direction_is_the_one_that_both_factors_take():
    rng = np.random.default_rng(1)
    codes = np.zeros((len(FACTORS), D))
    codes[:, 0] = FACTORS[:, 0]
    codes[:, 1] = FACTORS[:, 1]
    codes[:, 2] = FACTORS.sum(axis=1)  # both
    turn, _ = np.linalg.qr(rng.normal(size=(D, D)))
    shared = structure(codes @ turn, FACTORS).bases["shared"]
    # Attributes move codes along the first and third, objects along the second and third axis.
    assert abs(shared[:, 0] @ (turn[0] + turn[1] + 2 * turn[2])) == pytest.approx(np.sqrt(6))
    assert shared.shape[1] == 1


def test_too_few_values_are_refused():
    with pytest.raises(ValueError, match="at least two attributes and two objects"):
        structure(np.eye(3), np.array([[0, 0], [0, 1], [0, 2]]))


def test_sums_foretell_compositions_that_were_not_fitted_on(apart):
    known = np.setdiff1d(np.arange(len(FACTORS)), [3, 11])
    np.testing.assert_allclose(predicted(apart, known, FACTORS), apart, atol=1e-5)
    damaged = apart.copy()
    damaged[[3, 11]] = 7
    np.testing.assert_allclose(predicted(damaged, known, FACTORS), apart, atol=1e-5)


def test_compositions_whose_words_nothing_links_stay(apart):
    # Attributes 0, 1 with objects 0, 1, and attributes 2, 3 with objects 2, 3; object 4 never.
    side = np.array([0, 0, 1, 1, 2])
    kind = FACTORS[:, 0] // 2
    known = np.flatnonzero(kind == side[FACTORS[:, 1]])
    noisy = apart + np.random.default_rng(0).normal(size=apart.shape).astype(np.float32)
    found = predicted(noisy, known, FACTORS)
    moved = np.abs(found - noisy).max(axis=1) > 1e-4
    np.testing.assert_array_equal(np.flatnonzero(moved), known)


def test_whitening_evens_out_the_variances(mixed):
    codes, factors = mixed
    known = structure(codes, factors)
    np.testing.assert_allclose(np.cov(whiten(codes, known, 1.0).T, bias=True), np.eye(D), atol=1e-3)
    plain = whiten(codes, known, 0.0)
    centred = codes - codes.mean(axis=0)
    np.testing.assert_allclose(normalise(plain), normalise(centred), atol=1e-5)
    spread = [np.linalg.cond(np.cov(whiten(codes, known, s).T)) for s in (0.0, *STRENGTHS)]
    assert spread == sorted(spread, reverse=True)


def test_random_directions_spread_as_the_codes_do(apart):
    basis = random_basis([structure(apart, FACTORS)], 5, np.random.default_rng(0))
    np.testing.assert_allclose(basis.T @ basis, np.eye(5), atol=1e-9)
    assert np.abs(basis[N_A + N_O :]).max() < 1e-6  # no codes vary there


@pytest.fixture
def every(mixed):
    codes, factors = mixed
    images, texts = normalise(codes), normalise(codes[::6])
    fitted = np.arange(0, 20, 2)
    sums = predicted(texts, fitted, FACTORS)
    structures = structure(images, factors), structure(texts, FACTORS)
    edited = edits(Codes(images, texts, *structures, sums, fitted), [1, 3], 2, (5,))
    return images, texts, sums, list(edited)


def test_every_edit_is_made(every):
    *_, found = every
    counted = {}
    for one in found:
        counted.setdefault(one.edit, []).append(one.dose)
    assert counted == {
        **{f"remove {kind}": [1, 3] for kind in ("attribute", "object", "shared", "residual")},
        **{"remove random": [1, 3, 1, 3], "additive": list(SHARES), "shuffled": [*SHARES, *SHARES]},
        **{"centre": [0.0], "whiten": list(STRENGTHS), "rotate": [0.0]},
    }


def test_a_rotation_of_both_changes_no_cosine(every):
    images, texts, _, found = every
    (one,) = (e for e in found if e.edit == "rotate")
    assert not one.separable
    cosines = normalise(one.images) @ normalise(one.texts).T
    np.testing.assert_allclose(cosines, images @ texts.T, atol=1e-5)
    assert np.abs(one.images - images).max() > 0.1


def test_texts_move_to_their_sums_and_the_control_as_far(every):
    _, texts, sums, found = every
    own = {e.dose: e.texts for e in found if e.edit == "additive"}
    np.testing.assert_allclose(own[1.0], sums, atol=1e-6)
    np.testing.assert_allclose(own[0.5] + own[-0.5], 2 * texts, atol=1e-6)
    control = next(e.texts for e in found if e.edit == "shuffled" and e.dose == 1.0)
    fitted = np.arange(20) % 2 == 0
    sizes = [np.linalg.norm(moved - texts, axis=1) for moved in (own[1.0], control)]
    for part in (fitted, ~fitted):
        np.testing.assert_allclose(*(np.sort(size[part]) for size in sizes), atol=1e-5)
    assert not np.allclose(*sizes)


def test_larger_random_subspaces_hold_smaller_ones(every):
    images, _, _, found = every
    one, three = (e.images for e in found[: 2 * 5] if e.edit == "remove random")
    gone = normalise(images - one)[0]  # the one direction that was taken away
    assert np.ptp((three - three.mean(axis=0)) @ gone) < 1e-5


def test_random_directions_of_two_sides_weigh_them_alike(apart):
    attribute, object_ = (
        structure(remove(apart, fitted.mean, fitted.bases[kind]), FACTORS)
        for fitted in [structure(apart, FACTORS)]
        for kind in ("object", "attribute")
    )
    large = Structure(100 * object_.mean, 1e4 * object_.covariance, object_.bases)
    rng = np.random.default_rng(3)
    drawn = np.stack([random_basis([attribute, large], 1, rng)[:, 0] for _ in range(200)])
    shares = (drawn**2).mean(axis=0)
    assert shares[:N_A].sum() == pytest.approx(0.5, abs=0.1)
    assert shares[: N_A + N_O].sum() == pytest.approx(1)


def test_the_random_control_removes_the_same_directions_on_both_sides(every):
    images, texts, _, found = every
    for one in (e for e in found if e.edit == "remove random"):
        gone = [
            np.linalg.svd(z - was, full_matrices=False)
            for z, was in ((one.images, images), (one.texts, texts))
        ]
        ranks = [int((values > 1e-4).sum()) for _, values, _ in gone]
        assert ranks == [one.dose, one.dose]
        both = np.concatenate([v[: int(one.dose)] for _, _, v in gone])
        assert np.linalg.matrix_rank(both, tol=1e-3) == one.dose
