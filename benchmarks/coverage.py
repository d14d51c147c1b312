"""Measure the coverage of the intervals of a correlation over models in families.

Models of one family share a part of both numbers. Each row of the table is for one shape of
families and one true correlation, over several shares of variance that a family has in common.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cood.analysis.stats.correlation import correlate

DRAWS = 400
RESAMPLES = 400
SHAPES = {
    "12 models in 5": [1, 1, 1, 6, 3],
    "14 models in 7 (as in mini)": [1, 1, 1, 1, 6, 1, 3],
    "20 models in 8": [1, 2, 3, 4, 1, 2, 3, 4],
    "72 models in 18": [4] * 18,
}
ALPHA = 0.05
COLUMNS = ("Pearson", "Spearman", "Pearson, bootstrap", f"p below {ALPHA}")
SHARED = (0.0, 0.5, 0.9)
TRUE = (0.0, 0.5, 0.9)
OUTPUT = Path(__file__).parents[1] / "book" / "coverage.csv"


def pair(
    sizes: list[int], shared: float, true: float, rng: np.random.Generator
) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Draw two numbers and the family of each model."""
    family = np.repeat(np.arange(len(sizes)), sizes)
    own, common = rng.standard_normal((2, len(family))), rng.standard_normal((2, len(sizes)))
    x, other = np.sqrt(1 - shared) * own + np.sqrt(shared) * common[:, family]
    return pd.Series(x), pd.Series(true * x + np.sqrt(1 - true**2) * other), pd.Series(family)


def coverage(sizes: list[int], shared: float, true: float, rng: np.random.Generator) -> list[float]:
    """Share of intervals that hold the true value, and of p below `ALPHA`: see `table`."""
    ranks = 6 / np.pi * np.arcsin(true / 2)  # Spearman's coefficient of normal numbers
    hits = np.zeros(len(COLUMNS))
    for _ in range(DRAWS):
        r = correlate(*pair(sizes, shared, true, rng), seed=0, resamples=RESAMPLES)
        hits += [
            r.low <= true <= r.high,
            r.spearman_low <= ranks <= r.spearman_high,
            r.pearson_boot_low <= true <= r.pearson_boot_high,
            r.pearson_p < ALPHA,
        ]
    return list(hits / DRAWS)


def table() -> pd.DataFrame:
    """Coverage for each shape and true correlation: lowest and highest over the shared parts."""
    rng = np.random.default_rng(0)
    rows = []
    for shape, sizes in SHAPES.items():
        for true in TRUE:
            shares = np.array([coverage(sizes, shared, true, rng) for shared in SHARED])
            ends = zip(COLUMNS, shares.min(axis=0), shares.max(axis=0), strict=True)
            spans = {name: f"{100 * low:.0f} to {100 * high:.0f} %" for name, low, high in ends}
            rows.append({"families": shape, "true correlation": true, **spans})
            print(rows[-1])
    return pd.DataFrame(rows)


def main() -> None:
    """Compute the table and write it to the book."""
    table().to_csv(OUTPUT, index=False)


if __name__ == "__main__":
    main()
