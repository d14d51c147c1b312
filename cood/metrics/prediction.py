"""Metrics from how well factors are predicted from codes: SAP and explicitness."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import Array, index_of, is_tensor, on_host
from cood.metrics.checks import Data, check, check_choice, generator
from cood.metrics.common import finite_mean, fit_quietly, needed_for
from cood.metrics.discriminant import (
    StandardisedRows,
    fit_discriminant,
    one_vs_rest_auc,
    split_rows,
    standardise,
)
from cood.metrics.result import Score, noted

SVM_C = 0.01  # as in disentanglement_lib
ONE_ROW = "a single row cannot be both fitted and tested"


def sap(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    classifier: str = "nearest mean",
    test: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> Score:
    """Separated attribute predictability (SAP): whether a single dimension predicts a factor.

    S_jk is the held-out accuracy with which a linear classifier predicts the values of factor k
    from the single dimension j; the score is the gap between the best two dimensions, averaged over
    factors: ``mean_k (S_(1)k - S_(2)k)``.

    Near 1 if one dimension predicts a factor and every other is at chance (1 - chance, exactly);
    0 if the best two do as well, as duplicated dimensions or constant ones do. Not invariant
    under rotation. With ``nearest mean`` invariant under scale and shift of each dimension; with
    ``svm``, as published, it is not: on codes with a small spread, such as unit vectors in many
    dimensions, the regularisation wins, and with many values the score goes to 0, whatever they
    hold.

    Parameters
    ----------
    codes
        [n, d], finite numbers.
    factors
        [n, m], nominal ids.
    classifier
        ``nearest mean``: the class with the nearest mean, which is linear discriminant analysis
        with equal priors in one dimension. ``svm``: one-against-rest linear support vector
        machines with C = 0.01 and balanced classes, as in disentanglement_lib; a fit for each
        dimension and factor, so some hundred times slower.
    test
        Indices of the rows that are held out; by default a fifth of them, drawn by `rng`.
    rng
        Generator or seed of the split.

    Returns
    -------
    Score
        Parts: `accuracy` [d, m], `gaps` [m] (NaN for a factor that never varies).

    Raises
    ------
    ValueError
        If the input is empty, not finite, of unequal lengths or of a wrong type.

    References
    ----------
    Kumar, Sattigeri and Balakrishnan (2018), section 3, arXiv:1711.00848.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)] * 20)
    >>> 0.6 < sap(factors, factors).value < 1  # chance is one in four
    True
    >>> sap(np.hstack([factors, factors]), factors).value
    0.0
    >>> sap(np.zeros((320, 2)), factors).value
    0.0
    """
    check_choice("classifier", classifier, ("nearest mean", "svm"))
    data = check(codes, factors)
    accuracy = np.full((data.codes.shape[1], len(data.sizes)), np.nan)
    if len(data.codes) < 2:
        return noted(np.nan, {"accuracy": accuracy}, data.note, ONE_ROW)
    rows = split_rows(len(data.codes), test, generator(rng))
    accuracies = _nearest_mean if classifier == "nearest mean" else _svm
    for k in data.varied:
        accuracy[:, k] = accuracies(data.codes, data.factors[:, k], *rows)
    ordered = np.sort(accuracy, axis=0)[::-1]
    gaps = ordered[0] - (ordered[1] if len(ordered) > 1 else 0.0)
    value = np.nanmean(gaps) if data.varied else np.nan
    return noted(value, {"accuracy": accuracy, "gaps": gaps}, data.note)


def _nearest_mean(codes: Array, ids: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Accuracy [d] of each single dimension on the rows `test`."""
    present, own = np.unique(ids[train], return_inverse=True)
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.single_dimension_accuracy(codes, own, present, train, ids[test], test)
    order = np.argsort(own, kind="stable")
    starts = np.searchsorted(own[order], np.arange(len(present)))
    counts = np.bincount(own)[:, None]
    shift = codes[train[:1]]  # equal values stay equal: a mean of them would round
    sums = np.add.reduceat((codes[train[order]] - shift).astype(float), starts, axis=0)
    means = np.ascontiguousarray((sums / counts).T)
    answers = ids[test]
    columns = np.ascontiguousarray((codes[test] - shift).T)
    accuracy = np.empty(len(means))
    for j, (centres, column) in enumerate(zip(means, columns, strict=True)):
        rank = np.argsort(centres, kind="stable")
        ordered = centres[rank]
        between = (ordered[1:] + ordered[:-1]) / 2
        guess = present[rank[np.searchsorted(between, column)]]
        accuracy[j] = (guess == answers).mean()
    return accuracy


