"""DCI by boosted lines against DCI by boosted trees, in level and in rank."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.problem import problem
from cood.metrics.dci import dci
from cood.paths import project_root

GEOMETRIES = ("aligned", "mixed", "noisy")
# Values of each factor, dimensions, rows, and what is compared. Trees take time in proportion to
# the product of all three: the largest cells would take hours.
CELLS = (
    (10, 64, 1000, ("xgboost", "gradient boosting")),
    (10, 512, 1000, ("xgboost",)),
    (10, 1280, 1000, ("xgboost",)),
    (100, 64, 1000, ("xgboost",)),
    (100, 512, 1000, ("xgboost",)),
    (100, 1280, 1000, ("xgboost",)),
    (1000, 64, 4000, ("xgboost",)),
)
PEERS = ("xgboost", "gradient boosting")
LINES = "boosted lines"
NULL = "boosted lines, shuffled labels"


def rows() -> Iterator[dict[str, object]]:
    """A row for each geometry, width and number of values: D by each model."""
    warnings.simplefilter("ignore")
    for values, width, n, peers in CELLS:
        for geometry in GEOMETRIES:
            codes, factors = problem(geometry, n, width, values, values)
            shuffled = np.random.default_rng(0).permutation(factors)
            row: dict[str, object] = {
                "values": values,
                "dimensions": width,
                "rows": n,
                "codes": geometry,
                LINES: dci(codes, factors).value,
                NULL: dci(codes, shuffled).value,
            }
            row |= {model: dci(codes, factors, model=model).value for model in peers}
            print(row, flush=True)
            yield row


def agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of boosted lines and trees, and the largest difference, by kind of codes."""
    found = []
    for peer in PEERS:
        for codes in (*GEOMETRIES, "all"):
            both = table.dropna(subset=[peer])
            both = both if codes == "all" else both[both["codes"] == codes]
            found.append(
                {
                    "trees": peer,
                    "codes": codes,
                    "number": len(both),
                    "rank correlation": both[LINES].corr(both[peer], method="spearman"),
                    "largest difference": (both[LINES] - both[peer]).abs().max(),
                }
            )
    return pd.DataFrame(found)


def main() -> None:
    """Compare them, print both tables, and write them to the book."""
    table = pd.DataFrame(rows())
    book = project_root() / "book"
    for name, found in (("dci", table), ("dci-ranks", agreement(table))):
        print(found.to_string(index=False))
        found.round(2).to_csv(book / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
