"""Run every benchmark and print one table."""

from __future__ import annotations

import pandas as pd
import torch

from benchmarks import drawing, embedding, ranking


def main() -> None:
    """Print what was measured, the limit or peer, and their ratio."""
    torch.set_num_threads(1)
    rows = [*drawing.rows(), *embedding.rows(), *ranking.rows()]
    table = pd.DataFrame(rows, columns=["work", "measured", "compared with", "ratio"])
    with pd.option_context("display.width", 200, "display.max_colwidth", None):
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
