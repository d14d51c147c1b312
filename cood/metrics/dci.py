"""DCI: disentanglement, completeness and informativeness."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cood.metrics import importance
from cood.metrics.checks import Data, check, check_choice, generator
from cood.metrics.discriminant import StandardisedRows, fit_discriminant, split_rows, standardise
from cood.metrics.prediction import ONE_ROW
from cood.metrics.result import Score, noted

TREES = ("gradient boosting", "xgboost")
SIGNIFICANT = 2  # standard errors above the majority class
MODELS = ("boosted lines", "ridge", *TREES)


def dci(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    model: str = "boosted lines",
    test: ArrayLike | None = None,
    rng: np.random.Generator | int | None = None,
) -> Score:
    """DCI: whether each dimension encodes one factor, and each factor is encoded in one dimension.

    What it measures depends on `model`. **The default, boosted lines, is a measure of its own and
    no stand-in for trees**: its scale differs, above all on codes that are mostly noise, where it
    stays near its value under shuffled labels and trees go to 0. Read it together with that value
    (`cood.metrics.nulls`), and compare it only with values of the same model, width and number of
    values and rows. ``benchmarks/dci.py`` shows where it agrees with trees, and where not.

    R_jk is how important dimension j is for predicting factor k, each column scaled to sum 1.
    **Disentanglement**, the value, is the mean over dimensions, weighted by their importance, of
    one minus the entropy (base m) of the dimension's importance over factors:
    ``D = sum_j rho_j (1 - H_m(R_j. / sum_k R_jk))``. **Completeness** is the mean over factors of
    one minus the entropy (base d) of the factor's importance over dimensions:
    ``C = mean_k (1 - H_d(R_.k))``. **Informativeness** is the held-out accuracy of predicting a
    factor from the whole code, averaged over factors.

    Each is 1 at best. D is 0 if every dimension matters alike for all factors, C is 0 if every
    dimension matters alike for a factor; both are 0 for constant codes. Only informativeness
    asks whether a factor is encoded: a code that encodes one factor only may reach D = 1, and the
    note names factors that are not predicted significantly better than by the majority class (two
    standard errors); where factors correlate, one may be predicted from the other. Duplicated
    dimensions leave D as it is; C is lower with ``ridge``, which shares the importance among
    them, while boosting takes one of them. Not invariant under rotation; invariant under scale,
    shift and permutation of dimensions (with trees: but for ties between dimensions).

    Parameters
    ----------
    codes
        [n, d], finite numbers.
    factors
        [n, m], nominal ids.
    model
        What gives the importances, and is named in the result. ``boosted lines``: squared error
        removed by componentwise boosting of each value against the rest; linear, sparse, fit for
        thousands of values and dimensions, and not in agreement with trees. ``ridge``: mean
        absolute weight in ridge regression of each value against the rest; linear and dense. Both
        with the accuracy of linear discriminant analysis. ``gradient boosting``: impurity and
        accuracy of `sklearn.ensemble.GradientBoostingClassifier`, as in disentanglement_lib; hours
        on wide codes. ``xgboost``: gain and accuracy of `xgboost.XGBClassifier` with its defaults,
        as in disent; minutes on wide codes.
    test
        Indices of the rows that are held out; by default a fifth of them, drawn by `rng`.
    rng
        Generator or seed of the split.

    Returns
    -------
    Score
        Parts: `disentanglement`, `completeness`, `informativeness`; `factor_completeness` and
        `factor_informativeness` [m] (NaN for a factor that never varies), `baseline` [m] (the
        accuracy of the majority class), `importance` [d, m], `model`.

    Raises
    ------
    ValueError
        If the input is empty, not finite, of unequal lengths or of a wrong type.
    ImportError
        If XGBoost is asked for and not installed.

    References
    ----------
    Eastwood and Williams (2018), section 2, https://openreview.net/forum?id=By-7dz-AZ.

    Examples
    --------
    >>> import numpy as np, warnings
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)] * 20)
    >>> perfect = dci(factors, factors).parts
    >>> [round(perfect[k], 2) for k in ("disentanglement", "completeness", "informativeness")]
    [1.0, 1.0, 1.0]
    >>> warnings.simplefilter("ignore")
    >>> useless = np.random.default_rng(0).standard_normal((320, 8))
    >>> dci(useless, factors).parts["informativeness"] < 0.4
    True
    >>> dci(np.zeros((320, 2)), factors).value
    0.0
    """
    check_choice("model", model, MODELS)
    data = check(codes, factors)
    if len(data.codes) < 2:
        return noted(np.nan, {"model": model}, data.note, ONE_ROW)
    train, test_rows = split_rows(len(data.codes), test, generator(rng))
    if model not in TREES:
        return dci_from(data, standardise(data.codes, train), test_rows, model)
    columns = [
        importance.boosted_trees(model, data.codes, data.factors[:, k], train, test_rows)
        for k in data.varied
    ]
    return _score(data, columns, test_rows, model)


def dci_from(data: Data, standardised: StandardisedRows, test: np.ndarray, model: str) -> Score:
    """`dci` with a linear model, from the moments of the rows to fit on."""
    importances = importance.ridge if model == "ridge" else importance.boosted
    columns = []
    for k in data.varied:
        ids, size = data.factors[:, k], data.sizes[k]
        predictor = fit_discriminant(data.codes, ids, size, standardised)
        accuracy = predictor.accuracy(data.codes, ids, test)
        columns.append((importances(data.codes, ids, size, standardised), accuracy))
    return _score(data, columns, test, model)


def _score(
    data: Data, columns: list[tuple[np.ndarray, float]], test: np.ndarray, model: str
) -> Score:
    d, m = data.codes.shape[1], len(data.sizes)
    matrix = np.zeros((d, m))
    accuracy, complete, baseline = (np.full(m, np.nan) for _ in range(3))
    weak = []
    for k, (weights, right) in zip(data.varied, columns, strict=True):
        total = weights.sum()
        matrix[:, k] = weights / total if total > 0 else 0
        complete[k] = _concentration(matrix[:, k])
        accuracy[k] = right
        baseline[k] = np.bincount(data.factors[test, k]).max() / len(test)
        # Guessing exceeds the share of the majority class now and then.
        if right <= baseline[k] + SIGNIFICANT * np.sqrt(
            baseline[k] * (1 - baseline[k]) / len(test)
        ):
            weak.append(str(k))
    rows = matrix[:, data.varied]
    weight = rows.sum(axis=1)
    shares = rows / np.where(weight > 0, weight, 1)[:, None]
    unmixed = np.array([_concentration(share) for share in shares])
    total = weight.sum()
    parts: dict[str, Any] = {
        "disentanglement": float(unmixed @ weight / total) if total else 0.0,
        "completeness": float(np.nanmean(complete)) if data.varied else np.nan,
        "informativeness": float(np.nanmean(accuracy)) if data.varied else np.nan,
        "factor_completeness": complete,
        "factor_informativeness": accuracy,
        "baseline": baseline,
        "importance": matrix,
        "model": model,
    }
    if not data.varied:
        parts["disentanglement"] = np.nan
    note = (
        f"factor {', '.join(weak)} is not predicted significantly better than by the majority class"
    )
    single = (
        "disentanglement is not informative about a single factor" if len(data.varied) == 1 else ""
    )
    return noted(parts["disentanglement"], parts, data.note, single, note if weak else "")


def _concentration(shares: np.ndarray) -> float:
    """One minus the entropy of shares, relative to its maximum; 1 for a single share."""
    from scipy.special import entr

    if not shares.sum():
        return 0.0
    if len(shares) == 1:
        return 1.0
    return float(1 - entr(shares).sum() / np.log(len(shares)))
