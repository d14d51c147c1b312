import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from cood.analysis.claims.rules import Finding, combine, correct, decide, is_saturated

LEVEL = 0.05


@pytest.mark.parametrize(
    ("signs", "found", "p", "expected"),
    [
        ("+", [(0.5, 0.01)], 0.01, True),
        ("-", [(-0.5, 0.01)], 0.01, True),
        ("-", [(0.5, 0.01)], 0.01, False),
        # All must hold for a claim of several, and one against it suffices.
        ("+-", [(0.5, 0.01), (-0.5, 0.03)], 0.03, True),
        ("+-", [(0.5, 0.01), (0.5, 0.02)], 0.04, False),
        ("+-", [(0.5, 0.001), (0.5, 0.04)], 0.08, False),
        ("++", [(-0.5, 0.7), (-0.5, 0.01)], 0.02, False),
        ("++", [(0.0, 1.0), (0.5, 0.001)], 1.0, False),
        ("+++", [(-0.5, 0.7), (-0.5, 0.4), (-0.1, 0.9)], 1.0, False),
    ],
)
def test_the_statistics_of_a_claim_are_combined(signs, found, p, expected):
    values, ps = ({f"t{i}": pair[side] for i, pair in enumerate(found)} for side in (0, 1))
    combined, holds = combine(values, ps, {f"t{i}": sign for i, sign in enumerate(signs)})
    assert combined == pytest.approx(p)
    assert holds is expected


def test_without_an_effect_a_claim_of_several_is_seldom_significant():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4000, 2))
    p = 2 * stats.norm.sf(np.abs(z))
    small = [
        combine(dict(enumerate(a)), dict(enumerate(b)), {0: "+", 1: "+"})[0] < LEVEL
        for a, b in zip(z, p, strict=True)
    ]
    assert np.mean(small) < LEVEL


def test_p_is_corrected_within_each_family_as_statsmodels_does():
    p = {"C1": 0.04, "C2": 0.01, "C3": 0.02, "C7": 0.5, "C9": 0.03, "C12": 0.03}
    families = {"C1": "apart", "C2": "primary", "C3": "primary", "C7": "primary"}
    families |= {"C9": "secondary", "C12": "secondary"}
    corrected, tested = correct(p, families)
    assert corrected["C1"] == 0.04
    expected = multipletests([0.01, 0.02, 0.5], method="holm")[1]
    assert [corrected[name] for name in ("C2", "C3", "C7")] == pytest.approx(expected)
    assert corrected["C9"] == corrected["C12"] == pytest.approx(0.06)
    assert tested == {"C1": 1, "C2": 3, "C3": 3, "C7": 3, "C9": 2, "C12": 2}


@pytest.mark.parametrize(
    ("found", "corrected", "alike", "word"),
    [
        (Finding(0.01, True), 0.04, False, "supported"),
        (Finding(0.01, False), 0.04, False, "contradicted"),
        (Finding(0.01, True), 0.06, False, "undecided"),
        (Finding(0.5, True, equivalence_p=0.01), 1.0, False, "no relevant effect"),
        (Finding(0.5, True, equivalence_p=0.06), 1.0, False, "undecided"),
        # A small effect that is significant is an answer.
        (Finding(0.001, True, equivalence_p=0.001), 0.01, False, "supported"),
        (Finding(0.001, True, saturated=True), 0.001, False, "saturated"),
        (Finding(0.5, True, 0.01, saturated=True), 1.0, False, "saturated"),
        (Finding(0.001, True), 0.001, True, "undecided"),
        (Finding(0.5, True, equivalence_p=0.01), 1.0, True, "undecided"),
        (Finding(0.001, True, association=False), 0.001, True, "supported"),
    ],
)
def test_a_verdict_follows_from_p_signs_equivalence_and_saturation(found, corrected, alike, word):
    verdict, why = decide(found, corrected, LEVEL, alike=alike)
    assert verdict == word
    assert bool(why) == (word not in ("supported", "contradicted"))


@pytest.mark.parametrize(
    ("values", "saturated"),
    [
        ([1.0] * 18 + [0.2, 0.5], True),
        ([1.0] * 17 + [0.2, 0.5, 0.6], False),
        (np.linspace(0.995, 1, 20), True),
        (np.linspace(0.99, 1, 20), False),
        ([np.nan] * 5 + [1.0] * 9 + [0.2], True),
        ([np.nan, np.nan], False),
        ([], False),
    ],
)
def test_a_measure_is_saturated_if_nine_of_ten_models_have_one_value(values, saturated):
    assert is_saturated(pd.Series(values, dtype=float), share=0.9, tolerance=0.005) == saturated
