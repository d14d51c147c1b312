import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cood.metrics.rank import (
    DEFINITIONS,
    absolute_rank,
    effective_rank,
    numerical_rank,
    participation_ratio,
    rank_table,
    srank,
    stable_rank,
)

ALL = (absolute_rank, numerical_rank, srank, effective_rank, stable_rank, participation_ratio)
SCALE_FREE = ALL[1:]
AS_GIVEN = {"centred": False, "unit": False}
SWITCHES = st.fixed_dictionaries(dict.fromkeys(("centred", "unit", "relative"), st.booleans()))


@st.composite
def codes(draw):
    n, d, seed = draw(st.tuples(st.integers(2, 12), st.integers(2, 9), st.integers(0, 10_000)))
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * rng.exponential(size=d) + rng.normal(size=d)


def with_singular_values(*s, n=9):
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.normal(size=(k, len(s))))[0] for k in (n, len(s)))
    return left * np.array(s) @ right.T


@pytest.mark.parametrize(
    ("metric", "options", "expected"),
    [
        (absolute_rank, {"threshold": 1.5}, 2),
        (absolute_rank, {"threshold": 5}, 0),
        (numerical_rank, {"threshold": 0.3}, 2),
        (numerical_rank, {"threshold": 0.01}, 4),
        (srank, {"delta": 0.1}, 4),
        (srank, {"delta": 0.3}, 2),
        (srank, {"delta": 0.5}, 1),
        (effective_rank, {}, 2**1.75),  # the entropy of 1/2, 1/4, 1/8, 1/8 is 1.75 bit
        (stable_rank, {}, (16 + 4 + 1 + 1) / 16),
        (participation_ratio, {}, (16 + 4 + 1 + 1) ** 2 / (256 + 16 + 1 + 1)),
    ],
)
def test_known_answers(metric, options, expected):
    z = with_singular_values(4, 2, 1, 1)
    result = metric(z, **options, **AS_GIVEN)
    assert result.value == pytest.approx(expected)
    assert metric(z, **options, **AS_GIVEN, relative=True).value == pytest.approx(expected / 4)
    np.testing.assert_allclose(result.parts["singular_values"], [4, 2, 1, 1])
    assert result.parts["most"] == 4


@given(codes(), SWITCHES)
@settings(max_examples=25)
def test_each_agrees_with_its_formula_on_a_plain_svd(z, switches):
    x = z / np.linalg.norm(z, axis=1, keepdims=True) if switches["unit"] else z
    x = x - x.mean(axis=0) if switches["centred"] else x
    most = min(len(z) - switches["centred"], z.shape[1])
    s = np.linalg.svd(x, compute_uv=False)[:most]
    p = s / s.sum()
    expected = {
        absolute_rank: (s > 1).sum(),
        numerical_rank: (s > 0.1 * s[0]).sum(),
        srank: next(k for k in range(1, most + 1) if s[:k].sum() >= (1 - 1e-10) * 0.99 * s.sum()),
        effective_rank: np.prod(p**-p),
        stable_rank: np.linalg.norm(x) ** 2 / np.linalg.norm(x, 2) ** 2,
        participation_ratio: np.trace(x.T @ x) ** 2 / np.trace(x.T @ x @ x.T @ x),
    }
    for metric, value in expected.items():
        share = most if switches["relative"] else 1
        assert metric(z, **switches).value == pytest.approx(value / share), metric.__name__


@given(codes(), SWITCHES, st.integers(0, 100))
@settings(max_examples=25)
def test_order_and_rotation_do_not_matter(z, switches, seed):
    rng = np.random.default_rng(seed)
    n, d = z.shape
    turned = z @ np.linalg.qr(rng.normal(size=(d, d)))[0]
    for metric in ALL:
        whole = metric(z, **switches).value
        assert metric(z[rng.permutation(n)], **switches).value == pytest.approx(whole)
        assert metric(z[:, rng.permutation(d)], **switches).value == pytest.approx(whole)
        assert metric(turned, **switches).value == pytest.approx(whole)


@given(codes(), SWITCHES)
@settings(max_examples=25)
def test_range_and_scale_and_repetition(z, switches):
    most = min(len(z) - switches["centred"], z.shape[1])
    for metric in SCALE_FREE:
        value = metric(z, **switches).value
        assert (1 / most if switches["relative"] else 1) <= value * (1 + 1e-9)
        assert value <= (1 if switches["relative"] else most) * (1 + 1e-9)
        assert metric(7 * z, **switches).value == pytest.approx(value)
        # Repeated codes may have more dimensions in theory, but have no more in fact.
        plain = switches | {"relative": False}
        repeated = metric(np.tile(z, (3, 1)), **plain).value
        assert repeated == pytest.approx(metric(z, **plain).value)


