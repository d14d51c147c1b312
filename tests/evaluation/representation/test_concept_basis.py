import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import normalize

from cood.evaluation.representation.concept_basis import in_concept_basis

N_A, N_O, D = 5, 7, 40
ATTRIBUTE, OBJECT = np.divmod(np.arange(N_A * N_O), N_O)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def rotation(rng):
    return np.linalg.qr(rng.normal(size=(D, D)))[0].astype(np.float32)


def planted(rotation, common=4.0):
    """Additive embeddings: compositions, attributes, objects, all on one common mean.

    Words stand at right angles, in a basis that no axis of the embedding shows.
    """
    attributes, objects, mean = np.split(rotation[: N_A + N_O + 1], [N_A, N_A + N_O])
    compositions = common * mean + attributes[ATTRIBUTE] + objects[OBJECT]
    return compositions, common * mean + attributes, common * mean + objects


def random(rng):
    return (rng.normal(size=(n, D)) + 1 for n in (N_A * N_O, N_A, N_O))


@pytest.mark.parametrize("common", [0, 4, 40])
def test_codes_of_additive_embeddings_are_known_whatever_the_mean(rotation, common):
    codes = in_concept_basis(*planted(rotation, common))
    # Of n words around their mean, 1 - 1/n is the squared length, -1/n the product of two.
    length = np.sqrt(2 - 1 / N_A - 1 / N_O)
    for block, known, n in ((codes[:, :N_A], ATTRIBUTE, N_A), (codes[:, N_A:], OBJECT, N_O)):
        expected = (known[:, None] == np.arange(n)) - 1 / n
        expected = expected / length / np.sqrt(1 - 1 / n)
        np.testing.assert_allclose(block, expected, atol=1e-5)


def test_codes_of_additive_embeddings_are_block_aligned(rotation):
    codes = in_concept_basis(*planted(rotation)).reshape(N_A, N_O, N_A + N_O)
    # The axes of one kind do not move with the other.
    assert np.ptp(codes[:, :, :N_A], axis=1).max() < 1e-5
    assert np.ptp(codes[:, :, N_A:], axis=0).max() < 1e-5
    assert np.ptp(codes[:, :, :N_A], axis=0).min() > 0.5
    # The embedding's own axes do: nearly each holds both.
    raw = planted(rotation)[0].reshape(N_A, N_O, D)
    mixed = (np.ptp(raw, axis=0).max(axis=0) > 0.05) & (np.ptp(raw, axis=1).max(axis=0) > 0.05)
    assert mixed.mean() > 0.9


def test_against_another_reckoning(rng):
    samples, attributes, objects = random(rng)

    def around_mean(vectors):
        unit = normalize(vectors)
        return unit - unit.mean(axis=0)

    expected = [
        cosine_similarity(around_mean(samples), around_mean(words))
        for words in (attributes, objects)
    ]
    codes = in_concept_basis(samples, attributes, objects)
    np.testing.assert_allclose(codes, np.hstack(expected), atol=1e-5)
    assert codes.dtype == np.float32


def test_rotation_and_length_do_not_matter(rng, rotation):
    groups = list(random(rng))
    expected = in_concept_basis(*groups)
    turned = [vectors @ rotation * rng.uniform(0.1, 9, (len(vectors), 1)) for vectors in groups]
    np.testing.assert_allclose(in_concept_basis(*turned), expected, atol=1e-5)


def test_words_in_another_order_give_axes_in_that_order(rng):
    samples, attributes, objects = random(rng)
    order = rng.permutation(N_A)
    codes = in_concept_basis(samples, attributes, objects)
    other = in_concept_basis(samples, attributes[order], objects)
    np.testing.assert_allclose(other[:, :N_A], codes[:, order], atol=1e-6)
    np.testing.assert_allclose(other[:, N_A:], codes[:, N_A:], atol=1e-6)


def test_the_range_is_reached_and_not_left(rng):
    words = np.vstack([np.eye(2), -np.eye(2)]).astype(np.float32)
    codes = in_concept_basis(words, words, words[:2])
    np.testing.assert_allclose(np.diag(codes), 1, atol=1e-6)
    assert codes[0, 2] == pytest.approx(-1)
    for seed in range(20):
        codes = in_concept_basis(*random(np.random.default_rng(seed)))
        assert np.abs(codes).max() <= 1


def test_a_collapsed_model_has_zeros(rng):
    _, attributes, objects = random(rng)
    same = np.tile(rng.normal(size=D).astype(np.float32), (50, 1)) * rng.uniform(1, 3, (50, 1))
    assert not in_concept_basis(same, attributes, objects).any()
    assert not in_concept_basis(objects, same[:N_A], objects)[:, :N_A].any()


@pytest.mark.parametrize(
    ("group", "value", "message"),
    [
        (0, np.ones(D), r"samples: expected at least 2 rows of 40 numbers, got shape \(40,\)"),
        (0, np.ones((1, D)), r"samples: .* got shape \(1, 40\)"),
        (1, np.ones((1, D)), r"attributes: .* got shape \(1, 40\)"),
        (2, np.ones((N_O, D + 1)), r"objects: .* of 40 numbers, got shape \(7, 41\)"),
        (2, np.full((N_O, D), np.nan), "objects: row 0 holds a value that is not finite"),
    ],
)
def test_wrong_input_gets_one_sentence(rng, group, value, message):
    groups = list(random(rng))
    groups[group] = value
    with pytest.raises(ValueError, match=message):
        in_concept_basis(*groups)
