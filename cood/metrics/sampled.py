"""Metrics from differences and variances of rows that share a factor: Z-diff, Z-min variance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import Array, is_tensor
from cood.metrics.checks import Data, check, check_choice, check_count, generator
from cood.metrics.common import FEW_FACTORS, moving
from cood.metrics.coverage import Coverage, confusion, coverage
from cood.metrics.pairs import (
    batch_variances,
    draw_batches,
    draw_pairs,
    mean_differences,
)
from cood.metrics.result import Score, noted

TIE, NONE = 1e-6, 1e-10  # of the least variance, and of the variance over all rows
BATCH = 64  # pairs, or rows, in a point: as in disentanglement_lib
Z_DIFF_POINTS = (2000, 1000)  # to fit and to score on; five times as many change it by at most 0.02


def z_diff(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    batch: int = BATCH,
    train: int = Z_DIFF_POINTS[0],
    test: int = Z_DIFF_POINTS[1],
    differ: bool = True,
    classifier: str = "discriminant",
    rng: np.random.Generator | int | None = None,
) -> Score:
    """Z-diff: whether the differences of codes show which factor a set of pairs agrees in.

    Draw a factor k and `batch` pairs of rows that agree in it; their mean absolute difference,
    ``p = mean |z_a - z_b|`` [d], is one point. The score is the held-out accuracy of a linear
    classifier that predicts k from p.

    1 if it always can, 1/m (chance; `parts["chance"]`) for codes that hold nothing or all factors
    alike. **With few factors it is lenient**: a code that holds all factors but one gets 1 too, as
    the remaining one is recognised by its large differences. So `parts["strict"]` is the accuracy
    with a further class of points, pairs that agree in nothing, which such a code cannot
    distinguish from the factor that it lacks; `parts["coverage"]` gives, for each factor, the AUC
    of distinguishing pairs that agree in it from pairs that agree in nothing and have the same
    values of the other factors, and the note names the factors that are not encoded. Invariant
    under scale and shift of each dimension (with ``logistic``: shift only) and constant columns;
    not under rotation.

    Parameters
    ----------
    codes
        [n, d], finite numbers.
    factors
        [n, m], nominal ids, at least two that vary.
    batch
        Pairs in a point.
    train, test
        Points to fit and to score on, over all factors.
    differ
        Pairs agree in the one factor and in no other. Without it, as published, the other
        factors are left to chance; with rows at hand and few combinations, pairs then often
        agree in all, or are the same row, which distinguishes rows and not factors.
    classifier
        ``discriminant``: linear discriminant analysis. ``logistic``: logistic regression of
        scikit-learn on points as they are, as in disentanglement_lib, which takes 10,000 points
        to fit and 5,000 to score, with `differ` off.
    rng
        Generator or seed.

    Returns
    -------
    Score
        NaN with fewer than two factors that vary, or if there are no such pairs. Parts: `chance`,
        `scaled` (the value, with chance at 0, as the survey code of Zaidi et al. gives it),
        `strict`, `coverage` [m], `confusion` [m, m] (counts of test points, by factor and answer).

    Raises
    ------
    ValueError
        If the input is empty, not finite, of unequal lengths or of a wrong type.

    References
    ----------
    Higgins et al. (2017), *beta-VAE*, section 3, https://openreview.net/forum?id=Sy2fzU9gl.

    Examples
    --------
    >>> import numpy as np, warnings
    >>> factors = np.array([[a, o] for a in range(6) for o in range(6)])
    >>> z_diff(factors, factors, train=400, test=200).value
    1.0
    >>> warnings.simplefilter("ignore")
    >>> noise = np.random.default_rng(0).standard_normal((36, 2))
    >>> z_diff(noise, factors, train=400, test=200).parts["strict"] < 0.7
    True
    >>> one = z_diff(factors[:, :1], factors, train=400, test=200)
    >>> one.value, one.note
    (1.0, 'the codes do not encode factor 1; a high score is no sign of disentanglement')
    >>> z_diff(np.zeros((36, 2)), factors, train=400, test=200).value
    0.5
    """
    check_choice("classifier", classifier, ("discriminant", "logistic"))
    for name, value in (("batch", batch), ("train", train), ("test", test)):
        check_count(name, value)
    data, random = check(codes, factors), generator(rng)
    covered = coverage(data, rng=random.spawn(1)[0])
    return z_diff_from(data, covered, batch, (train, test), differ, classifier, random)


def z_diff_from(
    data: Data,
    covered: Coverage,
    batch: int,
    sizes: tuple[int, int],
    differ: bool,
    classifier: str,
    rng: np.random.Generator,
) -> Score:
    """`z_diff`, with the coverage of the factors at hand; `sizes` are points to fit and score."""
    kinds: list[int | None] = [*data.varied, None]
    nothing = {"coverage": covered.areas}
    if len(data.varied) < 2:
        return noted(np.nan, nothing, data.note, FEW_FACTORS)
    each = [-(-count // len(data.varied)) for count in sizes]
    points = []
    for kind in kinds:
        pairs = draw_pairs(data.factors, kind, sum(each) * batch, differ, rng)
        if pairs is None:
            what = "nothing" if kind is None else f"factor {kind} only"
            return noted(np.nan, nothing, data.note, f"hardly any pair of rows agrees in {what}")
        points.append(mean_differences(data.codes, *pairs, batch))
    answers = confusion(points[:-1], each[0], classifier)
    strict = confusion(points, each[0], "discriminant")
    value, chance = np.trace(answers) / answers.sum(), 1 / len(data.varied)
    parts = {
        "chance": chance,
        "scaled": float((value - chance) / (1 - chance)),
        "strict": float(np.trace(strict) / strict.sum()),
        "coverage": covered.areas,
        "confusion": answers,
    }
    return noted(value, parts, data.note, covered.note)


def z_min_variance(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    batch: int = BATCH,
    train: int = 10_000,
    test: int = 5_000,
    differ: bool = True,
    replace: bool = True,
    threshold: float = 0.0,
    rng: np.random.Generator | int | None = None,
) -> Score:
    """Z-min variance (FactorVAE score): whether fixing a factor stills a dimension of its own.

    Draw a factor k and `batch` rows that share a value of it; the dimension with the least
    variance over them, relative to its variance over all rows, votes for k. The score is the
    share of further votes that fall to the factor with the most votes of that dimension.

    1 if each dimension wins for one factor only; 1/m (chance; `parts["chance"]`) if the winner
    does not depend on the factor, as for codes that hold nothing. **With few factors it is
    lenient**, as `z_diff` is; `parts["coverage"]` and the note are as there.
    Invariant under scale and shift of each dimension and constant columns; not under rotation.

    Parameters
    ----------
    codes
        [n, d], finite numbers.
    factors
        [n, m], nominal ids, at least two that vary.
    batch
        Rows in a batch, at least 2.
    train, test
        Batches to find the majority and to score on, over all factors.
    differ
        Rows of a batch differ in the other factors as far as there are combinations enough, and
        votes are counted on one half of the rows and scored on the other: else the majority
        would know rows by their noise. Without it, as published, the other factors are left to
        chance and all rows serve for both.
    replace
        Without `differ`: whether the rows of a batch are drawn with replacement, as in
        disentanglement_lib, or none again before all are drawn, as in the survey code of
        Zaidi et al.
    threshold
        Dimensions whose standard deviation over all rows is not above it are left out. As
        published that is 0.05, which leaves nothing of unit vectors in many dimensions.
    rng
        Generator or seed.

    Returns
    -------
    Score
        NaN with fewer than two factors that vary, or if no value of a factor has two rows. Parts:
        `chance`, `scaled` (as in `z_diff`), `coverage` [m], `votes` [d, m].

    Raises
    ------
    ValueError
        If the input is empty, not finite, of unequal lengths or of a wrong type.

    References
    ----------
    Kim and Mnih (2018), section 4, arXiv:1802.05983.

    Examples
    --------
    >>> import numpy as np, warnings
    >>> factors = np.array([[a, o] for a in range(6) for o in range(6)])
    >>> z_min_variance(factors, factors, train=200, test=200).value
    1.0
    >>> warnings.simplefilter("ignore")
    >>> noise = np.random.default_rng(0).standard_normal((36, 2))
    >>> z_min_variance(noise, factors, train=200, test=200).value < 0.9
    True
    >>> z_min_variance(np.zeros((36, 2)), factors).value
    0.0
    """
    check_count("batch", batch, 2)
    for name, value in (("train", train), ("test", test)):
        check_count(name, value)
    if not (isinstance(threshold, (int, float)) and 0 <= threshold < np.inf):
        raise ValueError(f"threshold: expected a number from 0, got {threshold!r}")
    data, random = check(codes, factors), generator(rng)
    covered = coverage(data, rng=random.spawn(1)[0])
    sampling = "balanced" if differ else f"with{'' if replace else 'out'} replacement"
    return z_min_variance_from(data, covered, batch, (train, test), sampling, threshold, random)


def z_min_variance_from(
    data: Data,
    covered: Coverage,
    batch: int,
    sizes: tuple[int, int],
    sampling: str,
    threshold: float,
    rng: np.random.Generator,
) -> Score:
    """`z_min_variance`, with the coverage of the factors at hand; `sizes` as in `z_diff_from`.

    `sampling` is as in `draw_batches`.
    """
    d, m = data.codes.shape[1], len(data.sizes)
    votes = np.zeros((d, m), dtype=np.int64)
    parts: dict[str, Any] = {"coverage": covered.areas, "votes": votes}
    if len(data.varied) < 2:
        return noted(np.nan, parts, data.note, FEW_FACTORS)
    chance = parts["chance"] = 1 / len(data.varied)
    overall = _deviation(data.codes)
    kept = np.flatnonzero(moving(data.codes) & (overall > threshold))
    if not len(kept):
        return noted(0.0, parts, data.note, "no dimension varies enough")
    z = _scaled(data.codes, kept, overall[kept])
    every = np.arange(len(z))
    halves = np.array_split(rng.permutation(every), 2) if sampling == "balanced" else (every, every)
    fresh = np.zeros_like(votes)
    for rows, table, points in zip(halves, (votes, fresh), sizes, strict=True):
        for k in data.varied:
            each = -(-points // len(data.varied))
            drawn = draw_batches(data.factors[rows], k, each, batch, sampling, rng)
            if drawn is None:
                few = f"no value of factor {k} has two rows to vote and two to score"
                return noted(np.nan, parts, data.note, few)
            winners = kept[_first_least(batch_variances(z, rows[drawn]))]
            np.add.at(table[:, k], winners, 1)
    value = fresh[np.arange(d), votes.argmax(axis=1)].sum() / fresh.sum()
    parts["scaled"] = float((value - chance) / (1 - chance))
    return noted(value, parts, data.note, covered.note)


def _first_least(variances: Array) -> np.ndarray:
    """The first dimension [points] of those of least variance, as rounding must not decide."""
    if is_tensor(variances):
        from cood.metrics import on_device

        return on_device.first_least(variances, TIE, NONE)
    least = variances.min(axis=1, keepdims=True)
    return (variances <= (1 + TIE) * least + NONE).argmax(axis=1)


def _deviation(codes: Array) -> np.ndarray:
    """Standard deviation [d] of each dimension."""
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.deviation(codes)
    return codes.std(axis=0, dtype=np.float64)


def _scaled(codes: Array, kept: np.ndarray, by: np.ndarray) -> Array:
    """Some columns [n, k], each divided by a number."""
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.columns_divided(codes, kept, by)
    # Columns that are picked lie in memory one by one; whole rows of them are taken later.
    return np.ascontiguousarray(codes[:, kept] / by, codes.dtype)