def test_only_the_absolute_rank_sees_scale_and_repetition():
    z = with_singular_values(4, 2, 1.1, 0.9)
    assert absolute_rank(z, **AS_GIVEN).value == 3
    assert absolute_rank(10 * z, **AS_GIVEN).value == 4
    assert absolute_rank(np.tile(z, (4, 1)), **AS_GIVEN).value == 4
    assert absolute_rank(10 * z, unit=True).value == absolute_rank(z, unit=True).value


def test_the_mean_counts_unless_it_is_taken_off():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 5)) + 50
    assert participation_ratio(z, **AS_GIVEN).value == pytest.approx(1, abs=0.01)
    assert participation_ratio(z, centred=True, unit=False).value > 4.5


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("z", [np.ones((4, 3)), np.zeros((4, 3)), [[0.1, 0.2]], [[5.0]]])
def test_codes_without_spread_have_no_dimension(metric, z):
    for relative in (False, True):
        assert metric(z, relative=relative).value == 0


@pytest.mark.parametrize("metric", ALL)
def test_columns_that_never_vary_add_nothing(metric):
    z = np.random.default_rng(1).normal(size=(20, 3))
    wide = np.hstack([z, np.full((20, 2), 7.0)])
    options = {"centred": True, "unit": False}
    assert metric(wide, **options).value == pytest.approx(metric(z, **options).value)


@pytest.mark.parametrize("metric", ALL)
def test_fewer_codes_than_dimensions(metric):
    rng = np.random.default_rng(2)
    z = np.linalg.qr(rng.normal(size=(30, 5)))[0].T  # five orthonormal codes
    assert metric(z, unit=False, centred=False).parts["most"] == 5
    assert metric(2 * z, unit=False, centred=False, relative=True).value == pytest.approx(1)
    assert metric(2 * z, unit=False, relative=True).parts["most"] == 4
    assert metric(2 * z, unit=False, relative=True).value == pytest.approx(1)


@pytest.mark.parametrize("metric", ALL)
def test_other_types_and_layouts(metric):
    z = with_singular_values(4, 2, 1.2, 0.3).astype(np.float16)
    whole = metric(z.astype(np.float64)).value
    for other in (z, z.astype(np.float32), np.asfortranarray(z), np.repeat(z, 2, axis=1)[:, ::2]):
        assert metric(other).value == pytest.approx(whole, rel=1e-6)
    assert metric(z.tolist()).value == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("metric", [*ALL, rank_table])
@pytest.mark.parametrize(
    ("z", "message"),
    [
        ([[1.0, np.nan]], "codes: nan in row 0, column 1"),
        ([[1.0], [np.inf]], "codes: inf in row 1"),
        (np.empty((0, 3)), r"codes: empty, shape \(0, 3\)"),
        ([1.0, 2.0], r"codes: expected \[n, d\]"),
    ],
)
def test_bad_codes_are_refused(metric, z, message):
    with pytest.raises(ValueError, match=message):
        metric(z)


@pytest.mark.parametrize(
    ("metric", "options"),
    [
        (absolute_rank, {"threshold": 0}),
        (absolute_rank, {"threshold": float("nan")}),
        (numerical_rank, {"threshold": 1.5}),
        (srank, {"delta": 0}),
    ],
)
def test_bad_constants_are_refused(metric, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}: expected .*, got"):
        metric(np.eye(3), **options)


def test_the_table_holds_each_definition_with_each_switch():
    z = np.random.default_rng(4).normal(size=(15, 4)) + 1
    rows = rank_table(z)
    keys = [(r["definition"], r["centred"], r["unit"], r["relative"]) for r in rows]
    assert len(set(keys)) == len(rows) == len(DEFINITIONS) * 8
    metrics = {
        "absolute_rank_1": (absolute_rank, {"threshold": 1.0}),
        "numerical_rank_0.01": (numerical_rank, {"threshold": 0.01}),
        "numerical_rank_0.1": (numerical_rank, {"threshold": 0.1}),
        "srank_0.01": (srank, {"delta": 0.01}),
        "srank_0.05": (srank, {"delta": 0.05}),
        "effective_rank": (effective_rank, {}),
        "stable_rank": (stable_rank, {}),
        "participation_ratio": (participation_ratio, {}),
    }
    assert metrics.keys() == DEFINITIONS.keys()
    for row in rows:
        metric, options = metrics[row.pop("definition")]
        assert row.pop("value") == pytest.approx(metric(z, **options, **row).value)
