import numpy as np
import pandas as pd
import pytest

from cood.metrics import metric_table
from cood.metrics.checks import check, check_codes, generator, refuse_non_finite
from cood.metrics.dci import dci
from cood.metrics.information import dcimig, mig, mig_sup, modularity
from cood.metrics.irs import irs
from cood.metrics.mutual_information import mutual_information
from cood.metrics.nulls import with_null
from cood.metrics.prediction import explicitness, sap
from cood.metrics.sampled import z_diff, z_min_variance

METRICS = [
    *(mutual_information, mig, mig_sup, dcimig, modularity, dci, sap, explicitness, irs),
    *(z_diff, z_min_variance, metric_table),
]
CODES = np.arange(12.0).reshape(4, 3)
IDS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


MIXED = np.array([["a", 0], ["b", 0], ["a", 1], ["b", 1]], dtype=object)


def spoiled(array, value):
    array = array.astype(float)
    array[2, 1] = value
    return array


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (spoiled(CODES, np.nan), IDS, "codes: nan in row 2, column 1"),
        (spoiled(CODES, np.inf), IDS, "codes: inf in row 2, column 1"),
        (spoiled(CODES, -np.inf), IDS, "codes: -inf in row 2, column 1"),
        (spoiled(CODES, np.nan).astype(np.float16), IDS, "codes: nan in row 2, column 1"),
        (CODES[:, 0], IDS, r"codes: expected \[n, d\], got an array of shape \(4,\)"),
        (CODES[None], IDS, r"codes: expected \[n, d\], got an array of shape \(1, 4, 3\)"),
        (CODES[:0], IDS[:0], r"codes: empty, shape \(0, 3\)"),
        (CODES[:, :0], IDS, r"codes: empty, shape \(4, 0\)"),
        (CODES.astype(object), IDS, "codes: expected numbers, got object, such as 0.0 in row 0"),
        (CODES.astype(str), IDS, "codes: expected numbers, got <U32, such as .*'0.0'"),
        (CODES.astype(complex), IDS, "codes: expected numbers, got complex128"),
        (CODES, spoiled(IDS, np.nan), "factors: nan in row 2, column 1"),
        (CODES, spoiled(IDS, 0.25), "factors: 0.25 in row 2, column 1 is not a whole number, but"),
        (CODES, IDS[:3], "factors: 3 rows, but codes has 4; row 3 has no counterpart"),
        (CODES[:2], IDS, "factors: 4 rows, but codes has 2; row 2 has no counterpart"),
        (CODES, IDS[:, :0], r"factors: no factor, shape \(4, 0\)"),
        (CODES, IDS[None], r"factors: expected \[n, m\], got an array of shape \(1, 4, 2\)"),
        (CODES, MIXED, r"factors: expected ids .*, got object, such as 0 in row 0"),
        (CODES.astype(np.int64) + 2**53, IDS, r"codes: whole numbers beyond 2\*\*53 run together"),
        (CODES.astype(np.longdouble) * 1e300 * 1e300, IDS, "codes: inf in row 0, column 1"),
    ],
)
def test_input_that_cannot_be_scored_is_named(metric, codes, factors, message):
    with pytest.raises(ValueError, match=message):
        metric(codes, factors)


def test_whole_numbers_among_objects_are_ids():
    assert check(CODES, IDS.astype(object)).factors.tolist() == IDS.tolist()
    assert check(CODES, pd.DataFrame(IDS).astype("Int64")).factors.tolist() == IDS.tolist()
    assert check_codes(CODES.astype(np.longdouble)).dtype == np.float64


def test_nulls_check_too():
    with pytest.raises(ValueError, match="codes: nan in row 2, column 1"):
        with_null(mig, spoiled(CODES, np.nan), IDS)


def test_ids_are_renumbered_without_gaps():
    for ids in ([[7], [-1], [7], [3]], [["c"], ["a"], ["c"], ["b"]], [[2.0], [0.0], [2.0], [1.0]]):
        result = check(CODES, ids)
        assert result.factors.ravel().tolist() == [2, 0, 2, 1]
        assert result.sizes == (3,)
    assert check(CODES, [False, True, True, True]).factors.ravel().tolist() == [0, 1, 1, 1]


