"""Metrics from the mutual information of each code dimension and each factor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from cood.metrics.common import FEW_FACTORS
from cood.metrics.mutual_information import Information, mutual_information
from cood.metrics.result import Score, noted


def mig(codes: ArrayLike, factors: ArrayLike, *, bins: int = 20) -> Score:
    """Mutual information gap (MIG): whether a single dimension encodes each factor.

    For each factor k the gap between the two dimensions most informative about it, relative to
    its entropy, and the mean over factors:
    ``mean_k (I(z_(1); v_k) - I(z_(2); v_k)) / H(v_k)``.

    1 if one dimension determines each factor and no other is informative about it; 0 if the best
    two dimensions are equally informative, or none is. A factor with more values than `bins` cannot
    reach 1, as they hold log(bins) nats at most; the note says what it can reach. Duplicated
    dimensions give 0. Not invariant under rotation of the codes; invariant under scale, under
    constant columns, and under permutation of rows, columns and ids.

    Parameters
    ----------
    codes, factors, bins
        As in `cood.metrics.mutual_information.mutual_information`; 20 bins as in
        disentanglement_lib.

    Returns
    -------
    Score
        Parts: `gaps` [m] of each factor (NaN where it never varies), `information` [d, m] in
        nats, `entropies` [m].

    Raises
    ------
    ValueError
        As `cood.metrics.mutual_information.mutual_information` does.

    References
    ----------
    Chen, Li, Grosse and Duvenaud (2018), section 4, arXiv:1802.04942.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)])
    >>> round(mig(factors, factors).value, 3)
    1.0
    >>> round(mig(np.hstack([factors, factors]), factors).value, 3)
    0.0
    >>> mig(np.zeros((16, 2)), factors).value
    0.0
    """
    return mig_from(mutual_information(codes, factors, bins=bins))


def mig_from(information: Information) -> Score:
    """`mig`, from the mutual information."""
    ordered = np.sort(information.matrix, axis=0)[::-1]
    second = ordered[1] if len(ordered) > 1 else np.zeros_like(ordered[0])
    with np.errstate(invalid="ignore"):
        gaps = np.where(
            information.entropies > 0, (ordered[0] - second) / information.entropies, np.nan
        )
    if not len(information.varied):
        return noted(np.nan, {"gaps": gaps, **_parts(information)}, information.note)
    limit = information.limited(float(np.nanmean(information.limits)))
    value = float(np.nanmean(gaps))
    return noted(value, {"gaps": gaps, **_parts(information)}, information.note, limit)


def mig_sup(codes: ArrayLike, factors: ArrayLike, *, bins: int = 20) -> Score:
    """Mutual information gap of the codes (MIG-sup): whether a dimension encodes one factor only.

    For each dimension the gap between the two factors that it is most informative about, each
    relative to the factor's entropy, and the mean over dimensions:
    ``mean_j (I(z_j; v_(1)) / H(v_(1)) - I(z_j; v_(2)) / H(v_(2)))``.

    1 if each dimension determines one factor and is not informative about others; 0 if each is
    equally informative about the best two, or about none: such a dimension counts 0. Duplicated
    dimensions leave it as it is. It does not ask whether every factor is encoded; the note names
    those that are not. Invariant as `mig` is, but for constant columns, which lower it.

    Parameters
    ----------
    codes, factors, bins
        As in `cood.metrics.mutual_information.mutual_information`.

    Returns
    -------
    Score
        NaN with fewer than two factors that vary. Parts: `gaps` [d] of each dimension,
        `information` [d, m] in nats, `entropies` [m].

    Raises
    ------
    ValueError
        As `cood.metrics.mutual_information.mutual_information` does.

    References
    ----------
    Li, Murkute, Gyawali and Wang (2020), *Progressive learning and disentanglement of
    hierarchical representations*, section 4, arXiv:2002.10549.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)] * 20)
    >>> round(mig_sup(factors, factors).value, 3)
    1.0
    >>> both = factors[:, :1] * 4 + factors[:, 1:]
    >>> round(mig_sup(both, factors).value, 3)
    0.0
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     mig_sup(np.zeros((320, 2)), factors).value
    0.0
    >>> str(caught[0].message)
    'no dimension is clearly more informative about factor 0, 1 than about others'
    """
    return mig_sup_from(mutual_information(codes, factors, bins=bins))


def mig_sup_from(information: Information) -> Score:
    """`mig_sup`, from the mutual information."""
    if len(information.varied) < 2:
        return noted(np.nan, _parts(information), information.note, FEW_FACTORS)
    relative = np.sort(
        information.matrix[:, information.varied] / information.entropies[information.varied],
        axis=1,
    )
    gaps = relative[:, -1] - relative[:, -2]
    return noted(
        gaps.mean(),
        {"gaps": gaps, **_parts(information)},
        information.note,
        information.limited(float(np.nanmax(information.limits))),
        information.unclaimed,
    )


def dcimig(codes: ArrayLike, factors: ArrayLike, *, bins: int = 20) -> Score:
    """DCIMIG: whether each factor has a dimension that encodes it and no other factor.

    For each dimension the gap between the two factors that it is most informative about, in nats,
    is credited to the first of them; the score is the sum over factors of the best credit, relative
    to the sum of their entropies: ``sum_k max_j g_jk / sum_k H(v_k)``.

    1 if every factor has a dimension that determines it and encodes nothing else; 0 if each
    dimension is equally informative about the best two factors, or about none. Duplicated
    dimensions leave it as it is. A code that holds one of two factors gets that factor's share of
    the entropy, not 1; the note names a factor that no dimension is clearly most informative about.
    Invariant as `mig` is.

    Parameters
    ----------
    codes, factors, bins
        As in `cood.metrics.mutual_information.mutual_information`; Sepliarskaia et al.'s survey
        code takes 10 bins.

    Returns
    -------
    Score
        Parts: `credit` [m], `information` [d, m] in nats, `entropies` [m].

    Raises
    ------
    ValueError
        As `cood.metrics.mutual_information.mutual_information` does.

    References
    ----------
    Sepliarskaia, Kiseleva and de Rijke (2019), *How to not measure disentanglement*, section 4,
    arXiv:1910.05587.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)] * 20)
    >>> round(dcimig(factors, factors).value, 3)
    1.0
    >>> import warnings
    >>> warnings.simplefilter("ignore")
    >>> round(dcimig(factors[:, :1], factors).value, 3)
    0.5
    >>> dcimig(np.zeros((320, 2)), factors).value
    0.0
    """
    return dcimig_from(mutual_information(codes, factors, bins=bins))


def dcimig_from(information: Information) -> Score:
    """`dcimig`, from the mutual information."""
    if not len(information.varied):
        return noted(np.nan, _parts(information), information.note)
    best = information.matrix.argmax(axis=1)
    ordered = np.sort(information.matrix, axis=1)
    second = ordered[:, -2] if ordered.shape[1] > 1 else 0.0
    gaps = ordered[:, -1] - second
    credit = np.zeros(information.matrix.shape[1])
    np.maximum.at(credit, best, gaps)
    total = information.entropies.sum()
    most = np.nansum(information.limits * information.entropies) / total
    return noted(
        credit.sum() / total,
        {"credit": credit, **_parts(information)},
        information.note,
        information.limited(float(most)),
        information.unclaimed,
    )


def modularity(codes: ArrayLike, factors: ArrayLike, *, bins: int = 20) -> Score:
    """Modularity: whether each dimension encodes at most one factor.

    For each dimension, how far its squared informations about all factors but the best are below
    that about the best, and the mean over dimensions:
    ``mean_j (1 - sum_{k != k*} I_jk^2 / (I_jk*^2 (m - 1)))``.

    1 if each dimension encodes one factor; 0 if each is equally informative about all, or about
    none. Duplicated dimensions leave it as it is. It does not ask whether every factor is
    encoded: a code that holds
    one factor only gets 1, and the note says so. Invariant as `mig` is, but for constant
    columns, which lower it.

    Parameters
    ----------
    codes, factors, bins
        As in `cood.metrics.mutual_information.mutual_information`.

    Returns
    -------
    Score
        NaN with fewer than two factors that vary. Parts: `dimensions` [d], `information` [d, m]
        in nats, `entropies` [m].

    Raises
    ------
    ValueError
        As `cood.metrics.mutual_information.mutual_information` does.

    References
    ----------
    Ridgeway and Mozer (2018), section 3, arXiv:1802.05312.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)] * 20)
    >>> round(modularity(factors, factors).value, 3)
    1.0
    >>> both = factors[:, :1] * 4 + factors[:, 1:]
    >>> round(modularity(both, factors).value, 3)
    0.0
    >>> import warnings
    >>> warnings.simplefilter("ignore")
    >>> modularity(np.zeros((320, 2)), factors).value
    0.0
    """
    return modularity_from(mutual_information(codes, factors, bins=bins))


def modularity_from(information: Information) -> Score:
    """`modularity`, from the mutual information."""
    varied = information.varied
    if len(varied) < 2:
        return noted(np.nan, _parts(information), information.note, FEW_FACTORS)
    squared = information.matrix[:, varied] ** 2
    best = squared.max(axis=1)
    rest = squared.sum(axis=1) - best
    informed = best > 0
    each = np.zeros(len(best))
    each[informed] = 1 - rest[informed] / (best[informed] * (len(varied) - 1))
    return noted(
        each.mean(),
        {"dimensions": each, **_parts(information)},
        information.note,
        information.unclaimed,
    )


def _parts(information: Information) -> dict[str, np.ndarray]:
    return {"information": information.matrix, "entropies": information.entropies}
