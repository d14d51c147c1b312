"""Run every benchmark; print what was measured and write it to the book."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import pandas as pd
import torch

from benchmarks import (
    captions,
    coverage,
    drawing,
    embedding,
    metrics,
    neighbours,
    ranking,
    zeroshot,
)
from cood.paths import project_root


def main() -> None:
    """Measure, compare with a peer or a limit in the same run, and give the ratio."""
    torch.set_num_threads(1)
    measured = (metrics, drawing, embedding, ranking, zeroshot, captions, neighbours)
    rows = [row for module in measured for row in module.rows()]
    table = pd.DataFrame(rows, columns=["work", "measured", "compared with", "ratio"])
    book = project_root() / "book"
    table.to_csv(book / "speed.csv", index=False)
    machine = {
        "System": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "Python": platform.python_version(),
    }
    machine |= {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "torch")}
    pd.Series(machine).rename_axis("item").to_frame("value").to_csv(book / "speed-machine.csv")
    with pd.option_context("display.width", 200, "display.max_colwidth", None):
        print(table.to_string(index=False))
    coverage.main()


if __name__ == "__main__":
    main()
