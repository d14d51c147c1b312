import numpy as np
import pytest

from cood.metrics.pairs import batch_variances, draw_batches
from cood.metrics.result import MetricWarning
from cood.metrics.sampled import z_diff, z_min_variance

quiet = pytest.mark.filterwarnings("ignore::cood.metrics.result.MetricWarning")
BOTH = pytest.mark.parametrize("metric", [z_diff, z_min_variance])
GRID = np.array([[a, o] for a in range(6) for o in range(6)] * 5)
FAST = {"train": 400, "test": 400}


def factor_vae(codes, factors, batch, points, rng):
    """The FactorVAE score vote by vote, as in disentanglement_lib: variances over batches."""
    overall = codes.var(axis=0, ddof=1)
    votes = np.zeros((2, codes.shape[1], factors.shape[1]), int)
    for half in range(2):
        for _ in range(points):
            k = rng.integers(factors.shape[1])
            value = rng.choice(factors[:, k])
            rows = rng.choice(np.flatnonzero(factors[:, k] == value), batch)
            votes[half, np.argmin(codes[rows].var(axis=0, ddof=1) / overall), k] += 1
    answer = votes[0].argmax(axis=1)
    return votes[1, np.arange(codes.shape[1]), answer].sum() / votes[1].sum()


@pytest.mark.parametrize("kind", ["aligned", "mixed"])
def test_the_votes_of_published_code(geometry, kind):
    codes, factors = geometry(kind, d=6)
    expected = factor_vae(codes, factors, 64, 1000, np.random.default_rng(0))
    result = z_min_variance(codes, factors, differ=False, train=1000, test=1000)
    assert result.value == pytest.approx(expected, abs=0.06)


def test_each_vote_is_the_least_relative_variance(geometry):
    codes, factors = geometry("mixed", d=6)
    result = z_min_variance(codes, factors, rng=3, **FAST)
    rng = np.random.default_rng(3)
    z = codes / codes.std(axis=0)
    tables = []
    for rows in np.array_split(rng.permutation(len(z)), 2):  # to vote, and to score
        tables.append(np.zeros((6, 2), int))
        for k in range(2):
            here = draw_batches(factors[rows], k, 200, 64, "balanced", rng)
            variances = batch_variances(z[rows], here)
            tables[-1][:, k] = np.bincount(variances.argmin(axis=1), minlength=6)
    votes, fresh = tables
    np.testing.assert_array_equal(result.parts["votes"], votes)
    assert result.value == fresh[np.arange(6), votes.argmax(axis=1)].sum() / 400


@BOTH
def test_each_factor_in_a_dimension_of_its_own(metric):
    result = metric(GRID, GRID, **FAST)
    assert result.value == 1
    assert result.note == ""
    assert result.parts["chance"] == 0.5
    assert (result.parts["coverage"] > 0.99).all()


@quiet
@pytest.mark.parametrize("value", [0.0, 0.3, -1e9])
def test_constant_codes(value):
    codes = np.full(GRID.shape, value)
    result = z_diff(codes, GRID, **FAST)
    assert result.value == 0.5
    assert result.parts["strict"] == pytest.approx(1 / 3)
    assert result.parts["coverage"].tolist() == [0.5, 0.5]
    result = z_min_variance(codes, GRID, **FAST)
    assert (result.value, result.note) == (0, "no dimension varies enough")


@BOTH
def test_duplicated_dimensions_change_little(geometry, metric):
    codes, factors = geometry("aligned")
    result = metric(codes, factors, **FAST).value
    assert metric(np.hstack([codes, codes]), factors, **FAST).value == pytest.approx(
        result, abs=0.05
    )


@quiet
@BOTH
@pytest.mark.parametrize("kind", ["one", "other", "half"])
def test_the_factor_that_is_missing_is_named(geometry, metric, kind):
    missing = {"one": 1, "other": 0, "half": 1}[kind]
    result = metric(*geometry(kind), **FAST)
    # The score is well above chance nevertheless: this is why there is a note.
    assert result.value > 0.65
    assert f"the codes do not encode factor {missing};" in result.note
    assert result.parts["coverage"][1 - missing] > 0.99
    assert result.parts["coverage"][missing] == pytest.approx(0.5, abs=0.1)


