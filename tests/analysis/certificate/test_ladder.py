import numpy as np
import pytest

from cood.analysis.certificate.ladder import MEAN, NOISE, ladder_codes
from cood.metrics.linear import fit_additive, r_squared

SIZE = {"attributes": 12, "objects": 14, "images": 6, "width": 40, "seed": 0}
HEIGHTS = np.linspace(0, 1, 5)
HALF = SIZE["width"] // 2


@pytest.fixture(scope="module")
def rungs():
    return ladder_codes(5, **SIZE)


def centred(z):
    return z.astype(float) - z.astype(float).mean(axis=0)


def words(rung):
    """Vectors of attributes and of objects, without the mean vector."""
    return centred(rung.tensors["attributes"]), centred(rung.tensors["objects"])


def factors_of(composition):
    return np.stack(np.divmod(composition, SIZE["objects"]), axis=1)


def test_shapes_and_order(rungs):
    assert [rung.number for rung in rungs] == list(range(5))
    assert np.allclose([rung.height for rung in rungs], HEIGHTS)
    shapes = {name: z.shape for name, z in rungs[2].tensors.items()}
    assert shapes == {
        "images": (12 * 14 * 6, 40),
        "compositions": (12 * 14, 40),
        "attributes": (12, 40),
        "objects": (14, 40),
    }
    assert np.bincount(rungs[0].composition).tolist() == [6] * 168


def test_the_same_seed_gives_the_same_codes_and_another_seed_others(rungs):
    again, other = ladder_codes(5, **SIZE), ladder_codes(5, **{**SIZE, "seed": 1})
    for a, b, c in zip(rungs, again, other, strict=True):
        assert np.array_equal(a.tensors["images"], b.tensors["images"])
        assert not np.allclose(a.tensors["images"], c.tensors["images"])


def test_height_is_the_share_of_variance_that_sums_explain(rungs):
    factors = factors_of(np.arange(168))
    adjusted = [
        r_squared(fit_additive(rung.tensors["compositions"], factors)).parts["adjusted"]
        for rung in rungs
    ]
    assert np.allclose(adjusted, HEIGHTS, atol=0.06)
    assert adjusted[-1] == pytest.approx(1, abs=1e-9)


def test_factors_withdraw_to_axes_of_their_own(rungs):
    for rung in rungs:
        own = (1 + rung.height) / 2
        for vectors, axes in zip(words(rung), (slice(None, HALF), slice(HALF, None)), strict=True):
            assert (vectors**2).sum() == pytest.approx(len(vectors) / 2, rel=1e-5)
            share = (vectors[:, axes] ** 2).sum() / (vectors**2).sum()
            assert share == pytest.approx(own, abs=0.06)
    attributes, objects = words(rungs[-1])
    assert np.abs(attributes @ objects.T).max() == pytest.approx(0, abs=1e-5)


def test_the_squared_cosine_of_both_factors_falls_as_stated():
    found = np.zeros(5)
    for seed in range(8):
        for i, rung in enumerate(ladder_codes(5, **{**SIZE, "seed": seed, "images": 1})):
            a, b = words(rung)
            # Expected square of the product over the product of the expected squares.
            found[i] += ((a @ b.T) ** 2).mean() / ((a**2).sum(1).mean() * (b**2).sum(1).mean()) / 8
    assert found == pytest.approx((1 - HEIGHTS**2) / SIZE["width"], rel=0.15, abs=1e-9)


def test_few_axes_hold_most_of_a_factor_at_the_top():
    def axes_needed(rung):
        variance = (words(rung)[0][:, :HALF] ** 2).sum(axis=0)
        return variance.sum() ** 2 / (variance**2).sum()

    many = [ladder_codes(5, **{**SIZE, "seed": s, "images": 1}) for s in range(8)]
    means = np.mean([[axes_needed(rung) for rung in rungs] for rungs in many], axis=0)
    assert (np.diff(means) < 0).all()
    spread = np.arange(1, HALF + 1) ** -2.0  # variances at the top
    assert means[-1] == pytest.approx(spread.sum() ** 2 / (spread**2).sum(), rel=0.3)


def test_at_the_bottom_compositions_have_vectors_of_their_own(rungs):
    texts = rungs[0].tensors["compositions"]
    correlations = np.corrcoef(centred(texts))
    others = correlations[~np.eye(168, dtype=bool)]
    assert np.abs(others).max() < 0.75
    assert (others**2).mean() == pytest.approx(1 / SIZE["width"], rel=0.1)


def test_noise_and_mean_do_not_change(rungs):
    for rung in rungs:
        images, texts = rung.tensors["images"], rung.tensors["compositions"]
        noise = (images - texts[rung.composition]).var(axis=0).sum()
        assert noise / centred(images).var(axis=0).sum() == pytest.approx(NOISE, abs=0.03)
        assert np.linalg.norm(images.mean(axis=0)) == pytest.approx(MEAN, abs=0.1)


@pytest.mark.parametrize("name", ["rungs", "attributes", "objects", "images", "width"])
def test_what_is_too_small_is_refused(name):
    numbers = {"rungs": 3, **SIZE, name: 0}
    with pytest.raises(ValueError, match=name):
        ladder_codes(**numbers)
