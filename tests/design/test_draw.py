import numpy as np
import pandas as pd
import pytest

from cood.design import Dose, Levels, Range, draw_points, summarise
from cood.errors import CoodError

BATCH = 64


def shown(columns):
    return columns["images"] <= BATCH * columns["steps"]


def assert_stratified(range_, values, rounding=0.0):
    """One value in each stratum, up to what rounding moves."""
    unit, number = np.sort(range_.unit(values)), len(values)
    low = np.arange(number) / number
    assert np.all(unit > low - rounding)
    assert np.all(unit < low + 1 / number + rounding)


def assert_balanced(factors, points):
    for factor in factors:
        if isinstance(factor, Levels):
            counts = [int((points[factor.name] == level).sum()) for level in factor.levels]
            assert max(counts) - min(counts) <= 1


def assert_dosed(dose, points):
    """Each level has its own range of doses, stratified, and the others have none."""
    levels, values = points[dose.of].to_numpy(), points[dose.name].to_numpy()
    for level in np.unique(levels):
        range_ = dose.range_at(level)
        if range_ is None:
            assert not values[levels == level].any()
        else:
            assert_stratified(range_, values[levels == level], 1e-3)


@pytest.mark.parametrize("number", [16, 17, 24, 40, 60])
def test_points_are_even_balanced_and_nearly_orthogonal(few_factors, number):
    points = draw_points(few_factors, number, seed=number, feasible=shown)
    assert list(points) == [factor.name for factor in few_factors]
    for factor in few_factors:
        if isinstance(factor, Range):
            assert_stratified(factor, points[factor.name], 2e-3)
            assert points[factor.name].nunique() == number
    assert_balanced(few_factors, points)
    assert_dosed(few_factors[-1], points)
    summary = summarise(points, few_factors)
    assert summary.largest_r < 0.1
    assert summary.condition < 2
    assert summary.constant == ()


def test_the_design_is_as_even_as_one_drawn_for_evenness_alone(few_factors):
    from scipy.stats import qmc

    discrepancy = summarise(draw_points(few_factors, 24, seed=0), few_factors).discrepancy
    rng = np.random.default_rng(0)
    even = qmc.LatinHypercube(5, seed=rng, optimization="random-cd").random(24)
    assert discrepancy < 1.05 * qmc.discrepancy(even)


def test_a_large_design(many_factors):
    points = draw_points(many_factors, 200, seed=1, feasible=shown)
    assert shown(points).all()
    assert not shown({"images": 25000, "steps": 300})  # so that not all points are feasible
    assert_balanced(many_factors, points)
    assert_dosed(many_factors[-1], points)
    for factor in many_factors:
        if isinstance(factor, Range):
            assert_stratified(factor, points[factor.name], 0.01)
    summary = summarise(points, many_factors)
    assert summary.largest_r < 0.05
    assert summary.condition < 2.6  # 2.45 with orthogonal factors, because of the indicators
    assert set(summary.counts["treatment"].values()) == {40}


def test_the_same_seed_gives_the_same_points(few_factors):
    first, again, other = (draw_points(few_factors, 16, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_values_survive_text(few_factors, tmp_path):
    points = draw_points(few_factors, 16, seed=1)
    points.to_csv(tmp_path / "points.csv", index=False)
    read = pd.read_csv(tmp_path / "points.csv")
    pd.testing.assert_frame_equal(points, read, check_exact=True)


def test_more_points_keep_those_there_are(few_factors):
    kept = draw_points(few_factors, 24, seed=3, feasible=shown)
    for number, largest in ((40, 0.1), (200, 0.02)):
        points = draw_points(few_factors, number, seed=3, kept=kept, feasible=shown)
        pd.testing.assert_frame_equal(points[: len(kept)], kept)
        assert len(points) == number
        assert_balanced(few_factors, points)
        summary = summarise(points, few_factors)
        assert summary.largest_r < largest
        for factor in few_factors:
            if isinstance(factor, Range):
                unit = np.sort(factor.unit(points[factor.name]))
                assert np.diff(unit).max() < 2.5 / number + 0.5 / len(kept)
        kept = points
    pd.testing.assert_frame_equal(draw_points(few_factors, 200, seed=9, kept=kept), kept)


def test_new_points_mend_the_faults_of_those_kept(few_factors):
    flaw = np.linspace(0, 1, 8)
    kept = draw_points(few_factors, 24, seed=3)[:8].assign(skew=flaw, wrong_captions=0.3 * flaw)
    both = [Range("skew", 0, 1), Range("wrong_captions", 0, 0.3)]
    assert summarise(kept, both).largest_r == pytest.approx(1)
    points = draw_points(few_factors, 40, seed=3, kept=kept)
    assert summarise(points, few_factors).largest_r < 0.1


def test_infeasible_points_are_never_returned(few_factors):
    def close(columns):
        return np.abs(columns["skew"] - columns["wrong_captions"] / 0.3) < 0.5

    points = draw_points(few_factors, 24, seed=1, feasible=close)
    assert close(points).all()
    assert_stratified(few_factors[3], points["skew"], 2e-3)


def test_what_cannot_be_met_is_refused(few_factors):
    with pytest.raises(CoodError, match=r"^24 of 24 new points are infeasible .* narrow the range"):
        draw_points(few_factors, 24, seed=1, feasible=lambda columns: columns["skew"] > 1)
    with pytest.raises(CoodError, match=r"^\d+ of 24 new points are infeasible"):
        draw_points(few_factors, 24, seed=1, feasible=lambda columns: columns["skew"] > 0.5)
    kept = draw_points(few_factors, 16, seed=1)
    with pytest.raises(CoodError, match=r"^\d+ of the 16 points that are kept are infeasible"):
        draw_points(few_factors, 24, 1, kept, lambda columns: columns["skew"] > 0.5)
    with pytest.raises(CoodError, match="16 points are kept, which is more than the 8 wanted"):
        draw_points(few_factors, 8, seed=1, kept=kept)
    with pytest.raises(CoodError, match="'share' is twice"):
        draw_points([few_factors[0], few_factors[0]], 8, seed=1)


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_small_designs(few_factors, number):
    assert len(draw_points(few_factors, number, seed=1)) == number


def test_levels_alone_and_ranges_alone():
    levels = [Levels("a", ("x", "y")), Levels("b", ("x", "y", "z"))]
    points = draw_points(levels, 12, seed=1)
    assert points.value_counts().tolist() == [2] * 6
    assert summarise(points, levels).largest_r == pytest.approx(0, abs=1e-9)
    ranges = [Range("a", 0, 1), Range("b", 0, 1)]
    assert summarise(draw_points(ranges, 12, seed=1), ranges).largest_r < 0.02
    assert list(draw_points(ranges[:1], 4, seed=1)) == ["a"]


def test_two_doses_of_one_factor():
    at = ("penalty",)
    factors = [
        Levels("treatment", ("none", "penalty")),
        Dose("strength", "treatment", ((Range("penalty", 1, 2), at),)),
        Dose("delay", "treatment", ((Range("penalty", 5, 6), at),)),
    ]
    points = draw_points(factors, 12, seed=1)
    for dose in factors[1:]:
        assert_dosed(dose, points)
