"""A linear classifier of frozen embeddings, regularised by its likelihood of held-out rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cood.metrics.discriminant import fit_discriminant, standardise
from cood.settings import LARGEST_LOGISTIC

# Inverse strengths, as scikit-learn's C, from strong to weak.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
DEFAULT_STRENGTH = 1e-2  # where no row is left to choose it by
STEPS = 300
NEVER = -1e30  # log probability of a class without a row: lower than any, but finite


@dataclass(frozen=True)
class LinearClassifier:
    """A fitted classifier: its kind, and log probabilities [n, classes] of codes [n, d]."""

    kind: str
    predict_log_proba: Callable[[np.ndarray], np.ndarray]


def fit_linear_classifier(
    codes: np.ndarray, ids: np.ndarray, size: int, fit: np.ndarray, check: np.ndarray
) -> LinearClassifier:
    """Fit a multinomial logistic regression, or, to very many rows, a linear discriminant.

    The strength of the L2 penalty of the logistic regression is the one with which the rows `fit`
    give those of `check` the highest likelihood; both together are then fitted with it. The
    discriminant has a covariance shrunk by a formula (Chen et al. 2010), and needs no choice. No
    other row is used.

    Parameters
    ----------
    codes
        Embeddings [n, d].
    ids, size
        Class [n] of each row, a number below `size`.
    fit, check
        Indices of rows; `check` may be empty.
    """
    both = np.sort(np.concatenate([fit, check]))
    if len(both) * size > LARGEST_LOGISTIC:
        fitted = fit_discriminant(codes, ids, size, standardise(codes, both))
        return LinearClassifier(
            "linear discriminant", lambda rows: np.maximum(fitted.scores(rows), NEVER)
        )
    best = DEFAULT_STRENGTH
    if len(check):
        likelihood = []
        for strength in STRENGTHS:
            log_proba = _logistic(codes[fit], ids[fit], size, strength)(codes[check])
            likelihood.append(log_proba[np.arange(len(check)), ids[check]].mean())
        best = STRENGTHS[int(np.argmax(likelihood))]
    kind = f"logistic regression, C = {best:g}"
    return LinearClassifier(kind, _logistic(codes[both], ids[both], size, best))


def _logistic(
    codes: np.ndarray, ids: np.ndarray, size: int, strength: float
) -> Callable[[np.ndarray], np.ndarray]:
    from scipy.special import log_softmax
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=STEPS))
    with warnings.catch_warnings():  # more steps would change no prediction
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(codes, ids)

    def predict_log_proba(rows: np.ndarray) -> np.ndarray:
        raw = model.decision_function(rows)
        if raw.ndim == 1:  # of two classes, that of the second against the first
            raw = np.column_stack([np.zeros(len(raw)), raw])
        whole = np.full((len(rows), size), NEVER)
        whole[:, model.classes_] = log_softmax(raw, axis=1)
        return whole

    return predict_log_proba
