"""All metrics at once, as one long table; what they share is computed once."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cood.metrics import METRICS, information
from cood.metrics import nulls as null
from cood.metrics.checks import Data, check, check_count
from cood.metrics.coverage import Coverage, coverage
from cood.metrics.dci import dci_from
from cood.metrics.discriminant import StandardisedRows, split_rows, standardise
from cood.metrics.irs import irs_from
from cood.metrics.jackknife import deal, half_width
from cood.metrics.prediction import areas_of, explicitness_from, sap
from cood.metrics.result import MetricWarning, Score
from cood.metrics.sampled import z_diff_from, z_min_variance_from

COLUMNS = ("metric", "variant", "value", "low", "high", "chance", "n", "seconds", "note")
WHOLE = "all"  # variant of the score over all factors
# A metric, its score, and its value for each factor where it has one.
Row = tuple[str, float, str, np.ndarray | None]


@dataclass(frozen=True)
class _Shared:
    """Checked input, and what several metrics need of it."""

    data: Data
    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """The same for each metric, so that asking for others changes none."""
        return np.random.default_rng(self.seed)

    @cached_property
    def information(self) -> information.Information:
        return information.mutual_information(self.data.codes, self.data.factors)

    @cached_property
    def coverage(self) -> Coverage:
        return coverage(self.data, rng=self.rng.spawn(1)[0])

    @cached_property
    def rows(self) -> tuple[np.ndarray, np.ndarray]:
        return split_rows(len(self.data.codes), None, self.rng)

    @cached_property
    def standardised(self) -> StandardisedRows:
        return standardise(self.data.codes, self.rows[0])


def _z_diff(shared: _Shared) -> Iterator[Row]:
    data, told, sizes = shared.data, shared.coverage, (2000, 1000)
    found, single = (
        z_diff_from(data, told, batch, sizes, True, "discriminant", shared.rng) for batch in (64, 1)
    )
    yield "z_diff", found.value, found.note, None
    yield "z_diff_strict", found.parts.get("strict", np.nan), found.note, None
    yield "z_diff_single", single.value, single.note, None
    yield "coverage", _mean(told.areas), told.note, told.areas


def _z_min_variance(shared: _Shared) -> Iterator[Row]:
    # Fewer batches than by default: it is taken again for each null and fold.
    sizes = (4000, 2000)
    found = z_min_variance_from(
        shared.data, shared.coverage, 64, sizes, drawn="apart", threshold=0.0, rng=shared.rng
    )
    yield "z_min_variance", found.value, found.note, None


def _dci(shared: _Shared) -> Iterator[Row]:
    found = dci_from(shared.data, shared.standardised, shared.rows[1], "boosted lines")
    parts = found.parts
    yield "dci_disentanglement", parts["disentanglement"], found.note, None
    for name in ("completeness", "informativeness"):
        yield f"dci_{name}", parts[name], found.note, parts[f"factor_{name}"]


def _information(name: str, make: Callable[..., Score], each: str | None) -> Measure:
    def metric(shared: _Shared) -> Iterator[Row]:
        found = make(shared.information)
        yield name, found.value, found.note, found.parts.get(each) if each else None

    return metric


def _sap(shared: _Shared) -> Iterator[Row]:
    rows = shared.rows[1]
    found = sap(shared.data.codes, shared.data.factors, test=rows)
    yield "sap", found.value, found.note, found.parts["gaps"]


def _explicitness(shared: _Shared) -> Iterator[Row]:
    areas = list(areas_of(shared.data, shared.standardised, shared.rows[1]))
    found = explicitness_from(shared.data, areas, "discriminant")
    yield "explicitness", found.value, found.note, found.parts["factors"]


def _irs(shared: _Shared) -> Iterator[Row]:
    found = irs_from(shared.data, shared.information.unclaimed)
    yield "irs", found.value, found.note, None


Measure = Callable[[_Shared], Iterator[Row]]
_MAKERS: dict[str, Measure] = {
    "z_diff": _z_diff,
    "z_min_variance": _z_min_variance,
    "dci": _dci,
    "mig": _information("mig", information.mig_from, "gaps"),
    "mig_sup": _information("mig_sup", information.mig_sup_from, None),
    "dcimig": _information("dcimig", information.dcimig_from, None),
    "modularity": _information("modularity", information.modularity_from, None),
    "sap": _sap,
    "explicitness": _explicitness,
    "irs": _irs,
}


def evaluate(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    metrics: Sequence[str] = tuple(METRICS),
    names: Sequence[str] | None = None,
    nulls: Sequence[str] = ("shuffled",),
    repeats: int = 3,
    dimensions: int = 64,
    folds: int = 0,
    groups: ArrayLike | None = None,
    rng: int = 0,
) -> pd.DataFrame:
    """Score codes with many metrics, each beside its nulls, as one long table.

    Metrics have their default settings, but for fewer batches of Z-min variance. What several
    need (the mutual information, the split, the Gram matrix) is computed once.

    Parameters
    ----------
    codes
        [n, d], finite numbers, at least two rows.
    factors
        [n, m], nominal ids: integers or strings.
    metrics
        Names among `METRICS`; all by default. ``dci`` gives three metrics, ``z_diff`` also its
        strict form, ``z_diff_single`` with one pair a point, which is harder, and ``coverage``,
        which says how well each factor is held at all.
    names
        Of the m factors, for the table; their numbers by default.
    nulls
        ``shuffled`` fills the column `chance`; ``rotated`` and ``reduced`` (PCA to `dimensions`)
        add rows of their own.
    repeats
        Shuffles, and rotations, whose scores are averaged.
    folds
        For an interval: the rows are dealt into so many parts, and all is scored without each in
        turn (delete-a-group jackknife, `cood.metrics.jackknife`; 95 %). 0 for none; else from 2.
    groups
        Ids [n]; rows of one group stay together. Each row is its own by default.
    rng
        Seed.

    Returns
    -------
    DataFrame
        `metric`, `variant` (``all``, the name of a factor, ``rotated`` or ``PCA 64``), `value`,
        `low`, `high` (the interval; under ``rotated`` one standard deviation over rotations
        either way), `chance` (value under shuffled labels), `n` rows, `seconds`, `note`.

    Raises
    ------
    ValueError
        If the input is empty, not finite, of unequal lengths or of a wrong type, or a name is
        not known.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)] * 20)
    >>> table = evaluate(factors, factors, metrics=["mig", "dci"], names=["attribute", "object"])
    >>> table[table["variant"] == "all"].set_index("metric")["value"].round(2).to_dict()
    {'mig': 1.0, 'dci_disentanglement': 1.0, 'dci_completeness': 1.0, 'dci_informativeness': 1.0}
    >>> constant = evaluate(np.zeros((320, 2)), factors, metrics=["mig", "sap"])
    >>> float(constant["value"].abs().max())
    0.0
    """
    for kind, given, known in (("metrics", metrics, METRICS), ("nulls", nulls, null.NULLS)):
        for name in given:
            if name not in known:
                raise ValueError(f"{kind}: no {name!r}; there are {', '.join(known)}")
    check_count("repeats", repeats)
    check_count("dimensions", dimensions)
    check_count("rng", rng, 0)
    data = check(codes, factors)
    n = len(data.codes)
    if n < 2:
        raise ValueError(f"codes: at least two rows are needed, got {n}")
    labels = [str(name) for name in (range(len(data.sizes)) if names is None else names)]
    if len(labels) != len(data.sizes):
        raise ValueError(f"names: {len(labels)} names for {len(data.sizes)} factors")
    if len(set(labels)) < len(labels) or WHOLE in labels:
        raise ValueError(f"names: each must differ, and none be {WHOLE!r}, got {labels}")
    table = _table(_Shared(data, rng), metrics, labels)
    table = table.assign(low=np.nan, high=np.nan, chance=np.nan)
    if folds:
        check_count("folds", folds, 2)
        half = _half_width(data, groups, folds, rng, metrics, labels)
        # No metric goes beyond these.
        table["low"] = (table["value"] - half).clip(lower=-1)
        table["high"] = (table["value"] + half).clip(upper=1)
    random = np.random.default_rng((rng, 1))
    extra = []
    for kind in dict.fromkeys(nulls):
        changed = [_changed(data, kind, dimensions, random) for _ in range(repeats)]
        if kind == "reduced":
            changed = changed[:1]
        values = pd.concat(
            [_table(_Shared(one, rng), metrics, labels)["value"] for one in changed], axis=1
        )
        if kind == "shuffled":
            table["chance"] = values.mean(axis=1)
            continue
        spread = values.std(axis=1, ddof=1) if len(changed) > 1 else np.nan
        named = kind if kind == "rotated" else f"PCA {dimensions}"
        rows = table.assign(value=values.mean(axis=1), variant=named, chance=np.nan, note="")
        rows = rows.assign(low=rows["value"] - spread, high=rows["value"] + spread)
        extra.append(rows[table["variant"] == WHOLE])
    joined = pd.concat([table, *extra], ignore_index=True).assign(n=n)
    return joined.reindex(columns=list(COLUMNS))


def _changed(data: Data, kind: str, dimensions: int, random: np.random.Generator) -> Data:
    if kind == "shuffled":
        return replace(data, factors=null.shuffled(data.factors, random))
    if kind == "rotated":
        return replace(data, codes=null.rotated(data.codes, random))
    return replace(data, codes=null.reduced(data.codes, dimensions))


def _half_width(
    data: Data,
    groups: ArrayLike | None,
    folds: int,
    seed: int,
    metrics: Sequence[str],
    labels: list[str],
) -> np.ndarray:
    """Half the width of the interval of each row of the table."""
    n = len(data.codes)
    ids = np.arange(n) if groups is None else np.asarray(groups)
    if ids.shape != (n,):
        raise ValueError(f"groups: expected {n} ids, got an array of shape {ids.shape}")
    fold = deal(ids, folds, seed)
    parts = [check(data.codes[fold != i], data.factors[fold != i]) for i in range(folds)]
    values = [_table(_Shared(part, seed), metrics, labels)["value"] for part in parts]
    return half_width(np.stack(values))


def _table(shared: _Shared, metrics: Sequence[str], labels: list[str]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MetricWarning)  # the notes are in the table
        for name in metrics:
            start = time.perf_counter()
            found = list(_MAKERS[name](shared))
            seconds = time.perf_counter() - start
            for metric, value, note, each in found:
                row = {"metric": metric, "note": _renamed(note, labels), "seconds": seconds}
                rows.append(row | {"variant": WHOLE, "value": value})
                for label, one in zip(labels, [] if each is None else each, strict=False):
                    rows.append(row | {"variant": label, "value": float(one)})
    return pd.DataFrame(rows, columns=["metric", "variant", "value", "seconds", "note"])


def _renamed(note: str, labels: list[str]) -> str:
    """Put the names of factors for their numbers."""
    return re.sub(
        r"(?<=factor )\d+(?:, \d+)*",
        lambda found: ", ".join(labels[int(k)] for k in found[0].split(", ")),
        note,
    )


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else np.nan
