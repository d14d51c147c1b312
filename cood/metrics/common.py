"""What several metrics share: blocks of rows, means of finite values, fits without warnings."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cood.device_arrays import Array, is_tensor, on_host

SLACK = 1e-12  # a sum that should reach its share exactly may fall short by rounding
FEW_FACTORS = "not defined for fewer than two factors that vary"


def row_slices(n: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` of n rows, so that a copy of all is never held."""
    for start in range(0, n, size):
        yield slice(start, start + size)


def finite_mean(values: np.ndarray) -> float:
    """Mean of the finite values; NaN if there is none, without a warning."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else np.nan


def combination_ids(factors: np.ndarray) -> np.ndarray:
    """Number [n] of the combination of values in each row of ids [n, m], in order, without gaps."""
    sizes = [int(size) + 1 for size in factors.max(axis=0)]
    if not sizes or math.prod(sizes) > np.iinfo(np.int64).max:
        return np.unique(factors, axis=0, return_inverse=True)[1].ravel()
    # Whole numbers sort several times as fast as rows.
    return np.unique(np.ravel_multi_index(tuple(factors.T), sizes), return_inverse=True)[1]


def extremes(codes: Array) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest value [d] of each dimension."""
    if is_tensor(codes):
        low, high = codes.aminmax(dim=0)
        return on_host(low), on_host(high)
    return codes.min(axis=0), codes.max(axis=0)


def moving(codes: Array) -> np.ndarray:
    """Which dimensions [d] vary."""
    low, high = extremes(codes)
    return np.asarray(low != high)


@contextmanager
def needed_for(option: str, package: str) -> Iterator[None]:
    """Import a package that only an option needs; an ImportError says which, and what to do."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImportError(f"{option} needs {package}: pip install {package}") from error


def fit_quietly(model: Any, codes: np.ndarray, ids: np.ndarray) -> Any:
    """Fit a model of scikit-learn; one that has not converged predicts well enough to score."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(codes, ids)
