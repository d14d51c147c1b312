"""Models of several families as arrays, and weights that leave out each family in turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def complete_models(
    columns: Sequence[pd.Series], families: pd.Series
) -> tuple[list[np.ndarray], np.ndarray, int]:
    """Numbers of the models that lack none.

    Parameters
    ----------
    columns, families
        Numbers and the family of each model [m], in the same order.

    Returns
    -------
    tuple
        The columns [n], the index of the family of each model [n], and the number of families.
    """
    arrays = [column.to_numpy(float) for column in columns]
    complete = np.isfinite(arrays).all(axis=0)
    names, members = np.unique(families.to_numpy()[complete], return_inverse=True)
    return [array[complete] for array in arrays], members, len(names)


def leave_family_out(members: np.ndarray, families: int) -> np.ndarray:
    """Weights [g, n] of the models without each of g families: 0 for its own models, else 1."""
    return (members != np.arange(families)[:, None]).astype(float)
