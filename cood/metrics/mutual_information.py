"""The mutual information of each code dimension and each factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import Array, is_tensor
from cood.metrics.checks import check, check_count
from cood.metrics.common import extremes

NONE = 1e-12  # nats; what rounding leaves of an information of 0
CLEAR = 3.0  # standard deviations beyond the greatest that so many dimensions reach by chance


@dataclass(frozen=True)
class Information:
    """Mutual information of codes and factors, in nats.

    Attributes
    ----------
    matrix
        I(z_j; v_k) [d, m] between the binned dimension j and the factor k.
    chance
        The same [d, m] for shuffled rows of the factors: the bias of the estimate.
    entropies
        H(v_k) [m].
    n
        Rows.
    note
        Which factors never vary; they have entropy 0.
    bins
        That each dimension was cut into; 0 if it was not.
    sizes
        Number of values [m] of each factor.
    """

    matrix: np.ndarray
    chance: np.ndarray
    entropies: np.ndarray
    n: int
    note: str = ""
    bins: int = 0
    sizes: tuple[int, ...] = ()

    @property
    def varied(self) -> np.ndarray:
        """Columns of factors that vary."""
        return np.flatnonzero(self.entropies > 0)

    @property
    def limits(self) -> np.ndarray:
        """The greatest information [m] that so few bins can hold, relative to the entropy.

        B bins hold log B nats at most: below 1 where a factor has more, NaN where it never varies.
        """
        limits = np.where(self.entropies > 0, 1.0, np.nan)
        if self.bins:
            own = self.varied
            limits[own] = np.minimum(1, np.log(self.bins) / self.entropies[own])
        return limits

    def limited(self, least: float) -> str:
        """Says which factors have more values than there are bins, and what they can reach.

        `least` is the greatest value that the score can then have.
        """
        limits = self.limits
        many = [k for k in self.varied if self.bins and self.sizes[k] > self.bins]
        if not many:
            return ""
        each = ", ".join(f"factor {k} ({self.sizes[k]} values) to {limits[k]:.2f}" for k in many)
        return (
            f"{self.bins} bins are fewer than the values, which limits {each} and the score to "
            f"{least:.2f} at most; take more bins"
        )

    @property
    def unclaimed(self) -> str:
        """Says which factors no dimension is most informative about.

        Information in excess of chance decides: without any dependence, the estimate itself is
        highest for the factor with most values.
        """
        beyond = self.matrix - self.chance
        # 2 n I is chi-squared by chance, so 2 n chance estimates its degrees of freedom.
        deviations = CLEAR + np.sqrt(2 * np.log(len(beyond)))
        error = NONE + deviations * np.sqrt(self.chance / self.n)
        # A dimension that is equally informative about all factors counts for each of them.
        alike = beyond >= beyond.max(axis=1, keepdims=True) - error
        claimed = (alike & (beyond > error)).any(axis=0)
        free = [str(k) for k in self.varied if not claimed[k]]
        text = "no dimension is clearly more informative about factor"
        return f"{text} {', '.join(free)} than about others" if free else ""


def mutual_information(codes: ArrayLike, factors: ArrayLike, *, bins: int = 20) -> Information:
    """Mutual information of every code dimension with every factor, in nats.

    Each dimension is cut into `bins` bins of equal width between its least and its greatest
    value. The plug-in estimate is too high by about (bins - 1)(values - 1) / 2n, for a factor
    with many values often by more than there is: compare metrics made from it with their value
    under shuffled labels (`cood.metrics.nulls`).

    Parameters
    ----------
    codes
        [n, d], finite numbers.
    factors
        [n, m], nominal ids: integers or strings.
    bins
        How many, from 2.

    Raises
    ------
    ValueError
        If the input is empty, not finite, of unequal lengths or of a wrong type.

    Examples
    --------
    >>> import numpy as np
    >>> ids = np.array([0, 0, 1, 1])
    >>> mutual_information(ids[:, None], ids, bins=2).matrix.round(4)
    array([[0.6931]])
    """
    data = check(codes, factors)
    check_count("bins", bins, 2)
    n, m = data.factors.shape
    # n log n by n: the entropy of a table is a sum of looked-up terms.
    whole = np.arange(1, n + 1, dtype=float)
    terms = np.concatenate([[0.0], whole * np.log(whole)])
    entropies = np.array([_entropy(np.bincount(f), terms, n) for f in data.factors.T])
    entropies[np.array(data.sizes) < 2] = 0  # rounding may leave a little
    shuffled = np.random.default_rng(0).permutation(data.factors)
    labels = np.hstack([data.factors, shuffled]).T
    own, *joint = _entropies(data.codes, bins, labels, terms)
    matrix = own[:, None] + np.tile(entropies, 2) - np.transpose(joint)
    matrix[matrix < NONE] = 0.0
    return Information(matrix[:, :m], matrix[:, m:], entropies, n, data.note, bins, data.sizes)


def _entropies(codes: Array, bins: int, labels: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """Entropies [1 + k, d] of each dimension in bins, then of its tables with the labels [k, n].

    A value on an edge belongs to the bin above, the greatest to the last.
    """
    n, d = codes.shape
    low, high = extremes(codes)
    edges = np.full((d, bins - 1), np.inf, dtype=low.dtype)  # a constant has one bin
    for k in np.flatnonzero(low != high):
        edges[k] = np.linspace(low[k], high[k], bins + 1, dtype=low.dtype)[1:-1]
    if is_tensor(codes):
        from cood.metrics import on_device

        return on_device.entropies(codes, edges, labels, terms)
    shifted = [label * bins for label in labels]
    found = np.empty((1 + len(labels), d))
    for j, column in enumerate(np.ascontiguousarray(codes.T)):
        place = np.searchsorted(edges[j], column, side="right")
        found[0, j] = _entropy(np.bincount(place), terms, n)
        found[1:, j] = [_entropy(np.bincount(start + place), terms, n) for start in shifted]
    return found


def _entropy(counts: np.ndarray, terms: np.ndarray, n: int) -> float:
    return float(np.log(n) - terms[counts].sum() / n)
