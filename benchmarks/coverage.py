"""Measure the tests and intervals of a correlation: size, power, and coverage.

Models as units: four shapes of data, without and with columns that are held fixed, for few and for
many models. Models in families: several shapes of families. Each cell of the measurement is kept
in a table as soon as it is done, so that an interrupted run goes on where it stopped; the tables
of the book are made from it. All of it takes about 20 minutes on one core:

    python benchmarks/coverage.py

A first look, with a fiftieth of the draws:

    python benchmarks/coverage.py --share 0.02 --cells /tmp/cells.csv --tables /tmp
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from cood.analysis.stats import partial as coefficient
from cood.analysis.stats.correlation import correlate, error_of_ranks
from cood.analysis.stats.permutation import permutation_test, permuted, residuals
from cood.analysis.stats.power import power

ROOT = Path(__file__).parents[1]
CELLS = ROOT / "benchmarks" / "coverage-cells.csv"
BOOK = ROOT / "book"

MODELS = (24, 200)
FIXED = (0, 8, 16)  # columns that are held fixed
TRUE = (0.0, 0.5, 0.9)
EFFECTS = (0.3, 0.5, 0.7)  # whose power is measured, for normal columns
LEVELS = {"0.05": 0.05, "0.05/5": 0.05 / 5, "0.05/11": 0.05 / 11}  # Holm's first steps
DRAWS = {"size": 50_000, "power": 2_000, "coverage": 2_000, "Spearman": 1_000, "families": 400}

PERMUTATIONS = 1_999  # of each test, and half of them for an interval; the package has 9,999
FIRST, STOP = 100, 0.15  # a draw whose p is above `STOP` after so many permutations has no more
POOL = 20_000  # permutations that each draw takes its own from, at a random place

FAMILIES = {
    "12 models in 5": [1, 1, 1, 6, 3],
    "14 models in 7": [1, 1, 1, 1, 6, 1, 3],
    "20 models in 8": [1, 2, 3, 4, 1, 2, 3, 4],
    "72 models in 18": [4] * 18,
}
SHARED = (0.0, 0.5, 0.9)  # of the variance, by the models of a family

Cell = tuple[str, dict[str, Any]]
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def normal(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two independent normal columns."""
    return rng.standard_normal(n), rng.standard_normal(n)