@quiet
def test_the_strict_form_shows_that_a_factor_is_missing(geometry):
    both, one = (z_diff(*geometry(kind), **FAST) for kind in ("aligned", "one"))
    assert (both.value, one.value) == pytest.approx((1, 1))
    assert both.parts["strict"] > 0.95
    assert one.parts["strict"] < 0.8


@quiet
@BOTH
@pytest.mark.parametrize("share", [0.8, 0.1])
@pytest.mark.parametrize("missing", [0, 1])
def test_a_factor_that_only_correlates_with_another_is_named(metric, share, missing):
    # Which objects go with an attribute is telling where compositions are missing.
    rng = np.random.default_rng(5)
    exists = rng.random((12, 25)) < share
    exists[np.arange(25) % 12, np.arange(25)] = True
    compositions = np.argwhere(exists)
    factors = compositions[rng.integers(len(compositions), size=4000)]
    codes = rng.standard_normal((25, 64))[factors[:, 1 - missing]]
    codes = codes + 0.5 * rng.standard_normal(codes.shape)
    result = metric(codes, factors, **FAST)
    assert f"the codes do not encode factor {missing};" in result.note


@BOTH
@pytest.mark.parametrize("seed", range(2))
def test_no_false_alarm_for_codes_that_hold_both_weakly(geometry, metric, seed):
    codes, factors = geometry("noisy", n=4000, d=32, sizes=(12, 30), seed=seed)
    assert metric(codes, factors, **FAST).note == ""


@quiet
@BOTH
def test_codes_that_hold_nothing_are_near_chance(metric):
    rng = np.random.default_rng(0)
    result = metric(rng.standard_normal((2000, 8)), rng.integers(9, size=(2000, 2)))
    assert result.value == pytest.approx(0.5, abs=0.08)
    assert result.note.startswith("the codes do not encode factor 0, 1;")


@quiet
@pytest.mark.parametrize("uneven", ["diagonal", "single rows", "all rows once"])
def test_few_rows_of_codes_that_hold_nothing_get_no_votes(uneven):
    rng = np.random.default_rng(1)
    factors = {
        "diagonal": np.vstack([np.repeat(np.arange(4), 400)[:, None] * [1, 1], GRID[:30]]),
        "single rows": np.vstack([rng.integers(5, size=(100, 2)), np.zeros((900, 2), int)]),
        "all rows once": np.array([[a, o] for a in range(30) for o in range(40)]),
    }[uneven]
    result = z_min_variance(rng.standard_normal((len(factors), 16)), factors)
    assert result.value == pytest.approx(0.5, abs=0.08)
    assert result.parts["scaled"] == pytest.approx(2 * result.value - 1)


@quiet
def test_few_rows_seldom_seem_to_encode_a_factor():
    noted = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        result = z_min_variance(rng.standard_normal((40, 8)), rng.integers(4, size=(40, 2)), **FAST)
        noted += "do not encode factor 0, 1;" in result.note
    assert noted >= 34  # with independent points in mind, half of them would pass


def test_values_of_single_rows_have_no_variance():
    factors = np.c_[np.arange(8), np.arange(8) % 2]
    with pytest.warns(MetricWarning, match="no value of factor 0 has two rows to vote and two to"):
        result = z_min_variance(np.random.default_rng(0).standard_normal((8, 2)), factors)
    assert np.isnan(result.value)


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, None, "0.05"])
def test_the_threshold_is_checked(value):
    with pytest.raises(ValueError, match=f"threshold: expected a number from 0, got {value!r}"):
        z_min_variance(GRID, GRID, threshold=value)


