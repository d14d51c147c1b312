"""How important each dimension is for predicting a factor, by several models."""

from __future__ import annotations

from typing import Any

import numpy as np

from cood.metrics.common import needed_for
from cood.metrics.discriminant import StandardisedRows

# Chosen once, on one problem of mixed codes, where the level comes near that of trees. On other
# codes it does not: `benchmarks/dci.py`.
STEPS, RATE = 30, 0.1
TIE = 1e-6  # of the largest gain: dimensions that are copies differ by rounding only
BLOCK = 256  # classes worked on at a time
RIDGE = 1e-3  # of the mean eigenvalue
SMALLEST = 1e-12  # mean eigenvalue: constant codes have none


def boosted(
    codes: np.ndarray, ids: np.ndarray, size: int, standardised: StandardisedRows
) -> np.ndarray:
    """Importance [d]: squared error that each dimension removes in componentwise boosting.

    Each class against the rest is fitted by least squares, `STEPS` times adding `RATE` times the
    best line in a single dimension (Buehlmann and Yu 2003, doi:10.1198/016214503000000125). With
    small steps that goes the way of the lasso, and stops early. All of it needs the Gram matrix
    only, not the rows.
    """
    gram = standardised.gram / len(standardised.rows)
    own = np.where(np.diag(gram) > 0, np.diag(gram), 1.0)
    counts = np.bincount(ids[standardised.rows], minlength=size)
    slopes = standardised.sums(codes, ids, size) / len(standardised.rows)
    gains = np.zeros(codes.shape[1])
    present = np.flatnonzero(counts)
    for start in range(0, len(present), BLOCK):
        some = present[start : start + BLOCK]
        left = slopes[some].copy()  # covariance of each dimension with what is not yet explained
        lines = np.arange(len(some))
        for _ in range(STEPS):
            gain = left**2 / own
            # The first of those that are as good, which rounding must not decide between.
            best = (gain >= (1 - TIE) * gain.max(axis=1, keepdims=True)).argmax(axis=1)
            step = left[lines, best] / own[best]
            np.add.at(gains, best, step**2 * own[best] * RATE * (2 - RATE))
            left -= (RATE * step)[:, None] * gram[best]
    return gains


def ridge(
    codes: np.ndarray, ids: np.ndarray, size: int, standardised: StandardisedRows
) -> np.ndarray:
    """Importance [d]: mean absolute weight in ridge regression of each class against the rest."""
    from scipy import linalg

    n = len(standardised.rows)
    gram = standardised.gram / n
    level = RIDGE * max(np.trace(gram) / len(gram), SMALLEST)
    slopes = standardised.sums(codes, ids, size) / n
    weights = linalg.solve(gram + level * np.eye(len(gram)), slopes.T, assume_a="pos")
    return np.abs(weights).sum(axis=1)


def boosted_trees(
    model: str, codes: np.ndarray, ids: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, float]:
    """Importance [d] and held-out accuracy of boosted trees of scikit-learn or of XGBoost."""
    present, labels = np.unique(ids[train], return_inverse=True)
    if len(present) < 2:
        return np.zeros(codes.shape[1]), float((ids[test] == present[0]).mean())
    fitted = _trees(model).fit(codes[train], labels)
    right = present[fitted.predict(codes[test])] == ids[test]
    return np.asarray(fitted.feature_importances_, np.float64), float(right.mean())


def _trees(model: str) -> Any:
    if model == "gradient boosting":
        with needed_for(f"model: {model!r}", "scikit-learn"):
            from sklearn.ensemble import GradientBoostingClassifier

        return GradientBoostingClassifier(random_state=0)
    with needed_for(f"model: {model!r}", "xgboost-cpu"):
        from xgboost import XGBClassifier
    return XGBClassifier(importance_type="gain", random_state=0)