def test_factors_that_never_vary_are_noted():
    result = check(CODES, np.c_[IDS, np.zeros(4, int)])
    assert result.varied == [0, 1]
    assert result.note == "factor 2 has one value only: left out"
    assert check(CODES, IDS).note == ""


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.int8, np.float64),
        (np.uint64, np.float64),
        (bool, np.float64),
    ],
)
def test_types_of_codes(dtype, kept):
    result = check_codes((CODES % 2).astype(dtype)[:, ::-1])
    assert result.dtype == kept
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, (CODES % 2)[:, ::-1])


def test_great_values_whose_sum_overflows_are_finite():
    refuse_non_finite("codes", np.full((4, 2), 1.7e308))
    with pytest.raises(ValueError, match="codes: inf in row 1, column 0"):
        refuse_non_finite("codes", np.array([[1.7e308], [np.inf]]))


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        (np.float64, -1.7e308, "codes: -1.7e.308 in row 2, column 1 is too large for float64"),
        (np.float32, 3e38, "codes: 3e.38 in row 2, column 1 is too large for float32"),
        (np.float64, 1e-200, "codes: no value exceeds 1e-200, which is too small for float64"),
        (np.float32, 1e-30, "codes: no value exceeds 1e-30, which is too small for float32"),
    ],
)
def test_values_whose_squares_have_no_number_are_refused(dtype, value, message):
    codes = np.zeros((4, 2), dtype)
    codes[2, 1] = value
    with pytest.raises(ValueError, match=message):
        check_codes(codes)


@pytest.mark.parametrize("smallest", [6e-8, 1e-7])
def test_the_smallest_of_half_precision_are_taken(smallest):
    assert check_codes(np.full((4, 2), smallest, np.float16)).dtype == np.float32


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.array(["a", None, "b", "a"], object), "factors: expected ids .* such as None in row 1"),
        (["a", float("nan"), "b", "a"], "factors: expected ids .* such as nan in row 1"),
        ([["a", "b"], ["a", np.nan], ["b", "b"], ["a", "a"]], "such as nan in row 1"),
        ([["a"], ["a", "b"], ["b"], ["a"]], "factors: rows of different lengths"),
        (np.array([1, "a", 2, 3], object), "such as 1 in row 0"),
    ],
)
def test_ids_that_are_missing_are_named(ids, message):
    with pytest.raises(ValueError, match=message):
        check(CODES, ids)


def test_strings_of_tables_are_ids():
    table = pd.DataFrame({"attribute": ["red", "blue", "red", "red"]}, dtype=object)
    assert check(CODES, table).factors.ravel().tolist() == [1, 0, 1, 1]


def test_tables_are_arrays():
    result = check(pd.DataFrame(CODES), pd.DataFrame(IDS, columns=["attribute", "object"]))
    assert result.sizes == (2, 2)


def test_input_is_left_as_it_is():
    rng = np.random.default_rng(0)
    codes, factors = rng.standard_normal((60, 3)), rng.integers(3, size=(60, 2)) * 5
    copies = codes.copy(), factors.copy()
    codes.flags.writeable = factors.flags.writeable = False
    metric_table(codes, factors, nulls=(), pca_width=64)
    np.testing.assert_array_equal(codes, copies[0])
    np.testing.assert_array_equal(factors, copies[1])


def test_generators():
    own = np.random.default_rng(3)
    assert generator(own) is own
    assert generator(None).random() == generator(0).random() != generator(1).random()


def test_masked_values_are_refused():
    masked = np.ma.masked_greater(np.arange(8.0).reshape(4, 2), 6)
    with pytest.raises(ValueError, match="codes: masked in row 3, column 1"):
        check_codes(masked)


def test_float_ids_that_run_together_are_refused():
    ids = np.array([[2.0**53], [2.0**53 + 2], [1.0], [2.0]])
    with pytest.raises(ValueError, match="too large for float64, in which ids beside it may be eq"):
        check(np.eye(4), ids)


class Tensor:
    """What torch says of a tensor with gradients."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def test_what_makes_no_array_is_named():
    with pytest.raises(ValueError, match=r"codes: Tensor makes no array .* convert it to NumPy"):
        check_codes(Tensor())
