"""How often intervals of a correlation over models hold the true one.

Models of one family share a part of both numbers. Each row is one shape of families, share of the
variance that a family has in common, and true correlation.
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
    """Share of intervals that hold the true value, and of p below 0.05: see `table`."""
    ranks = 6 / np.pi * np.arcsin(true / 2)  # Spearman's coefficient of normal numbers
    hits = np.zeros(4)
    for _ in range(DRAWS):
        found = correlate(*pair(sizes, shared, true, rng), seed=0, resamples=RESAMPLES)
        hits += [
            found.low <= true <= found.high,
            found.spearman_low <= ranks <= found.spearman_high,
            found.pearson_boot_low <= true <= found.pearson_boot_high,
            found.pearson_p < 0.05,
        ]
    return list(hits / DRAWS)


def table() -> pd.DataFrame:
    """Coverage for each shape and true correlation, the lowest and highest over what is shared."""
    rng = np.random.default_rng(0)
    names = ("Pearson", "Spearman", "Pearson, bootstrap", "p below 0.05")
    rows = []
    for shape, sizes in SHAPES.items():
        for true in TRUE:
            found = np.array([coverage(sizes, shared, true, rng) for shared in SHARED])
            ends = zip(names, found.min(axis=0), found.max(axis=0), strict=True)
            spans = {name: f"{100 * low:.0f} to {100 * high:.0f} %" for name, low, high in ends}
            rows.append({"families": shape, "true correlation": true, **spans})
            print(rows[-1])
    return pd.DataFrame(rows)


def main() -> None:
    """Write the table to the book."""
    table().to_csv(OUTPUT, index=False)


if __name__ == "__main__":
    main()