@BOTH
def test_scale_shift_and_constant_columns(geometry, metric):
    codes, factors = geometry("mixed")
    result = metric(codes, factors, **FAST)
    moved = metric(codes * 1e3 ** np.linspace(-1, 1, 16) - 5, factors, **FAST)
    padded = metric(np.hstack([np.full((1200, 9), 0.3), codes]), factors, **FAST)
    for other in (moved, padded):
        assert other.value == pytest.approx(result.value, abs=1e-9)
        np.testing.assert_allclose(other.parts["coverage"], result.parts["coverage"], atol=1e-6)


def test_logistic_z_diff_is_free_of_shift_only(geometry):
    codes, factors = geometry("noisy")
    options = {"classifier": "logistic", **FAST}
    result = z_diff(codes, factors, **options).value
    assert z_diff(codes + 5, factors, **options).value == pytest.approx(result, abs=0.01)
    assert abs(z_diff(codes * 1e-3, factors, **options).value - result) > 0.01


def test_a_rotation_lowers_the_votes():
    # With as many dimensions as factors, and each turned halfway into the other.
    rng = np.random.default_rng(0)
    codes = GRID + 0.1 * rng.standard_normal(GRID.shape)
    turn = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    assert z_min_variance(codes, GRID, **FAST).value == 1
    assert z_min_variance(codes @ turn, GRID, **FAST).value < 0.8


@quiet
@BOTH
def test_a_factor_that_never_varies_is_left_out(metric):
    result = metric(GRID, np.c_[GRID, np.zeros(len(GRID), int)], **FAST)
    assert result.value == 1
    assert result.note == "factor 2 has one value only: left out"
    assert np.isnan(result.parts["coverage"]).tolist() == [False, False, True]


@BOTH
def test_one_factor_is_too_few(metric):
    with pytest.warns(MetricWarning, match="fewer than two factors"):
        assert np.isnan(metric(GRID, GRID[:, 0]).value)


@pytest.mark.parametrize("options", [FAST, {"train": 1, "test": 1, "batch": 2}])
def test_factors_that_cannot_be_distinguished(options):
    factors = np.repeat(np.arange(4), 10)[:, None] * [1, 1]
    with pytest.warns(MetricWarning, match="hardly any pair of rows agrees in factor 0 only"):
        assert np.isnan(z_diff(factors, factors, **options).value)
    with pytest.warns(MetricWarning, match="factor 0, 1 cannot be distinguished from the others"):
        z_min_variance(factors, factors, **options)


@pytest.mark.parametrize("sizes", [(3, 3, 3), (2, 3, 2, 3, 2)])
@BOTH
def test_many_factors(geometry, metric, sizes):
    result = metric(*geometry("aligned", d=10, sizes=sizes), **FAST)
    assert result.value > 0.9
    assert result.note == ""
    assert result.parts["chance"] == 1 / len(sizes)


@BOTH
def test_a_seed_is_kept(geometry, metric):
    codes, factors = geometry("noisy")
    first, again, other = (metric(codes, factors, rng=seed, **FAST).value for seed in (4, 4, 6))
    own = metric(codes, factors, rng=np.random.default_rng(4), **FAST).value
    assert first == again == own != other


@BOTH
@pytest.mark.parametrize("name", ["batch", "train", "test"])
@pytest.mark.parametrize("value", [0, -1, 2.5, True])
def test_counts_are_checked(metric, name, value):
    with pytest.raises(ValueError, match=rf"{name}: expected a whole number from \d, got {value}"):
        metric(GRID, GRID, **{name: value})


def test_choices_are_checked():
    with pytest.raises(ValueError, match="classifier: expected one of discriminant, logistic, got"):
        z_diff(GRID, GRID, classifier="svm")


def test_batches_are_taken_from_rows_that_lie_in_one_piece(monkeypatch):
    # Else the whole array is copied for each few batches: 40 times as slow at the paper's size.
    given = []

    def record(codes, rows):
        given.append(codes.flags.c_contiguous)
        return batch_variances(codes, rows)

    monkeypatch.setattr("cood.metrics.sampled.batch_variances", record)
    factors = np.array([[a, o] for a in range(6) for o in range(6)])
    z_min_variance(np.hstack([factors, factors]), factors, train=20, test=20)
    assert given
    assert all(given)
