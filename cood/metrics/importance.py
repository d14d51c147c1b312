"""How important each dimension is for predicting a factor, by several models."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from cood.metrics.discriminant import Moments, class_sums

# With 30 steps, disentanglement agrees best with that from gradient boosted trees on mixed codes:
# 0.12 against 0.10 in 64 dimensions, 0.54 against 0.55 in 512.
STEPS, RATE = 30, 0.1
BLOCK = 256  # classes worked on at a time
RIDGE = 1e-3  # of the mean eigenvalue


def boosted(codes: np.ndarray, ids: np.ndarray, size: int, found: Moments) -> np.ndarray:
    """Importance [d]: squared error that each dimension takes away in componentwise boosting.

    Each class against the rest is fitted by least squares, `STEPS` times adding `RATE` times the
    best line in a single dimension (Buehlmann and Yu 2003, doi:10.1198/016214503000000125). With
    small steps that goes the way of the lasso, and stops early. All of it needs the Gram matrix
    only, not the rows.
    """
    gram = found.gram / len(found.rows)
    own = np.where(np.diag(gram) > 0, np.diag(gram), 1.0)
    counts = np.bincount(ids[found.rows], minlength=size)
    slopes = class_sums(codes, ids, size, found) / len(found.rows)
    gains = np.zeros(codes.shape[1])
    present = np.flatnonzero(counts)
    for start in range(0, len(present), BLOCK):
        some = present[start : start + BLOCK]
        left = slopes[some].copy()  # covariance of each dimension with what is not yet explained
        lines = np.arange(len(some))
        for _ in range(STEPS):
            best = (left**2 / own).argmax(axis=1)
            step = left[lines, best] / own[best]
            np.add.at(gains, best, step**2 * own[best] * RATE * (2 - RATE))
            left -= (RATE * step)[:, None] * gram[best]
    return gains


def ridge(codes: np.ndarray, ids: np.ndarray, size: int, found: Moments) -> np.ndarray:
    """Importance [d]: mean over classes of |weight| in ridge regression of class against rest."""
    n = len(found.rows)
    gram = found.gram / n
    level = RIDGE * max(np.trace(gram) / len(gram), 1e-12)
    slopes = class_sums(codes, ids, size, found) / n
    weights = linalg.solve(gram + level * np.eye(len(gram)), slopes.T, assume_a="pos")
    return np.abs(weights).sum(axis=1)


def gradient_boosting(
    codes: np.ndarray, ids: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, float]:
    """Importance [d] and held-out accuracy of scikit-learn's gradient boosted trees."""
    from sklearn.ensemble import GradientBoostingClassifier

    if len(np.unique(ids[train])) < 2:
        return np.zeros(codes.shape[1]), float((ids[test] == ids[train[0]]).mean())
    model = GradientBoostingClassifier(random_state=0).fit(codes[train], ids[train])
    return model.feature_importances_, float(model.score(codes[test], ids[test]))
