"""Run every benchmark and write what was measured to the book; or run some, and print it."""

from __future__ import annotations

import argparse
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

MEASURED = (metrics, drawing, embedding, ranking, zeroshot, captions, neighbours)


def main() -> None:
    """Measure, compare with a peer or a limit in the same run, and give the ratio."""
    by_name = {module.__name__.rpartition(".")[2]: module for module in MEASURED}
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=by_name, metavar="NAME")
    chosen = parser.parse_args().only
    torch.set_num_threads(1)
    rows = [row for name in chosen or by_name for row in by_name[name].rows()]
    table = pd.DataFrame(rows, columns=["work", "measured", "compared with", "ratio"])
    with pd.option_context("display.width", 200, "display.max_colwidth", None):
        print(table.to_string(index=False))
    if chosen:
        return
    book = project_root() / "book"
    table.to_csv(book / "speed.csv", index=False)
    machine = {
        "System": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "Python": platform.python_version(),
    }
    machine |= {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "torch")}
    pd.Series(machine).rename_axis("item").to_frame("value").to_csv(book / "speed-machine.csv")
    coverage.main()


if __name__ == "__main__":
    main()
