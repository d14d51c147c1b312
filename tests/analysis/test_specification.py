"""Specification curves: known coefficients, references, and how often the test errs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cood.analysis import specification
from cood.analysis.specification import PEARSON, SPEARMAN, specification_curve
from cood.errors import CoodError, StudyError


def series(values):
    return pd.Series(values, index=[f"m{i}" for i in range(len(values))])


def draw(rng, n=40, *, effect=0.0, outcomes=2, predictors=3):
    """Outcomes and predictors that agree among each other, and correlate by `effect`."""
    x, noise = rng.normal(size=(2, n))
    y = effect * x + np.sqrt(1 - effect**2) * noise
    return (
        {(("outcome", f"y{i}"),): series(y + 0.3 * rng.normal(size=n)) for i in range(outcomes)},
        {
            (("form", f"x{i}"), ("split", "all")): series(x + 0.3 * rng.normal(size=n))
            for i in range(predictors)
        },
    )


def test_each_combination_is_a_specification_with_its_coefficient():
    outcomes, predictors = draw(np.random.default_rng(1), effect=0.5)
    curve = specification_curve(outcomes, predictors, "+", seed=1)
    assert curve.choices == {
        "outcome": ("y0", "y1"),
        "form": ("x0", "x1", "x2"),
        "split": ("all",),
        "coefficient": (PEARSON, SPEARMAN),
    }
    assert len(curve.table) == 2 * 3 * 2
    assert curve.table["value"].is_monotonic_increasing
    assert curve.n == 40
    for row in curve.table.itertuples():
        y = outcomes[(("outcome", row.outcome),)]
        x = predictors[(("form", row.form), ("split", row.split))]
        known = {PEARSON: stats.pearsonr, SPEARMAN: stats.spearmanr}[row.coefficient](x, y)
        assert row.value == pytest.approx(known.statistic)
        if row.coefficient == PEARSON:
            interval = known.confidence_interval()
            assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
    assert curve.median == pytest.approx(curve.table["value"].median())
    assert curve.share == (curve.table["value"] > 0).mean()


def test_partial_coefficients_are_those_of_residuals():
    rng = np.random.default_rng(2)
    outcomes, predictors = draw(rng, outcomes=1, predictors=1)
    given = pd.DataFrame(rng.normal(size=(40, 2)), index=series(np.zeros(40)).index)
    outcomes = {k: y + 2 * given[0] for k, y in outcomes.items()}
    predictors = {k: x - 3 * given[0] + given[1] for k, x in predictors.items()}
    curve = specification_curve(outcomes, predictors, "-", given=given, seed=1)
    (y,), (x,) = outcomes.values(), predictors.values()
    for kind, change in ((PEARSON, lambda v: v), (SPEARMAN, lambda v: stats.rankdata(v, axis=0))):
        z = np.column_stack([np.ones(40), change(given.to_numpy())])
        left = [v - z @ np.linalg.lstsq(z, v, rcond=None)[0] for v in (change(x), change(y))]
        row = curve.table[curve.table["coefficient"] == kind].iloc[0]
        assert row["value"] == pytest.approx(np.corrcoef(*left)[0, 1])
    # Two control columns take two degrees of freedom.
    row = curve.table[curve.table["coefficient"] == PEARSON].iloc[0]
    length = np.arctanh(row["high"]) - np.arctanh(row["low"])
    assert length == pytest.approx(2 * 1.959964 / np.sqrt(40 - 3 - 2))


def test_choices_that_both_name_must_agree():
    rng = np.random.default_rng(3)
    y, x = ({label: series(rng.normal(size=20)) for label in ("all", "own")} for _ in range(2))
    curve = specification_curve(
        {(("labels", k), ("outcome", "gap")): v for k, v in y.items()},
        {(("form", "plain"), ("labels", k)): v for k, v in x.items()},
        "+",
        seed=1,
    )
    pearson = curve.table[curve.table["coefficient"] == PEARSON].set_index("labels")["value"]
    assert pearson.to_dict() == pytest.approx({k: y[k].corr(x[k]) for k in y})
    with pytest.raises(StudyError, match="no specification is left"):
        specification_curve(
            {(("labels", "all"),): y["all"]}, {(("labels", "own"),): x["own"]}, "+", seed=1
        )


def test_an_effect_is_found():
    rng = np.random.default_rng(4)
    curve = specification_curve(*draw(rng, effect=-0.6), "-", seed=1)
    assert curve.share == 1
    assert curve.p < 0.01
    opposite = specification_curve(*draw(rng, effect=-0.6), "+", seed=1)
    assert opposite.share == 0
    assert opposite.p < 0.01


@pytest.mark.parametrize("controls", [1, 5])
def test_without_an_effect_the_median_is_significant_at_the_nominal_rate(monkeypatch, controls):
    monkeypatch.setattr(specification, "PERMUTATIONS", 99)
    rng, p = np.random.default_rng(5), []
    for k in range(250):
        outcomes, predictors = draw(rng, n=40)
        given = pd.DataFrame(rng.normal(size=(40, controls)), series(np.zeros(40)).index)
        # What the controls share with both sides must not count.
        outcomes = {key: y + given[0] for key, y in outcomes.items()}
        predictors = {key: x + given[0] for key, x in predictors.items()}
        p.append(specification_curve(outcomes, predictors, "+", given=given, seed=k).p)
    assert 0.01 < np.mean(np.array(p) <= 0.05) < 0.09  # three standard errors
    assert 0.4 < np.median(p) < 0.6


def test_missing_numbers_and_constant_columns_are_left_out():
    outcomes, predictors = draw(np.random.default_rng(6))
    (key, *_) = predictors
    predictors[key] = predictors[key].where(predictors[key].index != "m3")
    predictors[(("form", "constant"), ("split", "all"))] = series(np.full(40, 0.1))
    curve = specification_curve(outcomes, predictors, "+", seed=1)
    assert curve.n == 39
    assert "constant" not in set(curve.table["form"])
    assert np.isfinite(curve.table[["value", "low", "high"]]).all(axis=None)
    shuffled = {k: v.sample(frac=1, random_state=0) for k, v in predictors.items()}
    again = specification_curve(outcomes, shuffled, "+", seed=1)
    pd.testing.assert_frame_equal(again.table, curve.table)


def test_a_predictor_that_is_the_outcome():
    y = series(np.arange(12.0) ** 2)
    curve = specification_curve({(("outcome", "y"),): y}, {(("form", "x"),): y}, "+", seed=1)
    assert curve.table["value"].tolist() == pytest.approx([1, 1])
    assert curve.table["high"].tolist() == pytest.approx([1, 1])
    assert curve.p == pytest.approx(1 / 1000)


def test_a_seed_gives_the_same_and_the_text_says_it():
    outcomes, predictors = draw(np.random.default_rng(7), effect=0.7)
    first, second = (specification_curve(outcomes, predictors, "+", seed=3) for _ in range(2))
    assert first.p == second.p
    pd.testing.assert_frame_equal(first.table, second.table)
    assert str(first).startswith("12 specifications, 100 % with the expected sign, median 0.")
    assert str(first).endswith("by permutation, n = 40 models)")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expected": "up"}, "unknown expected sign 'up'"),
        ({"outcomes": {}}, "no outcome or no predictor"),
        ({"predictors": {(("form", "x"),): series([1.0, 2.0, 3.0])}}, "3 models have all numbers"),
        ({"predictors": {(("form", "x"),): series(np.ones(40))}}, "no specification is left"),
    ],
)
def test_wrong_input_is_refused(change, message):
    outcomes, predictors = draw(np.random.default_rng(8))
    options = {"outcomes": outcomes, "predictors": predictors, "expected": "+", "seed": 1}
    with pytest.raises(CoodError, match=message):
        specification_curve(**options | change)
