"""Checks of the arguments of metrics; every metric starts here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import Array, is_tensor, on_host, precision_of, single

DEVICES = ("cpu", "cuda")  # where torch has double precision
# Values beyond, or below their inverse, have squares that overflow or vanish in their precision.
LIMIT_SINGLE, LIMIT_DOUBLE = 1e15, 1e100
EXACT = 2**53  # up to here, float64 holds all whole numbers
FEW = 2  # rows a value, on average: with fewer, most values have a row of their own


@dataclass(frozen=True)
class Data:
    """Checked input.

    Attributes
    ----------
    codes
        [n, d], float32 or float64, contiguous; of NumPy, or a tensor of torch.
    factors
        [n, m], ids from 0 without gaps within each column.
    sizes
        Number of values of each factor.
    """

    codes: Array
    factors: np.ndarray
    sizes: tuple[int, ...]

    @property
    def varied(self) -> list[int]:
        """Columns of the factors with at least two values; the others cannot be predicted."""
        return [k for k, size in enumerate(self.sizes) if size > 1]

    @property
    def left_out(self) -> str:
        """Which factors were left out because they never vary."""
        constant = [str(k) for k, size in enumerate(self.sizes) if size < 2]
        return f"factor {', '.join(constant)} has one value only: left out" if constant else ""

    @property
    def note(self) -> str:
        """The same, and which factors have hardly any rows for each value."""
        sparse = [str(k) for k in self.varied if len(self.codes) < FEW * self.sizes[k]]
        few = (
            f"factor {', '.join(sparse)} has fewer than {FEW} rows a value ({len(self.codes)} rows "
            "in all), so that chance alone gives high scores; are these values of a continuous "
            "label?"
        )
        return "; ".join(part for part in (self.left_out, few if sparse else "") if part)


def check(codes: ArrayLike, factors: ArrayLike, names: Sequence[str] = ()) -> Data:
    """Check codes [n, d] and factors [n, m] (or [n], for one factor) and renumber the factors.

    Messages call the factors by their `names`, if there are any.

    Raises
    ------
    ValueError
        If an array is empty, has a wrong shape or type, holds NaN or infinity, or the lengths
        differ; the message names the argument, the value and the row.
    """
    z = check_codes(codes)
    columns = check_ids("factors", factors, names)
    if columns.ndim == 1:
        columns = columns[:, None]
    if columns.ndim != 2:
        raise ValueError(f"factors: expected [n, m], got an array of shape {columns.shape}")
    if columns.shape[1] == 0:
        raise ValueError(f"factors: no factor, shape {columns.shape}")
    if len(columns) != len(z):
        raise ValueError(
            f"factors: {len(columns)} rows, but codes has {len(z)}; "
            f"row {min(len(columns), len(z))} has no counterpart"
        )
    ids = np.empty(columns.shape, dtype=np.int64)
    for k in range(columns.shape[1]):
        ids[:, k] = np.unique(columns[:, k], return_inverse=True)[1]
    return Data(z, ids, tuple(int(c) + 1 for c in ids.max(axis=0)))


def check_codes(codes: ArrayLike, name: str = "codes") -> Array:
    """Check codes [n, d] and return them contiguous, as float64 unless they are float32.

    float16 becomes float32, which holds each of its values. A tensor of floats stays one, where
    it is, on a CPU or a CUDA device. Messages call the argument `name`.

    Raises
    ------
    ValueError
        As `check` does.
    """
    if is_tensor(codes) and _is_usable(plain := _plain(codes)):
        return plain.contiguous()
    z = as_array(name, codes)
    if z.ndim != 2:
        raise ValueError(f"{name}: expected [n, d], got an array of shape {z.shape}")
    if 0 in z.shape:
        raise ValueError(f"{name}: empty, shape {z.shape}")
    if z.dtype.kind not in "fiub":
        raise ValueError(f"{name}: expected numbers, got {z.dtype}, such as {z.flat[0]!r} in row 0")
    if z.dtype.kind in "iu" and max(abs(int(z.max())), abs(int(z.min()))) > EXACT:
        raise ValueError(
            f"{name}: whole numbers beyond 2**53 run together as floats; subtract their minimum"
        )
    if z.dtype.kind == "f" and z.dtype.itemsize > np.dtype(np.float64).itemsize:
        with np.errstate(over="ignore"):
            z = z.astype(np.float64)
    single = z.dtype in (np.float16, np.float32)
    if z.dtype.kind == "f":
        refuse_non_finite(name, z)
        _refuse_extreme(name, z, LIMIT_SINGLE if single else LIMIT_DOUBLE)
    return np.ascontiguousarray(z, dtype=np.float32 if single else np.float64)


def check_ids(name: str, ids: ArrayLike, columns: Sequence[str] = ()) -> np.ndarray:
    """Nominal ids as an array of numbers or of strings, of the same shape.

    Messages call columns by their names `columns`, if there are any.

    Raises
    ------
    ValueError
        If they are neither, not whole numbers, or one is missing; the message names `name`,
        the value and the row.
    """
    array = as_array(name, ids)
    listed = array.dtype.kind in "US" and not isinstance(ids, np.ndarray)
    if array.dtype.kind == "O" or listed:  # else a NaN among strings would be the string "nan"
        objects = np.asarray(ids, dtype=object)
        whole = (int, np.integer)
        if objects.size and all(
            isinstance(v, whole) and not isinstance(v, bool) for v in objects.flat
        ):
            return objects.astype(np.int64)  # of pandas, whose integers may be missing
        for place, value in np.ndenumerate(objects):
            if not isinstance(value, (str, bytes)):
                raise ValueError(
                    f"{name}: expected ids (integers or strings, of one kind), got {array.dtype}, "
                    f"such as {value!r} in row {place[0] if place else 0}"
                )
        return np.array(objects.tolist(), dtype=None if objects.size else str)
    if array.dtype.kind == "f":
        refuse_non_finite(name, array)
        _refuse_fractions(name, array, columns)
    elif array.dtype.kind not in "iubUS":
        example = f", such as {array.flat[0]!r} in row 0" if array.size else ""
        raise ValueError(f"{name}: expected ids (integers or strings), got {array.dtype}{example}")
    return array


def _refuse_fractions(name: str, array: np.ndarray, columns: Sequence[str]) -> None:
    exact = 2.0 ** (np.finfo(array.dtype).nmant + 1)  # from here on, whole numbers are left out
    bad = np.argwhere(np.abs(array) >= exact)
    if len(bad):
        raise ValueError(
            f"{name}: {array[tuple(bad[0])]} in {_place(bad[0], columns)} is too large for "
            f"{array.dtype}, in which ids beside it may be equal; give whole numbers or strings"
        )
    bad = np.argwhere(array != np.floor(array))
    if len(bad):
        raise ValueError(
            f"{name}: {array[tuple(bad[0])]} in {_place(bad[0], columns)} is not a whole number, "
            "but factors are nominal ids; cut continuous labels into bins first, for instance by "
            "numpy.digitize"
        )


def _place(index: np.ndarray, columns: Sequence[str] = ()) -> str:
    row, *rest = index
    column = rest[0] if rest else 0
    if column < len(columns):
        return f"row {row} of {columns[column]}"
    return f"row {row}" + (f", column {column}" if rest else "")


def as_array(name: str, values: ArrayLike) -> np.ndarray:
    """Values as an array; a ValueError if they make none, or some are masked."""
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name}: masked in {_place(np.argwhere(np.ma.getmaskarray(np.ma.asarray(values)))[0])}"
        )
    try:
        return np.asarray(on_host(_plain(values)) if is_tensor(values) else values)
    except ValueError as error:
        raise ValueError(f"{name}: rows of different lengths make no array") from error
    except (TypeError, RuntimeError) as error:  # of tensors on a GPU, with gradients, in bfloat16
        raise ValueError(
            f"{name}: {type(values).__name__} makes no array ({error}); convert it to NumPy first"
        ) from error


def _plain(tensor: Array) -> Array:
    """A tensor without gradients, and in single precision if it has less."""
    tensor = tensor.detach()
    less = tensor.is_floating_point() and tensor.element_size() < np.float32().itemsize
    return single(tensor) if less else tensor


def _is_usable(tensor: Array) -> bool:
    """Whether `check_codes` has nothing to say about a tensor, nor to convert."""
    wanted = tensor.is_floating_point() and tensor.device.type in DEVICES and not tensor.is_sparse
    if not (wanted and tensor.ndim == 2 and tensor.numel()):
        return False
    low, high = (float(value) for value in tensor.aminmax())
    limit = LIMIT_SINGLE if precision_of(tensor) == np.float32 else LIMIT_DOUBLE
    # NaN is beyond any limit.
    return -limit <= low and high <= limit and (low == high == 0 or max(high, -low) >= 1 / limit)


def _refuse_extreme(name: str, array: np.ndarray, limit: float) -> None:
    # Squares of such values would silently become infinite, or 0.
    largest = max(float(array.max()), -float(array.min()))
    if largest > limit:
        row, column = np.argwhere(np.abs(array) == largest)[0]
        raise ValueError(
            f"{name}: {array[row, column]:.3g} in row {row}, column {column} is too large for "
            f"{array.dtype}; scale the codes"
        )
    if 0 < largest < 1 / limit and array.dtype != np.float16:
        raise ValueError(
            f"{name}: no value exceeds {largest:.3g}, which is too small for {array.dtype}; "
            "scale the codes"
        )


def check_count(name: str, value: Any, lowest: int = 1) -> int:
    """A whole number of at least `lowest`, else a ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < lowest:
        raise ValueError(f"{name}: expected a whole number from {lowest}, got {value!r}")
    return int(value)


def check_share(name: str, value: float) -> float:
    """A number between 0 and 1, both excluded, else a ValueError."""
    if not 0 < value < 1:
        raise ValueError(f"{name}: expected a number between 0 and 1, got {value!r}")
    return value


def check_positive(name: str, value: float) -> float:
    """A finite number above 0, else a ValueError."""
    if not 0 < value < np.inf:
        raise ValueError(f"{name}: expected a positive number, got {value!r}")
    return value


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of `choices`, else a ValueError."""
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")
    return str(value)


def generator(rng: np.random.Generator | int | None) -> np.random.Generator:
    """The generator itself, or one made from a seed; the seed is 0 by default."""
    return np.random.default_rng(0 if rng is None else rng)


def refuse_non_finite(name: str, array: np.ndarray) -> None:
    """Raise a ValueError that names the first value that is NaN or infinite, and its row."""
    # The sum of all is finite for nearly every finite array and needs no copy.
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        raise ValueError(f"{name}: {array[tuple(bad[0])]} in {_place(bad[0])}")
