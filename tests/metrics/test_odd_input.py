"""Input as people have it: what a metric says of values, rows and bins that do not fit."""

import numpy as np
import pytest

from cood.metrics import MetricWarning, metric_table
from cood.metrics.information import dcimig, mig, mig_sup, modularity
from cood.metrics.registry import REGISTRY

quiet = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")


def grid(*sizes, repeats=1):
    """Every combination of values of some factors."""
    ids = np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), axis=-1)
    return np.tile(ids.reshape(-1, len(sizes)), (repeats, 1))


@quiet
@pytest.mark.parametrize(("values", "limit"), [(40, 0.81), (998, 0.43)])
def test_bins_limit_a_perfect_code_and_the_note_says_to_what(values, limit):
    perfect = grid(4, values)
    found = mig(perfect, perfect)
    assert found.parts["gaps"] == pytest.approx([1, np.log(20) / np.log(values)], abs=0.002)
    assert f"limits factor 1 ({values} values) to {limit} and the score to" in found.note
    assert f"to {found.value:.2f} at most; take more bins" in found.note
    enough = mig(perfect, perfect, bins=values)
    assert enough.value == pytest.approx(1)
    assert enough.note == ""


@quiet
def test_limits_of_the_other_metrics_of_information():
    perfect = grid(4, 40, repeats=20)
    h = np.log([4, 40])
    expected = (h[0] + np.log(20)) / h.sum()
    found = dcimig(perfect, perfect)
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert f"the score to {expected:.2f} at most" in found.note
    found = mig_sup(perfect, perfect)  # a dimension of the small factor reaches 1
    assert found.value == pytest.approx((1 + np.log(20) / h[1]) / 2, abs=1e-6)
    assert "the score to 1.00 at most" in found.note
    found = modularity(perfect, perfect)  # a ratio of informations is not limited
    assert (found.value, found.note) == (pytest.approx(1), "")


def test_bins_that_are_enough_have_no_note():
    perfect = grid(4, 20)
    found = mig(perfect, perfect)
    assert (found.value, found.note) == (pytest.approx(1), "")


def test_the_table_names_the_factor_that_bins_limit():
    perfect = grid(4, 40)
    table = metric_table(perfect, perfect, metrics=["mig"], names=["colour", "object"], nulls=())
    assert table["note"].str.contains("limits factor object (40 values)", regex=False).all()


def test_hardly_more_rows_than_values_are_noted():
    factors = np.c_[np.arange(50), np.arange(50) % 2]
    with pytest.warns(MetricWarning, match="factor 0 has fewer than 2 rows a value"):
        mig(factors, factors, bins=50)
    table = metric_table(factors, factors, metrics=["sap"], names=["time", "colour"], nulls=())
    assert table["note"].str.contains("factor time has fewer than 2 rows a value").all()


NOISE = np.random.default_rng(0).standard_normal((60, 3))
ODD = {
    "a value a row": (NOISE, np.c_[np.arange(60), np.arange(60) % 2]),
    "one value only": (NOISE, np.c_[np.zeros(60, int), np.arange(60) % 2]),
    "one value of every factor": (NOISE, np.zeros((60, 2), int)),
    "one factor": (NOISE, (np.arange(60) % 3)[:, None]),
    "constant codes": (np.ones((60, 3)), grid(2, 3, repeats=10)),
    "a constant column": (np.c_[NOISE, np.ones(60)], grid(2, 3, repeats=10)),
    "one dimension": (NOISE[:, :1], grid(2, 3, repeats=10)),
    "two rows": (NOISE[:2], np.array([[0, 1], [1, 0]])),
    "a value with one row": (NOISE, np.c_[[0] * 59 + [1], np.arange(60) % 2]),
    "more dimensions than rows": (np.tile(NOISE[:12], 20), grid(2, 3, repeats=2)),
    "the same twice": (np.c_[NOISE, NOISE], np.tile(grid(2, 3, repeats=10)[:, :1], 2)),
}


@quiet
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("metric", REGISTRY, ids=lambda metric: metric.name)
def test_odd_input_gives_a_score_in_range_or_none_with_a_note(metric, odd):
    codes, factors = odd
    found = metric.function(codes, factors)
    output = metric.outputs[0]
    if np.isnan(found.value):
        assert found.note
    else:
        assert output.low - 1e-9 <= found.value <= output.high + 1e-9


@pytest.mark.parametrize("metric", REGISTRY, ids=lambda metric: metric.name)
@pytest.mark.parametrize(
    ("codes", "factors", "said"),
    [
        (np.full((4, 2), np.nan), [0, 1, 0, 1], "codes: nan in row 0"),
        ([[1], [2], [np.inf], [0]], [0, 1, 0, 1], "codes: inf in row 2"),
        (NOISE[:4], [0, 1, np.nan, 1], "factors: nan in row 2"),
        (NOISE[:4], [0.5, 1.5, 2.5, 0.1], "factors: 0.5 in row 0 is not a whole number"),
        (NOISE[:4], ["a", "b", None, "a"], "factors: expected ids"),
        (NOISE[:4], [0, 1, 0], "factors: 3 rows, but codes has 4"),
    ],
)
def test_input_that_means_nothing_is_refused(metric, codes, factors, said):
    with pytest.raises(ValueError, match=said):
        metric.function(codes, factors)
