"""Embeddings that no score can be computed from: the model is at fault, and is left out."""

from __future__ import annotations

import numpy as np

from cood.errors import UnusableModelError

SPREAD = 1e-6  # of unit vectors: what rounding leaves of equal ones
ROWS = 4096  # looked at at a time


def check_finite(model: str, what: str, embeddings: np.ndarray) -> None:
    """Refuse embeddings [n, d] whose length is not finite.

    Raises
    ------
    UnusableModelError
        With the number of rows.
    """
    bad = int((~np.isfinite(_lengths(embeddings))).sum())
    if bad:
        raise UnusableModelError(
            f"model {model}: {bad} of the {len(embeddings)} embeddings of {what} hold NaN or "
            "infinity; its weights are damaged or its training diverged, so use others"
        )


def check_embeddings(model: str, what: str, embeddings: np.ndarray) -> None:
    """Refuse embeddings [n, d] that are not finite, zero, or all the same.

    Parameters
    ----------
    model
        For the message.
    what
        What is embedded, in the plural.
    embeddings
        Un-normalised.

    Raises
    ------
    UnusableModelError
        With what is wrong.
    """
    check_finite(model, what, embeddings)
    zero = int((_lengths(embeddings) == 0).sum())
    if zero:
        raise UnusableModelError(
            f"model {model}: {zero} of the {len(embeddings)} embeddings of {what} are zero, so "
            "they have no direction; use weights of a trained model"
        )
    if len(embeddings) > 1 and _all_same(embeddings):
        raise UnusableModelError(
            f"model {model}: the {len(embeddings)} embeddings of {what} are all the same, so no "
            "answer depends on the input; use weights of a trained model, and see that prompts "
            "are not longer than its context"
        )


def _lengths(embeddings: np.ndarray) -> np.ndarray:
    """Length [n] of each row, in the precision of the scores."""
    with np.errstate(over="ignore", invalid="ignore"):
        parts = [np.linalg.norm(embeddings[part], axis=1) for part in _parts(embeddings)]
    return np.concatenate(parts) if parts else np.empty(0)


def _all_same(embeddings: np.ndarray) -> bool:
    first = _unit(embeddings[:1])
    parts = [slice(1, 2), *_parts(embeddings)]  # most models differ in the second row
    return all(np.abs(_unit(embeddings[part]) - first).max() <= SPREAD for part in parts)


def _parts(embeddings: np.ndarray) -> list[slice]:
    return [slice(start, start + ROWS) for start in range(0, len(embeddings), ROWS)]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
