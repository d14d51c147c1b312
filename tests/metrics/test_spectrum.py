import numpy as np
import pytest

from cood.metrics import spectrum
from cood.metrics.spectrum import spectra


def by_svd(codes, unit):
    z = codes.astype(np.float64)
    if unit:
        z = z / np.linalg.norm(z, axis=1, keepdims=True)
    plain = np.linalg.svd(z, compute_uv=False)
    return plain, np.linalg.svd(z - z.mean(axis=0), compute_uv=False)


@pytest.mark.parametrize("shape", [(50, 7), (7, 50), (8, 8), (1, 3), (2, 1)])
@pytest.mark.parametrize("unit", [False, True])
def test_they_agree_with_a_plain_svd(shape, unit):
    codes = np.random.default_rng(0).normal(size=shape) + 3
    n, d = shape
    for result, expected, most in zip(
        spectra(codes, unit=unit), by_svd(codes, unit), (min(n, d), min(n - 1, d)), strict=True
    ):
        assert len(result) == most
        np.testing.assert_allclose(result, expected[:most], atol=1e-12)


def test_blocks_of_rows_change_nothing(monkeypatch):
    codes = np.random.default_rng(1).normal(size=(40, 6)).astype(np.float32)
    whole = spectra(codes, unit=True)
    monkeypatch.setattr(spectrum, "ROWS", 3)
    for one, other in zip(whole, spectra(codes, unit=True), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_tiny_values_are_right_where_those_of_the_gram_matrix_are_not():
    rng = np.random.default_rng(2)
    left, right = (np.linalg.qr(rng.normal(size=(n, 4)))[0] for n in (60, 5))
    truth = np.array([1, 1e-3, 1e-6, 1e-11])
    codes = left * truth @ right.T
    result, _ = spectra(codes, unit=False)
    np.testing.assert_allclose(result[:4], truth, rtol=1e-3)
    by_gram = np.sqrt(np.abs(np.linalg.eigvalsh(codes.T @ codes)))[::-1]
    assert abs(by_gram[3] / truth[3] - 1) > 0.1


def test_rounding_is_nothing():
    codes = np.full((300, 5), 0.1)
    plain, centred = spectra(codes, unit=True)
    assert plain[0] == pytest.approx(300**0.5)
    assert not plain[1:].any()
    assert not centred.any()


def test_a_row_of_zeros_stays_zero():
    codes = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(spectra(codes, unit=True)[0], [1, 0])


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_unit_rows_of_any_size(scale):
    codes = np.random.default_rng(3).normal(size=(9, 4))
    for one, other in zip(
        spectra(codes, unit=True), spectra(codes * scale, unit=True), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)
