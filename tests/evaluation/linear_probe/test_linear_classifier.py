import numpy as np
import pytest

from cood.evaluation.linear_probe import linear_classifier as reading
from cood.evaluation.linear_probe.linear_classifier import NEVER, STRENGTHS, fit_linear_classifier

RNG = np.random.default_rng(0)
SIZE = 4
IDS = np.arange(200) % SIZE
CENTRES = 3 * np.eye(SIZE)[IDS]
CODES = (CENTRES + RNG.normal(size=CENTRES.shape)).astype(np.float32)
FIT, CHECK, REST = np.arange(100), np.arange(100, 140), np.arange(140, 200)


def accuracy(reader, rows=REST):
    return (reader.predict_log_proba(CODES[rows]).argmax(axis=1) == IDS[rows]).mean()


@pytest.mark.parametrize("largest", [10**6, 0])
def test_both_kinds_read_what_is_there_and_give_log_probabilities(monkeypatch, largest):
    monkeypatch.setattr(reading, "LARGEST_LOGISTIC", largest)
    reader = fit_linear_classifier(CODES, IDS, SIZE, FIT, CHECK)
    assert reader.kind.startswith("logistic" if largest else "linear discriminant")
    assert accuracy(reader) > 0.85
    np.testing.assert_allclose(np.exp(reader.predict_log_proba(CODES)).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("largest", [10**6, 0])
def test_no_other_row_matters(monkeypatch, largest):
    monkeypatch.setattr(reading, "LARGEST_LOGISTIC", largest)
    one = fit_linear_classifier(CODES, IDS, SIZE, FIT, CHECK)
    codes, ids = CODES.copy(), IDS.copy()
    codes[REST], ids[REST] = 1e3, 0
    other = fit_linear_classifier(codes, ids, SIZE, FIT, CHECK)
    assert one.kind == other.kind
    np.testing.assert_array_equal(one.predict_log_proba(CODES), other.predict_log_proba(CODES))


def test_regularisation_is_what_the_rows_to_check_like_best():
    noise = RNG.normal(size=(200, 30)).astype(np.float32)
    best = {
        fit_linear_classifier(codes, IDS, SIZE, FIT, CHECK).kind.rpartition(" ")[2]
        for codes in (noise, np.hstack([CODES, noise]), 5 * np.eye(SIZE)[IDS])
    }
    assert best <= {f"{strength:g}" for strength in STRENGTHS}
    assert f"{STRENGTHS[0]:g}" in best  # noise: nothing is to be believed
    assert f"{STRENGTHS[-1]:g}" in best  # no noise: nothing is to be doubted


@pytest.mark.parametrize("largest", [10**6, 0])
def test_a_class_without_a_row_is_never_answered(monkeypatch, largest):
    monkeypatch.setattr(reading, "LARGEST_LOGISTIC", largest)
    some = FIT[IDS[FIT] != 2]
    told = fit_linear_classifier(CODES, IDS, SIZE, some, np.array([], dtype=int)).predict_log_proba(
        CODES
    )
    assert (told[:, 2] == NEVER).all()
    assert (told.argmax(axis=1) != 2).all()


def test_two_classes():
    two = np.isin(IDS, [0, 1])
    fit = np.flatnonzero(two)[:50]
    told = fit_linear_classifier(CODES, IDS, 2, fit[:40], fit[40:]).predict_log_proba(CODES[two])
    assert ((told.argmax(axis=1) == IDS[two]).mean()) > 0.9
    np.testing.assert_allclose(np.exp(told).sum(axis=1), 1)
