import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score, normalized_mutual_info_score

from cood.metrics.captions import caption_nmi, dependence

IDS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=60)


@given(IDS)
def test_both_forms_agree_with_sklearn(pairs):
    attributes, objects = np.array(pairs).T
    result = caption_nmi(attributes, objects)
    assert result.n == len(pairs)
    if len(set(attributes)) > 1 and len(set(objects)) > 1:
        information = mutual_info_score(attributes, objects)
        assert result.information == pytest.approx(information, abs=1e-9)
        for form in ("geometric", "arithmetic"):
            expected = normalized_mutual_info_score(attributes, objects, average_method=form)
            assert getattr(result, form) == pytest.approx(expected, abs=1e-9)
    else:
        assert (result.information, result.geometric, result.arithmetic, result.corrected) == (
            0,
        ) * 4


@given(IDS)
def test_range_symmetry_and_renaming(pairs):
    attributes, objects = np.array(pairs).T
    result, turned = caption_nmi(attributes, objects), caption_nmi(objects, attributes)
    renamed = caption_nmi(7 - attributes, np.array(["c", "e", "a", "d", "b"])[objects])
    for form in ("information", "geometric", "arithmetic", "corrected"):
        value = getattr(result, form)
        assert value >= 0
        assert getattr(turned, form) == pytest.approx(value, abs=1e-9)
        assert getattr(renamed, form) == pytest.approx(value, abs=1e-9)
    assert result.arithmetic <= result.geometric + 1e-9
    assert result.geometric <= 1 + 1e-9


@given(IDS)
def test_a_table_of_counts_says_the_same_as_its_captions(pairs):
    attributes, objects = np.array(pairs).T
    counts = np.zeros((8, 6), dtype=int)  # with words that do not occur
    np.add.at(counts, (attributes, objects), 1)
    result, expected = dependence(counts), caption_nmi(attributes, objects)
    for form in ("information", "geometric", "arithmetic", "corrected", "n"):
        assert getattr(result, form) == pytest.approx(getattr(expected, form), abs=1e-12)


def test_words_that_determine_each_other():
    ids = np.array([3, 1, 2, 3, 1])
    result = caption_nmi(ids, -ids)
    assert result.geometric == pytest.approx(1)
    assert result.arithmetic == pytest.approx(1)
    assert result.corrected == pytest.approx(1)


def test_words_that_never_vary():
    result = caption_nmi(np.zeros(5), np.arange(5))
    assert (result.information, result.geometric, result.corrected, result.n) == (0, 0, 0, 5)


def test_doubled_captions_change_only_the_correction():
    rng = np.random.default_rng(0)
    attributes, objects = rng.integers(0, 4, size=40), rng.integers(0, 5, size=40)
    once, twice = (caption_nmi(np.tile(attributes, k), np.tile(objects, k)) for k in (1, 2))
    assert twice.geometric == pytest.approx(once.geometric)
    assert twice.corrected > once.corrected


def test_the_correction_takes_the_bias_off_independent_words():
    rng = np.random.default_rng(1)
    result = [
        caption_nmi(rng.integers(0, 8, size=1000), rng.integers(0, 10, size=1000))
        for _ in range(40)
    ]
    plain = np.mean([f.geometric for f in result])
    corrected = np.mean([f.corrected for f in result])
    expected = (8 - 1) * (10 - 1) / (2 * 1000) / np.sqrt(np.log(8) * np.log(10))
    assert plain == pytest.approx(expected, rel=0.15)
    assert corrected < plain / 8


def test_the_correction_keeps_real_dependence():
    rng = np.random.default_rng(2)
    attributes = rng.integers(0, 6, size=20_000)
    objects = np.where(rng.random(20_000) < 0.5, attributes, rng.integers(0, 6, size=20_000))
    result = caption_nmi(attributes, objects)
    # P(o = a) = 1/2 + 1/12, the rest spread over the five others.
    same, other = 7 / 12, 1 / 12
    truth = np.log(6) + same * np.log(same) + 5 * other * np.log(other)
    assert result.corrected == pytest.approx(truth / np.log(6), abs=0.01)
    assert 0.2 < result.corrected < result.geometric


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="differ in length: 2 and 3"):
        caption_nmi(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="no caption names both"):
        caption_nmi(np.array([]), np.array([]))
    with pytest.raises(ValueError, match="objects: nan in row 1"):
        caption_nmi(np.zeros(2), np.array([0, np.nan]))
    with pytest.raises(
        ValueError, match=r"attributes: expected \[n\], got an array of shape \(2, 1\)"
    ):
        caption_nmi(np.zeros((2, 1)), np.zeros(2))


def test_a_table_of_nothing():
    result = dependence(np.zeros((3, 2), dtype=int))
    assert (result.information, result.geometric, result.corrected, result.n) == (0, 0, 0, 0)
    assert dependence(np.zeros((0, 2))).n == 0


def test_bad_tables_are_refused():
    with pytest.raises(ValueError, match=r"counts: expected \[attributes, objects\], got \(3,\)"):
        dependence(np.ones(3))
    for value in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="counts: a negative, infinite or missing number"):
            dependence(np.array([[1.0, value]]))
