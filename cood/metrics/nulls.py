"""Values of metrics under nulls: shuffled labels, random rotations; and projections of codes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import Array, is_tensor, precision_of
from cood.metrics.checks import (
    check,
    check_choice,
    check_codes,
    check_count,
    generator,
)
from cood.metrics.common import extremes
from cood.metrics.result import MetricWarning, Score

SHUFFLED, ROTATED = "shuffled", "rotated"
NULLS = (SHUFFLED, ROTATED)
PCA = "pca"
Metric = Callable[..., Score]


@dataclass(frozen=True)
class Compared:
    """A score and its values under a null.

    Attributes
    ----------
    score
        On the original input.
    null
        Values [repeats] under the null.
    """

    score: Score
    null: np.ndarray

    @property
    def excess(self) -> float:
        """How far the score lies above the mean of the null."""
        return self.score.value - float(self.null.mean())


def shuffle_factors(factors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shuffle the rows of factors [n, m], so that the codes hold nothing of them.

    Rows stay whole, so the joint distribution of the factors does not change.
    """
    return factors[rng.permutation(len(factors))]


def apply_null(
    null: str, codes: Array, factors: np.ndarray, rng: np.random.Generator
) -> tuple[Array, np.ndarray]:
    """Codes and factors under one of `NULLS`."""
    if null == SHUFFLED:
        return codes, shuffle_factors(factors, rng)
    return rotate_codes(codes, rng), factors


def rotate_codes(codes: Array, rng: np.random.Generator) -> Array:
    """Rotate codes [n, d] at random: distances do not change, axes lose their meaning."""
    rotation = random_rotation(codes.shape[1], rng)
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.product(codes, np.zeros(codes.shape[1]), rotation)
    return (codes @ rotation).astype(codes.dtype)


def random_rotation(width: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a rotation [width, width], uniform over all of them."""
    from scipy import linalg

    q, r = linalg.qr(rng.standard_normal((width, width)))
    # Signs from the diagonal make it uniform: Mezzadri (2007), arXiv:math-ph/0609050.
    return np.asarray(q * np.sign(np.diag(r)))


def project_pca(codes: Array, dimensions: int) -> Array:
    """Project codes [n, d] on their first principal components, [n, dimensions].

    Models of different width become comparable. Each component's sign is set so that its
    largest weight is positive. With fewer than `dimensions` columns, all are kept; components
    without variance are 0.
    """
    # What rounding leaves of a sum of squares is no variation.
    largest = np.max(np.abs(extremes(codes)))
    rounding = len(codes) * (np.finfo(precision_of(codes)).eps * largest) ** 2
    if is_tensor(codes):
        from cood.metrics import on_device

        mean = on_device.mean(codes)
        components = _components(on_device.scatter(codes, mean), dimensions, rounding)
        return on_device.product(codes, mean, components)
    centred = codes - codes[0].astype(np.float64)  # equal values leave exactly 0
    centred -= centred.mean(axis=0)
    components = _components(centred.T @ centred, dimensions, rounding)
    return (centred @ components).astype(codes.dtype)


def _components(products: np.ndarray, dimensions: int, rounding: float) -> np.ndarray:
    """Principal components [d, k] from sums of squares and products [d, d] about the mean."""
    from scipy import linalg

    squares, vectors = linalg.eigh(products)
    squares, vectors = squares[::-1][:dimensions], vectors[:, ::-1][:, :dimensions]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    # Most metrics do not depend on scale, so that of rounding would count like any other.
    of_product = len(products) * np.finfo(products.dtype).eps * squares[0]
    vectors[:, squares <= max(rounding, of_product)] = 0
    return vectors


def project_random(codes: Array, dimensions: int, rng: np.random.Generator) -> Array:
    """Project codes [n, d] on `dimensions` random directions at right angles, [n, dimensions].

    Distances are roughly kept, up to scale, and no direction is preferred. With fewer than
    `dimensions` columns, all are kept, rotated at random.
    """
    return rotate_codes(codes, rng)[:, :dimensions]


def with_null(
    metric: Metric,
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    null: str = SHUFFLED,
    repeats: int = 5,
    dimensions: int = 64,
    rng: np.random.Generator | int | None = None,
    **options: object,
) -> Compared:
    """Score codes with any metric, and again under a null.

    Parameters
    ----------
    metric
        Called as ``metric(codes, factors, **options)``.
    codes, factors
        [n, d] and [n, m], as the metric takes them.
    null
        ``shuffled``: shuffled rows of labels; the value is bias. ``rotated``: a random rotation;
        the loss is what depends on the axes. ``pca``: PCA to `dimensions`, which is the
        same each time.
    repeats
        Draws of the null.
    dimensions
        For ``pca``.
    rng
        Generator or seed of the null; a metric that draws takes its own `rng` among `options`.

    Returns
    -------
    Compared
        The score and its values under the null.

    Raises
    ------
    ValueError
        If `null` is unknown, or as the metric does.

    Examples
    --------
    >>> import numpy as np
    >>> from cood.metrics.information import mig
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)] * 20)
    >>> compared = with_null(mig, factors, factors)
    >>> round(compared.score.value, 3), bool(abs(compared.null).max() < 0.05)
    (1.0, True)
    >>> noise = np.random.default_rng(0).standard_normal((320, 2))
    >>> abs(with_null(mig, noise, factors).excess) < 0.05
    True
    >>> float(with_null(mig, np.zeros((320, 2)), factors).excess)
    0.0
    """
    check_choice("null", null, (*NULLS, PCA))
    check_count("repeats", repeats)
    check_count("dimensions", dimensions)
    score = metric(codes, factors, **options)
    z, random = check_codes(codes), generator(rng)
    ids = check(codes, factors).factors
    if null == PCA:
        inputs = [(project_pca(z, dimensions), ids)]
    else:
        inputs = [apply_null(null, z, ids, random) for _ in range(repeats)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)  # a null is meant to hold nothing
        values = [metric(*changed, **options).value for changed in inputs]
    return Compared(score, np.array(values))