def _svm(codes: Array, ids: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    codes = on_host(codes)
    with needed_for("classifier: 'svm'", "scikit-learn"):
        from sklearn.svm import LinearSVC

    if len(np.unique(ids[train])) < 2:
        return np.full(codes.shape[1], float((ids[test] == ids[train[0]]).mean()))
    accuracy = np.empty(codes.shape[1])
    for j in range(codes.shape[1]):
        model = LinearSVC(C=SVM_C, class_weight="balanced", random_state=0)
        fit_quietly(model, codes[train, j : j + 1], ids[train])
        accuracy[j] = model.score(codes[test, j : j + 1], ids[test])
    return accuracy


def explicitness(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    classifier: str = "discriminant",
    held_out: bool = True,
    scaled: bool = True,
    test: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> Score:
    """Explicitness: whether every value of every factor can be read off the whole code linearly.

    A linear classifier is fitted to each factor; the score is the area under the ROC curve of
    each value against the rest, averaged over values and then over factors:
    ``mean_k mean_v AUC_kv``, scaled to ``2 (AUC - 0.5)``.

    1 if every value can be distinguished from the rest, 0 if none can (constant codes give exactly
    0), below 0 where held-out rows are predicted worse than by guessing. It does not depend on
    which dimensions encode the factors. Invariant under shift and scale of each dimension, under
    constant columns and, but for the amount of shrinkage, under rotation.

    Parameters
    ----------
    codes
        [n, d], finite numbers.
    factors
        [n, m], nominal ids.
    classifier
        ``discriminant``: linear discriminant analysis with a shrunk covariance, closed form.
        ``logistic``: logistic regression of scikit-learn on standardised codes, as in
        disentanglement_lib; slow with many values.
    held_out
        Fit on four fifths of the rows and score the rest. Otherwise fit and score all of them,
        as the survey code of Zaidi et al. does: with hundreds of dimensions that approaches 1
        for codes that hold nothing.
    scaled
        If not, the AUC itself is the value, as in disentanglement_lib.
    test
        Indices of the rows that are held out; by default a fifth of them, drawn by `rng`.
    rng
        Generator or seed of the split.

    Returns
    -------
    Score
        NaN if no value can be scored. Parts: `factors` [m], scaled like the value; `auc`, one
        array of values per factor (NaN for a value that is in none or all of the scored rows, or
        in none of the fitted); `classifier`. The note counts values left out of a factor.

    Raises
    ------
    ValueError
        If the input is empty, not finite, of unequal lengths or of a wrong type.

    References
    ----------
    Ridgeway and Mozer (2018), section 3, arXiv:1802.05312.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)] * 20)
    >>> codes = np.hstack([np.eye(4)[factors[:, 0]], np.eye(4)[factors[:, 1]]])
    >>> round(explicitness(codes, factors).value, 3)
    1.0
    >>> noise = np.random.default_rng(0).standard_normal((320, 8))
    >>> abs(explicitness(noise, factors).value) < 0.3
    True
    >>> explicitness(np.zeros((320, 2)), factors).value
    0.0
    """
    check_choice("classifier", classifier, ("discriminant", "logistic"))
    data = check(codes, factors)
    n = len(data.codes)
    if held_out and n < 2:
        return noted(np.nan, {"factors": np.full(len(data.sizes), np.nan)}, data.note, ONE_ROW)
    rows = np.arange(n), np.arange(n)
    if held_out:
        rows = split_rows(n, test, generator(rng))
    if classifier == "logistic":
        areas = [_logistic_auc(data, k, *rows) for k in range(len(data.sizes))]
    else:
        areas = list(areas_of(data, standardise(data.codes, rows[0]), rows[1]))
    return explicitness_from(data, areas, classifier, scaled)


def areas_of(data: Data, standardised: StandardisedRows, test: np.ndarray) -> Iterator[np.ndarray]:
    """ROC-AUC of each value of each factor on the rows `test`."""
    for k, size in enumerate(data.sizes):
        if size < 2:
            yield np.full(size, np.nan)
            continue
        ids = data.factors[:, k]
        rows = data.codes[index_of(data.codes, test)]
        scores = fit_discriminant(data.codes, ids, size, standardised).scores(rows)
        yield _fitted_only(one_vs_rest_auc(scores, ids[test]), ids[standardised.rows])


def _fitted_only(areas: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The areas of values, NaN for those that are not among the ids fitted on."""
    return np.where(np.bincount(ids, minlength=len(areas)) > 0, areas, np.nan)


def explicitness_from(
    data: Data, areas: list[np.ndarray], classifier: str, scaled: bool = True
) -> Score:
    """`explicitness`, from the areas of each value."""
    each = np.array([finite_mean(area) for area in areas])
    if scaled:
        each = 2 * (each - 0.5)
    parts: dict[str, Any] = {"factors": each, "auc": areas, "classifier": classifier}
    left = {k: int(np.isnan(areas[k]).sum()) for k in data.varied}
    few = [
        f"{count} of {data.sizes[k]} values of factor {k} are left out: too few rows"
        for k, count in left.items()
        if count
    ]
    return noted(finite_mean(each), parts, data.note, *few)


def _logistic_auc(data: Data, k: int, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    with needed_for("classifier: 'logistic'", "scikit-learn"):
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

    codes, ids = on_host(data.codes), data.factors[:, k]
    scores = np.full((len(test), data.sizes[k]), -np.inf)
    if len(np.unique(ids[train])) > 1:
        scale = StandardScaler().fit(codes[train])
        model = fit_quietly(LogisticRegression(), scale.transform(codes[train]), ids[train])
        scores[:, model.classes_] = model.predict_proba(scale.transform(codes[test]))
    return _fitted_only(one_vs_rest_auc(scores, ids[test]), ids[train])