def skewed(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two independent exponential columns, with skewness 2."""
    return rng.exponential(size=n) - 1, rng.exponential(size=n) - 1


def heavy(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two independent columns with the tails of Student's t with 5 degrees of freedom."""
    x, e = rng.standard_t(5, size=(2, n)) / np.sqrt(5 / 3)
    return x, e


def uneven(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two uncorrelated columns; the spread of the second trebles from -2 to 2 of the first."""
    steepness = np.log(3) / 4
    x = rng.standard_normal(n)
    return x, rng.standard_normal(n) * np.exp(steepness * x - steepness**2)


SHAPES: dict[str, Draw] = {
    "normal": normal,
    "skewed": skewed,
    "heavy tails": heavy,
    "uneven spread": uneven,
}


def columns(draw: Draw, n: int, fixed: int, true: float, rng: np.random.Generator) -> np.ndarray:
    """Two columns with a true correlation, and columns that are held fixed [2 + fixed, n].

    These are even over a range, as the factors of a design are. The coefficients do not depend on
    what they add to the two columns, so that they add nothing.
    """
    x, e = draw(rng, n)
    y = true * x + np.sqrt(1 - true**2) * e
    return np.vstack([x, y, rng.uniform(-1, 1, size=(fixed, n))])


class Orders:
    """Permutations of n models: a part of a pool, which starts anywhere."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self.pool = rng.permuted(np.tile(np.arange(n), (POOL, 1)), axis=1)
        self.rng = rng

    def take(self, count: int) -> np.ndarray:
        """The models as they are, and `count` permutations."""
        start = self.rng.integers(POOL - count)
        found = self.pool[start : start + count + 1].copy()
        found[0] = np.arange(found.shape[1])
        return found


def p_value(table: np.ndarray, pool: Orders) -> float:
    """P as `permutation_test` has it; after few permutations where it is large."""
    left, order = residuals(table), pool.take(PERMUTATIONS)
    z, errors = permuted(left, order[:FIRST])
    statistics = np.abs(z) / errors
    p = float((statistics >= statistics[0]).mean())
    if p > STOP:
        return p
    z, errors = permuted(left, order[FIRST:])
    more = np.abs(z) / errors
    return float((p * FIRST + (more >= statistics[0]).sum()) / len(order))


def rejections(
    shape: str, n: int, fixed: int, true: float, draws: int, rng: np.random.Generator
) -> dict[str, float]:
    """Share of draws whose p is below each level: size if `true` is 0, else power."""
    pool = Orders(n, rng)
    p = np.array([p_value(columns(SHAPES[shape], n, fixed, true, rng), pool) for _ in range(draws)])
    return {name: float((p <= level).mean()) for name, level in LEVELS.items()}


def pearson_coverage(
    shape: str, n: int, fixed: int, true: float, draws: int, rng: np.random.Generator
) -> dict[str, float]:
    """Share of intervals of Pearson's coefficient that hold the true one, and their length."""
    pool, inside, length = Orders(n, rng), 0, []
    for _ in range(draws):
        left = residuals(columns(SHAPES[shape], n, fixed, true, rng))
        low, high, _ = permutation_test(left, pool.take(PERMUTATIONS // 2))
        inside += low <= true <= high
        length.append(high - low)
    return {"coverage": inside / draws, "length": float(np.median(length))}


def spearman_coverage(
    shape: str, n: int, true: float, draws: int, rng: np.random.Generator
) -> dict[str, float]:
    """The same of Spearman's coefficient; the true one is that of 200,000 models."""
    many = columns(SHAPES[shape], 200_000, 0, true, rng)
    rank_true, inside = float(spearmanr(*many).statistic), 0
    pool, without = Orders(n, rng), 1 - np.eye(n)
    for _ in range(draws):
        table = columns(SHAPES[shape], n, 0, true, rng)
        ranked = coefficient.ranks(table)
        value = coefficient.partial(ranked[None], np.ones((1, n)))[0]
        anew = coefficient.coefficients(table, without)[1]
        kept = coefficient.partial(ranked[None], without)
        widen = error_of_ranks(value, anew, kept)
        low, high, _ = permutation_test(
            residuals(ranked), pool.take(PERMUTATIONS // 2), widen=widen
        )
        inside += low <= rank_true <= high
    return {"coverage": inside / draws}


def family_coverage(
    shape: str, shared: float, true: float, draws: int, rng: np.random.Generator
) -> dict[str, float]:
    """Coverage of both coefficients, and share of p below 0.05, with families as units."""
    sizes = FAMILIES[shape]
    family = np.repeat(np.arange(len(sizes)), sizes)
    rank_true = 6 / np.pi * np.arcsin(true / 2)  # Spearman's coefficient of normal numbers
    hits = np.zeros(3)
    for _ in range(draws):
        own, common = rng.standard_normal((2, len(family))), rng.standard_normal((2, len(sizes)))
        x, other = np.sqrt(1 - shared) * own + np.sqrt(shared) * common[:, family]
        y = true * x + np.sqrt(1 - true**2) * other
        found = correlate(*map(pd.Series, (x, y, family)), seed=0)
        hits += [
            found.pearson.low <= true <= found.pearson.high,
            found.spearman.low <= rank_true <= found.spearman.high,
            found.pearson.p < LEVELS["0.05"],
        ]
    return dict(zip(("coverage", "Spearman", "0.05"), (hits / draws).tolist(), strict=True))


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    "size": rejections,
    "power": rejections,
    "coverage": pearson_coverage,
    "Spearman": spearman_coverage,
    "families": family_coverage,
}


def cells() -> Iterator[Cell]:
    """What is measured: the name of the measure and the arguments of its function."""
    for shape in FAMILIES:
        for true in TRUE:
            for shared in SHARED:
                yield "families", {"shape": shape, "shared": shared, "true": true}
    for n in MODELS:
        for shape in SHAPES:
            for true in TRUE:
                yield "Spearman", {"shape": shape, "n": n, "true": true}
        for fixed in FIXED:
            where = {"n": n, "fixed": fixed}
            for true in EFFECTS:
                yield "power", {"shape": "normal", **where, "true": true}
            for shape in SHAPES:
                yield "size", {"shape": shape, **where, "true": 0.0}
                for true in TRUE:
                    yield "coverage", {"shape": shape, **where, "true": true}


def measure(share: float, path: Path) -> pd.DataFrame:
    """Measure all cells that the table does not hold, and return it."""
    done = pd.read_csv(path).to_dict("records") if path.exists() else []
    names = {row["cell"] for row in done}
    for kind, where in cells():
        cell = " ".join([kind, *(f"{name}={value}" for name, value in where.items())])
        if cell in names:
            continue
        draws = int(share * DRAWS[kind])
        rng = np.random.default_rng(zlib.crc32(cell.encode()))
        found = MEASURES[kind](**where, draws=draws, rng=rng)
        done.append({"cell": cell, "measure": kind, "draws": draws, **where, **found})
        print(cell, found, flush=True)
        pd.DataFrame(done).to_csv(path, index=False)
    return pd.DataFrame(done)


def over_shapes(rows: pd.DataFrame, column: str, scale: float, digits: int) -> str:
    """Lowest and highest value of a column, such as over the shapes of data."""
    low, high = rows[column].min() / scale, rows[column].max() / scale
    return f"{low:.{digits}f} to {high:.{digits}f}"


def models_table(table: pd.DataFrame) -> pd.DataFrame:
    """Size relative to the level, and coverage, for models as units: a row a number of models."""
    rows = []
    for n in MODELS:
        for fixed in FIXED:
            here = table[(table["n"] == n) & (table["fixed"] == fixed)]
            size, inside = (here[here["measure"] == kind] for kind in ("size", "coverage"))
            row: dict[str, Any] = {"models": n, "columns held fixed": fixed}
            for name, level in LEVELS.items():
                row[f"size / level {name}"] = over_shapes(size, name, level, 2)
            for true in TRUE:
                at = inside[inside["true"] == true]
                row[f"coverage, r = {true:g}"] = over_shapes(at, "coverage", 0.01, 1) + " %"
            rows.append(row)
    return pd.DataFrame(rows)


def worst_table(table: pd.DataFrame) -> pd.DataFrame:
    """The worst case of each number, and where it is."""
    size, inside = (table[table["measure"] == kind] for kind in ("size", "coverage"))
    cases = [
        (f"largest size / level {name}", size.loc[size[name].idxmax()], name, level)
        for name, level in LEVELS.items()
    ]
    least, most = (
        inside.loc[i] for i in (inside["coverage"].idxmin(), inside["coverage"].idxmax())
    )
    cases.append(("lowest coverage, in %", least, "coverage", 0.01))
    cases.append(("highest coverage, in %", most, "coverage", 0.01))
    return pd.DataFrame(
        {
            "number": name,
            "value": f"{row[column] / scale:.2f}",
            "data": row["shape"],
            "models": int(row["n"]),
            "columns held fixed": int(row["fixed"]),
            "true correlation": row["true"],
            "draws": f"{int(row['draws']):,}",
        }
        for name, row, column, scale in cases
    )


def power_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Measured power for normal columns, and that of Fisher's approximation."""
    rows = table[table["measure"] == "power"]
    shown = {"models": rows["n"].astype(int), "columns held fixed": rows["fixed"].astype(int)}
    shown["true correlation"] = rows["true"]
    for name, level in LEVELS.items():
        shown[f"power, p below {name}"] = rows[name].map("{:.2f}".format)
        shown[f"approximation, {name}"] = [
            f"{power(row.true, int(row.n), int(row.fixed), level):.2f}" for row in rows.itertuples()
        ]
    return pd.DataFrame(shown)


def families_table(table: pd.DataFrame) -> pd.DataFrame:
    """Coverage with families as units: lowest and highest over the shared parts."""
    rows = []
    families = table[table["measure"] == "families"]
    for (shape, true), here in families.groupby(["shape", "true"], sort=False):
        row: dict[str, Any] = {"families": shape, "true correlation": true}
        row["Pearson"] = over_shapes(here, "coverage", 0.01, 0) + " %"
        row["Spearman"] = over_shapes(here, "Spearman", 0.01, 0) + " %"
        row["p below 0.05"] = over_shapes(here, "0.05", 0.01, 0) + " %"
        rows.append(row)
    return pd.DataFrame(rows)


def spearman_table(table: pd.DataFrame) -> pd.DataFrame:
    """Coverage of Spearman's coefficient for models as units, over the shapes of data."""
    rows = []
    for n in MODELS:
        here = table[(table["measure"] == "Spearman") & (table["n"] == n)]
        row: dict[str, Any] = {"models": n}
        for true in TRUE:
            at = here[here["true"] == true]
            row[f"coverage, r = {true:g}"] = over_shapes(at, "coverage", 0.01, 1) + " %"
        rows.append(row)
    return pd.DataFrame(rows)


TABLES = {
    "coverage": models_table,
    "coverage-worst": worst_table,
    "coverage-spearman": spearman_table,
    "coverage-families": families_table,
    "power": power_rows,
}


def main() -> None:
    """Measure what is missing, print the tables, and write them to the book."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0, help="share of the draws")
    parser.add_argument("--cells", type=Path, default=CELLS, help="table of all cells")
    parser.add_argument("--tables", type=Path, default=BOOK, help="folder of the other tables")
    arguments = parser.parse_args()
    table = measure(arguments.share, arguments.cells)
    for name, make in TABLES.items():
        made = make(table)
        made.to_csv(arguments.tables / f"{name}.csv", index=False)
        print(made.to_string(), flush=True)


if __name__ == "__main__":
    main()
