"""Drawing the points of an experiment: evenly spread, balanced, and as orthogonal as can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cood.design.exchange import Arrangement, Block, improve, repair
from cood.design.factors import Dose, Factor, Levels, Range, check_factors
from cood.design.margins import balanced, stratified
from cood.design.matrix import column_names, design_matrix
from cood.errors import CoodError

if TYPE_CHECKING:
    import pandas as pd

STARTS = 6  # designs that are drawn and improved, of which the best is taken, but
EXCHANGES = 60_000  # fewer if number of points, squared, times factors and starts were more
TRIES = 20  # times the number of new points: exchanges that are tried to make all feasible

Feasible = Callable[[Mapping[str, np.ndarray]], np.ndarray]


def draw_points(
    factors: Sequence[Factor],
    number: int,
    seed: int,
    kept: pd.DataFrame | None = None,
    feasible: Feasible | None = None,
) -> pd.DataFrame:
    """Draw the points of an experiment.

    Every range is cut into `number` strata, with one value in each; the counts of the levels of a
    factor differ by one at most; a dose is stratified within each level that has it. A scrambled
    Sobol sequence (`scipy.stats.qmc.Sobol`) says which values are joined. Then rows exchange
    values, which keeps all this, to make the largest ``|r|`` between columns of `design_matrix` and
    the centred L2 discrepancy small (see `cood.design.exchange`). Of a few such designs the best is
    taken.

    Parameters
    ----------
    factors
        What varies.
    number
        Number of points, those kept included.
    seed
        The same seed gives the same points.
    kept
        Points that stay as they are and come first; new ones go into the gaps that they leave.
    feasible
        Says which points [n] are feasible, from the columns of a table by name.

    Returns
    -------
    pandas.DataFrame
        A row a point, a column a factor; a dose is 0 at levels without one.

    Raises
    ------
    CoodError
        If a factor is impossible, more points are kept than wanted, or the points cannot be made
        feasible.

    Examples
    --------
    >>> points = draw_points([Range("share", 0.1, 0.8), Levels("loss", ("a", "b"))], 6, seed=1)
    >>> points["loss"].value_counts().to_dict()
    {'a': 3, 'b': 3}
    """
    import pandas as pd

    check_factors(factors)
    names = [factor.name for factor in factors]
    kept = pd.DataFrame(columns=names) if kept is None else kept[names].reset_index(drop=True)
    if len(kept) > number:
        raise CoodError(f"{len(kept)} points are kept, which is more than the {number} wanted")
    if feasible is not None and len(kept):
        infeasible = ~np.asarray(feasible({name: kept[name].to_numpy() for name in names}))
        if infeasible.any():
            raise CoodError(
                f"{infeasible.sum()} of the {len(kept)} points that are kept are infeasible; draw "
                "all points anew"
            )
    if len(kept) == number:
        return kept
    starts = int(np.clip(EXCHANGES // (number**2 * len(names)), 1, STARTS))
    drawn = [_draw(factors, number, (seed, start), kept, feasible) for start in range(starts)]
    return min(drawn, key=lambda pair: pair[0])[1]


def _draw(
    factors: Sequence[Factor],
    number: int,
    seed: tuple[int, int],
    kept: pd.DataFrame,
    feasible: Feasible | None,
) -> tuple[float, pd.DataFrame]:
    """One design, and the criterion that it reaches."""
    rng = np.random.default_rng((*seed, len(kept)))
    points = _start(factors, number, kept, rng)
    values = {name: points[name].to_numpy() for name in points}
    unit = [f.unit(values[f.name]) for f in factors if isinstance(f, Range)]
    places = np.column_stack(unit) if unit else np.empty((number, 0))
    coded, factor_of = design_matrix(points, factors), list(column_names(factors).values())
    blocks, columns = _blocks(factors)
    arrangement = Arrangement(coded.to_numpy(), factor_of, places, blocks)
    new = np.arange(len(kept), number)

    def joined(rows: np.ndarray) -> dict[str, np.ndarray]:
        return {name: values[name][rows[:, k]] for k, names in enumerate(columns) for name in names}

    possible = None if feasible is None else partial(_possible, feasible, joined)
    if possible is not None:
        tries = TRIES * len(new)
        left = repair(arrangement, new, possible, rng, tries)
        if left:
            raise CoodError(
                f"{left} of {len(new)} new points are infeasible after {tries} exchanges of "
                "values; narrow the ranges of the factors that limit each other"
            )
    improve(arrangement, new, possible, rng)
    drawn = joined(arrangement.rows)
    return arrangement.criterion, type(points)({f.name: drawn[f.name] for f in factors})


def _possible(
    feasible: Feasible, joined: Callable[[np.ndarray], dict[str, np.ndarray]], rows: np.ndarray
) -> np.ndarray:
    return np.asarray(feasible(joined(rows)), dtype=bool)


def _blocks(factors: Sequence[Factor]) -> tuple[list[Block], list[list[str]]]:
    """What rows exchange, and the columns of the table that belong to each block."""
    ranges = [factor.name for factor in factors if isinstance(factor, Range)]
    of = list(column_names(factors).values())
    doses = [factor for factor in factors if isinstance(factor, Dose)]
    blocks, columns = [], []
    for factor in factors:
        if isinstance(factor, Dose):
            continue
        names = [factor.name, *(dose.name for dose in doses if dose.of == factor.name)]
        coded = tuple(k for k, name in enumerate(of) if name in names)
        unit = ranges.index(factor.name) if isinstance(factor, Range) else None
        blocks.append(Block(coded, unit))
        columns.append(names)
    return blocks, columns


def _start(
    factors: Sequence[Factor], number: int, kept: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """The points kept and new ones, joined in the order of a scrambled Sobol sequence."""
    import pandas as pd

    new = number - len(kept)
    ranks = _sobol_ranks(new, len(factors), rng)
    columns: dict[str, np.ndarray] = {}
    for factor, rank in zip(factors, ranks, strict=True):
        if isinstance(factor, Range):
            places = factor.unit(kept[factor.name].to_numpy())
            columns[factor.name] = factor.values(stratified(number, places, rng))[rank]
        elif isinstance(factor, Levels):
            levels = balanced(factor.levels, number, list(kept[factor.name]), rng)
            columns[factor.name] = np.array(levels, dtype=object)[rank]
    for factor, rank in zip(factors, ranks, strict=True):
        if isinstance(factor, Dose):
            columns[factor.name] = _doses(factor, columns[factor.of], kept, rank, rng)
    drawn = pd.DataFrame({factor.name: columns[factor.name] for factor in factors})
    return pd.concat([kept, drawn], ignore_index=True) if len(kept) else drawn


def _doses(
    dose: Dose, levels: np.ndarray, kept: pd.DataFrame, rank: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Doses [m] of new points at levels [m], stratified within each level."""
    doses = np.zeros(len(levels))
    for range_, at in dose.arms:
        for level in at:
            here = np.flatnonzero(levels == level)
            before = kept.loc[kept[dose.of] == level, dose.name].to_numpy(dtype=float)
            values = range_.values(stratified(len(before) + len(here), range_.unit(before), rng))
            doses[here[np.argsort(rank[here])]] = values
    return doses


def _sobol_ranks(number: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Ranks [columns, number] of the first points of a scrambled Sobol sequence, by column."""
    from scipy.stats import qmc

    # The sequence is balanced at powers of two; its first points are nearly so.
    bits = int(np.ceil(np.log2(number)))
    points = qmc.Sobol(columns, seed=rng).random_base2(bits)[:number]
    return np.argsort(np.argsort(points, axis=0), axis=0).T
