"""All metrics at once, as one long table; what they share is computed once."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cood.device_arrays import device_for, index_of, is_tensor, moved
from cood.metrics import nulls as null_models
from cood.metrics.checks import Data, check, check_choice, check_count, check_ids
from cood.metrics.jackknife import deal, half_width
from cood.metrics.registry import BY_NAME, OUTPUTS, RANGES
from cood.metrics.result import MetricWarning
from cood.metrics.shared_input import SharedInput

if TYPE_CHECKING:
    import pandas as pd
    import torch

    from cood.metrics.frame import MetricTable

COLUMNS = (
    "metric",
    "factor",
    "null",
    "projection",
    "width",
    "value",
    "low",
    "high",
    "chance",
    "n",
    "seconds",
    "note",
)
# Products of two numbers that take a core as long as all metrics of a number of the codes.
PRODUCTS = 4096
ALL_FACTORS = ""  # in the column `factor`: the score over all factors


def metric_table(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    metrics: Sequence[str] = tuple(BY_NAME),
    names: Sequence[str] | None = None,
    nulls: Sequence[str] = (null_models.SHUFFLED,),
    pca_width: int | None = None,
    repeats: int = 3,
    folds: int = 0,
    groups: ArrayLike | None = None,
    rng: int = 0,
) -> MetricTable:
    """Score codes with many metrics, with their values under nulls, as one long table.

    Metrics have their default settings, but for fewer batches of Z-min variance. What several
    need (the mutual information, the split, the Gram matrix) is computed once. The table prints
    the values with interval and chance, and the notes, in 80 columns.

    The soft rank is `cood.metrics.rank.numerical_rank` of centred unit rows, relative to its
    largest value. `cood.metrics.rank.rank_table` has all other definitions.

    Parameters
    ----------
    codes
        [n, d], finite numbers, at least two rows. A tensor of torch is computed where it is, and
        many numbers on the GPU if there is one, with the same values to within rounding.
    factors
        [n, m], nominal ids: strings or whole numbers. Continuous labels are refused: cut them
        into bins first.
    metrics
        Names among `METRICS`, and ``soft_rank`` and ``linear_factorisation``; all by default.
        ``dci`` gives three scores, by boosted lines (`cood.metrics.dci`); ``z_diff`` also its
        strict form, ``z_diff_single`` with one
        pair a point, which is harder, and ``coverage``, which says how well each factor is encoded
        at all. ``linear_factorisation`` gives ``r2``, ``r2_adjusted``, ``r2_held_out`` and
        ``orthogonality``, of which less means more orthogonal.
    names
        Of the m factors, for the table; their numbers by default.
    nulls
        ``shuffled`` fills the column `chance`; ``rotated`` adds rows of its own.
    pca_width
        If given, adds rows for the codes projected on so many principal components.
    repeats
        Shuffles, and rotations, whose scores are averaged.
    folds
        For an interval: the rows are divided into so many parts, and all metrics are computed
        without each in turn (delete-a-group jackknife, `cood.metrics.jackknife`; 95 %). 0 for
        none; else from 2.
    groups
        Ids [n]; rows of one group stay together. Each row is its own by default.
    rng
        Seed.

    Returns
    -------
    MetricTable
        A DataFrame with one row a score, and the columns

        - `metric`: name of the score;
        - `factor`: name of a factor, or empty for the score over all of them;
        - `null`: ``rotated`` for codes rotated at random, else empty;
        - `projection` and `width`: ``pca`` and the number of components for projected codes,
          else empty and NA;
        - `value`, and `chance`, its mean under shuffled labels: read them together; the soft rank
          does not depend on labels and has none;
        - `low` and `high`: the interval, bounded by the range of the score; for rotated codes
          one standard deviation over rotations on each side;
        - `n`: number of rows; `seconds`; `note`: what a reader must know to read the value.

    Raises
    ------
    ValueError
        If the input is empty, not finite, of unequal lengths or of a wrong type, or a name is
        unknown or given twice.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.array([[a, o] for a in range(4) for o in range(4)] * 20)
    >>> table = metric_table(factors, factors, metrics=["mig", "dci"], names=["colour", "shape"])
    >>> table[table["factor"] == ""].set_index("metric")["value"].round(2).to_dict()
    {'mig': 1.0, 'dci_disentanglement': 1.0, 'dci_completeness': 1.0, 'dci_informativeness': 1.0}
    >>> constant = metric_table(np.zeros((320, 2)), factors, metrics=["mig", "sap"])
    >>> float(constant["value"].abs().max())
    0.0
    """
    import pandas as pd

    from cood.metrics.frame import MetricTable

    metrics = _checked_names("metrics", metrics, tuple(BY_NAME))
    nulls = _checked_names("nulls", nulls, null_models.NULLS)
    names = None if names is None else [str(name) for name in names]
    check_count("repeats", repeats)
    check_count("rng", rng, 0)
    if pca_width is not None:
        check_count("pca_width", pca_width)
    data = check(codes, factors, names or ())
    if not is_tensor(data.codes):
        times = 1 + folds + repeats * len(nulls)
        device = device_of_metrics(data.codes.size * times * len(metrics) // len(BY_NAME))
        data = replace(data, codes=moved(data.codes, device))
    scoring = _Scoring.of(data, metrics, names, rng)
    table = scoring.table()
    if folds:
        table = _with_intervals(table, scoring, folds, groups)
    random = np.random.default_rng((rng, 1))
    tables = []
    for null in nulls:
        values = np.stack([scoring.values(scoring.under(null, random)) for _ in range(repeats)])
        # By pandas: repeats without a value are skipped.
        columns = pd.DataFrame(values.T)
        if null == null_models.SHUFFLED:
            labelled = [OUTPUTS[name].has_chance for name in table["metric"]]
            table["chance"] = columns.mean(axis=1).where(labelled)
            continue
        spread = columns.std(axis=1, ddof=1) if repeats > 1 else np.nan
        changed = _changed_rows(table, columns.mean(axis=1), spread)
        tables.append(changed.assign(null=null))
    if pca_width is not None:
        components = null_models.project_pca(scoring.data.codes, pca_width)
        values = scoring.values(replace(scoring.data, codes=components))
        changed = _changed_rows(table, values, np.nan)
        tables.append(changed.assign(projection=null_models.PCA, width=components.shape[1]))
    joined = pd.concat([table, *tables], ignore_index=True)
    joined["width"] = joined["width"].astype("Int64")
    return MetricTable(joined[list(COLUMNS)])


def device_of_metrics(numbers: int) -> torch.device | None:
    """The GPU, if there is one and all metrics of so many numbers of codes are worth it."""
    return device_for(PRODUCTS * numbers)


def _checked_names(
    argument: str, given: Sequence[str], choices: tuple[str, ...]
) -> tuple[str, ...]:
    """The names, if they are a list of different choices; else a ValueError."""
    if isinstance(given, str):
        raise ValueError(f"{argument}: expected a list of names, got {given!r}")
    names = tuple(check_choice(argument, name, choices) for name in given)
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{argument}: {name} is named twice")
    return names


@dataclass(frozen=True)
class _Scoring:
    """Checked input, with the metrics to compute and the names of the factors."""

    data: Data
    metrics: tuple[str, ...]
    labels: tuple[str, ...]
    seed: int

    @classmethod
    def of(
        cls, data: Data, metrics: Sequence[str], names: Sequence[str] | None, seed: int
    ) -> _Scoring:
        if len(data.codes) < 2:
            raise ValueError(f"codes: at least two rows are needed, got {len(data.codes)}")
        labels = tuple(str(name) for name in (range(len(data.sizes)) if names is None else names))
        if len(labels) != len(data.sizes):
            raise ValueError(f"names: {len(labels)} names for {len(data.sizes)} factors")
        if len(set(labels)) < len(labels) or ALL_FACTORS in labels:
            raise ValueError(f"names: each must differ and none be empty, got {list(labels)}")
        return cls(data, tuple(metrics), labels, seed)

    def under(self, null: str, rng: np.random.Generator) -> Data:
        """The data under a null."""
        codes, factors = null_models.apply_null(null, self.data.codes, self.data.factors, rng)
        return replace(self.data, codes=codes, factors=factors)

    def table(self) -> pd.DataFrame:
        """Every score of the data, over all factors and factor by factor."""
        import pandas as pd

        names = ["metric", "factor", "value", "seconds", "note"]
        table = pd.DataFrame(list(self.rows(self.data)), columns=names)
        table = table.assign(null="", projection="", low=np.nan, high=np.nan, chance=np.nan)
        table["width"] = pd.array([pd.NA] * len(table), dtype="Int64")
        return table.assign(n=len(self.data.codes))

    def values(self, data: Data) -> np.ndarray:
        """The values [rows] of other data, in the order of the table."""
        return np.array([row["value"] for row in self.rows(data)])

    def rows(self, data: Data) -> Iterator[dict[str, Any]]:
        """One row a score."""
        shared = SharedInput(data, self.seed)
        for name in self.metrics:
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", MetricWarning)  # the notes are in the table
                scores = BY_NAME[name].scores(shared)
            seconds = time.perf_counter() - start
            for output, score in zip(BY_NAME[name].outputs, scores, strict=True):
                note = _with_names(score.note, self.labels)
                row = {"metric": output.name, "seconds": seconds, "note": note}
                value = score.parts.get(output.part, np.nan) if output.part else score.value
                yield row | {"factor": ALL_FACTORS, "value": value}
                if not output.per_factor:
                    continue
                for label, part in zip(self.labels, score.parts[output.per_factor], strict=True):
                    yield row | {"factor": label, "value": float(part)}


def _changed_rows(table: pd.DataFrame, values: ArrayLike, spread: ArrayLike) -> pd.DataFrame:
    """The rows over all factors, with the values of changed data."""
    rows = table.assign(value=values, chance=np.nan, note="")
    rows = rows.assign(low=rows["value"] - spread, high=rows["value"] + spread)
    return rows[table["factor"] == ALL_FACTORS]


def _with_intervals(
    table: pd.DataFrame, scoring: _Scoring, folds: int, groups: ArrayLike | None
) -> pd.DataFrame:
    """Intervals from leaving out groups of rows, bounded by the range of each score."""
    check_count("folds", folds, 2)
    data, n = scoring.data, len(scoring.data.codes)
    ids = np.arange(n) if groups is None else check_ids("groups", groups)
    if ids.shape != (n,):
        raise ValueError(f"groups: expected {n} ids, got an array of shape {ids.shape}")
    fold = deal(ids, folds, scoring.seed)
    values = []
    for i in range(folds):
        rows = np.flatnonzero(fold != i)
        part = check(data.codes[index_of(data.codes, rows)], data.factors[rows])
        values.append(scoring.values(part))
    half = half_width(np.stack(values))
    return table.assign(
        low=np.maximum(table["value"] - half, [RANGES[name][0] for name in table["metric"]]),
        high=np.minimum(table["value"] + half, [RANGES[name][1] for name in table["metric"]]),
    )


def _with_names(note: str, labels: Sequence[str]) -> str:
    """Put the names of factors in place of their numbers."""
    return re.sub(
        r"(?<=factor )\d+(?:, \d+)*",
        lambda numbers: ", ".join(labels[int(k)] for k in numbers[0].split(", ")),
        note,
    )
